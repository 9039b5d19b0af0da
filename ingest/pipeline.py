"""Samples -> spool -> stores, for one gateway: durable before acknowledged, delivered until it is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from types import TracebackType
from typing import Final, Self, TypeVar

from fieldlab_configs import Site
from fieldlab_configs.site import PRIMARY
from ingest.account import DeadLetter, Gap, Ledger
from ingest.assembled import BATCH_ROWS, Assembled, Numbers
from ingest.assembler import Assembler
from ingest.batches import Batch
from ingest.courier import Courier
from ingest.delivery import Delivery
from ingest.errors import SpoolUnavailable, SpoolUncertain
from ingest.frames import decode
from ingest.room import Alarm
from ingest.rows import link_tags
from ingest.samples import Sample
from ingest.spool import KEEP_SAMPLES, Spool
from ingest.state import State, StoreState
from ingest.store import Row, Store

__all__ = ["Gap", "Ledger", "Link", "Pipeline", "State"]

log = logging.getLogger(__name__)

_QUEUE: Final = 256
_DRAIN_AT_EXIT_S: Final = 2.0
_T = TypeVar("_T")


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
class _Request:
    """Something to commit, and who waits for it."""

    done: asyncio.Future[None]
    samples: Sequence[Sample] = ()
    beats: Sequence[Link] = ()
    gaps: Sequence[Gap] = ()
    dead: Sequence[DeadLetter] = field(default_factory=list)


class Pipeline:
    """The way of one gateway's samples into the stores.

    Parameters
    ----------
    site : Site
    gateway : str
        Its name in the config, which says where its spool lies.
    store : Store
        The first one.
    also : mapping of str to Store
        The further ones that the config names.
    now_ns : callable
        The gateway's clock; UTC nanoseconds.

    Attributes
    ----------
    told : callable
        Figures that the gateway tells of itself, beside its account; asked in the spool's thread.
    """

    def __init__(
        self,
        site: Site,
        gateway: str,
        store: Store,
        *,
        now_ns: Callable[[], int],
        also: Mapping[str, Store] | None = None,
    ) -> None:
        stores = {PRIMARY: store, **(also or {})}
        self.site = site
        self.gateway = gateway
        spool = site.gateways[gateway].spool
        self._spool = Spool(
            spool.path,
            gateway,
            spool.max_bytes,
            stores=list(stores),
            drops_oldest=spool.when_full == "drop_oldest",
        )
        self._assembler = Assembler(site, gateway)
        self._now_ns = now_ns
        self.told: Callable[[], Mapping[str, float]] = dict
        self._requests: asyncio.Queue[_Request] = asyncio.Queue(_QUEUE)
        # All of the spool's work is done in this one thread, in the order in which it is asked for.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"spool-{gateway}")
        self._tasks: list[asyncio.Task[None]] = []
        alarm = Alarm(gateway)
        self._couriers = [
            Courier(
                name,
                gateway if len(stores) == 1 else f"{gateway} (store {name})",
                self._spool,
                self._in_thread,
                self._delivery(to),
                alarm,
                self._told,
            )
            for name, to in stores.items()
        ]
        self._open = False

    async def __aenter__(self) -> Self:
        await self._in_thread(self._start)
        self._open = True
        self._tasks = [
            asyncio.create_task(self._commit_forever(), name=f"{self.gateway}: commit"),
            *(asyncio.create_task(c.run(), name=f"{c.label}: deliver") for c in self._couriers),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        if kind is None:
            await self.drained(_DRAIN_AT_EXIT_S)
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        for courier in self._couriers:
            courier.close()
        self._refuse_the_rest()
        await self._in_thread(self._spool.close)
        self._thread.shutdown()

    # -- taking in

    async def accept(self, samples: Sequence[Sample]) -> None:
        """Take samples; when this returns they are durable and may be acknowledged to their machine.

        Raises
        ------
        SpoolUnavailable
            They are not: do not acknowledge, offer them again.
        """
        if samples:
            await self._commit(samples=samples)

    async def links(self, beats: Sequence[Link]) -> None:
        """Take heartbeats; as durable as samples, but not counted among them."""
        if beats:
            await self._commit(beats=beats)

    async def gap(self, gap: Gap) -> None:
        """Take the record of a loss."""
        await self._commit(gaps=(gap,))

    async def undecodable(self, source: str, origin: str, payload: bytes, reason: str) -> None:
        """Take a message that cannot be read; it counts as one sample received, and dead.

        Parameters
        ----------
        source : str
            The source's name in the config.
        origin : str
            Where it came from there: a topic, a node.
        payload : bytes
        reason : str
        """
        await self._commit(dead=(DeadLetter(f"{source}: {origin}", "", None, payload[:1000], reason),))

    async def _commit(
        self,
        *,
        samples: Sequence[Sample] = (),
        beats: Sequence[Link] = (),
        gaps: Sequence[Gap] = (),
        dead: Sequence[DeadLetter] = (),
    ) -> None:
        if not self._open:
            raise SpoolUnavailable("the pipeline is closed")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._requests.put(_Request(done, samples, beats, gaps, dead))
        await done

    # -- telling

    def ledger(self) -> Ledger:
        """The account of samples for the first store, as of the last commit."""
        return self._spool.ledger()

    def ledgers(self) -> dict[str, Ledger]:
        """The account of samples for each store."""
        return self._spool.ledgers()

    def state(self) -> State:
        """How it does, as of the last delivery."""
        first, rooms = self._couriers[0].state(), [c.room for c in self._couriers if c.room is not None]
        room = rooms[0] if rooms else None
        return State(first.ledger, room, first.lag_s, first.trouble, self._stalled(), self._told())

    def _told(self) -> dict[str, StoreState]:
        """How delivery to each store does, where there are several."""
        return {c.store: c.state() for c in self._couriers} if len(self._couriers) > 1 else {}

    def _stalled(self) -> tuple[str, ...]:
        return tuple(task.get_name() for task in self._tasks if self._open and task.done())

    def _delivery(self, store: Store) -> Delivery:
        return Delivery(self.site.fieldlab, self.gateway, store, now_ns=self._now_ns, more=self._more)

    def _more(self) -> Mapping[str, float]:
        return self.told()  # as it is then: whoever runs the gateway sets it later

    async def adopt(self, site: Site, store: Store, also: Mapping[str, Store] | None = None) -> None:
        """Go over to another configuration and other stores of the same names, between two deliveries.

        The spool stays as it is. When this returns, the stores before them are no longer used.
        """
        await self._in_thread(lambda: self._assembler.adopt(site))
        self.site = site
        stores = {PRIMARY: store, **(also or {})}
        await asyncio.gather(*(c.adopt(self._delivery(stores[c.store])) for c in self._couriers))

    async def drained(self, timeout_s: float) -> bool:
        """Whether all that was committed has been delivered to every store, within that time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._idle():
                    for courier in self._couriers:
                        await courier.idle.wait()
        except TimeoutError:
            return self._idle()
        return True

    def _idle(self) -> bool:
        return all(courier.idle.is_set() for courier in self._couriers)

    # -- the spool's thread

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _start(self) -> None:
        self._spool.open()
        for batch in self._spool.newest(KEEP_SAMPLES):
            self._assembler.remember(decode(batch.payload).rows)

    def _write(self, requests: Sequence[_Request]) -> None:
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

    def _beats(self, requests: Sequence[_Request]) -> list[Batch]:
        lab, made = self.site.fieldlab, Assembled(Numbers())
        for beat in (b for r in requests for b in r.beats):
            tags = link_tags(lab, self.gateway, beat.machine, beat.source)
            made.add(Row("link", tags, "up", beat.time_ns, float(beat.up)))
        return made.batches()

    # -- tasks

    async def _commit_forever(self) -> None:
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
                log.exception("gateway %s: a group of samples could not be committed", self.gateway)
                _settle(requests, SpoolUnavailable(f"samples could not be committed: {error!r}"))
            else:
                # In this order: who waits for these and then for the pipeline to drain must find it busy.
                for courier in self._couriers:
                    courier.notify()
                _settle(requests, None)

    def _refuse_the_rest(self) -> None:
        while not self._requests.empty():
            _settle([self._requests.get_nowait()], SpoolUnavailable("the pipeline is closed"))


def _settle(requests: Sequence[_Request], error: Exception | None) -> None:
    """Tell everyone who waits."""
    for request in requests:
        if request.done.done():
            continue  # whoever waited has gone
        if error is None:
            request.done.set_result(None)
        else:
            request.done.set_exception(error)
