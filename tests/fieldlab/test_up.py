"""``fieldlab up``: the whole of a config as processes, and how processes are kept."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import psutil
import pytest

from fieldlab import processes, servers
from fieldlab.errors import WrongUse
from fieldlab.processes import Part, PartFailed, Processes
from fieldlab.up import parts_of, where
from fieldlab_configs import Secret, load
from ingest.stores import open_store
from tests.fieldlab.command import EXAMPLES, command, fieldlab
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
CANARY = "Zwaan-environment-of-somebody-else-5"
USER = ", user: fieldlab, password: {file: mqtt.password}"


def lab(folder: Path, *, token: bool = False, embedded: bool = False, users: bool = False) -> Path:
    """The containers' config, on ports of this computer."""
    text = (EXAMPLES / "compose.yaml").read_text(encoding="utf-8")
    begin, end = text.index("sources:\n"), text.index("gateways:\n")
    text = f"""{text[:begin]}sources:
  plc: {{kind: opcua, endpoint: "opc.tcp://127.0.0.1:{free_port()}", security: none}}
  broker: {{kind: mqtt, host: 127.0.0.1, port: {free_port()}{USER}}}
gateways:
  edge1: {{sources: [plc, broker], spool: {{path: spool}}}}
"""
    del end
    if embedded:
        text += "store: {kind: embedded, path: lab.db}\n"
    else:
        named = "org: fieldlab, token: {file: influx.token}, " if token else ""
        text += f'store: {{kind: influxdb, {named}url: "http://127.0.0.1:{free_port()}"}}\n'
    if users:
        text += "app: {hosts: [lab.example], users: {ines: {password: {file: ines.hash}, pseudonym: i1}}}\n"
    path = folder / "lab.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def log_in(port: int, name: str, password: str) -> bool:
    """Whether the app lets somebody in."""
    form = urllib.parse.urlencode({"user": name, "password": password}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://127.0.0.1:{port}"}
    connection.request("POST", "/login", form, headers)
    answer = connection.getresponse()
    connection.close()
    return answer.status == 303 and "fieldlab_session" in (answer.getheader("Set-Cookie") or "")


def children(pid: int) -> list[psutil.Process]:
    """What a process has started, all the way down."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def eventually(true, seconds: float) -> bool:
    """Whether it comes true within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.1)  # a poll of other processes, bounded above
    return False


def influxd_major() -> int:
    """Of the influxd on the PATH; 0 where there is none."""
    program = servers.found("influxd")
    if program is None:
        return 0
    told = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
    return 2 if "v2." in told else 1


