"""Counters and registers: from readings to increments (MODEL section 5, Counts)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.signals import Bools, Floats, Times


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
    if not bool(np.all(np.isfinite(reading))):
        raise ValueError("reading: every reading must be a finite number")
    if len(time) == 0:
        none = np.empty(0)
        return Increments(time, time, none, none.astype(bool), None)
    begins = np.concatenate(([True], reading[1:] != reading[:-1]))
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(reading)) - 1
    level = reading[first]

    spurious = np.zeros(len(level), dtype=bool)
    if len(level) > 2:  # noqa: PLR2004 - a low needs a run on either side
        spurious[1:-1] = (level[1:-1] < level[:-2]) & (level[2:] >= level[:-2])
    kept = np.flatnonzero(~spurious)
    old, new = level[kept[:-1]], level[kept[1:]]
    drop = new < old
    trailing = np.zeros(len(new), dtype=bool)
    if len(new):
        trailing[-1] = drop[-1]  # nothing different has followed it yet
    amount, reset = _resolve(old, new, rollover)
    amount = np.where(trailing, 0.0, amount)
    reset |= trailing
    some = (amount != 0) | reset
    return Increments(
        before=time[last[kept[:-1]]][some],
        at=time[first[kept[1:]]][some],
        amount=amount[some],
        reset=reset[some],
        first=int(time[0]),
    )


def _resolve(old: Floats, new: Floats, rollover: float | None) -> tuple[Floats, Bools]:
    """Amount and reset flag of each step between kept runs."""
    drop = new < old
    wrap = np.zeros(len(new), dtype=bool)
    wrapped = np.zeros(len(new))
    if rollover is not None:
        wrapped = new + rollover - old
        wrap = drop & (wrapped <= rollover / 2)
    correction = drop & ~wrap & (new > old / 2)
    reset = drop & ~wrap & ~correction
    amount = np.where(wrap, wrapped, np.where(reset, new, new - old))
    return amount, reset


@dataclass(frozen=True, slots=True)
class Spread:
    """Increments laid on a grid: who gets how much.

    Attributes
    ----------
    segment : ndarray of int64, shape (k,)
        Grid interval of each piece.
    pair : ndarray of int64, shape (k,)
        Which increment it is a piece of.
    amount : ndarray of float64, shape (k,)
    silent_ns : ndarray of int64, shape (k,)
        Silent time of that increment in that interval; 0 for a part counted at an instant.
    """

    segment: npt.NDArray[np.int64]
    pair: npt.NDArray[np.int64]
    amount: Floats
    silent_ns: npt.NDArray[np.int64]


def lay_out(inc: Increments, edges: Times, silent: Bools, silent_between: npt.NDArray[np.int64]) -> Spread:
    """Lay increments on a grid: at the instant just before their reading, or evenly over the silence.

    Parameters
    ----------
    inc : Increments
    edges : ndarray of int64, shape (n + 1,)
        The grid, covering every `inc.at`.
    silent : ndarray of bool, shape (n,)
    silent_between : ndarray of int64, shape (len(inc.at),)
        Silent nanoseconds between the two readings of each increment, within the grid.

    Returns
    -------
    Spread
    """
    pairs = np.arange(len(inc.at))
    instant = silent_between == 0
    if instant.all():
        segment = np.searchsorted(edges, inc.at, side="left") - 1
        return Spread(segment, pairs, inc.amount, np.zeros(len(pairs), dtype=np.int64))
    at_segment = np.searchsorted(edges, inc.at[instant], side="left") - 1
    over = pairs[~instant]
    begin = np.clip(np.searchsorted(edges, inc.before[over], side="right") - 1, 0, len(silent) - 1)
    finish = np.searchsorted(edges, inc.at[over], side="left") - 1
    length = finish - begin + 1
    pair = np.repeat(over, length)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(length) - length, length)
    segment = np.repeat(begin, length) + offset
    overlap = np.minimum(edges[segment + 1], inc.at[pair]) - np.maximum(edges[segment], inc.before[pair])
    silent_ns = np.where(silent[segment], np.maximum(overlap, 0), 0)
    part = silent_ns > 0
    pair, segment, silent_ns = pair[part], segment[part], silent_ns[part]
    amount = inc.amount[pair] * (silent_ns / silent_between[pair])
    return Spread(
        segment=np.concatenate((at_segment, segment)),
        pair=np.concatenate((pairs[instant], pair)),
        amount=np.concatenate((inc.amount[instant], amount)),
        silent_ns=np.concatenate((np.zeros(len(at_segment), dtype=np.int64), silent_ns)),
    )
