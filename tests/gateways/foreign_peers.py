"""OPC UA servers that nobody here wrote, from tools/peers.sh: node-opcua's sample, Eclipse Milo."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers import ServerMissingError, free_port

CACHE = Path(__file__).resolve().parents[2] / ".cache"
SAMPLE = CACHE / "node-opcua" / "node_modules" / "node-opcua-samples" / "bin" / "simple_server.js"
START_WITHIN_S = 90.0


@contextmanager
def node_server(folder: Path) -> Iterator[int]:
    """node-opcua's sample server, on a port of its own, with its certificates in `folder`."""
    node = _program("node", "node-opcua", "npm")
    port = free_port()
    with _server([node, str(SAMPLE), "--port", str(port), "--silent"], port, folder):
        yield port


@contextmanager
def milo_server(folder: Path) -> Iterator[int]:
    """Eclipse Milo with a machine that counts, on a port of its own."""
    java = _program("java", "milo", "mvn")
    port = free_port()
    path = f"{CACHE}/milo/jars/*{os.pathsep}{CACHE}/milo/classes"
    with _server([java, "-Xmx128m", "-cp", path, "MiloMachine", str(port)], port, folder):
        yield port


def _program(name: str, folder: str, installer: str) -> str:
    program = shutil.which(name)
    if program is None or not (CACHE / folder / "installed").exists():
        raise ServerMissingError(f"{folder} is not installed (make test installs it where {installer} is)")
    return program


@contextmanager
def _server(command: Sequence[str], port: int, folder: Path) -> Iterator[None]:
    environment = os.environ | {"XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} did not start its server:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
