"""Where a driver's samples go: the part of the pipeline that gateways need, and patience with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from gateways.rollup import Rollup
from ingest.errors import SpoolUnavailable
from ingest.pipeline import Gap, Link
from ingest.samples import Sample

__all__ = ["Gap", "Link", "PatientSink", "Sample", "Sink", "SpoolUnavailable"]

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 2.0


class Sink(Protocol):
    """What takes samples, heartbeats, gaps and dead letters; `ingest.pipeline.Pipeline` is one.

    Every call returns once its content is durable, and raises SpoolUnavailable where it can not be.
    """

    async def accept(self, samples: Sequence[Sample]) -> None:
        """Take samples; after it returns they may be acknowledged to their machine."""
        ...

    async def links(self, beats: Sequence[Link]) -> None:
        """Take heartbeats."""
        ...

    async def gap(self, gap: Gap) -> None:
        """Take the record of a loss."""
        ...

    async def undecodable(self, source: str, origin: str, payload: bytes, reason: str) -> None:
        """Take a message that cannot be read, as a dead letter."""
        ...


class PatientSink:
    """A sink that waits while the spool takes nothing, so that a driver never has to.

    While it waits the driver acknowledges nothing and reads nothing more: that is the back-pressure.

    Parameters
    ----------
    sink : Sink
        The real one.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._rollup = Rollup(log)

    @property
    def trouble(self) -> str | None:
        """Why the spool takes nothing now; None where it does."""
        return self._rollup.trouble

    async def accept(self, samples: Sequence[Sample]) -> None:
        """Take samples."""
        await self._until_taken(lambda: self._sink.accept(samples))

    async def links(self, beats: Sequence[Link]) -> None:
        """Take heartbeats."""
        await self._until_taken(lambda: self._sink.links(beats))

    async def gap(self, gap: Gap) -> None:
        """Take the record of a loss."""
        await self._until_taken(lambda: self._sink.gap(gap))

    async def undecodable(self, source: str, origin: str, payload: bytes, reason: str) -> None:
        """Take a message that cannot be read."""
        await self._until_taken(lambda: self._sink.undecodable(source, origin, payload, reason))

    async def _until_taken(self, call: Callable[[], Awaitable[None]]) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                await call()
            except SpoolUnavailable as error:
                self._rollup.failed(f"the spool takes nothing, so nothing is acknowledged: {error}")
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            else:
                if self._rollup.trouble is not None:
                    self._rollup.recovered("the spool takes samples again")
                return
