"""A distinctive secret of each kind goes through a whole run, failures and all; every byte is searched."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from dashboards.sessions import hashed
from fieldlab_configs import load
from gateways.pki import Pki
from gateways.pki_facts import Names
from ingest.store import Row
from ingest.stores import open_store
from tests import servers
from tests.dashboards import grafana_double
from tests.fieldlab.command import REPOSITORY, command
from tests.gateways.helpers import until
from tests.gateways.mqtt_peer import Publisher
from tests.gateways.opcua_peer import URI, OpcUaPeer

pytestmark = pytest.mark.service

SECRETS = {
    "mqtt": "Zwaan-mqtt/7+q ~x",
    "opcua": "Zwaan-opcua'8\"q",
    "influx": "root:Zwaan-influx&9=q",
    "key": "Zwaan-key-passphrase-1",
    "smtp": "Zwaan-smtp\\password-2",
    "app": "Zwaan-app-password-3",
    "grafana": "Zwaan-grafana-admin-4",
    "reads": "lab_dashboards:Zwaan-reads-only-5",
}
CONFIG = """
fieldlab: lab
timezone: UTC
heartbeat_s: 1
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 10
        signals:
          total_count: {{source: plc, node: "nsu={uri};s=Count"}}
          torque: {{source: safe, node: "nsu={uri};s=Torque"}}
      - id: m2
        ideal_cycle_time_s: 10
        signals: {{total_count: {{source: broker, topic: lab/m2, field: n, time_field: t}}}}
sources:
  plc: {{kind: opcua, endpoint: "{endpoint}", security: none, password_in_clear: true, user: gw,
        password: {{file: kept/opcua}}}}
  safe: {{kind: opcua, endpoint: "{endpoint}", user: gw, password: {{file: kept/opcua}},
         certificate: pki/own/g.pem, private_key: kept/g.key, private_key_password: {{env: FL_KEY}}}}
  broker: {{kind: mqtt, host: 127.0.0.1, port: {broker}, user: gw, password: {{env: FL_MQTT}}}}
gateways: {{g: {{sources: [plc, safe, broker], metrics: {{port: {page}}}}}}}
app:
  hosts: [lab.example]
  users: {{ines: {{password: {{file: kept/ines.hash}}}}}}
  kiosks: {{hall: {{token: {{file: kept/hall.hash}}}}}}
reports:
  server: {{host: 127.0.0.1, port: {smtp}, user: mailer, password: {{file: kept/smtp}}, sender: a@b.example}}
  weekly: {{all: {{mail: [a@lab.example]}}}}
