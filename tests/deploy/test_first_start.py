"""The first start of the containers, as processes: secrets, certificates, who may do what, health."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from dashboards.kiosks import Kiosk, Kiosks
from fieldlab_configs import load
from ingest.stores import open_store
from tests import servers
from tests.deploy.containers import CONFIG, Containers
from tests.fieldlab.test_up import log_in
from tests.influxes import Influxes, kinds_of


@pytest.fixture
def made(tmp_path) -> Containers:
    """Secrets, made."""
    containers = Containers(tmp_path)
    done = containers.first("secrets", CONFIG, containers.room)
    assert done.returncode == 0, done.stderr
    assert "made" in done.stdout
    return containers


@pytest.fixture
def broker(made) -> Iterator[Containers]:
    """The broker too."""
    with ExitStack() as running:
        try:
            running.enter_context(made.mosquitto())
        except servers.ServerMissingError as missing:
            pytest.skip(str(missing))
        yield made


def content(room: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(p.relative_to(room)): p.read_bytes() for p in room.rglob("*") if p.is_file()}


def eventually(true: Callable[[], object], seconds: float, why: Callable[[], str] = str) -> None:
    """Poll until it is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)  # a poll of other processes, bounded above


def test_a_second_start_changes_nothing(made) -> None:
    """Passwords, hashes, certificates: the same bytes."""
    before = content(made.room)
    done = made.first("secrets", CONFIG, made.room)
    assert (done.returncode, done.stdout) == (0, "")
    assert content(made.room) == before


def test_every_secret_is_long_unlike_the_others_and_read_by_its_owner_alone(made) -> None:
    """Mode 400 in a folder of mode 700."""
    secrets = [p for p in made.room.rglob("*") if p.suffix in (".password", ".token")]
    assert len(secrets) >= 9
    texts = [p.read_text() for p in secrets]
    assert all(len(text) >= 32 for text in texts)
    assert len(set(texts)) == len(texts) - 1  # InfluxDB's own token, with it and for the set-up
    for path in made.room.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or "pki" in path.parts, path
    if os.geteuid() == 0:
        owners = {p.name: p.stat().st_uid for p in made.room.iterdir()}
        assert (owners["gateway"], owners["broker"], owners["grafana"], owners["pki"]) == (
            10001,
            1883,
            472,
            0,
        )


def test_every_file_that_the_compose_file_names_is_made(made) -> None:
    """Each in the folder of the service that is told of it."""
    named = [
        (service, Path(value).name)
        for service, told in made.services.items()
        for value in told.get("environment", {}).values()
        if value.startswith("/run/fieldlab/")
    ]
    assert ("grafana", "secret.key") in named
    assert [(service, name) for service, name in named if not (made.room / service / name).is_file()] == []


def test_another_name_of_the_broker_gives_it_another_certificate_and_no_other_authority(made) -> None:
    """Machines that trust the authority notice nothing."""
    before = content(made.room)
    done = made.first("secrets", CONFIG, made.room, BROKER_HOSTS="10.0.0.6 broker.example")
    assert done.returncode == 0, done.stderr
    changed = {name for name, what in content(made.room).items() if before.get(name) != what}
    assert {name for name in changed if not name.startswith("pki")} == {"broker/broker.pem"}
    assert "broker.example" in done.stdout


def test_what_was_made_is_shown_to_whoever_runs_the_containers(made) -> None:
    """People's passwords, machines' passwords, the certificate to trust; all in a form to copy."""
    login = made.first("login", made.room).stdout
    assert f"fieldlab\t{made.secret('login', 'fieldlab.password')}" in login
    assert made.secret("grafana", "admin.password") in login
    assert f"oven1\t{made.secret('machines', 'oven1.password')}" in made.first("machines", made.room).stdout
    assert made.first("ca", made.room).stdout == (made.room / "broker/ca.pem").read_text()


def test_the_mail_server_s_password_is_taken_and_seen_by_reports_alone(made) -> None:
    """From standard input, so that it is in no command line; a new one takes the place of the old."""
    for password in ("first of the mail server", "another"):
        done = made.first("mail", made.room, told=f"{password}\n")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert made.secret("report", "mail.password") == password
    assert (made.room / "report" / "mail.password").stat().st_mode & 0o777 == 0o400
    nothing = made.first("mail", made.room)
    assert (nothing.returncode, len(nothing.stderr.splitlines())) == (2, 1)
    assert made.secret("report", "mail.password") == "another"


