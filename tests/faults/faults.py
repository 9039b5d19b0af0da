"""The faults, each for as long as a block lasts. Tests and soak use the same ones."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tests.faults.proxy import answering
from tests.faults.world import World

Block = AbstractContextManager[None]

HTML = b"<html><body>Please log in to the guests' network</body></html>"
ANSWERS = {
    "413 of large bodies": lambda: too_large(1500),
    "401": lambda: answering("401 Unauthorized", b'{"error": "unable to parse authentication credentials"}'),
    "404": lambda: answering("404 Not Found", b'{"error": "database not found: \\"lab_raw\\""}'),
    "200 with HTML": lambda: answering("200 OK", HTML, Content_Type="text/html"),
    "307": lambda: answering("307 Temporary Redirect", Location="http://127.0.0.1:1/write"),
    "502 that is not UTF-8": lambda: answering("502 Bad Gateway", b"\xff\xfe\xfa upstream"),
    "503 with Retry-After": lambda: answering("503 Service Unavailable", b"busy", Retry_After="1"),
}
"""What the store, or something before it, says to writes."""


def too_large(most: int) -> Callable[[bytes], bytes | None]:
    """A server that takes no body beyond some bytes."""
    answer = answering("413 Request Entity Too Large")
    return lambda request: answer(request) if len(request) > most else None


@contextmanager
def gateway_killed(world: World) -> Iterator[None]:
    """Kill -9; started again at the end."""
    world.kill_gateway()
    try:
        yield
    finally:
        world.start_gateway()


@contextmanager
def influxd_killed(world: World) -> Iterator[None]:
    """Kill -9; started again at the end."""
    world.kill_influxd()
    try:
        yield
    finally:
        world.start_influxd()


@contextmanager
def broker_stopped(world: World) -> Iterator[None]:
    """Stopped politely, so that it keeps what it holds; started again at the end."""
    world.stop_broker()
    try:
        yield
    finally:
        world.start_broker()


@contextmanager
def store_answers(world: World, name: str) -> Iterator[None]:
    """Another answer to every write, see ANSWERS."""
    with world.store.switched(forged=ANSWERS[name]()):
        yield


@contextmanager
def store_swallowed(world: World) -> Iterator[None]:
    """Writes get through, their answers do not."""
    with world.store.switched(swallowing=True):
        yield
    world.store.reset()


def store_drips(world: World, byte_s: float) -> Block:
    """A byte of an answer takes so long."""
    return world.store.switched(drip_s=byte_s)


@contextmanager
def disk_full(folder: Path) -> Iterator[None]:
    """Somebody else has filled the disk that a folder lies on; in the end it is freed."""
    ballast = folder / "somebody-elses"
    try:
        with ballast.open("wb", buffering=0) as file:
            size = 65_536
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2
        yield
    finally:
        ballast.unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own; OSError where this user may not mount one."""
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        raise OSError("there is no mount")
    command = [mount, "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"cannot mount a small disk: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextmanager
def poisoned(world: World, kind: str, every: int) -> Iterator[None]:
    """Every so manyth message is poison."""
    world.tell("poison", kind, every)
    try:
        yield
    finally:
        world.tell("poison", "garbage", 0)


def lasting(seconds: float, *faults: Block) -> None:
    """Several faults at once, for so long."""
    with ExitStack() as all_at_once:
        for fault in faults:
            all_at_once.enter_context(fault)
        time.sleep(seconds)
