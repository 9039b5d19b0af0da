"""What the tests of gateways share: a sink that collects, a site of one machine, polling with a deadline."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fieldlab_configs import Dated, Gateway, Line, Machine, Signal, Site, Spool
from gateways import gateway
from gateways.clock import GatewayClock
from gateways.sink import Gap, Link
from ingest.errors import SpoolUnavailable
from ingest.samples import Sample

S = 1_000_000_000


@dataclass
class Collector:
    """A sink that keeps what it took; while `available` is False it takes nothing and says so."""

    available: bool = True
    samples: list[Sample] = field(default_factory=list)
    beats: list[Link] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    letters: list[tuple[str, str, bytes, str]] = field(default_factory=list)
    refused: int = 0

    def _check(self) -> None:
        if not self.available:
            self.refused += 1
            raise SpoolUnavailable("the disk is full")

    async def accept(self, samples: Sequence[Sample]) -> None:
        await asyncio.sleep(0)
        self._check()
        self.samples.extend(samples)

    async def links(self, beats: Sequence[Link]) -> None:
        await asyncio.sleep(0)
        self._check()
        self.beats.extend(beats)

    async def gap(self, gap: Gap) -> None:
        self._check()
        self.gaps.append(gap)

    async def undecodable(self, source: str, origin: str, payload: bytes, reason: str) -> None:
        self._check()
        self.letters.append((source, origin, payload, reason))

    def of(self, signal: str, machine: str = "m1") -> list[Sample]:
        return [s for s in self.samples if s.signal == signal and s.machine == machine]

    def values(self, signal: str, machine: str = "m1") -> list[float | str | None]:
        return [s.value for s in self.of(signal, machine)]

    def life(self, machine: str = "m1") -> list[tuple[int, bool]]:
        return [(b.time_ns, b.up) for b in self.beats if b.machine == machine]

    def is_up(self, machine: str = "m1") -> bool:
        beats = self.life(machine)
        return bool(beats) and beats[-1][1]


@dataclass
class Hands:
    """Clocks that move only by hand; nanoseconds."""

    wall: int = 1_800_000_000 * S
    steady: int = 5 * S

    def clock(self, kind: str = "system") -> GatewayClock:
        return GatewayClock(kind, wall_ns=lambda: self.wall, steady_ns=lambda: self.steady)  # type: ignore[arg-type]

    def pass_s(self, seconds: float) -> None:
        self.wall += round(seconds * S)
        self.steady += round(seconds * S)


async def until(condition: Callable[[], object], within_s: float = 60.0, what: object = None) -> None:
    """Poll until something holds; fail with `what` where it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what() if callable(what) else what}")
        await asyncio.sleep(0.01)


def site(
    source: object,
    signals: dict[str, Signal],
    *,
    heartbeat_s: float = 10.0,
    clock: str = "system",
    spool: Path | None = None,
) -> Site:
    """A fieldlab of one machine, m1, behind one source, src; `spool`: a folder that outlives a gateway."""
    machine = Machine(id="m1", line=Dated(((0, "line"),)), signals=signals)
    return Site(
        fieldlab="lab",
        timezone=Dated(((0, "UTC"),)),
        heartbeat_s=heartbeat_s,
        lines=(Line(id="line", bottleneck="m1", output="m1", machines=(machine,)),),
        sources={"src": source},
        gateways={"edge": Gateway(sources=("src",), clock=clock, spool=Spool(path=spool or Path("none")))},  # type: ignore[arg-type]
    )


class CutOff(logging.Handler):
    """Keeps what the gateway says of sources that do not stop."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "did not stop in time" in (said := record.getMessage()):
            self.said.append(said)


@asynccontextmanager
async def running(
    fieldlab: Site, sink: object, clock: GatewayClock | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """A gateway that runs for the length of the block and must then stop by itself.

    A source that does not is cut off by the gateway after 2.5 s, which says so: no such word may come. The
    8 s are against what hangs beside the sources, and leave a busy machine its time.
    """
    stop = asyncio.Event()
    cut_off = CutOff()
    logging.getLogger("gateways").addHandler(cut_off)
    clock = clock or GatewayClock("system")
    task = asyncio.create_task(gateway.run(fieldlab, "edge", sink, clock, stop=stop))  # type: ignore[arg-type]
    try:
        yield task
    finally:
        stop.set()
        began = time.monotonic()
        await asyncio.wait_for(task, 60)
        took = time.monotonic() - began
        logging.getLogger("gateways").removeHandler(cut_off)
    assert not cut_off.said, cut_off.said
    assert took < 8.0, f"stopping took {took:.1f} s"
