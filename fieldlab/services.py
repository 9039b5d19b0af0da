"""``fieldlab gateway | analytics | simulate``: the parts of the product as services."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable

from analytics.job import Job
from fieldlab.errors import WrongUse
from fieldlab.kpi import add_range, range_of
from fieldlab.stores import JobStore, extent, opened_store
from fieldlab.times import rfc3339
from fieldlab_configs import Site, load
from gateways.clock import GatewayClock
from gateways.gateway import run as run_gateway
from ingest.account import Ledger
from ingest.pipeline import Pipeline

log = logging.getLogger(__name__)

STEP_S = 1.0


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the services to the command line."""
    gateway = commands.add_parser("gateway", help="read machines and deliver to the store, until stopped")
    gateway.add_argument("config", metavar="CONFIG")
    gateway.add_argument(
        "--gateway", metavar="NAME", help="which of the config's gateways; default: the only one"
    )
    gateway.set_defaults(run=_gateway)
    analytics = commands.add_parser("analytics", help="turn raw data into atoms, until stopped")
    add_range(analytics)
    analytics.add_argument("--recompute", action="store_true", help="rewrite the range --from --to, and stop")
    analytics.set_defaults(run=_analytics)


async def until_stopped(service: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run a service until SIGINT or SIGTERM asks it to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await service(stop)


def _gateway(args: argparse.Namespace) -> int:
    site = load(args.config)
    name = gateway_name(site, args.gateway)
    store = opened_store(site)

    async def service(stop: asyncio.Event) -> None:
        clock = GatewayClock(site.gateways[name].clock)
        async with Pipeline(site, name, store, now_ns=clock.now_ns) as pipeline:
            print(
                f"gateway {name}: reading {', '.join(site.gateways[name].sources)}; Ctrl-C stops it",
                flush=True,
            )
            await run_gateway(site, name, pipeline, clock, stop=stop)
            await pipeline.drained(8.0)
            account = pipeline.ledger()
        print(f"gateway {name}: {told(account)}", flush=True)

    try:
        asyncio.run(until_stopped(service))
    finally:
        store.close()
    return 0


def told(account: Ledger) -> str:
    """The account of samples in one line."""
    return (
        f"samples received {account.received} = stored {account.stored} + replaced {account.replaced}"
        f" + dead {account.dead} + waiting {account.waiting}; gaps {account.gaps}"
    )


def gateway_name(site: Site, asked: str | None) -> str:
    """The gateway meant; WrongUse where the config has none or leaves a choice."""
    names = list(site.gateways)
    if asked is not None and asked not in names:
        raise WrongUse(f"--gateway {asked}: the config has {', '.join(names) or 'no gateways'}")
    if asked is None and len(names) != 1:
        raise WrongUse(
            f"{site.path}: gateways: say which with --gateway: {', '.join(names)}"
            if names
            else f"{site.path}: gateways: the config has no gateway; add one to run it"
        )
    return asked or names[0]


def horizon(site: Site) -> Callable[[int | None], int]:
    """What the job takes for now: the wall clock, or with `clock: source` the end of the data."""
    follows = any(g.clock == "source" for g in site.gateways.values())

    def now(last: int | None) -> int:
        return (last or 0) if follows else time.time_ns()

    return now


def _analytics(args: argparse.Namespace) -> int:
    site = load(args.config)
    if args.input:
        raise WrongUse("analytics works on the store; for recordings use fieldlab kpi --input")
    store = opened_store(site)
    job = Job(site, JobStore(store))
    try:
        if args.recompute:
            start_ns, end_ns = range_of(args, site, store)
            job.recompute(start_ns, end_ns)
            print(f"recomputed {rfc3339(start_ns)} to {rfc3339(end_ns)}")
            return 0

        async def service(stop: asyncio.Event) -> None:
            print("analytics: computing what deliveries touch; Ctrl-C stops it", flush=True)
            now = horizon(site)
            while not stop.is_set():
                await asyncio.to_thread(lambda: job.step(now(extent(store)[1])))
                await _pause(stop, STEP_S)

        asyncio.run(until_stopped(service))
    finally:
        store.close()
    return 0


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
