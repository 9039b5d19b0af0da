"""One asking for all pages of the exercises: how the running line stands, each second that somebody looks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from dashboards.exercises import Board, Exercises

log = logging.getLogger(__name__)

INTERVAL_S: Final = 1.0

Listener = Callable[[Board | None], None]
"""Told of how it stands, each round; of None when that cannot be read."""


class Boards:
    """Asks how it stands for as long as there is a page to tell.

    Parameters
    ----------
    exercises : Exercises
    interval_s : float
        Between two askings [s].
    """

    def __init__(self, exercises: Exercises, *, interval_s: float = INTERVAL_S) -> None:
        self.exercises = exercises
        self._interval_s = interval_s
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._latest: Board | None = None
        self._troubled = False

    @property
    def latest(self) -> Board:
        """How it stood when somebody was last told."""
        return self._latest or Board()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told from now on; call what is returned to be left alone."""
        self._listeners.append(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="exercises")

        def stop() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    async def _run(self) -> None:
        while self._listeners:
            try:
                self._latest = board = await asyncio.to_thread(self.exercises.board)
            except Exception:
                # Supervised: a store that is away must not take the pages with it. Logged once per trouble.
                if not self._troubled:
                    log.exception("how the exercises stand cannot be read; trying again")
                self._troubled = True
                self._tell(None)
            else:
                self._troubled = False
                self._tell(board)
            await asyncio.sleep(self._interval_s)

    def _tell(self, board: Board | None) -> None:
        for listener in list(self._listeners):
            try:
                listener(board)
            except Exception:
                # Supervised: one broken page must not stop the others.
                log.exception("a page of the exercises could not show how they stand")
