"""The web app in a thread of its own, as a test needs it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dashboards.app import Address, serve
from dashboards.screens import Screens
from tests.servers import free_port


@contextmanager
def served(
    screens: Screens, *, interval_s: float = 0.1, port: int | None = None, **more: Any
) -> Iterator[Address]:
    """Serve until the block ends, at a free port or that of before; an error of the server is raised here."""
    port = port or free_port()
    ready, stop = threading.Event(), asyncio.Event()
    found: list[Address] = []
    failed: list[BaseException] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        async with serve(screens, port=port, interval_s=interval_s, **more) as address:
            found.append(address)
            ready.set()
            await stop.wait()

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            failed.append(error)
        finally:
            ready.set()

    worker = threading.Thread(target=thread, name="served")
    worker.start()
    assert ready.wait(60)
    try:
        if failed:
            raise failed[0]
        yield found[0]
    finally:
        if loops and not loops[0].is_closed():
            loops[0].call_soon_threadsafe(stop.set)
        worker.join(60)
        assert not worker.is_alive()
    if failed:
        raise failed[0]
