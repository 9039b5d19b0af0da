"""``fieldlab gateway``: read machines and deliver to the store, until stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc

from fieldlab.errors import WrongUse
from fieldlab.services import until_stopped
from fieldlab.stores import opened_store
from fieldlab_configs import Site, load
from gateways.clock import GatewayClock
from gateways.gateway import run as run_gateway
from ingest.account import Ledger
from ingest.catalogue import check_signals
from ingest.pipeline import Pipeline
from ingest.store import StoreUnavailable

DRAIN_S = 6.0
_COLLECT_EVERY = 100_000


def run(args: argparse.Namespace) -> int:
    """Run one gateway; its account is the last line it prints."""
    site = load(args.config)
    name = gateway_name(site, args.gateway)
    store = opened_store(site)
    with contextlib.suppress(
        StoreUnavailable
    ):  # a gateway starts without its store, or one it may only write
        check_signals(site, store)

    async def service(stop: asyncio.Event) -> None:
        # Samples and rows hold no circles: to look for some after every 700 of them is most of their cost.
        gc.freeze()
        gc.set_threshold(_COLLECT_EVERY, 20, 50)
        clock = GatewayClock(site.gateways[name].clock)
        async with Pipeline(site, name, store, now_ns=clock.now_ns) as pipeline:
            sources = ", ".join(site.gateways[name].sources)
            print(f"gateway {name}: reading {sources}; Ctrl-C stops it", flush=True)
            await run_gateway(site, name, pipeline, clock, stop=stop)
            await pipeline.drained(DRAIN_S)
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
