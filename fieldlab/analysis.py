"""``fieldlab analytics``: turn raw data into atoms, live or over a range again."""

from __future__ import annotations

import argparse
import asyncio

from analytics.job import Job
from fieldlab.errors import WrongUse
from fieldlab.asked import range_of
from fieldlab.services import horizon, pause, until_stopped
from fieldlab.stores import JobStore, extent, opened_store
from fieldlab.times import rfc3339
from fieldlab_configs import Site, load
from ingest.store import Store

STEP_S = 1.0


def run(args: argparse.Namespace) -> int:
    """Follow deliveries until stopped, or recompute a range."""
    site = load(args.config)
    if not args.recompute and (args.start or args.end):
        raise WrongUse("--from and --to go with --recompute; without it, analytics follows what is delivered")
    store = opened_store(site)
    try:
        if args.recompute:
            start_ns, end_ns = range_of(args, site, store)
            Job(site, JobStore(store)).recompute(start_ns, end_ns)
            print(f"recomputed {rfc3339(start_ns)} to {rfc3339(end_ns)}")
        else:
            asyncio.run(until_stopped(lambda stop: _follow(site, store, stop)))
    finally:
        store.close()
    return 0


async def _follow(site: Site, store: Store, stop: asyncio.Event) -> None:
    job = Job(site, JobStore(store))

    def step() -> None:
        job.step(horizon(site, extent(store)[1]))

    print("analytics: computing what deliveries touch; Ctrl-C stops it", flush=True)
    while not stop.is_set():
        await asyncio.to_thread(step)
        await pause(stop, STEP_S)
