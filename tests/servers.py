"""Real servers for tests: InfluxDB and mosquitto, each in its own folder, on free local ports."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_WITHIN_S = 90.0
STOP_WITHIN_S = 30.0
_MOST_KEPT = 200


class ServerMissingError(LookupError):
    """The program is not on this machine; the message says which, and how to get it."""


@dataclass(frozen=True, slots=True)
class InfluxServer:
    """Where an InfluxDB answers, and what it asks for."""

    url: str
    token: str | None = None
    org: str | None = None
    token_file: Path | None = None

    @property
    def config(self) -> str:
        """The keys of a config's `store` that lead to it, to stand between braces."""
        org = f', org: "{self.org}"' if self.org else ""
        token = f', token: {{file: "{self.token_file}"}}' if self.token else ""
        return f'kind: influxdb, url: "{self.url}"{org}{token}'


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


_PACKAGES = {"mosquitto": "mosquitto", "mosquitto_sub": "mosquitto-clients", "nginx": "nginx-light"}


_kept: deque[socket.socket] = deque(maxlen=_MOST_KEPT)


def free_port() -> int:
    """A port that nobody listens on, from the system; it is given to nobody else meanwhile.

    It stays bound here, without anybody listening: Linux lets a server listen beside that (all servers set
    SO_REUSEADDR), and gives the port neither to who asks for any nor to a connection that goes out.
    """
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _kept.append(probe)  # the oldest of many is closed
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


@contextmanager
def answering(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """A web server of one handler, in threads of its own; its address."""

    class Quiet(handler):  # type: ignore[misc, valid-type]
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
  auth-enabled = {auth}
"""
# Of servers that live as long as a test, on a loopback address.
_TOKEN, _ORG = "only-for-tests-0123456789", "fieldlab-tests"
INFLUX_PROGRAMS = {1: "influxd", 2: "influxd", 3: "influxdb3"}


@functools.cache
def influx_program(major: int) -> str:
    """The path of an InfluxDB's server of a major version; 1.x and 2.x have the same name."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin"]
    for folder in folders:
        found = shutil.which(INFLUX_PROGRAMS[major], path=folder)
        if found is not None and (major == 3 or _major(found) == major):
            return found
    hint = " (Debian, Ubuntu: apt install influxdb)" if major == 1 else ""
    raise ServerMissingError(f"no {INFLUX_PROGRAMS[major]} of InfluxDB {major} is on the PATH{hint}")


def _major(program: str) -> int | None:
    said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=30, check=False)
    told = re.search(r"InfluxDB v?(\d+)\.", said.stdout)
    return int(told[1]) if told else None


@contextmanager
def influxd(
    folder: Path, port: int | None = None, major: int = 1, *, auth: bool = False
) -> Iterator[tuple[InfluxServer, subprocess.Popen[bytes]]]:
    """A real InfluxDB; the same folder and port give the same data again.

    `auth` is of 1.x: 2.x always asks for a token, 3 never does here.
    """
    program = influx_program(major)
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    commands = {1: _command_1, 2: _command_2, 3: _command_3}
    command = commands[major](program, folder, port, auth)
    with running(command, folder, lambda: _pings(url)) as process:
        yield _onboarded(url, folder) if major == 2 else InfluxServer(url), process


def _command_1(program: str, folder: Path, port: int, auth: bool) -> list[str]:
    config = folder / "influxdb.conf"
    config.write_text(_INFLUX.format(folder=folder, port=port, rpc=free_port(), auth=str(auth).lower()))
    return [program, "run", "-config", str(config)]


def _command_2(program: str, folder: Path, port: int, _auth: bool) -> list[str]:
    places = [f"--bolt-path={folder}/influxd.bolt", f"--engine-path={folder}/engine"]
    silence = ["--reporting-disabled", "--ui-disabled", "--log-level=error"]
    return [program, "run", f"--http-bind-address=127.0.0.1:{port}", *places, *silence]


def _command_3(program: str, folder: Path, port: int, _auth: bool) -> list[str]:
    places = ["--node-id=tests", "--object-store=file", f"--data-dir={folder}"]
    return [program, "serve", f"--http-bind=127.0.0.1:{port}", *places, "--without-auth",
            "--disable-telemetry-upload"]  # fmt: skip


def _pings(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=1) as answer:  # noqa: S310 - our own server
            return answer.status in {200, 204}
    except OSError:
        return False


def _onboarded(url: str, folder: Path) -> InfluxServer:
    """A 2.x with its first user, organisation and token; the second time they are there."""
    where = f"{url}/api/v2/setup"
    with urllib.request.urlopen(where, timeout=60) as answer:  # noqa: S310 - our own server
        allowed = json.loads(answer.read())["allowed"]
    if allowed:
        wish = {"username": "tests", "password": _TOKEN, "org": _ORG, "bucket": "first", "token": _TOKEN}
        request = urllib.request.Request(where, json.dumps(wish).encode())  # noqa: S310
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310
    return given_influx(url, _TOKEN, _ORG, folder)


def given_influx(url: str, token: str | None, org: str | None, folder: Path) -> InfluxServer:
    """A server that is there already; its token goes to a file that configs can name."""
    file = folder / "token"
    if token:
        file.touch(0o600)
        file.write_text(token)
    return InfluxServer(url, token, org, file if token else None)


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
