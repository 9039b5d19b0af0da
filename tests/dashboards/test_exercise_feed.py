"""How the exercises stand is asked once for all pages, and a store that is away takes none of them along."""

from __future__ import annotations

import asyncio
import logging

from dashboards.exercise_feed import Boards
from dashboards.exercises import Board, StopsTask
from tests.dashboards.test_screens import so

PAGES = 20


class Line:
    """A running line whose store may be away."""

    def __init__(self) -> None:
        self.asked, self.away = 0, False

    def board(self) -> Board:
        """How it stands: another way each time."""
        self.asked += 1
        if self.away:
            raise ConnectionError("the store is away")
        return Board(stops=StopsTask("m1", float(self.asked), "waiting"))


async def test_twenty_pages_ask_once_a_round_and_nobody_asks_for_nobody() -> None:
    """All are told the same board; when the last page has gone, the line is left alone."""
    line = Line()
    boards = Boards(line, interval_s=0.02)  # type: ignore[arg-type]  # what is asked of it
    told: list[list[Board | None]] = [[] for _ in range(PAGES)]
    stops = [boards.listen(each.append) for each in told]
    await so(lambda: len(told[0]) >= 3, 60)
    assert all(each[:3] == told[0][:3] for each in told)
    assert line.asked <= len(told[0]) + 1
    assert boards.latest == told[-1][-1]
    for stop in stops:
        stop()
    await so(lambda: "exercises" not in {task.get_name() for task in asyncio.all_tasks()}, 60)
    asked = line.asked
    await asyncio.sleep(0.1)
    assert line.asked == asked
    boards.listen(told[0].append)()


async def test_a_store_that_is_away_is_logged_once_and_the_pages_come_back(caplog) -> None:
    """Nothing is raised; each page is told that what it shows is old, and then how it stands."""
    line = Line()
    boards = Boards(line, interval_s=0.01)  # type: ignore[arg-type]  # what is asked of it
    told: list[Board | None] = []
    stop = boards.listen(told.append)
    await so(lambda: bool(told), 60)
    line.away = True
    with caplog.at_level(logging.ERROR):
        await so(lambda: told.count(None) >= 3, 60)
        line.away = False
        await so(lambda: told[-1] is not None, 60)
    stop()
    assert [r.getMessage() for r in caplog.records] == [
        "how the exercises stand cannot be read; trying again"
    ]


async def test_a_page_that_cannot_show_does_not_stop_the_others() -> None:
    """Its listener raises; the next one is told all the same."""

    def broken(_: Board | None) -> None:
        raise ValueError("a page that is broken")

    boards = Boards(Line(), interval_s=0.01)  # type: ignore[arg-type]  # what is asked of it
    told: list[Board | None] = []
    stops = boards.listen(broken), boards.listen(told.append)
    await so(lambda: len(told) >= 2, 60)
    for stop in stops:
        stop()
