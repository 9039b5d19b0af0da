"""A gateway as a service: run, told to read its config anew, told to stop."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Final

from fieldlab.secrets import hide_secrets
from fieldlab_configs import ConfigError, Site, load
from gateways.clock import GatewayClock
from gateways.gateway import Running
from gateways.metrics import exposition, health
from gateways.notify import Notifier
from gateways.reload import check_change
from gateways.status_server import Page, Pages, serving
from ingest.account import Ledger
from ingest.catalogue import check_signals
from ingest.pipeline import Pipeline
from ingest.store import Store, StoreUnavailable
from ingest.stores import open_also, open_store

log = logging.getLogger(__name__)

CHECKED_WITHIN_S: Final = 2.0
DRAIN_S: Final = 4.0
STOPPED_WITHIN_S: Final = 9.5
"""Whatever hangs: what is acknowledged lies in the spool, and the next gateway goes on from there."""
_COLLECT_EVERY: Final = 100_000
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


class Service:
    """One gateway of a config, until it is stopped.

    Parameters
    ----------
    site : Site
    gateway : str
    notifier : Notifier
        The service manager.
    """

    def __init__(self, site: Site, gateway: str, notifier: Notifier) -> None:
        self.site = site
        self.gateway = gateway
        self.store = open_store(site)
        self.also = open_also(site)
        self._notifier = notifier

    def close(self) -> None:
        """Let go of the stores."""
        for store in (self.store, *self.also.values()):
            store.close()

    async def run(self, stop: asyncio.Event, reload: asyncio.Event) -> dict[str, Ledger]:
        """Run until `stop`; at `reload` read the config anew. Its account with each store at the end."""
        # Samples and rows hold no circles: to look for some after every 700 of them is most of their cost.
        gc.freeze()
        gc.set_threshold(_COLLECT_EVERY, 20, 50)
        clock = GatewayClock(self.site.gateways[self.gateway].clock)
        checking = asyncio.create_task(asyncio.to_thread(_check_signals, self.site, self.store))
        if (await asyncio.wait({checking}, timeout=CHECKED_WITHIN_S))[0]:
            checking.result()
        # A store that is slow to answer must not keep machines waiting; what it says later counts too.
        checking.add_done_callback(lambda task: stop.set() if task.exception() else None)
        async with AsyncExitStack() as stack:
            pipeline = Pipeline(self.site, self.gateway, self.store, also=self.also, now_ns=clock.now_ns)
            await stack.enter_async_context(pipeline)
            running = Running(self.site, self.gateway, pipeline, clock)
            pipeline.told = running.told
            await self._serve(stack, running, pipeline)
            print(f"gateway {self.gateway}: {self._status()}; Ctrl-C stops it", flush=True)
            work = asyncio.create_task(running.run(stop))
            watching = asyncio.create_task(self._watch(running, pipeline))
            changing = asyncio.create_task(self._reload_forever(reload, running, pipeline))
            stack.callback(watching.cancel)
            self._notifier.ready(self._status())
            stack.callback(changing.cancel)
            await asyncio.wait({work, asyncio.ensure_future(stop.wait())}, return_when="FIRST_COMPLETED")
            changing.cancel()
            self._notifier.stopping()
            await work
            await pipeline.drained(DRAIN_S)
        if checking.done():
            checking.result()
        return pipeline.ledgers()

    async def _serve(self, stack: AsyncExitStack, running: Running, pipeline: Pipeline) -> None:
        metrics = self.site.gateways[self.gateway].metrics
        if metrics is not None:
            where = f"{self.site.path}: gateways.{self.gateway}.metrics.port"
            pages = _pages(running, pipeline)
            await stack.enter_async_context(serving(pages, metrics.bind, metrics.port, where))

    async def _watch(self, running: Running, pipeline: Pipeline) -> None:
        """Tell the service manager's watchdog that we live, as long as nothing of us has ended."""
        if self._notifier.watchdog_s is None:
            return
        while not (running.stalled() or pipeline.state().stalled):
            self._notifier.alive()
            await asyncio.sleep(self._notifier.watchdog_s / 3)
        log.error("gateway %s: a part of it has ended; the watchdog is left to start it anew", self.gateway)

    def _status(self) -> str:
        return f"reading {', '.join(self.site.gateways[self.gateway].sources)}"

    # -- another config

    async def _reload_forever(self, reload: asyncio.Event, running: Running, pipeline: Pipeline) -> None:
        while True:
            await reload.wait()
            reload.clear()
            self._notifier.reloading()
            try:
                await self._reload(running, pipeline)
            except (ConfigError, OSError) as error:
                log.error(  # noqa: TRY400 - the user's to mend, no traceback
                    "gateway %s: the new config is refused, the one before goes on: %s", self.gateway, error
                )
            except Exception:
                # The supervision boundary: a defect in changing must not end what runs.
                log.exception("gateway %s: going over to the new config failed; restart it", self.gateway)
            else:
                print(f"gateway {self.gateway}: config read anew; {self._status()}", flush=True)
            self._notifier.ready(self._status())

    async def _reload(self, running: Running, pipeline: Pipeline) -> None:
        site = await asyncio.to_thread(load, self.site.path)
        check_change(self.site, site, self.gateway)
        hide_secrets(site)
        store, before = self.store, self.store
        # A token may be another though the reference to it is the same.
        if site.store != self.site.store or (site.store is not None and site.store.kind == "influxdb"):
            store = await asyncio.to_thread(opened, site)
        else:
            await asyncio.to_thread(_check_signals, site, store)
        # Their names are the same (`check_change`), all else may be another.
        also, others = await asyncio.to_thread(open_also, site), self.also
        await pipeline.adopt(site, store, also)
        self.site, self.store, self.also = site, store, also
        for left in (*([before] if store is not before else []), *others.values()):
            await asyncio.to_thread(left.close)
        await running.change(site)


def opened(site: Site) -> Store:
    """The store of a config, which knows of nothing that contradicts the config."""
    store = open_store(site)
    try:
        _check_signals(site, store)
    except BaseException:
        store.close()
        raise
    return store


def _check_signals(site: Site, store: Store) -> None:
    with suppress(StoreUnavailable):  # a gateway starts without its store, or one it may only write
        check_signals(site, store)


def _pages(running: Running, pipeline: Pipeline) -> Pages:
    def healthz() -> Page:
        found = health(running, pipeline)
        said = {"status": "ok" if found.ok else "failing", "wrong": found.wrong, "warnings": found.warnings}
        return Page(200 if found.ok else 503, "application/json", json.dumps(said, ensure_ascii=False) + "\n")

    def metrics() -> Page:
        return Page(200, _PROMETHEUS, exposition(running, pipeline))

    return {"/metrics": metrics, "/healthz": healthz}


def leave_in_time(stop: asyncio.Event, leave: Callable[[int], None] = os._exit) -> asyncio.Task[None]:
    """End the process a while after `stop`, though something in it hangs (a store that never answers)."""

    async def wait() -> None:
        await stop.wait()
        timer = threading.Timer(STOPPED_WITHIN_S, _leave, [leave])
        timer.daemon = True
        timer.start()

    return asyncio.create_task(wait())


def _leave(leave: Callable[[int], None]) -> None:
    log.warning("stopped without waiting any longer; what is not delivered waits in the spool")
    sys.stdout.flush()
    leave(0)
