"""``fieldlab analytics``: turn raw data into atoms, live or over a range again."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Iterator, Mapping

from analytics.job import Job
from analytics.keeper import Keeper
from analytics.lease import RENEW_EVERY_S, Lease, LeaseHeld
from analytics.shared import Shared
from analytics.touched import Span, merged_spans
from fieldlab.asked import range_of
from fieldlab.errors import Found, WrongUse
from fieldlab.services import pause, until_stopped
from fieldlab.stores import JobStore, now_ns, opened_store
from fieldlab.times import rfc3339
from fieldlab_configs import Site, load
from gateways.notify import Notifier
from ingest.catalogue import remember_signals
from ingest.store import Store, StoreUnavailable

STEP_S = 1.0
WAIT_S = 10.0
REMEMBER_EVERY_S = 86_400.0
log = logging.getLogger(__name__)


def run(args: argparse.Namespace) -> int:
    """Follow deliveries until stopped, or recompute a range."""
    site = load(args.config)
    if not args.recompute and (args.start or args.end):
        raise WrongUse("--from and --to go with --recompute; without it, analytics follows what is delivered")
    store = opened_store(site)
    try:
        remember_signals(site, store)
        with leased(site, store) as lease:
            if args.recompute:
                return _recompute(site, store, *range_of(args, site, store))
            asyncio.run(until_stopped(lambda stop: _service(site, store, lease, stop)))
    finally:
        store.close()
    return 0


@contextlib.contextmanager
def leased(site: Site, store: Store) -> Iterator[Lease]:
    """Hold the fieldlab's lease; Found, with whose it is, where another has it."""
    lease = Lease(site, JobStore(store))
    try:
        lease.acquire()
        yield lease
    except LeaseHeld as held:
        raise Found(str(held)) from None
    finally:
        with contextlib.suppress(StoreUnavailable):
            lease.release()


def _recompute(site: Site, store: Store, start_ns: int, end_ns: int) -> int:
    """Rewrite a range, and what companies see of it; 1 where a part of it can no longer be worked out."""
    now = now_ns(site, store)
    done = Job(site, JobStore(store)).recompute(start_ns, end_ns, now_ns=now)
    shared = Shared(site, JobStore(store))
    kept = Keeper(site, JobStore(store)).update(done.spans, now, without=shared.gone())
    shared.update(done.spans, results=kept)
    shared.close(now, all_at_once=True)
    for machine, edge_ns in done.walls.items():
        print(
            f"{machine}: raw data before {rfc3339(edge_ns)} may have expired (store: retention);"
            f" its atoms and stops before that stay as they are",
            file=sys.stderr,
        )
    print(f"recomputed {rfc3339(start_ns)} to {rfc3339(end_ns)}")
    return int(bool(done.walls))


async def _service(site: Site, store: Store, lease: Lease, stop: asyncio.Event) -> None:
    """Follow deliveries, and keep the lease meanwhile."""
    following = asyncio.create_task(_follow(site, store, stop))
    keeping = asyncio.create_task(_keep(lease, stop))
    try:
        await asyncio.wait({following, keeping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        await asyncio.gather(following, keeping)


class Overtaken(StoreUnavailable):
    """A backup took the store's place within a step: the step is of neither content."""


class Following:
    """All that is worked out of what is delivered; begun anew where a backup takes the store's place.

    Parameters
    ----------
    site : Site
    store : Store
    """

    def __init__(self, site: Site, store: Store) -> None:
        self._site = site
        self._store = store
        self._remembered_s = time.monotonic()
        self._stale: dict[str, list[Span]] = {}
        self._begin()

    def _begin(self) -> None:
        self._content = self._store.content()
        store = JobStore(self._store)
        self._job, self._shared = Job(self._site, store), Shared(self._site, store)
        self._keeper = Keeper(self._site, store)

    def step(self, now: int) -> None:
        """Work out what came since the last step, up to the data's now."""
        if time.monotonic() - self._remembered_s > REMEMBER_EVERY_S:
            remember_signals(self._site, self._store)
            self._remembered_s = time.monotonic()
        try:
            self._step(now)
        except Overtaken:
            self._step(now)

    def _step(self, now: int) -> None:
        if self._overtaken():
            log.warning("the store holds another content than before: a backup was restored; beginning anew")
            # What the step that it came into has written may stand in what is there now.
            for machine, spans in self._job.unfollowed.items():
                self._stale[machine] = merged_spans([*self._stale.get(machine, []), *spans])
            self._begin()
        if self._stale:
            self._follow(self._worked_out_again(now), now)
            self._stale = {}
        self._job.step(now, lambda rewritten: self._follow(rewritten, now))

    def _overtaken(self) -> bool:
        return self._store.content() != self._content

    def _not_overtaken(self) -> None:
        if self._overtaken():
            raise Overtaken("a backup took the store's place")

    def _worked_out_again(self, now: int) -> dict[str, list[Span]]:
        """What atoms of before may stand in, out of what is there now; and the time since the backup."""
        found: dict[str, list[Span]] = {}
        for machine, spans in self._stale.items():
            for span in spans:
                last = self._store.last_before("kpi", "atom", span.start_ns, where={"machine": machine})
                start_ns = min((row.time_ns for row in last), default=span.start_ns)
                done = self._job.recompute(start_ns, span.end_ns, machines=[machine], now_ns=now)
                found.setdefault(machine, []).extend(done.spans[machine])
        return found

    def _follow(self, rewritten: Mapping[str, list[Span]], now: int) -> None:
        """Results, and what companies see; of one content only."""
        self._not_overtaken()
        kept = self._keeper.update(rewritten, now, without=self._shared.gone())
        self._shared.update(rewritten, results=kept)
        self._shared.close(now)
        self._not_overtaken()


async def _follow(site: Site, store: Store, stop: asyncio.Event) -> None:
    following, notifier = Following(site, store), Notifier()

    def step() -> None:
        following.step(now_ns(site, store))

    print("analytics: computing what deliveries touch; Ctrl-C stops it", flush=True)
    notifier.ready("computing what deliveries touch")
    while not stop.is_set():
        try:
            await asyncio.to_thread(step)
        except StoreUnavailable as error:
            log.warning("analytics waits for its store: %s", error)
            await pause(stop, WAIT_S)
        notifier.alive()  # a store that is away is none of the watchdog's business
        await pause(stop, STEP_S)
    notifier.stopping()


async def _keep(lease: Lease, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await pause(stop, RENEW_EVERY_S)
        if not stop.is_set():
            with contextlib.suppress(StoreUnavailable):  # the step tells of it
                await asyncio.to_thread(lease.renew)
