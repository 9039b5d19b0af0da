"""From the spool to one store: at its own pace, with a patience of its own, whatever the other stores do."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from fieldlab_configs import ConfigError
from ingest.delivery import Delivery, Figures, Patience
from ingest.errors import SpoolUnavailable
from ingest.room import Alarm, Room
from ingest.spool import Spool
from ingest.state import StoreState
from ingest.store import StoreUnavailable

log = logging.getLogger(__name__)

DELIVERED_ROWS: Final = 20_000
"""At most about so many rows are delivered before the spool is told so."""

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Does work in the thread that the spool belongs to."""


class Courier:
    """Delivers to one store, until it is cancelled.

    Parameters
    ----------
    store : str
        Its name in the config.
    label : str
        Gateway and store, for the log.
    spool : Spool
    in_thread : callable
    delivery : Delivery
    alarm : Alarm
        Of the spool's room.
    told : callable
        What is told of all stores where there are several.
    """

    def __init__(
        self,
        store: str,
        label: str,
        spool: Spool,
        in_thread: InThread,
        delivery: Delivery,
        alarm: Alarm,
        told: Callable[[], Mapping[str, StoreState]],
    ) -> None:
        self.store = store
        self.label = label
        self.news = asyncio.Event()
        self.idle = asyncio.Event()
        self._spool = spool
        self._in_thread = in_thread
        self._delivery = delivery
        self._alarm = alarm
        self._told = told
        self._patience = Patience(label)
        self._between = asyncio.Lock()
        self.room: Room | None = None
        """Of the spool, as of the last time it was looked at."""
        self._oldest_ns: int | None = None
        # Its own: a store that does not answer must not take a thread from the others.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"deliver-{store}")

    def state(self) -> StoreState:
        """How it does, as of the last delivery."""
        ledger = self._spool.ledger(self.store)
        waits = self._oldest_ns is not None and ledger.waiting > 0
        lag_s = max((time.time_ns() - (self._oldest_ns or 0)) / 1e9, 0.0) if waits else 0.0
        return StoreState(ledger, lag_s, self._patience.trouble)

    async def adopt(self, delivery: Delivery) -> None:
        """Go over to another store of the same name; when this returns, the one before is no longer used."""
        async with self._between:
            self._delivery = delivery
            self._patience.wait_s = 0.0

    def notify(self) -> None:
        """There is something new in the spool."""
        self.idle.clear()
        self.news.set()

    async def run(self) -> None:
        """Deliver whatever comes, for ever."""
        while True:
            await asyncio.sleep(self._patience.wait_s)
            self.news.clear()
            try:
                async with self._between:
                    more = await self._once()
            except (SpoolUnavailable, StoreUnavailable, ConfigError) as error:
                self._patience.failed(error)
                continue
            except Exception as error:
                # Supervision: delivery never ends; what it met is logged with its trace and tried again.
                log.exception("gateway %s: a delivery failed", self.label)
                self._patience.failed(error)
                continue
            if not more and not self.news.is_set():
                self.idle.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), self._delivery.metrics_due_s())

    async def _once(self) -> bool:
        """Deliver the oldest batches; whether there was anything."""
        spool, store = self._spool, self.store
        if self._delivery.metrics_due_s() == 0:
            self.room = await self._in_thread(spool.room)
            self._alarm.look(self.room, spool.behind())
        batches, gaps = await self._in_thread(
            lambda: (spool.waiting(DELIVERED_ROWS, store), spool.untold_gaps(store))
        )
        self._oldest_ns = batches[0].at_ns if batches else None
        figures = Figures(spool.ledger(store), self.room, self._told())
        outcome = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._delivery.write, batches, gaps, figures, spool.delivery_ns(store)
        )
        if batches or gaps:
            await self._in_thread(lambda: spool.delivered(batches, outcome, store))
        self._patience.succeeded(full=sum(b.samples for b in batches) >= DELIVERED_ROWS)
        return bool(batches or gaps)

    def close(self) -> None:
        """Let go of the thread, once what it is at is done; without waiting for that."""
        self._thread.shutdown(wait=False, cancel_futures=True)
