"""Real servers for tests: influxd and mosquitto of Debian, each in its own folder, on free local ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_WITHIN_S = 30.0
STOP_WITHIN_S = 10.0


class ServerMissingError(LookupError):
    """The program is not on this machine; the message says which, and how to get it."""


@dataclass(frozen=True, slots=True)
class InfluxServer:
    """Where an InfluxDB answers, and what it asks for."""

    url: str
    token: str | None = None
    org: str | None = None


@dataclass(frozen=True, slots=True)
class MosquittoServer:
    """Where a broker listens."""

    host: str
    port: int


def find_program(name: str) -> str:
    """The path of a program, also where only root's PATH has it (Debian keeps brokers in sbin)."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found = shutil.which(name, path=os.pathsep.join([*folders, "/usr/sbin", "/usr/local/sbin", "/sbin"]))
    if found is None:
        raise ServerMissingError(f"{name} is not installed (Debian, Ubuntu: apt install {_PACKAGES[name]})")
    return found


_PACKAGES = {"influxd": "influxdb", "mosquitto": "mosquitto"}


def free_port() -> int:
    """A port that nobody listens on, from the system."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], folder: Path, ready: Callable[[], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; its output goes to `server.log` in its folder."""
    log = folder / "server.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{command[0]} did not start: {tail}")
            time.sleep(0.02)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server: politely, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_WITHIN_S)


def listens(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


_INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
"""


@contextmanager
def influxd(folder: Path, port: int | None = None) -> Iterator[tuple[InfluxServer, subprocess.Popen[bytes]]]:
    """A real InfluxDB 1.x; the same folder and port give the same data again."""
    program = find_program("influxd")
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    config = folder / "influxdb.conf"
    config.write_text(_INFLUX.format(folder=folder, port=port, rpc=free_port()))
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/ping", timeout=1) as answer:  # noqa: S310 - our own server
                return bool(answer.status == 204)
        except OSError:
            return False

    with running([program, "run", "-config", str(config)], folder, ready) as process:
        yield InfluxServer(url), process


_MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
autosave_on_changes {save_at_once}
autosave_interval {interval}
max_queued_messages 0
max_inflight_messages 0
"""


@contextmanager
def mosquitto(
    folder: Path, port: int | None = None, *, save_at_once: bool = True
) -> Iterator[tuple[MosquittoServer, subprocess.Popen[bytes]]]:
    """A real mosquitto that keeps what it queues, as the documents tell users to set it up."""
    program = find_program("mosquitto")
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    config = folder / "mosquitto.conf"
    # Started by root it would become the user mosquitto, who may not write in our folder.
    user = "root" if os.geteuid() == 0 else "mosquitto"
    saving = {"save_at_once": str(save_at_once).lower(), "interval": 1 if save_at_once else 1800}
    config.write_text(_MOSQUITTO.format(port=port, folder=folder, user=user, **saving))
    with running([program, "-c", str(config)], folder, lambda: listens(port)) as process:
        yield MosquittoServer("127.0.0.1", port), process
