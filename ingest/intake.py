"""What comes in for a gateway's spool: many requests in one transaction, each told how its own ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from fieldlab_configs import Site
from ingest.account import DeadLetter, Gap
from ingest.assembled import BATCH_ROWS, Assembled, Numbers
from ingest.assembler import Assembler
from ingest.batches import Batch
from ingest.errors import SpoolUnavailable, SpoolUncertain
from ingest.frames import decode
from ingest.rows import link_tags
from ingest.samples import Sample
from ingest.spool import KEEP_SAMPLES, Spool
from ingest.store import Row

log = logging.getLogger(__name__)

_QUEUE: Final = 256

InThread = Callable[[Callable[[], None]], Awaitable[None]]
"""Has something done in the spool's thread."""


@dataclass(frozen=True, slots=True)
class Link:
    """A heartbeat: whether a source's link to a machine is up at a time.

    Attributes
    ----------
    source, machine : str
    up : bool
    time_ns : int
    """

    source: str
    machine: str
    up: bool
    time_ns: int


@dataclass(slots=True)
class Request:
    """Something to commit, and who waits for it."""

    done: asyncio.Future[None]
    samples: Sequence[Sample] = ()
    beats: Sequence[Link] = ()
    gaps: Sequence[Gap] = ()
    dead: Sequence[DeadLetter] = field(default_factory=list)


class Intake:
    """The way of samples, heartbeats and losses into a spool.

    Parameters
    ----------
    site : Site
    gateway : str
    spool : Spool
    in_thread : callable
        Has something done in the spool's thread, in which alone it may be used.
    committed : callable
        Called after each transaction, before those who wait for it are told.
    """

    def __init__(
        self, site: Site, gateway: str, spool: Spool, in_thread: InThread, committed: Callable[[], None]
    ) -> None:
        self._fieldlab = site.fieldlab
        self._gateway = gateway
        self._spool = spool
        self._in_thread = in_thread
        self._committed = committed
        self._assembler = Assembler(site, gateway)
        self._requests: asyncio.Queue[Request] = asyncio.Queue(_QUEUE)

    def start(self) -> None:
        """Remember what the open spool took last; in its thread."""
        for batch in self._spool.newest(KEEP_SAMPLES):
            self._assembler.remember(decode(batch.payload).rows)

    async def adopt(self, site: Site) -> None:
        """Go over to another configuration, between two transactions."""
        await self._in_thread(lambda: self._assembler.adopt(site))

    async def commit(
        self,
        *,
        samples: Sequence[Sample] = (),
        beats: Sequence[Link] = (),
        gaps: Sequence[Gap] = (),
        dead: Sequence[DeadLetter] = (),
    ) -> None:
        """Take all of it or nothing; SpoolUnavailable where it could not be made durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._requests.put(Request(done, samples, beats, gaps, dead))
        await done

    async def run(self) -> None:
        """Commit what comes in, until cancelled."""
        while True:
            requests = [await self._requests.get()]
            samples = len(requests[0].samples)
            while samples < BATCH_ROWS and not self._requests.empty():
                requests.append(self._requests.get_nowait())
                samples += len(requests[-1].samples)
            try:
                await self._in_thread(lambda group=requests: self._write(group))  # type: ignore[misc]  # bound now
            except asyncio.CancelledError:
                _settle(requests, SpoolUnavailable("the pipeline is closing"))
                raise
            except SpoolUnavailable as error:
                _settle(requests, error)
            except Exception as error:
                # Supervision: whatever one group met, the gateway goes on, and nothing of it is acknowledged.
                log.exception("gateway %s: a group of samples could not be committed", self._gateway)
                _settle(requests, SpoolUnavailable(f"samples could not be committed: {error!r}"))
            else:
                self._committed()
                _settle(requests, None)

    def refuse_the_rest(self) -> None:
        """Tell all who still wait that nothing more is taken."""
        while not self._requests.empty():
            _settle([self._requests.get_nowait()], SpoolUnavailable("the pipeline is closed"))

    def _write(self, requests: Sequence[Request]) -> None:
        """All of several requests in one transaction."""
        try:
            made = self._assembler.take(list(chain.from_iterable(r.samples for r in requests)))
            self._spool.append(
                [*made.batches(), *self._beats(requests)],
                [*made.dead, *(d for r in requests for d in r.dead)],
                [g for r in requests for g in r.gaps],
            )
        except SpoolUncertain:
            self._assembler.keep()  # offered again, they are second ones
            raise
        except BaseException:
            self._assembler.undo()
            raise
        self._assembler.keep()

    def _beats(self, requests: Sequence[Request]) -> list[Batch]:
        lab, made = self._fieldlab, Assembled(Numbers())
        for beat in (b for r in requests for b in r.beats):
            tags = link_tags(lab, self._gateway, beat.machine, beat.source)
            made.add(Row("link", tags, "up", beat.time_ns, float(beat.up)))
        return made.batches()


def _settle(requests: Sequence[Request], error: Exception | None) -> None:
    """Tell everyone who waits."""
    for request in requests:
        if request.done.done():
            continue  # whoever waited has gone
        if error is None:
            request.done.set_result(None)
        else:
            request.done.set_exception(error)