@pytest.mark.service
@pytest.mark.slow
def test_a_whole_fieldlab_comes_up_from_machine_to_atoms_and_goes_down(tmp_path) -> None:
    """Broker, InfluxDB, machines, gateway, analytics and page: atoms in InfluxDB, nothing left behind."""
    major = influxd_major()
    if not major or servers.found("mosquitto") is None:
        pytest.skip("influxd or mosquitto is not installed")
    path = lab(tmp_path, token=major > 1, users=True)
    page = free_port()
    log = tmp_path / "log"
    with log.open("w") as out:
        up = subprocess.Popen(
            command("up", path, "--simulate", "--port", str(page)),
            stdout=out, stderr=out, env={**os.environ, "PYTHONPATH": str(ROOT), "CLOUD_KEY": CANARY},
        )  # fmt: skip
    try:
        assert eventually(lambda: f"page: http://127.0.0.1:{page}/" in log.read_text(), 120), log.read_text()
        store = open_store(load(path))
        try:
            assert eventually(lambda: store.read("kpi", "atom"), 150), log.read_text()
        finally:
            store.close()
        started = children(up.pid)
        assert len(started) >= 6
        if sys.platform == "linux":
            given = {
                p.pid: Path(f"/proc/{p.pid}/environ").read_bytes() for p in (psutil.Process(up.pid), *started)
            }
            assert [pid for pid, told in given.items() if CANARY.encode() in told] == [up.pid]
        for more, why in ((), "is up already"), (("--data", tmp_path / "b"), "gateways.edge1 runs already"):
            second = fieldlab("up", path, *more)
            assert (second.returncode, len(second.stderr.splitlines())) == (2, 1), second.stderr
            assert why in second.stderr
        assert log_in(page, "ines", (tmp_path / "workshop-data/app/ines.password").read_text().strip())
        assert not log_in(page, "ines", "another")
    finally:
        up.send_signal(signal.SIGTERM)
        status = up.wait(120)
    told = log.read_text()
    assert status == 0, told
    assert not [p for p in started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    account = next(line for line in told.splitlines() if "samples received" in line)
    assert "dead 0" in account
    assert "waiting 0" in account
    assert told.count("ended with status") == 0
    assert (
        f"the page will be at http://127.0.0.1:{page}/; users: ines with the password in {tmp_path}" in told
    )
    assert f"passwords and tokens: {tmp_path / 'mqtt.password'} (sources.broker)" in told
    secrets = ("mqtt.password", "ines.hash", "workshop-data/app/ines.password")
    for secret in (*secrets, *(["influx.token"] if major > 1 else [])):
        assert (tmp_path / secret).stat().st_mode & 0o777 == 0o600
        assert (tmp_path / secret).read_text().strip() not in told


def test_without_servers_the_embedded_parts_stand_in(tmp_path, monkeypatch) -> None:
    """No mosquitto: a broker of our own, if nobody has a password; an embedded store needs nothing."""
    monkeypatch.setattr(servers, "found", lambda _: None)
    path = lab(tmp_path, embedded=True)
    with pytest.raises(WrongUse, match="knows no passwords; install mosquitto"):
        parts_of(load(path), tmp_path, port=1, grafana_port=2, simulated=True)
    path.write_text(path.read_text().replace(USER, ""))
    parts = parts_of(load(path), tmp_path, port=1, grafana_port=2, simulated=True)
    assert [p.name for p in parts] == ["broker", "setup", "simulate", "gateway", "analytics", "app"]
    assert parts[0].command[1:3] == ("-m", "fieldlab.broker")
    path.write_text(f"{path.read_text()}reports: {{weekly: {{all: }}}}\n")
    *_, last = parts_of(load(path), tmp_path, port=1, grafana_port=2, simulated=True)
    assert (last.name, last.command[-2:]) == ("report", (str(path), "--every-week"))
    influx = lab(tmp_path)
    influx.write_text(influx.read_text().replace(USER, ""))
    with pytest.raises(WrongUse, match="influxd is not installed"):
        parts_of(load(influx), tmp_path, port=1, grafana_port=2, simulated=True)


def test_what_cannot_be_brought_up_is_one_message(tmp_path) -> None:
    """A config without gateways; a broker with TLS that is not there."""
    path = tmp_path / "small.yaml"
    path.write_text(
        "fieldlab: small\ntimezone: UTC\nstore: {kind: embedded, path: s.db}\n"
        "lines: [{id: l, machines: [{id: m, ideal_cycle_time_s: 1, signals: {}}]}]\n"
    )
    done = fieldlab("up", path)
    assert done.returncode == 2
    assert "gateways: the config has none" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    path = lab(tmp_path, embedded=True)
    path.write_text(path.read_text().replace("kind: mqtt,", "kind: mqtt, tls: true,"))
    done = fieldlab("up", path)
    assert done.returncode == 2
    assert "a broker with TLS is not started here" in done.stderr


def test_a_port_that_is_taken_is_said_before_anything_is_started(tmp_path) -> None:
    """Exit status 2, and nothing of the lab has begun."""
    path = lab(tmp_path, embedded=True)
    path.write_text(path.read_text().replace(USER, ""))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = fieldlab("up", path, "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--port {port}: another program listens there; give another port" in done.stderr
    assert not (tmp_path / "spool").exists()


def test_it_is_said_where_the_password_of_every_broker_is(tmp_path) -> None:
    """That of a Sparkplug source too; never the password itself."""
    path = tmp_path / "nodes.yaml"
    path.write_text(
        "fieldlab: lab\ntimezone: UTC\nstore: {kind: embedded, path: s.db}\n"
        "lines: [{id: l, machines: [{id: m, signals:"
        " {total_count: {source: nodes, device: g/n, metric: c}}}]}]\n"
        "sources: {nodes: {kind: sparkplug, host: 127.0.0.1, user: lab, password: {file: nodes.password}}}\n"
        "gateways: {edge1: {sources: [nodes]}}\n"
    )
    told = where(load(path), tmp_path, [], port=1, grafana_port=2, logins=())
    assert told[-1] == f"passwords and tokens: {tmp_path / 'nodes.password'} (sources.nodes)"


def test_a_secret_is_made_up_once(tmp_path) -> None:
    """Of mode 600, long, and never again."""
    secret = Secret(file=tmp_path / "deep" / "x.password")
    assert servers.made_up(secret)
    first = secret.read()
    assert len(first) >= 32
    assert secret.file.stat().st_mode & 0o777 == 0o600
    assert not servers.made_up(secret)
    assert secret.read() == first


# -- processes


def python(code: str) -> tuple[str, ...]:
    """A process that runs a few lines."""
    return (sys.executable, "-c", code)


async def until(stop: asyncio.Event, true, seconds: float = 90) -> None:
    """Stop once it is true, or when the time is over."""
    await asyncio.to_thread(eventually, true, seconds)
    stop.set()


async def test_a_part_that_is_killed_is_started_again(tmp_path, monkeypatch) -> None:
    """It writes its number each time it begins."""
    monkeypatch.setattr(processes, "_PAUSES_S", (0.05,))
    pids = tmp_path / "pids"
    code = f"import os,time; open({str(pids)!r},'a').write(str(os.getpid())+chr(10)); time.sleep(60)"
    said: list[str] = []
    stop = asyncio.Event()

    def twice() -> bool:
        found = pids.read_text().split() if pids.exists() else []
        if len(found) == 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(found[0]), signal.SIGKILL)
        return len(found) > 1

    await asyncio.gather(Processes([Part("p", python(code))], said.append).run(stop), until(stop, twice))
    assert any("ended with status -9; starting it again" in line for line in said)
    assert all(not psutil.pid_exists(int(pid)) for pid in pids.read_text().split())


async def test_a_part_that_is_used_wrongly_stops_the_whole_with_its_message() -> None:
    """Status 2 is not mended by starting again."""
    parts = [
        Part("good", python("import time; time.sleep(60)")),
        Part("bad", python("import sys,time; print('lab: lines: is missing'); sys.exit(2)")),
    ]
    began = time.monotonic()
    with pytest.raises(PartFailed, match="bad ended with status 2: lab: lines: is missing"):
        await Processes(parts, lambda _: None).run(asyncio.Event())
    assert time.monotonic() - began < 40  # and not the minute of the good one


async def test_what_comes_first_has_to_end_well() -> None:
    """Of a part that does one thing, what comes after it waits; its failure is told."""
    said: list[str] = []
    parts = [Part("once", python("print('no'); raise SystemExit(1)"), once=True), Part("after", python("1"))]
    with pytest.raises(PartFailed, match="once ended with status 1"):
        await Processes(parts, said.append).run(asyncio.Event())
    assert "after: starting" not in said


async def test_a_part_that_does_not_stop_is_killed(monkeypatch) -> None:
    """After its time, and it is said."""
    monkeypatch.setattr(processes, "STOP_S", 0.5)
    deaf = (
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True);"
        "time.sleep(60)"
    )
    said: list[str] = []
    stop = asyncio.Event()
    await asyncio.gather(
        Processes([Part("p", python(deaf))], said.append).run(stop), until(stop, lambda: "p: deaf" in said)
    )
    assert "p: did not stop within 0 s; killed" in said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_no_part_outlives_a_parent_that_is_killed(tmp_path) -> None:
    """A kill -9 of the one that started them ends them too."""
    code = (
        "import asyncio,sys; from fieldlab.processes import Part, Processes;"
        "asyncio.run(Processes([Part('p',(sys.executable,'-c','import time; time.sleep(600)'))],"
        "lambda s: print(s, flush=True)).run(asyncio.Event()))"
    )
    parent = subprocess.Popen(python(code), stdout=subprocess.DEVNULL, cwd=ROOT)
    assert eventually(lambda: children(parent.pid), 60)
    (child,) = children(parent.pid)
    parent.kill()
    parent.wait()
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_part_whose_parent_was_killed_before_it_could_ask_to_be_told_ends_too() -> None:
    """Nobody would tell it any more."""
    code = (
        "import signal; from fieldlab import processes; signal.signal(signal.SIGTERM, lambda *_: None);"
        "processes._ends_with(2**30); print('lives')"
    )
    done = subprocess.run(python(code), cwd=ROOT, stdout=subprocess.PIPE, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port cannot be kept for another process")
def test_a_port_that_was_chosen_is_kept_for_who_is_to_listen_there() -> None:
    """No other program gets it by chance; a server that reuses addresses, as ours do, listens there."""
    port = processes.free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    assert not processes.listens("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", port)):
        assert processes.listens("127.0.0.1", port)