store: {{{store}}}
"""


class Run:
    """Commands of one folder, everything they say kept in files of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = folder / "said"
        self.said.mkdir()
        own = {
            "FL_KEY": SECRETS["key"],
            "FL_MQTT": SECRETS["mqtt"],
            "GRAFANA_ADMIN": f"admin:{SECRETS['grafana']}",
        }
        self.env = {**os.environ, **own, "FIELDLAB_LOG": "debug", "PYTHONPATH": str(REPOSITORY)}
        self.lines: list[str] = []

    def do(self, number: int, *words: object) -> int:
        """Run a command to its end."""
        with (self.said / f"{number}-{words[0]}").open("wb") as out:
            return subprocess.run(
                command(*words), cwd=self.folder, env=self.env, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, check=False, timeout=300, umask=0,
            ).returncode  # fmt: skip

    @contextmanager
    def service(self, *words: object):
        """A command that runs until the block ends; its arguments are what others see of it."""
        log = self.said / f"service-{words[0]}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command(*words), cwd=self.folder, env=self.env, stdout=out, stderr=out, umask=0
            )
        try:
            yield log
            if Path("/proc/self").exists():
                (self.said / f"arguments-{words[0]}").write_bytes(
                    Path(f"/proc/{process.pid}/cmdline").read_bytes()
                )
        finally:
            process.terminate()
            process.wait(90)

    def link(self) -> str:
        """The key of a new link to the wall, which is shown this once and never again."""
        done = subprocess.run(
            command("app", "page.yaml", "--kiosk", "hall"), cwd=self.folder, env=self.env, umask=0,
            capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        return done.stdout.strip().rpartition("#")[2]

    def keep(self, name: str, content: str) -> None:
        """Something that was shown."""
        (self.said / name).write_text(content, encoding="utf-8")


def forms(secret: str) -> dict[bytes, str]:
    """How a secret may stand somewhere: as it is, quoted, encoded, by itself or with a user before it."""
    found = {
        secret: "plain", quote(secret, safe=""): "url", quote_plus(secret): "form",
        json.dumps(secret)[1:-1]: "JSON", repr(secret)[1:-1]: "Python", secret.encode().hex(): "hex",
    }  # fmt: skip
    for before in ("", "gw:", "mailer:", "admin:", "\0gw\0", "\0mailer\0", "x", "xx"):
        # What comes before shifts base64; its first and last letters depend on the neighbours.
        found[base64.b64encode((before + secret).encode()).decode().rstrip("=")[8:-4]] = "base64"
    return {form.encode(): name for form, name in found.items() if len(form) > 10}


def leaks(folder: Path, secrets: dict[str, str]) -> list[str]:
    """Where a secret stands outside of the folder in which secrets are kept."""
    found = []
    wanted = [(kind, form, how) for kind, secret in secrets.items() for form, how in forms(secret).items()]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "kept" not in path.relative_to(folder).parts:
            content = path.read_bytes()
            found += [f"{path.relative_to(folder)}: {kind} as {how}" for kind, form, how in wanted
                      if form in content]  # fmt: skip
    return found


def prepared(folder: Path, **settings: object) -> tuple[Run, dict[str, str]]:
    """Config, certificates and secrets; and every secret, those that are made up too."""
    kept = folder / "kept"
    kept.mkdir(mode=0o700)
    pki = Pki(folder / "pki")
    pki.init("lab")
    pki.issue("g", "gateway", Names())
    (folder / "pki/trusted/readme.der").write_bytes((folder / "pki/ca/ca.der").read_bytes())
    key = load_pem_private_key((folder / "pki/own/g.key").read_bytes(), None)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRETS["key"].encode())
    )
    hash_ = hashed(SECRETS["app"])
    contents = {"opcua": SECRETS["opcua"], "influx": SECRETS["influx"], "smtp": SECRETS["smtp"],
                "g.key": locked.decode(), "ines.hash": hash_, "hall.hash": hash_}  # fmt: skip
    (kept / "tokens").mkdir()
    contents["tokens/dashboards.token"] = SECRETS["reads"]
    for name, content in contents.items():
        (kept / name).touch(0o600)
        (kept / name).write_text(content)
    text = CONFIG.format(uri=URI, **settings)
    influx = f'kind: influxdb, url: "{settings["influx"]}", token: {{file: kept/influx}}'
    (folder / "lab.yaml").write_text(text.replace("STORE", influx))
    (folder / "page.yaml").write_text(text.replace("STORE", "kind: embedded, path: lab.db"))
    secrets = {**SECRETS, "hash": hash_}
    secrets |= {name: SECRETS[name].partition(":")[2] for name in ("influx", "reads")}
    return Run(folder), secrets


def visit_wall(run: Run, port: int, key: str) -> None:
    """Spend a link's key and a wrong one, look at the wall."""
    for number, told in enumerate((key, f"{key}x")):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
        line.request("POST", "/wall/open", urlencode({"key": told}), {"Origin": f"http://127.0.0.1:{port}"})
        answer = line.getresponse()
        run.keep(f"wall-opened-{number}", answer.read().decode())
        line.request("GET", "/wall", headers={"Cookie": f"fieldlab_kiosk={told}"})
        looked = line.getresponse()
        run.keep(f"wall-{number}", looked.read().decode())
        line.close()
        assert (answer.status, looked.status) == ((303, 200) if told == key else (403, 403))


