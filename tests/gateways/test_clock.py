"""Whose time a sample bears."""

from __future__ import annotations

import pytest

from tests.gateways.helpers import Hands, S

DAY = 24 * 3600 * S


@pytest.fixture
def hands():
    return Hands()


@pytest.mark.parametrize(
    ("source", "server", "expected"),
    [
        (0, 0, (0, "source")),
        (-7 * DAY, 0, (-7 * DAY, "source")),
        (-7 * DAY - 1, -S, (-S, "server")),
        (60 * S, 0, (60 * S, "source")),
        (60 * S + 1, -S, (-S, "server")),
        (61 * S, 61 * S, (0, "gateway")),
        (None, -S, (-S, "server")),
        (None, None, (0, "gateway")),
    ],
)
def test_the_sanity_window_reaches_7_days_back_and_60_s_ahead(hands, source, server, expected):
    """The source's time if sane, else the server's, else ours; all relative to the gateway's clock."""
    stamp = hands.clock().stamp(*(None if t is None else hands.wall + t for t in (source, server)))
    assert stamp == (hands.wall + expected[0], expected[1])


def test_back_fill_may_be_as_old_as_it_likes(hands):
    """History from a year ago keeps its time, but the future stays impossible."""
    clock = hands.clock()
    assert clock.stamp(hands.wall - 365 * DAY, backfill=True) == (hands.wall - 365 * DAY, "source")
    assert clock.stamp(hands.wall + 365 * DAY, backfill=True) == (hands.wall, "gateway")


def test_a_clock_that_follows_is_the_latest_reading_and_never_runs_back(hands):
    """Readings of several sources: the latest counts, an earlier one changes nothing."""
    clock = hands.clock("source")
    clock.observe("a", 100 * S)
    clock.observe("b", 90 * S)
    assert clock.now_ns() == 100 * S
    clock.observe("a", 95 * S)
    hands.pass_s(1000)
    assert clock.now_ns() == 100 * S
    assert (clock.reading_ns("a"), clock.reading_ns("b"), clock.reading_ns("c")) == (100 * S, 90 * S, 100 * S)


def test_a_clock_that_follows_trusts_the_source_until_it_has_moved(hands):
    """A recording from 2016 starts with its first sample, before any clock reading."""
    clock = hands.clock("source")
    assert clock.stamp(None) is None
    assert clock.stamp(10 * S, hands.wall) == (10 * S, "source")
    assert clock.now_ns() == 10 * S
    clock.observe("a", 1_000 * DAY)
    assert clock.stamp(None) == (1_000 * DAY, "gateway")


def test_the_window_of_a_clock_that_follows_lies_around_it(hands):
    """Once it moves, times far from it are not believed, whatever the system's clock says."""
    clock = hands.clock("source")
    clock.observe("a", 1_000 * DAY)
    clock.observe("a", 1_000 * DAY + S)
    assert clock.stamp(hands.wall) == (1_000 * DAY + S, "gateway")
    assert clock.stamp(992 * DAY) == (1_000 * DAY + S, "gateway")
    assert clock.stamp(999 * DAY) == (999 * DAY, "source")


def test_a_fast_replay_may_run_ahead_of_its_own_clock(hands):
    """At 5,000 times real speed ten minutes pass between two readings; samples between them are sane."""
    clock = hands.clock("source")
    clock.observe("a", 1_000 * DAY)
    clock.observe("a", 1_000 * DAY + 600 * S)
    ahead = 1_000 * DAY + 1_200 * S
    assert clock.stamp(ahead) == (ahead, "source")
