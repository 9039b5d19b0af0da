"""Many pages of one view over a real store, which is asked once for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from analytics.job import Job
from dashboards.poller import Poller
from dashboards.snapshot import Snapshot
from dashboards.view import View
from fieldlab.screens import StoreScreens
from fieldlab.stores import JobStore
from fieldlab_configs import Site, parse
from ingest.embedded import EmbeddedStore
from ingest.store import Row
from tests.dashboards.test_screens import so
from tests.life.day import CONFIG, START_NS, at, day

PAGES = 20
HOURS = 2
LINE = View(None, "l1", "all")


class Counted:
    """A store that counts how often it is asked."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self.asked = 0

    def __getattr__(self, name: str) -> object:
        self.asked += name in ("read", "last_before", "first_from")
        return getattr(self._store, name)


@pytest.fixture
def lab(tmp_path) -> Iterator[tuple[Site, Counted]]:
    """Two hours of two machines, worked out."""
    site = parse(f"fieldlab: lab\ntimezone: Europe/Amsterdam\nlanguage: en\n{CONFIG}")
    store = EmbeddedStore(tmp_path / "lab.db", site.fieldlab)
    for phase, machine in enumerate(("m1", "m2")):
        tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", machine))
        told = day(0, HOURS * 3600, phase=7 * phase)
        store.write("raw", [Row("machine", tags, name, t, value) for t, name, value in told])
    Job(site, JobStore(store)).recompute(START_NS, at(HOURS * 3600))
    yield site, Counted(store)
    store.close()


async def test_twenty_pages_ask_the_store_no_more_than_one(lab) -> None:
    """One round for all who look at the same, and all are told the same."""
    site, store = lab
    asked: dict[int, int] = {}
    figures: dict[int, object] = {}
    for pages in (1, PAGES):
        screens = StoreScreens(site, store)  # remembers nothing of the round before
        screens.refresh(START_NS, at(3600))
        told: list[Snapshot | None] = []
        before = store.asked
        async with Poller(screens, interval_s=3600) as poller:
            for _ in range(pages):
                poller.listen(LINE, told.append)
            await so(lambda told=told, pages=pages: len(told) == pages, 60)
        asked[pages] = store.asked - before
        figures[pages] = [snapshot.total for snapshot in told if snapshot is not None]
    assert asked[PAGES] == asked[1] > 0
    assert figures[PAGES] == figures[1] * PAGES
