"""Counters and registers: from readings to increments (MODEL section 5, Counts)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.signals import Bools, Floats, Times, all_finite


@dataclass(frozen=True, slots=True)
class Increments:
    """What a counter gained between two of its readings.

    Attributes
    ----------
    before : ndarray of int64, shape (n,)
        Time of the reading before.
    at : ndarray of int64, shape (n,)
        Time of the reading that shows the increment.
    amount : ndarray of float64, shape (n,)
        In counts; negative for a correction.
    reset : ndarray of bool, shape (n,)
        The counter started again in between: the amount is a least value.
    first : int or None
        Time of the first reading; None where there is none.
    """

    before: Times
    at: Times
    amount: Floats
    reset: Bools
    first: int | None


def increments(time: Times, reading: Floats, *, rollover: float | None = None) -> Increments:
    """Increments of a cumulative counter, its lows, wraps, corrections and resets told apart.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        Ascending, unique.
    reading : ndarray of float64, shape (n,)
        Finite; NaN is not a reading and must not come here.
    rollover : float, optional
        The counter wraps to 0 on reaching this.

    Returns
    -------
    Increments
        Only pairs with an amount or a reset; the rest of time nothing was made.

    Raises
    ------
    ValueError
        If shapes disagree or a reading is not finite.

    Notes
    -----
    Runs of equal readings are taken together. A run lower than the one before it is a spurious low if
    the next run is at the old level or above. As two neighbouring runs cannot both be spurious
    lows, one pass over the runs finds them all.

    Examples
    --------
    >>> t = np.arange(5)
    >>> increments(t, np.array([10.0, 12.0, 0.0, 13.0, 2.0])).amount
    array([2., 1., 0.])
    """
    if len(time) != len(reading):
        raise ValueError(f"time has {len(time)} entries and reading {len(reading)}: they must be pairs")
    if not all_finite(reading):
        raise ValueError("reading: every reading must be a finite number")
    if len(time) == 0:
        none = np.empty(0)
        return Increments(time, time, none, none.astype(bool), None)
    level, step = reading, np.diff(reading)
    leaves, enters = time[:-1], time[1:]  # last of one run of equal readings, first of the next
    if np.count_nonzero(step) < len(step):
        changed = np.flatnonzero(step)
        leaves, enters = leaves[changed], enters[changed]
        level, step = np.append(reading[:1], reading[changed + 1]), step[changed]
    drops = np.flatnonzero(step < 0)
    if len(drops) == 0:
        return Increments(leaves, enters, step, np.zeros(len(step), dtype=bool), int(time[0]))
    spurious = _spurious_lows(level, drops)
    if len(spurious):
        leaves, enters = np.delete(leaves, spurious), np.delete(enters, spurious - 1)
        level = np.delete(level, spurious)
        step = np.diff(level)
        drops = np.flatnonzero(step < 0)
    amount, reset = _resolve(level, step, drops, rollover)
    nothing = np.flatnonzero(amount == 0)
    nothing = nothing[~reset[nothing]]
    if len(nothing):
        leaves, enters = np.delete(leaves, nothing), np.delete(enters, nothing)
        amount, reset = np.delete(amount, nothing), np.delete(reset, nothing)
    return Increments(leaves, enters, amount, reset, int(time[0]))


def _spurious_lows(level: Floats, drops: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Which runs are lower than the one before, and followed by one at its level or above."""
    low = drops + 1
    low = low[low < len(level) - 1]
    return low[level[low + 1] >= level[low - 1]]


def _resolve(
    level: Floats, step: Floats, drop: npt.NDArray[np.int64], rollover: float | None
) -> tuple[Floats, Bools]:
    """Amount and reset flag of each step between kept runs; `drop` are the steps down."""
    reset = np.zeros(len(step), dtype=bool)
    if len(drop) == 0:
        return step, reset
    old, new = level[drop], level[drop + 1]
    wrap = np.zeros(len(drop), dtype=bool)
    wrapped = np.zeros(len(drop))
    if rollover is not None:
        wrapped = new + rollover - old
        wrap = wrapped <= rollover / 2
    again = ~wrap & (new <= old / 2)
    amount = step.copy()
    amount[drop] = np.where(wrap, wrapped, np.where(again, new, new - old))
    reset[drop] = again
    if drop[-1] == len(step) - 1:  # nothing different has followed it yet
        amount[-1], reset[-1] = 0.0, True
    return amount, reset


@dataclass(frozen=True, slots=True)
class Spread:
    """Increments of silences laid on a grid: who gets how much.

    Attributes
    ----------
    segment : ndarray of int64, shape (k,)
        Grid interval of each piece.
    pair : ndarray of int64, shape (k,)
        Which increment it is a piece of.
    amount : ndarray of float64, shape (k,)
    silent_ns : ndarray of int64, shape (k,)
        Silent time of that increment in that interval.
    """

    segment: npt.NDArray[np.int64]
    pair: npt.NDArray[np.int64]
    amount: Floats
    silent_ns: npt.NDArray[np.int64]


def lay_out(
    inc: Increments,
    edges: Times,
    silent: Bools,
    over: npt.NDArray[np.int64],
    over_ns: npt.NDArray[np.int64],
) -> Spread:
    """Lay the increments between whose readings there was silence on a grid, evenly over that silence.

    Parameters
    ----------
    inc : Increments
    edges : ndarray of int64, shape (n + 1,)
        The grid, covering every `inc.at`.
    silent : ndarray of bool, shape (n,)
    over, over_ns : ndarray of int64, shape (m,)
        Which increments have silence between their readings, and how much within the grid [ns].

    Returns
    -------
    Spread
    """
    begin = np.clip(np.searchsorted(edges, inc.before[over], side="right") - 1, 0, len(silent) - 1)
    finish = np.searchsorted(edges, inc.at[over], side="left") - 1
    length = finish - begin + 1
    whose = np.repeat(np.arange(len(over)), length)
    pair = over[whose]
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(length) - length, length)
    segment = np.repeat(begin, length) + offset
    overlap = np.minimum(edges[segment + 1], inc.at[pair]) - np.maximum(edges[segment], inc.before[pair])
    silent_ns = np.where(silent[segment], np.maximum(overlap, 0), 0)
    part = silent_ns > 0
    whose, pair, segment, silent_ns = whose[part], pair[part], segment[part], silent_ns[part]
    return Spread(segment, pair, inc.amount[pair] * (silent_ns / over_ns[whose]), silent_ns)
