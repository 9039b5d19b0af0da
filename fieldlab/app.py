"""``fieldlab app``: the page over the config's store, until stopped."""

from __future__ import annotations

import argparse
import asyncio

from dashboards.app import serve
from fieldlab.screens import StoreScreens
from fieldlab.services import horizon, pause, until_stopped
from fieldlab.stores import extent, opened_store
from fieldlab_configs import load

STEP_S = 1.0


def run(args: argparse.Namespace) -> int:
    """Serve the page on the loopback interface; it reads what analytics wrote."""
    site = load(args.config)
    store = opened_store(site)

    async def service(stop: asyncio.Event) -> None:
        screens = StoreScreens(site, store)

        def refresh() -> None:
            first_ns, last_ns = extent(store)
            if first_ns is not None:
                screens.refresh(first_ns, horizon(site, last_ns))

        await asyncio.to_thread(refresh)
        async with serve(screens, host="127.0.0.1", port=args.port) as address:
            print(f"page: {address.url}; Ctrl-C stops it", flush=True)
            while not stop.is_set():
                await pause(stop, STEP_S)
                await asyncio.to_thread(refresh)

    try:
        asyncio.run(until_stopped(service))
    finally:
        store.close()
    return 0
