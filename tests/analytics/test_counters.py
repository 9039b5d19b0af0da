"""Counts by the rules of MODEL section 5, on cases worked out by hand."""

import numpy as np
import pytest

from analytics.counters import increments, lay_out
from analytics.parts import _at_once
from analytics.signals import Silence


def gained(*readings, rollover=None):
    """The increments of readings one second apart."""
    time = np.arange(len(readings), dtype=np.int64) * 10**9
    return increments(time, np.array(readings, dtype=float), rollover=rollover).amount.tolist()


@pytest.mark.parametrize(
    ("readings", "rollover", "expected"),
    [
        ((5, 6, 8), None, [1, 2]),
        ((5,), None, []),
        ((5, 5, 5), None, []),
        ((10, 0, 0, 10), None, [0]),
        ((10, 0, 12), None, [2]),
        ((10, 0, 10, 0, 11), None, [0, 1]),
        ((10, 0, 3, 4), None, [0, 3, 1]),
        ((10, 2, 3), None, [2, 1]),
        ((10, 9, 11), None, [1]),
        ((10, 9, 9.5, 11), None, [-1, 0.5, 1.5]),
        ((65530, 4, 5), 65536, [10, 1]),
        ((40000, 4, 5), 65536, [25540, 1]),
        ((20000, 4, 5), 65536, [4, 1]),
        ((10, 12, 3), None, [2, 0]),
        ((10, 12, 11), None, [2, 0]),
        ((65530, 4), 65536, [0]),
    ],
)
def test_drops_are_told_apart(readings, rollover, expected):
    """Spurious lows, wraps, corrections, resets and trailing lows each count as the model says."""
    assert [a for a in gained(*readings, rollover=rollover) if a] == [a for a in expected if a]


def test_the_sum_of_increments_is_the_difference_where_nothing_dropped():
    """A counter that only rises gained what it shows."""
    readings = np.cumsum(np.random.default_rng(1).integers(0, 5, 1000)).astype(float)
    assert sum(gained(*readings)) == readings[-1] - readings[0]


def test_mismatched_shapes_are_an_error():
    """An array too short is said, not guessed."""
    with pytest.raises(ValueError, match=r"time has 2 entries and reading 1"):
        increments(np.arange(2), np.array([1.0]))


def test_an_increment_after_silence_is_spread_over_the_silence():
    """Of eight seconds between two readings the four silent ones share the parts evenly."""
    edges = np.array([0, 2, 4, 6, 8, 10])
    silent = np.array([False, True, True, False, False])
    inc = increments(np.array([0, 8]), np.array([10.0, 14.0]))
    silence = Silence.on_grid(edges, silent)
    spread = lay_out(inc, edges, silent, *silence.touching(inc.before, inc.at))
    assert np.bincount(spread.segment, weights=spread.amount, minlength=5).tolist() == [0, 2, 2, 0, 0]


def test_a_part_finished_on_an_edge_belongs_to_the_earlier_interval():
    """The instant just before the reading decides, whatever stretch begins then."""
    edges = np.array([0, 5, 10, 15])
    inc = increments(np.array([0, 5, 10, 12]), np.array([0.0, 1.0, 3.0, 7.0]))
    none = np.empty(0, dtype=np.int64)
    assert _at_once(inc, edges, np.array([0, 1, 2]), none).tolist() == [1, 2, 4]
    assert _at_once(inc, edges, np.array([0, 2]), none).tolist() == [3, 0, 4]
