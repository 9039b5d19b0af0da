"""One poller for all pages: every view is asked for once, however many people look at it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, TypeVar

from dashboards.screens import Screens
from dashboards.snapshot import Answers, Snapshot, take
from dashboards.view import View

log = logging.getLogger(__name__)

INTERVAL_S: Final = 1.0
MOST_LOAD: Final = 0.25
"""The share of one core that asking may take: where an answer is slow, it is asked for less often."""

Answer = TypeVar("Answer")
Listener = Callable[[Snapshot | None], None]
"""Told of every new snapshot; of None when the data cannot be read."""


class Poller:
    """Asks for every view that somebody looks at, and tells those who do.

    Parameters
    ----------
    screens : Screens
    interval_s : float
        Between two rounds [s].
    """

    def __init__(self, screens: Screens, *, interval_s: float = INTERVAL_S) -> None:
        self.screens = screens
        self.interval_s = interval_s
        self.rounds = 0
        self._listeners: dict[View, list[Listener]] = {}
        self._latest: dict[View, Snapshot] = {}
        self._troubled = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        # One thread: a store's calls block, and not every store may be used from two threads at once.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="screens")
        self._task = asyncio.create_task(self._run(), name="screens poller")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def listen(self, view: View, listener: Listener) -> Callable[[], None]:
        """Be told of a view's snapshots from now on; call what is returned to be left alone."""
        self._listeners.setdefault(view, []).append(listener)
        self._wake.set()

        def stop() -> None:
            with suppress(ValueError, KeyError):
                self._listeners[view].remove(listener)
                if not self._listeners[view]:
                    del self._listeners[view]
                    self._latest.pop(view, None)

        return stop

    def latest(self, view: View) -> Snapshot | None:
        """The last snapshot of a view, if somebody looks at it."""
        return self._latest.get(view)

    async def ask(self, question: Callable[[], Answer]) -> Answer:
        """Put a question of one's own in the thread that asks all others."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            began = time.monotonic()
            await self._round()
            took = time.monotonic() - began
            pause = max(self.interval_s - took, took * (1 / MOST_LOAD - 1))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    async def _round(self) -> None:
        if not self._listeners:
            return
        views = list(self._listeners)
        answers = Answers(self.screens)
        loop = asyncio.get_running_loop()
        for view in views:
            try:
                snapshot = await loop.run_in_executor(self._thread, take, view, answers)
            except Exception:
                # Supervised: a store that is away must not take the pages with it. Logged once per trouble.
                if not self._troubled:
                    log.exception("the data behind the screens cannot be read; trying again")
                self._troubled = True
                self._latest.pop(view, None)
                self._tell(view, None)
                continue
            self._troubled = False
            if snapshot == self._latest.get(view):
                continue  # and the one that is kept stays: of that everything is made already
            self._tell(view, snapshot)
            if view in self._listeners:
                self._latest[view] = snapshot
        self.rounds += 1

    def _tell(self, view: View, snapshot: Snapshot | None) -> None:
        for listener in list(self._listeners.get(view, ())):
            try:
                listener(snapshot)
            except Exception:
                # Supervised: one broken page must not stop the others.
                log.exception("a page could not show its data")
