"""Samples -> spool -> stores, for one gateway: durable before acknowledged, delivered until it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, TypeVar

from fieldlab_configs import Site
from fieldlab_configs.site import PRIMARY
from ingest.account import DeadLetter, Gap, Ledger
from ingest.courier import Courier
from ingest.delivery import Delivery
from ingest.errors import SpoolUnavailable
from ingest.intake import Intake, Link
from ingest.room import Alarm
from ingest.samples import Sample
from ingest.spool import Spool
from ingest.state import State, StoreState
from ingest.store import Store

__all__ = ["Gap", "Ledger", "Link", "Pipeline", "State"]

_DRAIN_AT_EXIT_S: Final = 2.0
_T = TypeVar("_T")


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
        self._intake = Intake(site, gateway, self._spool, self._in_thread, self._notify)
        self._now_ns = now_ns
        self.told: Callable[[], Mapping[str, float]] = dict
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
            asyncio.create_task(self._intake.run(), name=f"{self.gateway}: commit"),
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
        self._intake.refuse_the_rest()
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
            self._require_open()
            await self._intake.commit(samples=samples)

    async def links(self, beats: Sequence[Link]) -> None:
        """Take heartbeats; as durable as samples, but not counted among them."""
        if beats:
            self._require_open()
            await self._intake.commit(beats=beats)

    async def gap(self, gap: Gap) -> None:
        """Take the record of a loss."""
        self._require_open()
        await self._intake.commit(gaps=(gap,))

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
        self._require_open()
        letter = DeadLetter(f"{source}: {origin}", "", None, payload[:1000], reason)
        await self._intake.commit(dead=(letter,))

    def _require_open(self) -> None:
        if not self._open:
            raise SpoolUnavailable("the pipeline is closed")

    def _notify(self) -> None:
        """Before who waits is told: who then waits for the pipeline to drain must find it busy."""
        for courier in self._couriers:
            courier.notify()

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
        await self._intake.adopt(site)
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
        self._intake.start()