def test_a_wall_gets_a_link_whose_hash_the_app_alone_has(made) -> None:
    """Shown once; a new one ends the one before; a name that the config has not is one message."""
    config = made.folder / "walls.yaml"
    walls = "app:\n  kiosks: {hall: {token: {file: /run/fieldlab/hall.kiosk}}}\n"
    text = CONFIG.read_text()
    assert "\napp:\n" in text
    config.write_text(text.replace("app:\n", walls))
    keys = []
    for _ in range(2):
        done = made.first("kiosk", "hall", config, made.room)
        assert done.returncode == 0, done.stderr
        keys.append(done.stdout.splitlines()[-1].removeprefix("/wall#"))
    file = made.room / "app" / "hall.kiosk"
    assert file.stat().st_mode & 0o777 == 0o400
    assert not [key for key in keys if key in file.read_text()]
    doors = Kiosks({"hall": Kiosk(file.read_text)})
    assert [doors.visitor(key) is not None for key in keys] == [False, True]
    for words in (
        ("kiosk", "door", config, made.room),
        ("kiosk", "", config, made.room),
        ("kiosk", "hall", CONFIG, made.room),
    ):
        done = made.first(*words)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "not one under app.kiosks" in done.stderr
    done = made.first("kiosk")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)  # no name, and no config where it looks


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        ("user: edge1 ", "user: [] ", "sources.broker.user"),
        ("    user: edge1 ", "    #", "sources.broker.user: is missing; a password needs a user"),
        ("file: /run/fieldlab/mqtt.password", "env: X", "sources.broker.password: in containers it must be"),
        ("user: edge1 ", "user: oven1 ", "oven1 is a machine and a user of a source"),
    ],
)
def test_a_config_that_does_not_fit_the_containers_is_one_message(tmp_path, here, there, said) -> None:
    """With the key, and what to do."""
    containers = Containers(tmp_path)
    text = CONFIG.read_text()
    assert here in text
    config = tmp_path / "own.yaml"
    config.write_text(text.replace(here, there))
    done = containers.first("secrets", config, containers.room)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert said in done.stderr


# -- the broker


class Client:
    """Somebody at the broker."""

    def __init__(self, made: Containers, user: str | None, password: str | None = None, **how) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.refused: list[str] = []
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if user is not None:
            self.client.username_pw_set(user, password)
        if how.get("tls", True):
            self.client.tls_set(str(how.get("ca", made.room / "broker/ca.pem")))
        self._answers: list[str] = []
        self.granted: list[object] = []
        self.client.on_subscribe = lambda *_: self.granted.append(True)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self._answers.append(str(reason))
        self.client.on_message = lambda _c, _u, m: self.heard.append((m.topic, m.payload))
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self.refused.append(str(reason))
        self.client.connect("localhost", made.broker)
        self.client.loop_start()

    def answer(self) -> str:
        """What the broker said."""
        eventually(lambda: self._answers, 60)
        return self._answers[0]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.service
def test_nobody_comes_in_without_name_or_tls_or_behind_another_certificate(broker) -> None:
    """A wrong password, none, none of the users; in clear; with another authority; under another name."""
    for user, password in ((None, None), ("edge1", "wrong"), ("nobody", "x")):
        client = Client(broker, user, password)
        assert client.answer() == "Not authorized"
        client.close()
    with socket.create_connection(("127.0.0.1", broker.broker), timeout=10) as line:
        line.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x")  # CONNECT of 3.1.1, in clear
        try:
            heard = line.recv(4)
        except ConnectionError:
            heard = b""
    assert heard[:1] != b"\x20", "a CONNACK to one that speaks in clear"
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(broker, "edge1", "x", ca="/etc/ssl/certs/ca-certificates.crt")
    trusting = ssl.create_default_context(cafile=str(broker.room / "broker/ca.pem"))
    for name in ("mosquitto", "localhost", "127.0.0.1"):
        with socket.create_connection(("127.0.0.1", broker.broker)) as line:
            trusting.wrap_socket(line, server_hostname=name).close()
    wrong = pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch")
    with socket.create_connection(("127.0.0.1", broker.broker)) as line, wrong:
        trusting.wrap_socket(line, server_hostname="another.example")


