"""``fieldlab app CONFIG --kiosk``: links made, replaced and ended as an engineer does it."""

import datetime as dt
import http.client
import re
import signal
import stat
import time
from urllib.parse import urlencode

import pytest

from dashboards.kiosks import Kiosks
from fieldlab.kiosk import kiosks
from fieldlab_configs import load
from tests.fieldlab.command import fieldlab, started

CONFIG = """
fieldlab: lab
timezone: Europe/Amsterdam
lines: [{id: milling, machines: [{id: m1, signals: {total_count: {item: t}}}]}]
companies: [{id: acme, name: Acme}]
app:
  hosts: [lab.example]
  kiosks:
    hall: {token: {file: hall.kiosk}, line: milling}
    visit: {token: {env: FIELDLAB_TEST_VISIT}, company: acme}
"""


@pytest.fixture
def config(tmp_path):
    """A config with two kiosks and no link yet."""
    path = tmp_path / "lab.yaml"
    path.write_text(CONFIG)
    return path


def made(config, *more):
    """The key of a new link."""
    done = fieldlab("app", config, "--kiosk", *more)
    assert (done.returncode, done.stderr) == (0, "")
    return re.search(r"^http://lab\.example:8080/wall#(\S+)$", done.stdout, re.MULTILINE)[1], done.stdout


def opens(config, key):
    """Who comes with a key, as the app would see it."""
    return Kiosks(kiosks(load(config))).visitor(key)


def test_a_link_is_shown_once_and_only_its_hash_is_kept(config):
    """In a file of mode 600; it opens its line; the next one ends it."""
    key, said = made(config, "hall", "--days", 7)
    file = config.parent / "hall.kiosk"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key.split(".")[1] not in file.read_text()
    assert opens(config, key).line == "milling"
    end = re.search(r"good until (\S+Z),", said)[1]
    days = (dt.datetime.fromisoformat(end).timestamp() - time.time()) / 86_400
    assert days == pytest.approx(7, abs=0.05)
    again, _ = made(config, "hall")
    assert opens(config, key) is None
    assert opens(config, again).kiosk == "hall"
    assert [p.name for p in config.parent.iterdir() if "kiosk" in p.name] == ["hall.kiosk"]


def test_a_running_app_sees_a_link_come_and_go(config):
    """Without a restart: made, replaced, ended."""
    known = Kiosks(kiosks(load(config)))
    assert known.visitor("hall.x") is None
    first, _ = made(config, "hall")
    assert known.visitor(first) is not None
    second, _ = made(config, "hall")
    assert (known.visitor(first), known.visitor(second).kiosk) == (None, "hall")
    done = fieldlab("app", config, "--kiosk", "hall", "--revoke")
    assert (done.returncode, "ended" in done.stdout) == (0, True)
    assert known.visitor(second) is None
    assert "no link" in fieldlab("app", config, "--kiosk", "hall", "--revoke").stdout


def test_a_link_whose_hash_is_in_the_environment(config, monkeypatch):
    """It is printed, for whoever keeps it there."""
    key, said = made(config, "visit")
    kept = next(line for line in said.splitlines() if line.startswith("kiosk1$"))
    assert "FIELDLAB_TEST_VISIT" in said
    assert opens(config, key) is None
    monkeypatch.setenv("FIELDLAB_TEST_VISIT", kept)
    assert opens(config, key).company == "acme"


def asked(port, path, key="", body=None):
    """Status, cookie and text that a running app answers."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Cookie": f"fieldlab_kiosk={key}"} if key else {}
    try:
        line.request("GET" if body is None else "POST", path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.headers["Set-Cookie"] or "", answer.read().decode()
    finally:
        line.close()


def test_a_link_whose_hash_is_a_credential_is_said_by_its_name(config):
    """That of systemd, which hands it to the service at its start."""
    config.write_text(CONFIG.replace("{env: FIELDLAB_TEST_VISIT}", "{credential: visit.kiosk}"))
    _, said = made(config, "visit")
    assert "keep this in the credential visit.kiosk of the app, and start it again" in said
    done = fieldlab("app", config, "--kiosk", "visit", "--revoke")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "visit is kept in the credential visit.kiosk: take it out there" in done.stderr


def test_a_whole_app_opens_its_wall_by_a_link_and_never_tells_its_key(config):
    """Made while it runs, spent, used, ended; what it printed in all that time has no key in it."""
    config.write_text(CONFIG + "store: {kind: embedded, path: lab.db}\n")
    assert fieldlab("store", "setup", config).returncode == 0
    app = started("app", config, "--port", 0)
    try:
        port = int(re.search(r":(\d+)/;", app.stdout.readline())[1])
        key, _ = made(config, "hall")
        assert asked(port, "/wall")[0] == 403
        status, cookie, _ = asked(port, "/wall/open", body=urlencode({"key": key}))
        assert (status, key in cookie) == (303, True)
        status, _, page = asked(port, "/wall?language=en", key)
        assert (status, "Waiting for the first data" in page) == (200, True)
        assert asked(port, "/", key)[0] == 303
        assert fieldlab("app", config, "--kiosk", "hall", "--revoke").returncode == 0
        assert asked(port, "/wall/now", key)[0] == 403
    finally:
        app.send_signal(signal.SIGINT)
        told = "".join(app.communicate(timeout=60))
    assert app.returncode == 0
    assert key.split(".")[1] not in told


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--kiosk", "hal"), "there are hall, visit"),
        (("--revoke",), "--revoke needs --kiosk NAME"),
        (("--kiosk", "hall", "--days", "900"), "900 is not a number of days up to 366"),
        (("--kiosk", "hall", "--days", "-1"), "is not a number above 0"),
        (("--kiosk", "visit", "--revoke"), "FIELDLAB_TEST_VISIT"),
    ],
)
def test_a_wrong_use_is_one_message(config, more, said):
    """And nothing is made."""
    done = fieldlab("app", config, *more)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (config.parent / "hall.kiosk").exists()


def test_a_file_that_cannot_be_written_is_said(config):
    """One message, with its name."""
    (config.parent / "hall.kiosk").mkdir()
    done = fieldlab("app", config, "--kiosk", "hall")
    assert done.returncode == 2
    assert "hall.kiosk: cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("line: milling", "line: mill", 'must be one of milling, got "mill"; did you mean milling?'),
        ("company: acme", "company: acne", 'must be one of acme, got "acne"'),
        ("{file: hall.kiosk}", "sesame", "a secret never stands in the config"),
        ("  kiosks:", "  kiosk:", "did you mean kiosks?"),
    ],
)
def test_a_wrong_config_is_said_with_its_line(config, old, new, said):
    """What, where and what to do."""
    config.write_text(CONFIG.replace(old, new))
    done = fieldlab("check", config)
    assert done.returncode == 2
    assert said in done.stderr
    assert re.search(r"lab\.yaml:\d+: app\.", done.stderr)