def test_grafana_gets_the_token_that_only_reads(tmp_path, monkeypatch) -> None:
    """That of `store setup`, read as Grafana starts; never the store's own."""
    monkeypatch.setattr(
        servers, "found", lambda name: "/usr/sbin/grafana-server" if "grafana" in name else None
    )
    site = load(lab(tmp_path, token=True))
    token = tmp_path / "tokens" / "dashboards.token"
    build, serve = servers.grafana(site, tmp_path / "grafana", 3000, token=token)
    assert build.once
    assert build.command[-2:] == ("--tokens", str(token.parent))
    token.write_text("reads-only\n")
    env = serve.env()
    assert env["INFLUX_READ_TOKEN"] == "reads-only"
    token.write_text("lab_dashboards:of an InfluxDB 1.x\n")
    assert serve.env()["INFLUX_READ_PASSWORD"] == "of an InfluxDB 1.x"


def test_grafana_has_no_password_and_no_key_that_everybody_knows(tmp_path, monkeypatch) -> None:
    """Files of mode 600, named in the way that the program itself knows; its image has another."""
    monkeypatch.setattr(servers, "found", lambda name: "/usr/bin/grafana" if name == "grafana" else None)
    site, folder = load(lab(tmp_path, token=True)), tmp_path / "grafana"
    names = ("GF_SECURITY_ADMIN_PASSWORD", "GF_SECURITY_SECRET_KEY")
    env = servers.grafana(site, folder, 3000, token=tmp_path / "t" / "dashboards.token")[-1].env()
    assert not [name for name in env if name.endswith("_FILE")]
    files = [Path(env[name].removeprefix("$__file{").removesuffix("}")) for name in names]
    assert [f"$__file{{{file}}}" for file in files] == [env[name] for name in names]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    first, second = (file.read_text() for file in files)
    assert len(first) >= 32 <= len(second)
    assert first != second
    # One that was started without a key of its own has sealed its data with another.
    files[1].unlink()
    (folder / "data").mkdir()
    (folder / "data" / "grafana.db").touch()
    env = servers.grafana(site, folder, 3000, token=tmp_path / "t" / "dashboards.token")[-1].env()
    assert names[1] not in env
    assert not files[1].exists()


@pytest.mark.parametrize("room", ["up", "gateway", "analytics", "app", "doctor"])
def test_services_do_not_know_the_simulator(room) -> None:
    """An image without it runs them: only `demo` and `simulate` import it."""
    module = "analysis" if room == "analytics" else room
    code = (
        f"import sys, fieldlab.{module}; sys.exit(any(m.split('.')[0] == 'simulator' for m in sys.modules))"
    )
    assert subprocess.run(python(code), cwd=ROOT, check=False).returncode == 0
