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
_WORTH_A_TABLE = 1000
_LATE_IN_A_SLOT = 6


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

    def along(self, edges: Times) -> npt.NDArray[np.generic]:
        """The same for ascending times, which costs less where the steps are fewer than they.

        Parameters
        ----------
        edges : ndarray of int64, shape (n,)
            Ascending, unique.

        Returns
        -------
        ndarray, shape (n,)
        """
        if edges is self.time:  # each then is the edge of its own step
            return self.value
        if len(self.time) > len(edges):
            return self.at(edges)
        padded = np.empty(len(self.value) + 1, dtype=self.value.dtype)
        padded[0] = self.before
        padded[1:] = self.value
        cuts = np.empty(len(self.time) + 2, dtype=np.int64)
        cuts[0], cuts[-1] = 0, len(edges)
        cuts[1:-1] = np.searchsorted(edges, self.time)
        return np.repeat(padded, np.diff(cuts))


def merged(*times: Times) -> Times:
    """All times of several ascending arrays, each once, ascending."""
    some = [t for t in times if len(t)]
    if not some:
        return NO_TIMES
    # A stable sort finds the runs that are in order already and merges them.
    every = some[0] if len(some) == 1 else np.sort(np.concatenate(some), kind="stable")
    new = every[1:] != every[:-1]
    return every if new.all() else every[np.concatenate(([True], new))]


def scaled(values: Floats, by: float) -> Floats:
    """Values times a factor; they themselves where it is 1."""
    return values if by == 1 else values * by


def all_finite(values: npt.NDArray[np.generic]) -> bool:
    """Whether no value is NaN or infinite: the sum tells so at once, unless it is one itself."""
    with np.errstate(over="ignore", invalid="ignore"):
        if len(values) == 0 or np.isfinite(np.add.reduce(values)):
            return True
    return bool(np.isfinite(values).all())


def last_of_equal_times(time: Times) -> Bools:
    """Mask of the later arrival among equal times, in a stably sorted array (MODEL section 2)."""
    keep = np.ones(len(time), dtype=bool)
    keep[:-1] = time[1:] != time[:-1]
    return keep


def how_many_until(time: Times, keys: Times) -> Ints:
    """How many of `time` lie at or before each of `keys`.

    A binary search guesses wrong at every second step. Here a table says how many times lie up to the
    end of the slot that a key falls into; the few that lie after it in the slot are then taken off.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        Ascending.
    keys : ndarray of int64, shape (m,)
        Ascending.

    Returns
    -------
    ndarray of int64, shape (m,)
    """
    if min(len(time), len(keys)) < _WORTH_A_TABLE:
        return np.searchsorted(time, keys, side="right")
    first = time[0]
    width = max((int(time[-1] - first) // (2 * len(time))).bit_length(), 1)
    slot = (time - first) >> width
    until = np.cumsum(np.bincount(slot))
    wanted = (keys - first) >> width
    found: Ints = until.take(wanted, mode="clip")
    found[: np.searchsorted(keys, first)] = 0
    late = np.flatnonzero(time.take(found - 1, mode="clip") > keys)
    for _ in range(_LATE_IN_A_SLOT):
        late = late[found[late] > 0]
        if len(late) == 0:
            return found
        found[late] -= 1
        late = late[time[found[late] - 1] > keys[late]]
    # So many in one slot: they come in bursts.
    found[late] = np.searchsorted(time, keys[late], side="right")
    return found


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
    edges = merged(inside.time, cut.time)
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
    """When a signal could not be believed, as cumulative time.

    Attributes
    ----------
    start, end : ndarray of int64, shape (n,)
        Disjoint and ascending; none touches the next.
    total : ndarray of int64, shape (n + 1,)
        Silent nanoseconds before each of them, and of all.
    """

    start: Times
    end: Times
    total: Ints

    @classmethod
    def on_grid(cls, edges: Times, silent: Bools) -> Silence:
        """Accumulate what is silent of the intervals between edges."""
        change = np.flatnonzero(np.diff(silent.view(np.int8), prepend=0, append=0))
        start, end = edges[change[0::2]], edges[change[1::2]]
        return cls(start, end, np.concatenate(([0], np.cumsum(end - start))))

    def before(self, times: Times) -> Ints:
        """Silent nanoseconds before each of `times`, shape of `times`."""
        if len(self.start) == 0:
            return np.zeros(len(times), dtype=np.int64)
        index = np.searchsorted(self.start, times, side="right") - 1
        inside = np.maximum(index, 0)
        part = np.clip(times - self.start[inside], 0, self.end[inside] - self.start[inside])
        before: Ints = self.total[inside] + part
        return before

    def touching(self, begin: Times, end: Times) -> tuple[Ints, Ints]:
        """Which of disjoint, ascending intervals have silence in them, and how much.

        Only those that silence touches are looked at, which mostly are few.

        Parameters
        ----------
        begin, end : ndarray of int64, shape (n,)

        Returns
        -------
        which, silent_ns : ndarray of int64, shape (k,)
        """
        first = np.searchsorted(end, self.start, side="right")
        length = np.maximum(np.searchsorted(begin, self.end, side="left") - first, 0)
        if length.sum() > len(begin):
            which = np.arange(len(begin))
        else:
            which = np.repeat(first - np.cumsum(length) + length, length) + np.arange(length.sum())
            which = which[np.diff(which, prepend=-1) > 0]  # one may be touched twice
        silent_ns = self.before(end[which]) - self.before(begin[which])
        some = silent_ns > 0
        return which[some], silent_ns[some]
