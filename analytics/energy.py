"""Energy from a register, from power on change, from sampled power (MODEL section 5, Energy)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.counters import increments
from analytics.signals import NS, Floats, Steps, Times, all_finite, how_many_until, merged, union

HOUR_NS = 3600 * NS
_EVER = np.iinfo(np.int64).max
Intervals = tuple[Times, Times]


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy as a function of time: what was used before each instant, and where nothing is known.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        Knots; ascending.
    used : ndarray of float64, shape (n,)
        Energy used before each knot [kWh].
    power : ndarray of float64, shape (n,)
        Power right after each knot [kW].
    slope : ndarray of float64, shape (n,), or None
        Its change [kW/h], None where it never does: between knots
        ``used + power * h + slope * h**2 / 2``, h the hours since the knot. All 0 after the last.
    known : tuple of two ndarray of int64
        Disjoint intervals in which energy was read.
    """

    time: Times
    used: Floats
    power: Floats
    slope: Floats | None
    known: Intervals

    def before(self, times: Times) -> Floats:
        """Energy used before each of `times` [kWh], shape of `times`; they ascend."""
        if len(self.time) == 0:
            return np.zeros(len(times))
        knot = how_many_until(self.time, times) - 1
        early = times < self.time[0] if len(knot) and knot.min() < 0 else None
        since = times - self.time.take(knot, mode="clip")
        hours = since / HOUR_NS
        if early is not None:
            hours[early] = 0.0
        total: Floats = self.power.take(knot, mode="clip")
        if self.slope is not None:
            total += self.slope.take(knot, mode="clip") * (hours / 2)
        total *= hours
        total += self.used.take(knot, mode="clip")
        return total


def from_register(
    time: Times, reading: Floats, *, rollover: float | None = None, max_power_kw: float | None = None
) -> Energy:
    """Energy from a cumulative register: each difference spread evenly between its two readings.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        Ascending, unique.
    reading : ndarray of float64, shape (n,)
        [kWh]
    rollover : float, optional
        The register wraps to 0 on reaching this [kWh].
    max_power_kw : float, optional
        What the machine can draw at most: a reset that would need more is refused, and the time
        between its two readings is unknown.

    Returns
    -------
    Energy
    """
    inc = increments(time, reading, rollover=rollover)
    if inc.first is None:
        return Energy(time, reading, reading, None, (time, time))
    duration_h = (inc.at - inc.before) / HOUR_NS
    refused = np.zeros(len(inc.at), dtype=bool)
    if max_power_kw is not None:
        refused = inc.reset & (inc.amount > max_power_kw * duration_h)
    amount = np.where(refused, 0.0, inc.amount)
    knots = np.concatenate(([inc.first], np.stack((inc.before, inc.at), axis=1).ravel(), [time[-1]]))
    used = np.concatenate(
        ([0.0], np.stack((np.cumsum(amount) - amount, np.cumsum(amount)), axis=1).ravel(), [amount.sum()])
    )
    power = np.zeros(len(knots))
    power[1:-1:2] = amount / duration_h
    lost = inc.before[refused], inc.at[refused]
    known = _outside(*lost, inc.first, int(time[-1]))
    return Energy(knots, used, power, None, known)


def _outside(start: Times, end: Times, first: int, last: int) -> Intervals:
    begins = np.concatenate(([first], end)).astype(np.int64)
    finishes = np.concatenate((start, [last])).astype(np.int64)
    return union(begins, finishes)


def held_power(time: Times, power: Floats, live: Steps, *, max_hold_ns: int | None) -> Steps:
    """Power on change as a step function: NaN where nobody knows it.

    Parameters
    ----------
    time, power : ndarray, shape (n,)
        Readings; ascending [kW].
    live : Steps of bool
        Whether the signal can be believed.
    max_hold_ns : int or None
        The longest a reading is believed; for machines that have no link heartbeats.
    """
    if max_hold_ns is not None and len(time):
        late = np.flatnonzero(np.diff(time) > max_hold_ns)
        late = np.append(late, len(time) - 1)  # nothing follows the last
        power = np.insert(power, late + 1, np.nan)
        time = np.insert(time, late + 1, time[late] + max_hold_ns)
    if len(live.time) == 0 and live.before:
        return Steps(time, power, before=np.nan)
    edges = merged(time, live.time)
    value = Steps(time, power, before=np.nan).along(edges).astype(float)
    value[~live.along(edges).astype(bool)] = np.nan
    return Steps(edges, value, before=np.nan)


def sampled_power(time: Times, power: Floats, *, max_hold_ns: int) -> Steps:
    """Sampled power, for states made from it: held between neighbours that are near enough, else NaN."""
    near = np.zeros(len(time), dtype=bool)
    near[:-1] = np.diff(time) <= max_hold_ns
    return Steps(time, np.where(near, power, np.nan), before=np.nan)


def from_held_power(held: Steps) -> Energy:
    """Energy from power that holds from one change to the next.

    Parameters
    ----------
    held : Steps of float64
        [kW], NaN: unknown; see :func:`held_power`.

    Returns
    -------
    Energy
    """
    time, power = held.time, held.value.astype(float, copy=False)
    if len(time) == 0:
        return Energy(time, power, power, None, (time, time))
    known: Intervals = time[:1], np.array([_EVER])
    if not all_finite(power):
        dead = np.isnan(power)
        power = np.where(dead, 0.0, power)
        change = np.flatnonzero(np.diff(dead.view(np.int8), prepend=1, append=1))
        ends = np.append(time, [_EVER])
        known = time[change[0::2]], ends[change[1::2]]
    used = np.empty(len(time))
    used[0] = 0.0
    np.multiply(np.diff(time), power[:-1], out=used[1:])
    np.cumsum(used, out=used)
    used /= HOUR_NS
    return Energy(time, used, power, None, known)


def from_sampled_power(time: Times, power: Floats, *, max_hold_ns: int) -> Energy:
    """Energy from sampled power: trapezoids between neighbours at most `max_hold_ns` apart.

    Parameters
    ----------
    time, power : ndarray, shape (n,)
        Ascending [kW].
    max_hold_ns : int
        [ns]

    Returns
    -------
    Energy
    """
    if len(time) == 0:
        return Energy(time, power, power, power, (time, time))
    step = np.diff(time)
    near = step <= max_hold_ns
    hours = step / HOUR_NS
    area = np.where(near, (power[:-1] + power[1:]) / 2 * hours, 0.0)
    used = np.concatenate(([0.0], np.cumsum(area)))
    begin = np.append(np.where(near, power[:-1], 0.0), [0.0])
    slope = np.append(np.where(near, np.diff(power) / hours, 0.0), [0.0])
    return Energy(time, used, begin, slope, union(time[:-1][near], time[1:][near]))
