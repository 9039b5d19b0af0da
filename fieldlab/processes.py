"""Processes that belong together: started in order, restarted when they end, stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from fieldlab.services import pause
from fieldlab.surroundings import handed_on

READY_S: Final = 60.0
STOP_S: Final = 12.0
"""A gateway may take 10 s to drain."""
WRONG_USE: Final = 2
_PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_LONG_ENOUGH_S: Final = 60.0
_LINE_BYTES: Final = 1 << 20
_LAST_LINE_S: Final = 2.0
_PR_SET_PDEATHSIG: Final = 1


class PartFailed(Exception):  # noqa: N818 - named as what happened
    """A part could not be started, or was wrong in a way that starting again does not mend."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process.

    Attributes
    ----------
    name : str
        What its lines are marked with.
    command : tuple of str
    ready : callable or None
        Whether it does its work yet; None: it does from the start.
    env : mapping, or callable that returns one
        Added to the environment; a callable is asked as the process starts.
    takes : tuple of str
        What it gets of our own environment besides what every program may know, as in
        :func:`~fieldlab.surroundings.handed_on`.
    once : bool
        It does something and ends; what comes after waits for it.
    stop : int
        The signal that ends it in good order.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None
    env: Mapping[str, str] | Callable[[], Mapping[str, str]] = field(default_factory=dict)
    takes: tuple[str, ...] = ()
    once: bool = False
    stop: int = signal.SIGTERM


def listens(host: str, port: int) -> bool:
    """Whether anybody listens there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
        return True
    return False


_reserved: list[socket.socket] = []


def free_port() -> int:
    """A port of the loopback interface that nobody listens on, and that is given to nobody else.

    On Linux it stays bound here: servers may listen beside that, as all of ours are told to reuse addresses.
    """
    probe = socket.socket()
    if sys.platform == "linux":
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    port: int = probe.getsockname()[1]
    if sys.platform == "linux":
        _reserved.append(probe)
    else:
        probe.close()
    return port


class Processes:
    """Run parts until told to stop.

    Parameters
    ----------
    parts : sequence of Part
        Each is started once those before it are ready.
    say : callable
        Takes a line.
    """

    def __init__(self, parts: Sequence[Part], say: Callable[[str], None]) -> None:
        self._parts = parts
        self._say = say
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._last: dict[str, str] = {}
        self._lines: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Start all, keep them running until `stop`, and stop them.

        Raises
        ------
        PartFailed
            One never got ready, or ended for wrong use: all others are stopped.
        """
        keepers: list[asyncio.Task[None]] = []
        try:
            for part in self._parts:
                process = await self._start(part)
                if part.once:
                    await self._ended_well(part, process)
                    continue
                await self._until_ready(part, process, stop)
                if stop.is_set():
                    return
                keepers.append(asyncio.create_task(self._keep(part, process), name=part.name))
            waiting = asyncio.create_task(stop.wait())
            await asyncio.wait({waiting, *keepers}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            for keeper in keepers:
                if keeper.done():
                    keeper.result()
        finally:
            for keeper in keepers:
                keeper.cancel()
            await self._stop_all()

    async def _start(self, part: Part) -> asyncio.subprocess.Process:
        self._say(f"{part.name}: starting")
        more = part.env() if callable(part.env) else part.env
        process = await asyncio.create_subprocess_exec(
            *part.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**handed_on(os.environ, part.takes), "PYTHONUNBUFFERED": "1", **more},
            limit=_LINE_BYTES,
            start_new_session=True,  # Ctrl-C reaches them in order, by us
            preexec_fn=partial(_ends_with, os.getpid()) if sys.platform == "linux" else None,
        )
        self._running[part.name] = process
        self._lines[part.name] = asyncio.create_task(
            self._pass_on(part.name, process), name=f"{part.name}: lines"
        )
        return process

    async def _pass_on(self, name: str, process: asyncio.subprocess.Process) -> None:
        stream = process.stdout
        while stream is not None:
            try:
                line = await stream.readline()
            except ValueError:  # a line without end: what was read of it is dropped
                continue
            if not line:
                return
            self._last[name] = line.decode("utf-8", "replace").rstrip()
            self._say(f"{name}: {self._last[name]}")

    async def _ended_well(self, part: Part, process: asyncio.subprocess.Process) -> None:
        if await process.wait() != 0:
            raise await self._failed(part, process)
        del self._running[part.name]

    async def _until_ready(
        self, part: Part, process: asyncio.subprocess.Process, stop: asyncio.Event
    ) -> None:
        deadline = time.monotonic() + READY_S
        while part.ready is not None and not stop.is_set():
            if await asyncio.to_thread(part.ready):
                return
            if process.returncode is not None:
                raise await self._failed(part, process)
            if time.monotonic() > deadline:
                raise PartFailed(f"{part.name} was not ready within {READY_S:.0f} s")
            await pause(stop, 0.1)

    async def _keep(self, part: Part, process: asyncio.subprocess.Process) -> None:
        """Start it again whenever it ends, after longer and longer pauses while it ends at once."""
        failures = 0
        while True:
            began = time.monotonic()
            status = await process.wait()
            if status == WRONG_USE:
                raise await self._failed(part, process)
            failures = 0 if time.monotonic() - began > _LONG_ENOUGH_S else failures + 1
            wait_s = _PAUSES_S[min(failures, len(_PAUSES_S)) - 1] if failures else _PAUSES_S[0]
            self._say(f"{part.name}: ended with status {status}; starting it again in {wait_s:.0f} s")
            await asyncio.sleep(wait_s)
            process = await self._start(part)

    async def _failed(self, part: Part, process: asyncio.subprocess.Process) -> PartFailed:
        # Its end may be known before its last line is read; who it started may keep its output open.
        await asyncio.wait({self._lines[part.name]}, timeout=_LAST_LINE_S)
        said = self._last.get(part.name, "it said nothing")
        return PartFailed(f"{part.name} ended with status {process.returncode}: {said}")

    async def _stop_all(self) -> None:
        signals = {part.name: part.stop for part in self._parts}
        for name, process in reversed(self._running.items()):
            if process.returncode is not None:
                continue
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signals[name])
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                self._say(f"{name}: did not stop within {STOP_S:.0f} s; killed")
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


def _ends_with(parent: int) -> None:
    """Linux: a process that loses its parent is told to end, so that none is left behind by a kill -9."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent's handler would only note it
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # killed before this was asked for, of which nobody is told
        os.kill(os.getpid(), signal.SIGTERM)
