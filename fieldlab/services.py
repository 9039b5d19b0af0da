"""What services have in common: they run until they are told to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

from fieldlab_configs import Site


async def until_stopped(
    service: Callable[[asyncio.Event], Awaitable[None]], hangup: Callable[[], None] | None = None
) -> None:
    """Run a service until SIGINT or SIGTERM asks it to stop; call `hangup` at each SIGHUP."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if hangup is not None:
        loop.add_signal_handler(signal.SIGHUP, hangup)
    await service(stop)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop`."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def by_data(site: Site) -> bool:
    """Whether time is what the data say, as with `clock: source`."""
    return any(gateway.clock == "source" for gateway in site.gateways.values())


def horizon(site: Site, last_ns: int | None) -> int:
    """Up to when anything can be said: the wall clock, or with `clock: source` the end of the data."""
    return (last_ns or 0) if by_data(site) else time.time_ns()
