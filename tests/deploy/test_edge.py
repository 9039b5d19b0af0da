"""An edge box: its systemd units, held against what systemd says and what the services really do."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fieldlab.commands import parser
from tests import servers
from tests.deploy.containers import ROOT

EDGE = ROOT / "deploy" / "edge"
UNITS = {
    "fieldlab-gateway@edge1.service": "fieldlab-gateway@.service",
    "fieldlab-analytics.service": "fieldlab-analytics.service",
    "fieldlab-app.service": "fieldlab-app.service",
    "fieldlab-report.service": "fieldlab-report.service",
}
EXPOSURE = 20
"""Of 100, as `systemd-analyze security` counts; a plain service has 96."""
WITHOUT = """
import ctypes, os, sys
PR_SET_MDWE = 65
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_MDWE, 1, 0, 0, 0):
    sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""MemoryDenyWriteExecute=, by the kernel's own means, and then what is named."""
CONFIG = """
fieldlab: lab
timezone: UTC
heartbeat_s: 1
lines: [{{id: l1, machines: [{{id: m1, ideal_cycle_time_s: 1, signals: {{total_count: {signal}}}}}]}}]
sources: {{broker: {{kind: mqtt, host: 127.0.0.1, port: {broker}}}}}
gateways: {{edge1: {{sources: [broker]}}}}
store: {{kind: embedded, path: lab.db}}
reports: {{weekly: {{all: {{}}}}}}
"""


@pytest.fixture(scope="module")
def units(tmp_path_factory) -> dict[str, Path]:
    """The units under the names that they run by, with the program of these tests."""
    folder = tmp_path_factory.mktemp("units")
    found = {}
    for name, file in UNITS.items():
        text = (EDGE / file).read_text(encoding="utf-8")
        assert "/opt/fieldlab/bin/fieldlab" in text
        found[name] = folder / name
        program = str(Path(sys.executable).with_name("fieldlab"))
        found[name].write_text(text.replace("/opt/fieldlab/bin/fieldlab", program), encoding="utf-8")
    return found


def said(file: str) -> configparser.SectionProxy:
    """The section Service of a unit; of a key that is there twice all values."""
    read = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(EDGE / file, encoding="utf-8")
    return read["Service"]


def systemd_analyze(*words: object) -> subprocess.CompletedProcess[str]:
    """Ask systemd; skipped where it is not installed."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian, Ubuntu: apt install systemd)")
    return subprocess.run(
        [program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60
    )


def test_systemd_takes_the_units(units) -> None:
    """Without a warning."""
    done = systemd_analyze("verify", "--man=no", *units.values())
    told = [line for line in done.stderr.splitlines() if "fieldlab" in line]
    assert (done.returncode, told) == (0, [])


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_exposes_little(units, name) -> None:
    """By systemd's own count."""
    done = systemd_analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", units[name])
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd cannot judge a unit off line (250 and later can)")
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("file", UNITS.values())
def test_a_unit_runs_a_command_of_the_product_and_lives_and_stops_as_that_does(file) -> None:
    """Words that its parser takes; a watchdog; time enough to drain, and no restart after wrong use."""
    service = said(file)
    program, *words = service["ExecStart"].replace("%i", "edge1").split()
    assert program == "/opt/fieldlab/bin/fieldlab"
    assert parser().parse_args(words).config == "/etc/fieldlab/lab.yaml"
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert service["RestartPreventExitStatus"] == "2"
    assert int(service["TimeoutStopSec"]) > 10  # a gateway drains within 10 s
    assert service["WatchdogSec"]
    assert (
        service["User"] == re.findall(r"^u (\w+) ", (EDGE / "fieldlab.sysusers").read_text(), re.MULTILINE)[0]
    )


