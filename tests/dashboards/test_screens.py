"""What stands behind the page: views, moments, figures, the poller, the server."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from itertools import pairwise

import pytest

from dashboards import figures, moments, timeline
from dashboards.app import serve
from dashboards.catalogue import BY_ID
from dashboards.errors import AddressInUse, CannotListen
from dashboards.listening import listen
from dashboards.poller import Poller
from dashboards.snapshot import Answers, Snapshot, take
from dashboards.view import NS, Span, View, link, parse, parse_time, rfc3339, span
from tests.dashboards.fakes import HOUR_NS, START_NS, FakeScreens, site

LINE = View(None, "milling")
OF_LINE = {"line": "milling"}
M1 = View("m1", "milling", "1h")


async def so(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("query", "view", "unclear"),
    [
        ({}, View(None, "milling", screen="overview"), []),
        ({"machine": "m2", "range": "1h"}, View("m2", "milling", "1h"), []),
        ({"line": "milling", "range": "7d"}, View(None, "milling", "7d"), []),
        ({"screen": "moon"}, View(None, "milling", screen="overview"), ["no_screen"]),
        ({"machine": "nope"}, LINE, ["no_machine"]),
        ({"line": "nope"}, LINE, ["no_machine"]),
        ({"range": "9h", "line": "milling"}, LINE, ["no_range"]),
        ({"from": "yesterday", "to": "now", "line": "milling"}, LINE, ["no_range"]),
        (
            {"line": "milling", "from": "2026-11-23T08:00:00", "to": "2026-11-23T09:00:00Z"},
            LINE,
            ["no_range"],
        ),
        (
            {"line": "milling", "from": "2026-11-23T09:00:00Z", "to": "2026-11-23T08:00:00Z"},
            LINE,
            ["no_range"],
        ),
        (
            {"line": "milling", "from": "2026-11-23T07:00:00+01:00", "to": str(START_NS + 5)},
            View(None, "milling", "custom", START_NS, START_NS + 5),
            [],
        ),
    ],
)
def test_a_link_gives_a_view_and_says_what_it_could_not_read(query, view, unclear) -> None:
    """What cannot be understood gives the default."""
    asked = parse(site(), query)
    assert asked.view == view
    assert [key for key, _ in asked.unclear] == unclear


@pytest.mark.parametrize("view", [LINE, M1, View("m3", "milling", "custom", START_NS, START_NS + 1)])
def test_a_views_link_brings_it_back(view) -> None:
    """Deep links go both ways, to the nanosecond."""
    query = dict(pair.split("=") for pair in link(view, "en", "dark").removeprefix("/?").split("&"))
    unquoted = {k: v.replace("%3A", ":") for k, v in query.items()}
    assert parse(site(), unquoted).view == view


def test_times_keep_their_nanoseconds() -> None:
    """Neither way through text loses any."""
    for time_ns in (START_NS, START_NS + 1, START_NS + 294_132_000, START_NS + 999_999_999):
        assert parse_time(rfc3339(time_ns)) == time_ns


def test_a_range_is_whole_cells_and_never_before_the_data() -> None:
    """So that atoms and raw data answer alike, and time before the first reading is not called unknown."""
    screens = FakeScreens(hours=2.01)
    hour = span(screens, M1)
    assert hour is not None
    assert hour.start_ns % (300 * NS) == 0
    assert hour.end_ns == screens.now
    day = span(screens, View("m1", "milling", "24h"))
    assert day == Span(START_NS, screens.now, from_first=True)
    screens.first = None
    assert span(screens, M1) is None


def test_moments_are_on_the_fieldlabs_clock_also_when_it_changes() -> None:
    """The night of 25 October 2026: an hour comes twice, and both are labelled as the wall clock was."""
    start = parse_time("2026-10-24T22:00:00Z")
    at = Span(start, start + 6 * HOUR_NS)
    labels = [text for _, text in moments.ticks(site(), at, "nl")]
    assert labels == ["zo 25 okt", "01:00", "02:00", "02:00", "03:00", "04:00"]
    days = moments.buckets(site(), Span(start, start + 4 * 24 * HOUR_NS), "en")
    assert [name for name, _, _ in days][:2] == ["2026-10-25", "2026-10-26"]
    assert days[0][2] - start == 25 * HOUR_NS


def test_a_long_timeline_is_condensed_without_losing_time() -> None:
    """Ten thousand stops: as many columns as there are pixels, from first to last without a hole."""
    intervals = [(i * 10, i * 10 + 10, "down" if i % 3 else "producing") for i in range(30_000)]
    short = timeline.condense(intervals)
    assert len(short) <= timeline.MOST_INTERVALS
    assert (short[0][0], short[-1][1]) == (0, 300_000)
    assert all(a[1] == b[0] for a, b in pairwise(short))


@pytest.mark.parametrize(
    ("measure", "row", "why"),
    [
        ("oee_index", None, "why.no_data"),
        ("oee_index", {"planned_busy_time_s": 0.0, "ideal_good_time_s": 0.0}, "why.no_plan"),
        ("oee_index", {"planned_busy_time_s": 9.0, "ideal_good_time_s": None}, "why.no_counter"),
        (
            "oee_index",
            {"planned_busy_time_s": 9.0, "ideal_good_time_s": 0.0, "count_missing_s": 9.0},
            "why.no_counts",
        ),
        ("availability", {"planned_busy_time_s": 9.0, "unknown_time_s": 9.0}, "why.all_unknown"),
        ("effectiveness", {"ideal_production_time_s": 0.0}, "why.not_producing"),
        ("quality_ratio", {"ideal_good_time_s": 0.0, "ideal_production_time_s": 0.0}, "why.no_parts"),
        ("energy_per_good_unit_kwh", {"energy_kwh": None}, "why.no_meter"),
        (
            "energy_per_good_unit_kwh",
            {"energy_kwh": 1.0, "calendar_time_s": 9.0, "energy_missing_s": 0.0, "good_quantity": 0.0},
            "why.no_good",
        ),
    ],
)
def test_what_is_undefined_has_a_reason(measure, row, why) -> None:
    """Each in words a visitor understands."""
    assert figures.why_undefined(measure, row) == why
    shown = figures.figure(BY_ID[measure], row, "en", line=False)
    assert (shown.text, shown.exact) == ("–", "")
    assert shown.how.startswith("Cannot be determined")


def test_bounds_that_equal_the_figure_are_none() -> None:
    """And those that do not, say why."""
    row = {"oee_index": 0.5, "oee_index_low": 0.5, "oee_index_high": 0.5, "planned_busy_time_s": 100.0,
           "unknown_time_s": 0.0, "count_missing_s": 0.0}  # fmt: skip
    assert figures.oee_bounds(row, "en", line=False) is None
    for change in ({"unknown_time_s": 10.0}, {"count_missing_s": 10.0}, {}):
        bounds = figures.oee_bounds(row | {"oee_index_high": 0.6} | change, "en", line=False)
        assert bounds is not None
        assert "60.0" in bounds.why


def test_effectiveness_above_one_is_shown_and_not_clipped() -> None:
    """115 % is a wrong cycle time, and must be seen."""
    shown = figures.figure(BY_ID["effectiveness"], {"effectiveness": 1.15}, "nl", line=False)
    assert shown.text == "115,0\u202f%"


async def test_many_pages_of_one_view_ask_once() -> None:
    """Twenty open pages cost little more than one."""
    alone, crowded = FakeScreens(), FakeScreens()
    for screens, pages in ((alone, 1), (crowded, 20)):
        seen: list[Snapshot | None] = []
        async with Poller(screens, interval_s=3600) as poller:
            for _ in range(pages):
                poller.listen(M1, seen.append)
            await so(lambda seen=seen, pages=pages: len(seen) == pages)
    assert alone.calls == crowded.calls


async def test_nobody_looking_asks_nothing() -> None:
    """And a page that was left is forgotten."""
    screens = FakeScreens()
    async with Poller(screens, interval_s=0.01) as poller:
        seen: list[Snapshot | None] = []
        stop = poller.listen(M1, seen.append)
        await so(lambda: bool(seen))
        stop()
        stop()
        assert poller.latest(M1) is None
        await so(lambda: poller.rounds > 0)
        await poller.ask(int)  # the one thread that asks has done what it was at
        rounds, calls = poller.rounds, screens.calls
        await asyncio.sleep(0.05)
        assert (poller.rounds, screens.calls) == (rounds, calls)


async def test_what_did_not_change_is_not_told_again() -> None:
    """Equal snapshots stay in the house."""
    screens = FakeScreens()
    async with Poller(screens, interval_s=0.01) as poller:
        seen: list[Snapshot | None] = []
        poller.listen(M1, seen.append)
        await so(lambda: poller.rounds > 5)
        assert len(seen) == 1
        screens.now += NS
        await so(lambda: len(seen) == 2)


async def test_one_broken_page_does_not_stop_the_others() -> None:
    """A listener that fails is logged, and the rest is told."""
    screens = FakeScreens()

    def broken(_: Snapshot | None) -> None:
        raise ValueError("a page")

    async with Poller(screens, interval_s=0.01) as poller:
        seen: list[Snapshot | None] = []
        poller.listen(M1, broken)
        poller.listen(M1, seen.append)
        await so(lambda: bool(seen))


def test_a_snapshot_of_the_line_shows_every_machine() -> None:
    """One timeline each, and the line's own figures."""
    snapshot = take(LINE, Answers(FakeScreens()))
    assert list(snapshot.timelines) == ["m1", "m2", "m3"]
    assert snapshot.total is not None
    assert snapshot.total["line"] == "milling"
    assert set(snapshot.machines) == {"m1", "m2", "m3"}


def test_a_busy_port_gives_one_clear_error() -> None:
    """Which port, and what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AddressInUse, match=f"127.0.0.1:{port} is already in use"):
            listen("127.0.0.1", port)


def test_an_address_of_somebody_else_gives_one_clear_error() -> None:
    """Not one of this machine."""
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def got(url: str) -> bytes:
    """What an address of ours answers."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - ours
        return answer.read()


async def test_serving_leaves_signals_alone_and_stops_within_a_second() -> None:
    """The caller owns Ctrl-C."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    took = []
    for _ in range(3):
        async with serve(FakeScreens()) as address:
            assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
            assert await asyncio.to_thread(got, f"{address.url}healthz") == b'{"status":"ok"}'
            began = time.monotonic()
        took.append(time.monotonic() - began)
    assert min(took) < 1.0  # what else the machine does can only make it more
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(address.host, address.port)