def visit(run: Run, port: int) -> str:
    """Log in wrongly and rightly, look at pages; the session's token."""
    for number, word in enumerate(("wrong-password", SECRETS["app"])):
        form = urlencode({"user": "ines", "password": word})
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
        line.request("POST", "/login", form, {"Origin": f"http://127.0.0.1:{port}"})
        answer = line.getresponse()
        run.keep(f"login-{number}", answer.read().decode())
        told = answer.getheader("Set-Cookie") or ""
        line.close()
    cookie = told.split(";")[0]
    for number, path in enumerate(
        ("/", "/?screen=gateways", "/export/gateways.csv?screen=gateways", "/nowhere")
    ):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookie})
        try:
            with urllib.request.urlopen(request, timeout=90) as page:  # noqa: S310 - our own
                run.keep(f"page-{number}", page.read().decode())
        except urllib.error.HTTPError as refused:
            run.keep(f"page-{number}", refused.read().decode())
    return cookie.partition("=")[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_no_secret_is_found_anywhere_after_a_whole_run(tmp_path, monkeypatch) -> None:
    """Broken messages, wrong passwords, a store that refuses: logs at their fullest, pages, files, spool."""
    peer = OpcUaPeer()
    await peer.start()
    page, app = servers.free_port(), servers.free_port()
    try:
        with (
            servers.mosquitto(tmp_path / "kept-broker", save_at_once=False) as (broker, _),
            servers.influxd(tmp_path / "kept-influx", auth=True) as (influx, _),
            socket.socket() as nobody,
        ):
            nobody.bind(("127.0.0.1", 0))
            run, secrets = await asyncio.to_thread(
                prepared, _made(tmp_path / "lab"), endpoint=peer.endpoint, broker=broker.port, page=page,
                smtp=nobody.getsockname()[1], influx=influx.url, store="STORE",
            )  # fmt: skip
            with run.service("gateway", "lab.yaml", "--log-format", "json") as log:
                await until(lambda: log.read_text().count("connected to") >= 2, 120, log.read_text)
                await peer.publish("count", 1.0, time.time_ns())
                machine = Publisher(broker.port)
                for content in ('{"n": 1}', '{"n": ', '{"n": {}}', "\x00", f'{{"n": 1, "t": {"9" * 400}}}'):
                    machine.publish("lab/m2", content)
                await until(lambda: "cannot deliver" in log.read_text(), 120, log.read_text)
                for path in ("/metrics", "/healthz", "/nowhere"):
                    run.keep(f"gateway{path.replace('/', '-')}", await asyncio.to_thread(_asked, page, path))
            with run.service("app", "page.yaml", "--port", app) as log:
                await until(lambda: "page: http" in log.read_text(), 120, log.read_text)
                secrets["session"] = await asyncio.to_thread(visit, run, app)
                secrets["link"] = await asyncio.to_thread(run.link)
                await asyncio.to_thread(visit_wall, run, app, secrets["link"])
            assert min(len(secrets[name]) for name in ("session", "link")) > 20
            assert await asyncio.to_thread(run.do, 19, "store", "setup", "page.yaml") == 0
            store = open_store(load(run.folder / "page.yaml"))
            tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
            week = 7 * 86_400 * 10**9
            store.write("raw", [Row("machine", tags, "total_count", time.time_ns() - n * week, 1.0)
                                for n in (2, 1, 0)])  # fmt: skip
            store.close()
            calls = [
                ["check", "lab.yaml"],
                ["doctor", "lab.yaml"],
                ["ledger", "lab.yaml"],
                ["store", "check", "lab.yaml"],
                ["kpi", "lab.yaml"],
                ["store", "export", "page.yaml", "--to-folder", "out"],
                ["store", "backup", "page.yaml", "lab.backup"],
                ["dashboards", "build", "lab.yaml", "--out", "built", "--tokens", "kept/tokens"],
                ["report", "page.yaml", "--week", "last", "--mail"],
            ]
            await asyncio.gather(*(asyncio.to_thread(run.do, n, *words) for n, words in enumerate(calls)))
            secrets["account"] = await asyncio.to_thread(pushed, run, monkeypatch)
    finally:
        await peer.stop()
    said = {path.name: path.read_text(errors="replace") for path in run.said.iterdir()}
    assert "Traceback" not in "".join(said.values()), [n for n, text in said.items() if "Traceback" in text]
    assert "fieldlab_" in said["gateway-metrics"]
    assert any("127.0.0.1" in text for name, text in said.items() if name.endswith("-report")), said
    assert any((tmp_path / "lab/built").rglob("*.json"))
    assert leaks(tmp_path / "lab", secrets) == []
    _modes(tmp_path / "lab")


def pushed(run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """Push to a Grafana, again with a token that it no longer takes, to one that fails, and to none."""
    monkeypatch.setattr(grafana_double, "ADMIN", ("admin", SECRETS["grafana"]))
    double = grafana_double.Double()
    push = ("dashboards", "push", "lab.yaml", "--tokens", "kept/tokens", "--grafana")
    with grafana_double.serving(double) as url:
        assert run.do(20, *push, url) == 0
        (account,) = (token["key"] for token in double.org("lab").tokens.values())
        double.org("lab").tokens.clear()
        assert run.do(21, *push, url) == 0
        (account,) = (token["key"] for token in double.org("lab").tokens.values())
        (run.folder / "kept/tokens/grafana-account-lab.token").write_text(f"{account}-stale")
        monkeypatch.setattr(grafana_double, "ADMIN", ("admin", "changed"))
        assert run.do(22, *push, url) == 1
    assert run.do(23, *push, url) == 1
    return str(account)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _asked(port: int, path: str) -> str:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    line.request("GET", path)
    try:
        return line.getresponse().read().decode()
    finally:
        line.close()


def _modes(folder: Path) -> None:
    """By umask 000: what is of machines and keys is its owner's alone, the rest is shut to others."""
    ours = ("said", "kept", "built", "lab.yaml", "page.yaml", "pki")  # of this test, and what Grafana reads
    written = [path for path in folder.rglob("*") if path.relative_to(folder).parts[0] not in ours]
    assert {"lab.db", "lab.backup", "out", "spool", "reports"} <= {path.name for path in written}
    assert [(path, oct(path.stat().st_mode)) for path in written if path.stat().st_mode & 0o027] == []
    assert (
        folder / "built/dashboards/line.json"
    ).stat().st_mode & 0o777 == 0o666  # as the umask would have it
    said = [path for path in (folder / "spool").iterdir() if not path.name.endswith(".lock")]
    assert len(said) > 2
    for path in [*(folder / "pki").rglob("*.key"), *said]:
        assert path.stat().st_mode & 0o077 == 0, (path, oct(path.stat().st_mode))


def test_the_search_finds_a_secret_in_every_form(tmp_path) -> None:
    """A search that finds nothing proves nothing, unless it would have found it."""
    secret = SECRETS["mqtt"]
    written = {
        "plain": f"a {secret} b", "url": f"?p={quote(secret, safe='')}", "form": f"p={quote_plus(secret)}",
        "json": json.dumps({"p": secret + '"'}), "python": repr(secret), "hex": secret.encode().hex(),
        "basic": base64.b64encode(f"gw:{secret}".encode()).decode(),
        "plain-auth": base64.b64encode(f"\0gw\0{secret}".encode()).decode(),
    }  # fmt: skip
    for name, content in written.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mqtt").write_text(secret)
    found = {re.split(r"[:]", line)[0] for line in leaks(tmp_path, {"mqtt": secret})}
    assert found == set(written)
