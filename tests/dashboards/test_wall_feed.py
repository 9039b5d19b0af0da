"""What walls ask for is kept while somebody asks, and not for ever."""

from __future__ import annotations

import asyncio
import gc
import weakref

from dashboards import wall_feed
from dashboards.poller import Poller
from dashboards.view import View
from dashboards.wall_feed import Feed, feed_of
from tests.dashboards.fakes import NS, FakeScreens

VIEW = View(None, "milling", screen="wall")


async def eventually(true, what: str) -> None:
    """Wait until something is so."""
    for _ in range(6000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(what)


def test_a_view_that_nobody_asks_for_any_more_is_let_go(monkeypatch) -> None:
    """Two walls of one view cost one; after the lease the store is left alone."""
    monkeypatch.setattr(wall_feed, "LEASE_S", 2.0)

    async def run() -> None:
        screens = FakeScreens()
        async with Poller(screens, interval_s=0.02) as poller:
            feed = feed_of(poller)
            assert feed is feed_of(poller)
            first, second = await asyncio.gather(feed.ask(VIEW), feed.ask(VIEW))
            assert first == second
            assert first[0] is not None
            assert feed.watched == 1
            await eventually(lambda: feed.watched == 0, "the lease ends")
            await poller.ask(int)  # the one thread that asks has done what it was at
            rounds, calls = poller.rounds, screens.calls
            await asyncio.sleep(0.2)
            assert (poller.rounds, screens.calls) == (rounds, calls)
            assert (await feed.ask(VIEW))[0] is not None

    asyncio.run(run())


def test_data_that_stand_still_are_said_to_after_a_minute() -> None:
    """And no longer once they move; a store that is away is another thing."""
    clock = [0.0]

    async def run() -> None:
        screens = FakeScreens()
        async with Poller(screens, interval_s=0.02) as poller:
            feed = Feed(poller, lambda: clock[0])
            now, trouble = await feed.ask(VIEW)
            assert trouble.kind == ""
            clock[0] += 61
            assert (await feed.ask(VIEW))[1].kind == "still"
            screens.now += NS
            for _ in range(6000):
                later, trouble = await feed.ask(VIEW)
                if later != now:
                    break
                await asyncio.sleep(0.01)
            assert trouble.kind == ""
            screens.broken = True
            for _ in range(6000):
                old, trouble = await feed.ask(VIEW)
                if trouble.kind:
                    break
                await asyncio.sleep(0.01)
            assert (old, trouble.kind) == (later, "away")

    asyncio.run(run())


def test_a_poller_is_let_go_when_its_last_wall_went(monkeypatch) -> None:
    """Whoever serves again and again in one process keeps no poller for walls that are long gone."""
    monkeypatch.setattr(wall_feed, "LEASE_S", 2.0)

    async def run() -> weakref.ref[Poller]:
        async with Poller(FakeScreens(), interval_s=0.02) as poller:
            feed = feed_of(poller)
            assert (await feed.ask(VIEW))[0] is not None
            await eventually(lambda: feed.watched == 0, "the lease ends")
        return weakref.ref(poller)

    gone = asyncio.run(run())
    gc.collect()
    assert gone() is None
