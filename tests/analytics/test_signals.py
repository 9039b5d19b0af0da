"""Small parts of signals, each against the plain way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics import signals

TIMES = st.lists(st.integers(-(2**61), 2**61), min_size=1, max_size=60) | st.lists(
    st.integers(-50, 50), min_size=1, max_size=60
)


@given(TIMES, TIMES)
def test_how_many_until_is_a_binary_search(time, keys):
    """Spread evenly or in bursts, before the first and after the last, on the very instant."""
    time, keys = np.unique(np.array(time, np.int64)), np.sort(np.array(keys, np.int64))
    worth, signals._WORTH_A_TABLE = signals._WORTH_A_TABLE, 1
    try:
        found = signals.how_many_until(time, keys)
    finally:
        signals._WORTH_A_TABLE = worth
    assert found.tolist() == np.searchsorted(time, keys, side="right").tolist()


def test_how_many_until_finds_its_way_in_bursts():
    """A hundred thousand readings within a second, then one a day."""
    burst = np.arange(100_000, dtype=np.int64) * 10_000
    time = np.concatenate((burst, burst[-1] + np.arange(1, 400, dtype=np.int64) * 86_400 * 10**9))
    keys = np.sort(np.concatenate((time[::7], time[::11] + 3, [-5, time[-1] + 1])))
    assert (signals.how_many_until(time, keys) == np.searchsorted(time, keys, side="right")).all()


@given(st.lists(st.floats(width=64), max_size=20))
def test_all_finite_sees_nan_and_infinity(values):
    """Also where a sum of finite values is infinite."""
    assert signals.all_finite(np.array(values, float)) == bool(np.isfinite(values).all())
