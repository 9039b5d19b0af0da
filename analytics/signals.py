"""Signals as step functions, and the time during which they can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

NS = 1_000_000_000
NO_TIMES: Times = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Steps:
    """A quantity that holds from one time to the next.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        Ascending; UTC nanoseconds.
    value : ndarray, shape (n,)
        ``value[i]`` holds in ``[time[i], time[i+1])``, the last for ever.
    before : scalar
        What holds before the first time.
    """

    time: Times
    value: npt.NDArray[np.generic]
    before: object

    def at(self, times: Times) -> npt.NDArray[np.generic]:
        """The value in force at each of `times`, shape of `times`."""
        padded = np.empty(len(self.value) + 1, dtype=self.value.dtype)
        padded[0] = self.before
        padded[1:] = self.value
        found: npt.NDArray[np.generic] = padded[np.searchsorted(self.time, times, side="right")]
        return found


def last_of_equal_times(time: Times) -> Bools:
    """Mask of the later arrival among equal times, in a stably sorted array (MODEL section 2)."""
    keep = np.ones(len(time), dtype=bool)
    keep[:-1] = time[1:] != time[:-1]
    return keep


def in_order(time: Times, value: npt.NDArray[np.generic]) -> tuple[Times, npt.NDArray[np.generic]]:
    """Readings sorted by time; of equal times the later arrival alone.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        In order of arrival.
    value : ndarray, shape (n,)

    Returns
    -------
    time, value : ndarray, shape (m,), m <= n
    """
    if len(time) != len(value):
        raise ValueError(f"time has {len(time)} entries and value {len(value)}: they must be pairs")
    if len(time) > 1 and not bool(np.all(time[1:] > time[:-1])):
        order = np.argsort(time, kind="stable")
        time, value = time[order], value[order]
        keep = last_of_equal_times(time)
        time, value = time[keep], value[keep]
    return time, value


def union(start: Times, end: Times) -> tuple[Times, Times]:
    """Half-open intervals merged where they touch or overlap, sorted.

    Parameters
    ----------
    start, end : ndarray of int64, shape (n,)
        Any order; empty intervals are dropped.

    Returns
    -------
    start, end : ndarray of int64, shape (m,), m <= n
        Disjoint and ascending.
    """
    some = end > start
    start, end = start[some], end[some]
    if len(start) == 0:
        return NO_TIMES, NO_TIMES
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    first = np.concatenate(([True], start[1:] > end[:-1]))
    last = np.concatenate((first[1:], [True]))
    return start[first], end[last]


def without(start: Times, end: Times, cut_start: Times, cut_end: Times) -> tuple[Times, Times]:
    """The part of disjoint intervals that lies outside other intervals.

    All arguments ndarray of int64; both pairs are merged first. Returns disjoint, ascending intervals.
    """
    inside, cut = intervals(*union(start, end)), intervals(*union(cut_start, cut_end))
    edges = np.unique(np.concatenate((inside.time, cut.time)))
    if len(edges) == 0:
        return NO_TIMES, NO_TIMES
    keep = inside.at(edges[:-1]).astype(bool) & ~cut.at(edges[:-1]).astype(bool)
    return union(edges[:-1][keep], edges[1:][keep])


def intervals(start: Times, end: Times) -> Steps:
    """Disjoint ascending intervals as a step function: True inside."""
    time = np.empty(2 * len(start), dtype=np.int64)
    time[0::2], time[1::2] = start, end
    value = np.zeros(len(time), dtype=bool)
    value[0::2] = True
    # Where one ends as the next begins, the later step wins: `at` searches from the right.
    return Steps(time, value, before=False)


def heartbeat_life(time: Times, up: Floats, lasts_ns: int) -> tuple[Times, Times]:
    """The intervals in which heartbeats say that a link is up (MODEL section 2, Life).

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        Heartbeats of one gateway, source and machine; ascending.
    up : ndarray of float64, shape (n,)
        1 alive, 0 dead.
    lasts_ns : int
        How long a 1 lasts [ns]: 2.5 heartbeat intervals. A 0 ends it at once.

    Returns
    -------
    start, end : ndarray of int64
        Disjoint and ascending.
    """
    alive = up > 0
    dead_times = time[~alive]
    start = time[alive]
    following = np.searchsorted(dead_times, start, side="right")
    horizon = np.append(dead_times, np.iinfo(np.int64).max)
    end = np.minimum(start + lasts_ns, horizon[following])
    return union(start, end)


@dataclass(frozen=True, slots=True)
class Silence:
    """When a signal could not be believed, as cumulative time on a grid.

    Attributes
    ----------
    edges : ndarray of int64, shape (n + 1,)
    silent : ndarray of bool, shape (n,)
        Per interval of the grid.
    total : ndarray of int64, shape (n + 1,)
        Silent nanoseconds before each edge.
    """

    edges: Times
    silent: Bools
    total: Ints

    @classmethod
    def on_grid(cls, edges: Times, silent: Bools) -> Silence:
        """Accumulate."""
        total = np.concatenate(([0], np.cumsum(np.diff(edges) * silent)))
        return cls(edges, silent, total)

    def before(self, times: Times) -> Ints:
        """Silent nanoseconds before each of `times` (clipped to the grid), shape of `times`."""
        clipped = np.clip(times, self.edges[0], self.edges[-1])
        index = np.clip(np.searchsorted(self.edges, clipped, side="right") - 1, 0, len(self.silent) - 1)
        part: Ints = self.total[index] + (clipped - self.edges[index]) * self.silent[index]
        return part


def texts(values: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Texts as numbers: index of each into the list of distinct texts, in order of appearance."""
    names: dict[str, int] = {}
    index = np.fromiter((names.setdefault(str(v), len(names)) for v in values), np.int64, len(values))
    return index, list(names)
