"""A simulation in a process of its own: lines of JSON in, lines of JSON out.

The demo runs its machines so: a second processor works for them, and what the product's own process
is busy with can not slow the machines down.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.errors import CannotSimulate, NobodyListens, PortBusy

if TYPE_CHECKING:  # the process that starts it does without its imports
    from simulator.lesson import Lesson

SHORTEN = "shorten"
_STOP_WITHIN_S = 2.0
_LOOK_S = 0.5
_ERRORS: Mapping[str, type[Exception]] = {
    kind.__name__: kind for kind in (CannotSimulate, NobodyListens, PortBusy)
}


@dataclass(frozen=True, slots=True)
class Order:
    """What to simulate; see :class:`simulator.serve.Simulation`."""

    config: str
    seed: int
    start_ns: int
    speed: float
    faults: tuple[str, ...] = ()
    planned_s: float | None = None
    teach: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What really happened.

    Attributes
    ----------
    now_ns : int
        Where simulated time ended.
    truth : dict
        Per machine; see :meth:`simulator.serve.Simulation.truth`.
    """

    now_ns: int
    truth: Mapping[str, Mapping[str, Any]]


class Child:
    """The process, seen from outside; made by :func:`simulation`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.result: asyncio.Task[Result] | None = None
        self.lesson: Mapping[str, Any] = {}
        """What there is to know for exercises; see :meth:`simulator.lesson.Lesson.told`."""

    async def ready(self, stop: asyncio.Event) -> bool:
        """Wait until every machine is served, its clock standing still; False if `stop` came first."""
        answer = asyncio.create_task(self._answer("ready"), name="machines ready")
        stopped = asyncio.create_task(stop.wait(), name="stopped before ready")
        try:
            await asyncio.wait((answer, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                return False
            answer.result()
            return True
        finally:
            answer.cancel()
            stopped.cancel()

    def run(self) -> asyncio.Task[Result]:
        """Let time pass, as long as planned or until :meth:`stop`."""
        self._tell("run")
        self.result = asyncio.create_task(self._result(), name="simulated machines")
        return self.result

    def stop(self) -> None:
        """Let time stand still; the result follows."""
        self._tell("stop")

    def shorten(self) -> None:
        """Halve the micro stops; see :meth:`simulator.lesson.Lesson.shorten`."""
        self._tell(SHORTEN)

    async def _result(self) -> Result:
        told = await self._answer("result")
        return Result(told["now_ns"], told["truth"])

    def _tell(self, word: str) -> None:
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(f"{word}\n".encode())

    async def _answer(self, name: str) -> dict[str, Any]:
        if self._process.stdout is None:
            raise RuntimeError("the process of the simulated machines has no output to read")
        told: dict[str, Any] = {"is": "lesson", "lesson": self.lesson}
        while told["is"] == "lesson":
            self.lesson = told["lesson"]
            line = await self._process.stdout.readline()
            if not line:
                raise CannotSimulate("the process of the simulated machines ended without a word")
            told = json.loads(line)
        if told["is"] == "error":
            raise _ERRORS.get(told["kind"], CannotSimulate)(told["message"])
        if told["is"] != name:
            raise RuntimeError(f"expected {name}, got {told['is']}")
        return told


@asynccontextmanager
async def simulation(order: Order) -> AsyncIterator[Child]:
    """Start a simulation in a process of its own; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator.child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
        start_new_session=True,  # Ctrl-C in a terminal is for us, who tell it when to stop
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    child = Child(process)
    child._tell(json.dumps(asdict(order)))  # noqa: SLF001 - its own maker
    try:
        yield child
    finally:
        if child.result is not None:
            child.result.cancel()
        # It has told all there is to tell. To take leave of a broker that is gone would cost it seconds.
        with suppress(ProcessLookupError):
            process.terminate()
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()


# -- the process itself


def _say(what: str, **content: object) -> None:
    print(json.dumps({"is": what, **content}), flush=True)


async def _serve(order: Order, lines: asyncio.StreamReader) -> None:
    # Only the process itself needs the servers: whoever starts it does without their second of imports.
    from fieldlab_configs import load  # noqa: PLC0415
    from simulator.serve import Simulation  # noqa: PLC0415

    site = load(Path(order.config))
    async with Simulation(
        site,
        seed=order.seed,
        start_ns=order.start_ns,
        speed=order.speed,
        faults=order.faults,
        planned_s=order.planned_s,
        teach=(lambda told: _say("lesson", lesson=told)) if order.teach else None,
    ) as machines:
        # An OPC UA address space is a hundred thousand objects that stay: to look through them while they
        # are made, or ever again, is half of the time it takes.
        gc.freeze()
        gc.enable()
        _say("ready")
        if not await lines.readline():
            return
        until_ns = order.start_ns + round(order.planned_s * 1e9) if order.planned_s else None
        watching = asyncio.create_task(_listen(lines, machines.lesson))
        watching.add_done_callback(lambda _: machines.stop())
        await machines.run(until_ns)
        await machines.settled()
        truth = {machine.id: machines.truth(machine.id) for machine in site.machines()}
        _say("result", now_ns=machines.now_ns, truth=truth)
        # Serve on, clock standing still, until we are told to end.
        if await watching:
            await lines.readline()


async def _listen(lines: asyncio.StreamReader, lesson: Lesson | None) -> bytes:
    """What is asked while time passes; returns the word that ends it."""
    while (word := await lines.readline()) == f"{SHORTEN}\n".encode():
        if lesson is not None:
            lesson.shorten()
    return word


async def _main() -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    told = json.loads(await lines.readline())
    order = Order(**{**told, "faults": tuple(told["faults"])})
    try:
        await _serve(order, lines)
    except (CannotSimulate, NobodyListens, PortBusy) as error:
        _say("error", kind=type(error).__name__, message=str(error))


def _end_with(parent: int) -> None:
    """End at once when whoever started us is gone: killed, it could not tell us."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)  # nobody is left to hear of it, and a long step would outlive every polite way


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What its servers complain of (a client that was cut off) is what a fault is for, and no news to anybody.
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    gc.disable()
    asyncio.run(_main())
