"""The order that kill -9 cannot show: what is acknowledged was synced to disk before, as strace saw it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fieldlab_configs import load
from tests import servers
from tests.faults.world import REPOSITORY
from tests.gateways.mqtt_peer import Publisher

pytestmark = pytest.mark.service

_CONFIG = """
fieldlab: lab
timezone: UTC
lines:
  - id: l1
    machines: [{{id: m1, ideal_cycle_time_s: 1, signals: {{total_count: {{source: b, topic: lab/m1}}}}}}]
sources: {{b: {{kind: mqtt, host: 127.0.0.1, port: {port}}}}}
gateways: {{g: {{sources: [b]}}}}
store: {{kind: embedded, path: lab.db}}
"""
_TWO_THREADS = r"""
7     recvfrom(9<socket:[4]>,  <unfinished ...>
8     fdatasync(5</a/spool/x> <unfinished ...>
7     <... recvfrom resumed>"\x32", 1, 0, NULL, NULL) = 1
8     <... fdatasync resumed>)         = 0
7     sendto(9<socket:[4]>, "\x40\x02\x00\x01", 4, 0, NULL, 0) = 4
7     sendto(9<socket:[4]>, "\x40\x02\x00\x02", 4, 0, NULL, 0 <unfinished ...>
8     fdatasync(5</a/spool/x>)         = 0
7     <... sendto resumed>)            = 4
7     recvfrom(9<socket:[4]>, "\x32", 1, 0, NU
"""
_SYNC = re.compile(r"f(?:data)?sync\(\d+<(?P<path>[^>]*)>")
_RECEIVED = re.compile(r'recvfrom\(\d+<[^>]*>, "(?P<data>.*?)"(?:\.\.\.)?, \d+')
_SENT = re.compile(r'sendto\(\d+<[^>]*>, "(?P<data>.*?)"(?:\.\.\.)?, \d+')
_PUBLISH, _PUBACK = r"\x32", r"\x40\x02"


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A gateway under strace, subscribed; its trace, and the broker's port."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (Debian, Ubuntu: apt install strace)")
    try:
        with servers.mosquitto(tmp_path / "broker", save_at_once=False) as (broker, _):
            config = tmp_path / "lab.yaml"
            config.write_text(_CONFIG.format(port=broker.port))
            load(config)
            trace = tmp_path / "trace"
            calls = "trace=fsync,fdatasync,sendto,recvfrom"
            command = [strace, "-f", "-y", "-xx", "-s", "64", "-e", calls, "-o", str(trace)]
            command += [sys.executable, "-m", "fieldlab", "gateway", str(config)]
            with (tmp_path / "log").open("wb") as log:
                process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
            try:
                wait(lambda: seen(trace, r"\x90"), process, tmp_path / "log")  # SUBACK
                yield trace, broker.port
            finally:
                # strace passes no signal on; with what it traces it ends.
                traced = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                for child in traced:
                    os.kill(int(child), signal.SIGTERM)
                process.wait(90)
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))


def seen(trace: Path, head: str) -> bool:
    """Whether a packet with that first byte was received."""
    return any(
        (m := _RECEIVED.search(call)) is not None and m["data"].startswith(head) for call in calls(trace)
    )


def wait(condition: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    """Until something holds, while the gateway runs; a system that allows no tracing is named."""
    deadline = time.monotonic() + 150
    while not condition():
        if process.poll() is not None:
            said = log.read_text(errors="replace")
            if "ptrace" in said or "not permitted" in said:
                pytest.skip(f"strace may not trace here: {said.strip().splitlines()[-1]}")
            raise AssertionError(said[-2000:])
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
        time.sleep(0.05)


def test_what_is_acknowledged_was_synced_before(traced: tuple[Path, int]) -> None:
    """Message by message: received, the spool synced, acknowledged; never acknowledged first."""
    trace, port = traced
    machine = Publisher(port)
    for n in range(1, 11):
        machine.publish("lab/m1", str(n))
        deadline = time.monotonic() + 90
        while len(acknowledgements(trace)) < n:
            assert time.monotonic() < deadline, f"message {n} is not acknowledged"
            time.sleep(0.02)
    machine.close()
    events = list(order(trace))
    for n, place in enumerate(acknowledgements(trace), 1):
        received = max(i for i in range(place) if events[i] == "received")
        between = events[received:place]
        assert "synced" in between, f"message {n}: {between}"
    assert events.count("received") == 10


def calls(trace: Path) -> Iterator[str]:
    """The calls in the order of their ends; what another thread interrupted is put together again.

    A sending has its place where it begins: what is synced before its end may be synced too late.
    """
    begun: dict[str, str] = {}
    written = trace.read_text(errors="replace") if trace.exists() else ""
    for line in written.splitlines(keepends=True):
        thread, _, call = (part.strip() for part in line.partition(" "))
        if not line.endswith("\n"):
            return  # half a line: strace is still writing it
        if call.endswith("<unfinished ...>") and call.startswith("sendto("):
            yield call
        elif call.startswith("<... sendto resumed>"):
            continue
        elif call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>")
        elif "resumed>" in call:
            # Between what was begun and its end strace leaves one space or two.
            yield begun.pop(thread, "").rstrip() + " " + call.partition("resumed>")[2].lstrip()
        else:
            yield call


def test_a_call_that_another_thread_interrupts_is_read_whole(tmp_path: Path) -> None:
    """As strace writes two threads at once, and a line it has not ended; a sending counts as it begins."""
    trace = tmp_path / "trace"
    trace.write_text(_TWO_THREADS.removeprefix("\n").removesuffix("\n"))
    assert list(order(trace)) == ["received", "synced", "acknowledged", "acknowledged", "synced"]


def order(trace: Path) -> Iterator[str]:
    """What happened, in the order of the kernel: a sending where it begins, all else where it ends."""
    for call in calls(trace):
        if (found := _SYNC.search(call)) and "/spool/" in path(found["path"]) and call.endswith("= 0"):
            yield "synced"
        elif (found := _SENT.search(call)) and found["data"].startswith(_PUBACK):
            yield "acknowledged"
        elif (found := _RECEIVED.search(call)) and found["data"].startswith(_PUBLISH):
            yield "received"


def path(text: str) -> str:
    """A path of strace, which -xx writes in hexadecimal too."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)


def acknowledgements(trace: Path) -> list[int]:
    """Where in the order an acknowledgement is sent."""
    return [place for place, what in enumerate(order(trace)) if what == "acknowledged"]
