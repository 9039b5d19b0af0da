"""What a source is. A new driver: one file, one line in `DRIVERS`, one subclass of the contract test."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final

from fieldlab_configs import DriverSource, Signal, Site
from gateways.clock import GatewayClock
from gateways.errors import SourceRefused
from gateways.life import Life
from gateways.sink import Sink
from gateways.source_life import SourceLife

DRIVERS: Final[Mapping[str, str]] = {
    # kind in the configuration -> where its driver is; imported only where a gateway uses it
    "opcua": "gateways.opcua:OpcUa",
    "mqtt": "gateways.mqtt:Mqtt",
    "sparkplug": "gateways.sparkplug:Sparkplug",
}

EVERY_SIGNAL: Final = "none"


@dataclass(frozen=True, slots=True)
class Point:
    """One signal of one machine that a source has to bring.

    Attributes
    ----------
    machine, name : str
        Ids of the configuration; the name is the role or the measurement's own.
    signal : Signal
        Where it is found, and how it is read.
    """

    machine: str
    name: str
    signal: Signal


@dataclass(frozen=True, slots=True)
class Context:
    """What a gateway gives each of its sources.

    Attributes
    ----------
    fieldlab, gateway : str
        Whose source it is.
    sink : Sink
        Takes what the source brings; waits by itself while the spool is full.
    clock : GatewayClock
        Of the gateway.
    life : Life or SourceLife
        Takes proof of life and its end.
    folder : Path or None
        Where a source may keep what it must know after a restart.
    certificates : dict of str to int
        By source: days until the first certificate ends that it uses. A source writes its own.
    """

    fieldlab: str
    gateway: str
    sink: Sink
    clock: GatewayClock
    life: Life | SourceLife
    folder: Path | None = None
    certificates: dict[str, int] = field(default_factory=dict)

    def file(self, name: str) -> Path | None:
        """Where a source may keep a file of that name; None where nothing is kept."""
        return None if self.folder is None else self.folder / f"{self.gateway}.{name}"


class Source(ABC):
    """A connection to machines, kept alive until it is told to stop.

    Parameters
    ----------
    context : Context
        What the gateway gives.
    name : str
        Id of the source in the configuration.
    config : model
        Its configuration.
    points : tuple of Point
        What it has to bring.
    """

    kind: ClassVar[str]

    def __init__(self, context: Context, name: str, config: Any, points: tuple[Point, ...]) -> None:
        self.context = context
        self.name = name
        self.config = config
        self.points = points
        self.machines: Final = tuple(dict.fromkeys(point.machine for point in points))

    def follow(self, before: Source) -> None:  # noqa: B027 - most have nothing to take over
        """Take the place of one that was configured otherwise and has stopped; called before `run`."""

    @abstractmethod
    async def run(self, stop: asyncio.Event) -> None:
        """Bring samples until `stop`, whatever the other side does.

        Connects and reconnects by itself. Returns within 2 s of `stop`, with all that was accepted
        acknowledged. Raises SourceRefused where only another configuration helps; any other
        exception is a defect, after which the gateway starts the source anew.
        """


def points_of(site: Site, source: str) -> tuple[Point, ...]:
    """Every signal that a source has to bring, in the order of the configuration."""
    return tuple(
        Point(machine.id, name, signal)
        for machine in site.machines()
        for name, signal in machine.signals.items()
        if signal.source == source
    )


def make(site: Site, context: Context, name: str) -> Source:
    """The driver of a source of the configuration, not yet connected."""
    config = site.sources[name]
    kind = config.driver if isinstance(config, DriverSource) else config.kind
    if kind not in DRIVERS:
        raise SourceRefused(f"there is no driver {kind}; there are {', '.join(DRIVERS)}")
    module, _, driver = DRIVERS[kind].partition(":")
    source = getattr(import_module(module), driver)(context, name, config, points_of(site, name))
    if not isinstance(source, Source):
        raise TypeError(f"{DRIVERS[kind]} is not a Source")
    return source


class Backoff:
    """Waits that double, with jitter, so that a fleet does not come back as one.

    Parameters
    ----------
    first_s, most_s : float
        The first wait and the longest. [s]
    """

    def __init__(self, first_s: float = 0.25, most_s: float = 30.0) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._next_s = self._first_s

    async def wait(self, stop: asyncio.Event) -> None:
        """Wait, or return at once when `stop` is set."""
        wait_s = self._next_s * random.uniform(0.75, 1.0)  # noqa: S311 - jitter, not a secret
        self._next_s = min(self._next_s * 2, self._most_s)
        await wait_for(stop, wait_s)


async def wait_for(event: asyncio.Event, timeout_s: float | None) -> bool:
    """Wait for an event at most so long; whether it is set."""
    await first_of(event, timeout_s=timeout_s)
    return event.is_set()


async def first_of(*events: asyncio.Event, timeout_s: float | None) -> None:
    """Wait for the first of several events, at most so long."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def unless_stopped(
    stop: asyncio.Event, *works: Coroutine[Any, Any, None], within_s: float | None = None
) -> bool:
    """Do some work until one piece of it ends or `stop` is set; whether it ended by itself.

    Raises
    ------
    TimeoutError
        If neither happened in time.
    """
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(work) for work in works]
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait(
            {*tasks, stopping}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
        )
        for task in tasks:
            if task in done:
                task.result()
        if not done:
            raise TimeoutError
        return stopping not in done
    finally:
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
