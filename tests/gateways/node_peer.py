"""node-opcua's sample server, as tools/peers.sh installed it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import ServerMissingError, free_port

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "node-opcua"
SCRIPT = CACHE / "node_modules" / "node-opcua-samples" / "bin" / "simple_server.js"
START_WITHIN_S = 90.0


@contextmanager
def node_server(folder: Path) -> Iterator[int]:
    """The server, on a port of its own, with its certificates in `folder`."""
    node = shutil.which("node")
    if node is None or not SCRIPT.exists() or not (CACHE / "installed.json").exists():
        raise ServerMissingError("node-opcua's sample server is not installed (make test installs it by npm)")
    port = free_port()
    environment = os.environ | {"XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [node, str(SCRIPT), "--port", str(port), "--silent"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
        )
    try:
        _await_port(process, port, folder / "log")
        yield port
    finally:
        process.kill()
        process.wait()


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"node-opcua's server did not start:\n{log.read_text()[-2000:]}")
