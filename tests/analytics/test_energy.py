"""Energy by the rules of MODEL section 5, on cases worked out by hand."""

import numpy as np
import pytest

from analytics.energy import from_held_power, from_register, from_sampled_power, held_power
from analytics.signals import Steps

H = 3600 * 10**9
ALWAYS = Steps(np.empty(0, np.int64), np.empty(0, bool), before=True)


def hours(*values):
    """Hours as nanoseconds."""
    return np.array([round(v * H) for v in values], dtype=np.int64)


def test_a_register_spreads_each_difference_evenly():
    """Half-way between two readings, half of their difference was used."""
    energy = from_register(hours(0, 2, 3), np.array([10.0, 14.0, 15.0]))
    assert energy.before(hours(-1, 0, 1, 2, 2.5, 3, 9)).tolist() == pytest.approx([0, 0, 2, 4, 4.5, 5, 5])
    assert [k.tolist() for k in energy.known] == [[0], [3 * H]]


def test_a_reset_beyond_the_machines_power_is_refused():
    """A register that restarts at more than the machine can draw tells nothing of that interval."""
    energy = from_register(hours(0, 1, 2, 3), np.array([900.0, 901, 300, 301]), max_power_kw=50)
    assert energy.before(hours(3))[0] == pytest.approx(2.0)
    assert [k.tolist() for k in energy.known] == [[0, 2 * H], [1 * H, 3 * H]]


def test_power_on_change_holds_to_the_next_sample():
    """Weeks at zero and then 6 kW invent no energy."""
    held = held_power(hours(0, 100, 101), np.array([0.0, 6.0, 0.0]), ALWAYS, max_hold_ns=None)
    assert from_held_power(held).before(hours(100, 100.5, 101, 150)).tolist() == pytest.approx([0, 3, 6, 6])


def test_power_without_link_is_believed_for_max_hold():
    """Where nothing tells of life, a reading is believed for `max_hold_s` and then missing."""
    held = held_power(hours(0, 3), np.array([4.0, 2.0]), ALWAYS, max_hold_ns=H)
    energy = from_held_power(held)
    assert energy.before(hours(1, 3, 4, 9)).tolist() == pytest.approx([4, 4, 6, 6])
    assert [k.tolist() for k in energy.known] == [[0, 3 * H], [1 * H, 4 * H]]


def test_power_is_missing_while_the_signal_is_dead():
    """Energy is counted while the signal lives, and only then."""
    live = Steps(hours(0, 1, 2), np.array([True, False, True]), before=False)
    held = held_power(hours(0), np.array([4.0]), live, max_hold_ns=None)
    assert from_held_power(held).before(hours(3))[0] == pytest.approx(8.0)


def test_sampled_power_is_a_trapezoid_between_near_neighbours():
    """Between samples that are too far apart nothing is known."""
    energy = from_sampled_power(hours(0, 1, 5, 6), np.array([0.0, 2.0, 2.0, 4.0]), max_hold_ns=H)
    assert energy.before(hours(0.5, 1, 5, 6)).tolist() == pytest.approx([0.25, 1, 1, 4])
    assert [k.tolist() for k in energy.known] == [[0, 5 * H], [1 * H, 6 * H]]