@pytest.mark.service
def test_a_machine_writes_its_own_topics_and_a_gateway_only_reads(broker) -> None:
    """Nobody speaks for another machine; who reads cannot write, who writes cannot listen."""
    gateway = Client(broker, "edge1", broker.secret("gateway", "mqtt.password"))
    oven = Client(broker, "oven1", broker.secret("machines", "oven1.password"))
    assert gateway.answer() == oven.answer() == "Success"
    for client in (gateway, oven):
        client.client.subscribe("#", qos=1)
        eventually(lambda client=client: client.granted, 60)
    oven.client.publish("workshop/line1/pack1/state", b"forged", qos=1)
    gateway.client.publish("workshop/line1/oven1/state", b"forged too", qos=1)
    oven.client.publish("workshop/line1/oven1/state", b"own", qos=1)
    eventually(lambda: len(oven.refused) == 2 and gateway.refused and gateway.heard, 60)
    assert gateway.heard == [("workshop/line1/oven1/state", b"own")]
    assert oven.heard == []
    assert sorted([*oven.refused, *gateway.refused]) == ["Not authorized", "Not authorized", "Success"]
    for client in (gateway, oven):
        client.close()


@pytest.mark.service
def test_the_health_check_of_the_broker(broker) -> None:
    """It logs in, over TLS, with no password on its command line; and fails where the broker is gone."""
    try:
        servers.find_program("mosquitto_sub")
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    options = broker.folder / "mosquitto_sub"
    text = (broker.room / "broker/mosquitto_sub").read_text()
    here = text.replace("/run/fieldlab", str(broker.room / "broker")).replace("8883", str(broker.broker))
    options.write_text(here)
    assert broker.services["mosquitto"]["environment"]["XDG_CONFIG_HOME"] == "/run/fieldlab"
    done = broker.healthy("mosquitto", {}, XDG_CONFIG_HOME=str(broker.folder))
    assert done.returncode == 0, done.stderr
    options.write_text(here.replace("-P ", "-P x"))
    assert broker.healthy("mosquitto", {}, XDG_CONFIG_HOME=str(broker.folder)).returncode != 0


# -- the whole


@pytest.mark.service
@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds_of(2) or ["influx2"])
def test_all_services_of_the_compose_file_work_together_as_processes(
    broker, kind, influxes: Influxes
) -> None:
    """Tokens that open no more than they must, machines over TLS, atoms, the page; all healthy."""
    try:
        server = influxes(kind)
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    assert server.token
    broker.store, broker.org = server.url, server.org or ""
    (broker.room / "setup/influx.token").unlink()
    (broker.room / "setup/influx.token").write_text(server.token)
    done = broker.first("tokens", broker.config("setup"), broker.room)
    assert done.returncode == 0, done.stderr
    tokens = {
        s: broker.secret(s, "influx.token") for s in ("gateway", "analytics", "app", "report", "grafana")
    }
    assert len({*tokens.values(), server.token}) == 5
    assert tokens["analytics"] == tokens["app"]
    port, alive = {"4840": str(broker.opcua)}, {"gateway": "", "analytics": "", "report": ""}
    with ExitStack() as running:
        running.enter_context(broker.service("simulator", "machines"))
        eventually(lambda: broker.healthy("simulator", port).returncode == 0, 120, lambda: said(broker))
        for name in alive:
            running.enter_context(broker.service(name, name))
            alive[name] = str(broker.folder / f"{name}.alive")
        running.enter_context(broker.service("app", "app"))
        store = open_store(load(broker.config("analytics")))
        running.callback(store.close)
        wanted = {"mill1", "press1", "oven1", "pack1"}
        eventually(
            lambda: {t.tags["machine"] for t in store.read("kpi", "atom")} == wanted,
            150,
            lambda: said(broker),
        )
        for name in alive:
            eventually(
                lambda n=name: broker.healthy(n, {"/tmp/alive": alive[n]}).returncode == 0,  # noqa: S108
                90,
                lambda: said(broker),
            )
        page = {"http://127.0.0.1:8080/healthz": f"http://127.0.0.1:{broker.app}/healthz"}
        eventually(lambda: broker.healthy("app", page).returncode == 0, 120, lambda: said(broker))
        assert log_in(broker.app, "fieldlab", broker.secret("login", "fieldlab.password"))
        assert not log_in(broker.app, "fieldlab", "guessed")
        assert log_of(broker, "report") == "report: all, every week when it is over; Ctrl-C stops it\n"
    assert (broker.folder / "reports" / ".sent.json").stat().st_mode & 0o777 == 0o600
    for name in ("simulator", "gateway", "analytics", "app", "report"):
        # Their images are read-only.
        assert list((broker.folder / name).iterdir()) == [], name
        log = log_of(broker, name)
        assert "Traceback" not in log, log
        assert not [text for text in tokens.values() if text in log]


def log_of(made: Containers, name: str) -> str:
    """What a service said."""
    return (made.folder / f"{name}.log").read_text()


def said(made: Containers) -> str:
    """The end of every log."""
    return "\n".join(f"{p.name}: {p.read_text()[-1500:]}" for p in sorted(made.folder.glob("*.log")))
