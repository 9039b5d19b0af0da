"""What walls ask for, kept by the poller for as long as somebody asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary, proxy

from dashboards.poller import Poller
from dashboards.snapshot import Snapshot
from dashboards.view import View
from dashboards.wall import Trouble
from dashboards.wall_facts import WallNow

LEASE_S: Final = 15.0
STILL_S: Final = 60.0
FIRST_WITHIN_S: Final = 10.0


@dataclass
class _Watched:
    """One view that walls ask for."""

    stop: Callable[[], None]
    asked_at: float
    told: asyncio.Event = field(default_factory=asyncio.Event)
    now: WallNow | None = None
    away: bool = False
    moved_at: float = 0.0


class Feed:
    """The last moment of every view that a wall shows: a wall asks again and again, and holds no line open.

    Parameters
    ----------
    poller : Poller
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, poller: Poller, clock: Callable[[], float] = time.monotonic) -> None:
        # Not held: the feed of a poller is kept for as long as there is the poller.
        self._poller, self._clock = proxy(poller), clock
        self._watched: dict[View, _Watched] = {}

    @property
    def watched(self) -> int:
        """How many views are asked for."""
        return len(self._watched)

    async def ask(self, view: View) -> tuple[WallNow | None, Trouble]:
        """The last known moment of a view, and what is wrong with it."""
        watched = self._watched.get(view) or self._watch(view)
        watched.asked_at = self._clock()
        try:
            await asyncio.wait_for(watched.told.wait(), FIRST_WITHIN_S)
        except TimeoutError:
            return None, Trouble("away")
        if watched.away:
            return watched.now, Trouble("away")
        still = watched.now is not None and self._clock() - watched.moved_at > STILL_S
        return watched.now, Trouble("still" if still else "")

    def _watch(self, view: View) -> _Watched:
        watched = _Watched(lambda: None, self._clock())
        self._watched[view] = watched

        def keep(snapshot: Snapshot | None) -> None:
            watched.away = snapshot is None
            if snapshot is not None:
                if watched.now is None or snapshot.wall is None or snapshot.wall.now_ns != watched.now.now_ns:
                    watched.moved_at = self._clock()
                watched.now = snapshot.wall
            watched.told.set()

        watched.stop = self._poller.listen(view, keep)
        latest = self._poller.latest(view)
        if latest is not None:
            keep(latest)
        self._look_again(view)
        return watched

    def _look_again(self, view: View) -> None:
        asyncio.get_running_loop().call_later(LEASE_S, self._drop, view)

    def _drop(self, view: View) -> None:
        watched = self._watched[view]
        if self._clock() - watched.asked_at < LEASE_S:
            self._look_again(view)
            return
        watched.stop()
        del self._watched[view]


_feeds: WeakKeyDictionary[Poller, Feed] = WeakKeyDictionary()


def feed_of(poller: Poller) -> Feed:
    """The one feed of a poller."""
    if poller not in _feeds:
        _feeds[poller] = Feed(poller)
    return _feeds[poller]
