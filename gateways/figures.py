"""How each source of a gateway is doing: counted where its samples pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateways.sink import Gap, Link, Sample, Sink


@dataclass(slots=True)
class SourceFigures:
    """What one source has brought since the gateway started.

    Attributes
    ----------
    samples, letters, gaps : int
        Handed over and durable.
    failures : int
        How often its driver had to be started anew.
    last_s : float or None
        When it last brought anything; monotonic seconds.
    refused : str or None
        Why it does not run, where only another configuration helps.
    """

    samples: int = 0
    letters: int = 0
    gaps: int = 0
    failures: int = 0
    last_s: float | None = None
    refused: str | None = None


class CountingSink:
    """A sink that counts what a source hands over.

    Parameters
    ----------
    sink : Sink
        The real one.
    figures : SourceFigures
        The source's.
    steady_s : callable
        Monotonic seconds.
    """

    def __init__(
        self, sink: Sink, figures: SourceFigures, steady_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._sink = sink
        self._figures = figures
        self._steady_s = steady_s

    async def accept(self, samples: Sequence[Sample]) -> None:
        """Take samples."""
        await self._sink.accept(samples)
        self._figures.samples += len(samples)
        self._figures.last_s = self._steady_s()

    async def links(self, beats: Sequence[Link]) -> None:
        """Take heartbeats."""
        await self._sink.links(beats)

    async def gap(self, gap: Gap) -> None:
        """Take the record of a loss."""
        await self._sink.gap(gap)
        self._figures.gaps += 1

    async def undecodable(self, source: str, origin: str, payload: bytes, reason: str) -> None:
        """Take a message that cannot be read."""
        await self._sink.undecodable(source, origin, payload, reason)
        self._figures.letters += 1
        self._figures.last_s = self._steady_s()