def plant(folder: Path, broker: int) -> Path:
    """A config with a gateway and an embedded store."""
    path = folder / "lab.yaml"
    signal_ = "{source: broker, topic: lab/m1, field: n, time_field: t}"
    path.write_text(CONFIG.format(signal=signal_, broker=broker))
    setup = [sys.executable, "-m", "fieldlab", "store", "setup", str(path)]
    subprocess.run(setup, check=True, capture_output=True, cwd=ROOT)
    return path


def run(command: list[str], folder: Path, **how: object) -> str:
    """Run a service as systemd would until it is ready and has given three signs of life; then stop it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(120)
        environ = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "900000"}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log, **how)  # type: ignore[call-overload]
            try:
                heard: list[bytes] = []
                while sum(b"WATCHDOG=1" in m for m in heard) < 3:
                    heard.append(manager.recv(4096))
                assert heard[0].startswith(b"READY=1")
            finally:
                # strace passes no signal on: its child is told.
                tracee = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                os.kill(
                    int(tracee[0]) if command[0].endswith("strace") and tracee else process.pid,
                    signal.SIGTERM,
                )
                status = process.wait(90)
            while b"STOPPING=1" not in heard[-1]:
                heard.append(manager.recv(4096))
    told = (folder / "log").read_text(errors="replace")
    assert status == 0, told
    return told


@pytest.fixture
def config(tmp_path) -> Path:
    """A config whose broker is there."""
    try:
        with servers.mosquitto(tmp_path / "broker") as (broker, _):
            yield plant(tmp_path, broker.port)
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))


def commands(config: Path) -> dict[str, list[str]]:
    """What each unit runs, here."""
    found = {}
    for name, file in UNITS.items():
        _, *words = said(file)["ExecStart"].split()
        here = {"/etc/fieldlab/lab.yaml": str(config), "%i": "edge1", "8080": str(servers.free_port())}
        found[name] = [sys.executable, "-m", "fieldlab", *(here.get(word, word) for word in words)]
    return found


@pytest.mark.service
@pytest.mark.parametrize("name", UNITS)
def test_a_service_lives_within_what_its_unit_leaves_it(name, config, tmp_path) -> None:
    """Its system calls, traced from start to end, and no memory that can be written and run.

    It also tells that it is ready, that it lives, and that it stops.
    """
    strace, trace = shutil.which("strace"), tmp_path / "trace"
    if strace is None:
        pytest.skip("strace is not installed (Debian, Ubuntu: apt install strace)")
    if subprocess.run([sys.executable, "-c", WITHOUT, "/bin/true"], check=False).returncode:
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3 and later has)")
    tracing = [strace, "-f", "-c", "-U", "name", "-o", str(trace)]
    if subprocess.run([*tracing, "/bin/true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not trace a process")
    run([*tracing, sys.executable, "-c", WITHOUT, *commands(config)[name]], tmp_path)
    used = set(re.findall(r"^([a-z_0-9]+)\s*$", trace.read_text(), re.MULTILINE)) - {"syscall", "total"}
    assert {"execve", "futex", "sendto"} <= used, trace.read_text()
    # SQLite gives its files to the owner of the database, where it is root: a unit's user is not.
    assert used - allowed() - ({"fchown"} if os.geteuid() == 0 else set()) == set()


def allowed() -> set[str]:
    """The system calls of the units' filter: all of them have the same."""
    (text,) = {
        "\n".join(re.findall(r"^SystemCallFilter=(.*)$", (EDGE / file).read_text(), re.MULTILINE))
        for file in UNITS.values()
    }
    may: set[str] = set()
    for line in text.splitlines():
        for group in line.removeprefix("~").split():
            of = calls(group) if group.startswith("@") else {group}
            may = may - of if line.startswith("~") else may | of
    return may


def calls(group: str) -> set[str]:
    """The system calls of one of systemd's groups."""
    found: set[str] = set()
    for line in systemd_analyze("syscall-filter", "--no-pager", group).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= calls(word)
        elif re.fullmatch(r"[a-z_0-9]+", word):
            found.add(word)
    return found
