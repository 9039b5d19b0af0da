"""Many who look at the real app, each over a websocket as a browser has it, and what they cost the app.

They draw nothing: what a browser does with what it is told is its own business, and not the server's.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import aiohttp
import numpy as np
import psutil
import socketio

from analytics.job import Job
from fieldlab.stores import JobStore
from fieldlab_configs import Site
from ingest.store import Row, Store
from tests.servers import free_port, listens, stop

GIVE_UP_S: Final = 240.0
_ACKNOWLEDGE_S: Final = 3.0
_CLIENT: Final = re.compile(r"client_id['\"]?\s*[:=]\s*['\"]([0-9a-f-]{36})")
_UNTIL: Final = re.compile(r"data-end-ns\W{1,8}(\d+)")


class Looker:
    """One open page.

    Attributes
    ----------
    seen : set of str
        Up to when the moments told that it was told.
    """

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._next = 0
        self._client = ""
        # As every browser offers it; nobody reads what a page that cannot draw would be told twice.
        self._socket = socketio.AsyncClient(reconnection=False, websocket_extra_options={"compress": 15})
        self._acknowledging: asyncio.Task[None] | None = None

    async def open(self, session: aiohttp.ClientSession, url: str, query: str) -> None:
        """Load the page, and connect."""
        async with session.get(f"{url}{query}") as answer:
            found = _CLIENT.search(await answer.text())
        assert found is not None
        self._client = found[1]
        self._socket.on("*", self._told)
        asked = f"client_id={self._client}&next_message_id=0&implicit_handshake=true&tab_id=t&document_id=d"
        await self._socket.connect(
            f"{url}?{asked}",
            socketio_path="_nicegui_ws/socket.io",
            transports=["websocket"],
            wait_timeout=GIVE_UP_S,
        )
        self._acknowledging = asyncio.create_task(self._acknowledge())

    def _told(self, _: str, told: Any = None) -> None:
        if isinstance(told, dict) and "_id" in told:
            self._next = told["_id"] + 1
            self.seen |= set(_UNTIL.findall(json.dumps(told)))

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(_ACKNOWLEDGE_S)
            await self._socket.emit("ack", {"client_id": self._client, "next_message_id": self._next})

    async def close(self) -> None:
        """Look away."""
        if self._acknowledging is not None:
            self._acknowledging.cancel()
        await self._socket.disconnect()


@asynccontextmanager
async def lookers(url: str, query: str, count: int) -> AsyncIterator[list[Looker]]:
    """So many pages of one view."""
    async with aiohttp.ClientSession() as session:
        found = [Looker() for _ in range(count)]
        try:
            for each in found:
                await each.open(session, url, query)
            yield found
        finally:
            for each in found:
                await each.close()


async def round_s(app: psutil.Process, pages: list[Looker], rounds: int) -> float:
    """Seconds of processor time that the app takes for a round: the lesser of two lots.

    The least, for what else the machine does can only make it more.
    """

    async def told(so_many: int) -> None:
        for each in pages:
            each.seen.clear()
        deadline = time.monotonic() + GIVE_UP_S
        while min(len(each.seen) for each in pages) < so_many:
            assert time.monotonic() < deadline, f"a page was not told {so_many} moments"
            await asyncio.sleep(0.005)  # a poll, bounded above

    await told(2)  # what came with opening is over
    took = []
    for _ in range(2):
        before = _used_s(app)
        await told(rounds)
        took.append((_used_s(app) - before) / max(len(each.seen) for each in pages))
    return min(took)


def _used_s(app: psutil.Process) -> float:
    times = app.cpu_times()
    return float(times.user + times.system)


@contextmanager
def app(site: Site) -> Iterator[tuple[str, psutil.Process]]:
    """``fieldlab app`` as a process of its own, at a free port."""
    port = free_port()
    words = ("app", str(site.path), "--port", str(port))
    process = subprocess.Popen(
        [sys.executable, "-m", "fieldlab", *words], stdout=subprocess.DEVNULL, env={**os.environ}
    )
    try:
        deadline = time.monotonic() + GIVE_UP_S
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the app did not start: status {process.poll()}")
            time.sleep(0.05)  # a poll, bounded above
        yield f"http://127.0.0.1:{port}/", psutil.Process(process.pid)
    finally:
        stop(process)


@contextmanager
def running(site: Site, store: Store) -> Iterator[None]:
    """Machines that tell parts and power each second and now and then a state, and the job that follows."""
    ended = threading.Event()
    worker = threading.Thread(target=_run, args=(site, store, ended), name="machines")
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


def _run(site: Site, store: Store, ended: threading.Event) -> None:
    job, rng, parts = Job(site, JobStore(store)), np.random.default_rng(1), 10_000_000.0
    until_ns = time.time_ns()
    job.step(until_ns)
    while not ended.wait(1.0):
        now_ns, parts = time.time_ns(), parts + 1
        rows = []
        for machine in site.machines():
            of = (("fieldlab", site.fieldlab), ("machine", machine.id))
            tags = (*of[:1], ("line", machine.line.latest), *of[1:])
            note = (*of[:1], ("gateway", "edge"), *of[1:])
            rows.append(Row("machine", tags, "good_count", now_ns, parts))
            rows.append(Row("machine", tags, "power", now_ns, float(rng.uniform(0.5, 12.0))))
            if rng.random() < 0.1:
                rows.append(Row("machine", tags, "state", now_ns, float(rng.choice([1, 1, 1, 2, 3, 6, 7]))))
            told = {"from_ns": until_ns, "to_ns": now_ns + 1, "samples": 3.0}
            rows += [Row("delivery", note, name, now_ns, value) for name, value in told.items()]
        store.write("raw", rows)
        until_ns = now_ns
        job.step(time.time_ns())
