"""The state of one machine as it went: its stops, its timeline, and its pieces within any intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.signals import NS, Bools, Steps, Times
from analytics.states import UNKNOWN
from fieldlab_configs.states import STATE_CLASSES

Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]
STOP_CLASSES: Final = tuple(STATE_CLASSES.index(s) for s in ("stopped", "down"))
STOPPED, DOWN = STOP_CLASSES
MINOR_STOPPED, MINOR_DOWN = len(STATE_CLASSES), len(STATE_CLASSES) + 1
CODES: Final = len(STATE_CLASSES) + 2
"""The state classes, and the two stop classes once more where the stop is a minor one."""


@dataclass(frozen=True, slots=True)
class Stop:
    """An unbroken run of `stopped` and `down`; `state` is the class it mostly was."""

    start_ns: int
    end_ns: int
    state: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Runs:
    """Unbroken stretches of one thing, one after the other.

    Attributes
    ----------
    start_ns, end_ns : ndarray of int64, shape (n,)
        Disjoint and ascending.
    state : ndarray of int, shape (n,)
        Index into STATE_CLASSES.
    minor : ndarray of bool, shape (n,)
        Of a stop: whether it is a minor one.
    """

    start_ns: Times
    end_ns: Times
    state: npt.NDArray[np.integer]
    minor: Bools

    def touching(self, start_ns: int, end_ns: int) -> Runs:
        """Those that lie in a range, or reach into it."""
        some = (self.start_ns < end_ns) & (self.end_ns > start_ns)
        return Runs(self.start_ns[some], self.end_ns[some], self.state[some], self.minor[some])

    def stops(self) -> list[Stop]:
        """Each as a stop."""
        columns = self.start_ns.tolist(), self.end_ns.tolist(), self.state.tolist(), self.minor.tolist()
        return [Stop(s, e, STATE_CLASSES[c], m) for s, e, c, m in zip(*columns, strict=True)]

    def states(self) -> list[tuple[int, int, str]]:
        """Each as ``(start_ns, end_ns, class)``."""
        columns = self.start_ns.tolist(), self.end_ns.tolist(), self.state.tolist()
        return [(s, e, STATE_CLASSES[c]) for s, e, c in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Intervals cut where the state changes within them.

    Attributes
    ----------
    edges : ndarray of int64, shape (n + 1,)
    code : ndarray of int8, shape (n,)
        Of each piece; below CODES.
    begins : ndarray of int64, shape (m,)
        The first piece of each of the m intervals.
    """

    edges: Times
    code: States
    begins: Ints

    def of_each(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """What is said of each interval, said of each of its pieces."""
        return np.repeat(values, np.diff(self.begins, append=len(self.code)))


@dataclass(frozen=True, slots=True)
class Course:
    """The state of one machine over all that is known of it.

    Attributes
    ----------
    edges : ndarray of int64, shape (n + 1,)
        Ascending, unique.
    state : ndarray of int8, shape (n,)
        Index into STATE_CLASSES; neighbours may be equal.
    minor_stop_ns : float
        Stops under this are minor ones.
    """

    edges: Times
    state: States
    minor_stop_ns: float

    @classmethod
    def of(cls, state: Steps, low: int, high: int, *, minor_stop_s: float) -> Course:
        """The state over ``[low, high)``, or over an instant where they are equal."""
        first, last = np.searchsorted(state.time, low, "right"), np.searchsorted(state.time, high, "left")
        last = max(first, last)
        edges = np.empty(last - first + 2, dtype=np.int64)
        edges[0], edges[1:-1], edges[-1] = low, state.time[first:last], max(high, low + 1)
        held = np.empty(last - first + 1, dtype=np.int8)
        before = state.value[first - 1] if first else state.before
        held[0], held[1:] = np.int8(before), state.value[first:last]  # type: ignore[arg-type]  # a number
        return cls(edges, held, minor_stop_s * NS)

    def unknown(self) -> Steps:
        """When the state was unknown: a step at each change of that."""
        unknown = self.state == UNKNOWN
        change = np.flatnonzero(unknown[1:] != unknown[:-1]) + 1
        return Steps(self.edges[change], unknown[change], before=bool(unknown[0]))

    def _stops(self) -> tuple[Ints, Ints, Bools]:
        """First interval of each stop, the one after its last, and whether it is a minor one."""
        stopping = (self.state == STOPPED) | (self.state == DOWN)
        change = np.flatnonzero(stopping[1:] != stopping[:-1]) + 1
        if stopping[0]:
            change = np.concatenate(([0], change))
        if stopping[-1]:
            change = np.concatenate((change, [len(stopping)]))
        first, after = change[0::2], change[1::2]
        return first, after, (self.edges[after] - self.edges[first]) < self.minor_stop_ns

    def stops(self, start_ns: int, end_ns: int) -> Runs:
        """Every stop that touches a range, whole."""
        first, after, minor = self._stops()
        start, end = self.edges[first], self.edges[after]
        down_ns = np.concatenate(([0], np.cumsum(np.diff(self.edges) * (self.state == DOWN))))
        mostly = np.where(2 * (down_ns[after] - down_ns[first]) > end - start, DOWN, STOPPED)
        return Runs(start, end, mostly, minor).touching(start_ns, end_ns)

    def timeline(self, start_ns: int, end_ns: int) -> Runs:
        """The state classes over a range; equal neighbours merged."""
        new = np.flatnonzero(self.state[1:] != self.state[:-1]) + 1
        start = np.concatenate((self.edges[:1], self.edges[new]))
        runs = Runs(
            np.maximum(start, start_ns),
            np.minimum(np.append(start[1:], self.edges[-1]), end_ns),
            self.state[np.concatenate(([0], new))],
            np.zeros(len(start), dtype=bool),
        )
        some = runs.start_ns < runs.end_ns
        return Runs(runs.start_ns[some], runs.end_ns[some], runs.state[some], runs.minor[some])

    def codes(self) -> States:
        """The state of each interval, minor stops told apart; shape (n,)."""
        first, after, minor = self._stops()
        code = self.state
        if minor.any():
            # One more at the first interval of a minor stop, one less after its last: summed, 1 inside.
            inside = np.zeros(len(code) + 1, dtype=np.int8)
            inside[first[minor]] = 1
            inside[after[minor]] -= 1
            inside = np.cumsum(inside[:-1], dtype=np.int8)
            code = code + inside * np.int8(MINOR_STOPPED - STOPPED)
        return code

    def pieces(self, edges: Times) -> Pieces:
        """Cut intervals where the state changes within them.

        Parameters
        ----------
        edges : ndarray of int64, shape (m + 1,)
            Of the intervals; ascending, unique, within the own.

        Returns
        -------
        Pieces
        """
        after = np.searchsorted(self.edges, edges, side="right")
        until = after - (self.edges[after - 1] == edges)
        after = after[:-1]
        number = until[1:] - after + 1
        begins = np.cumsum(number) - number
        own = np.repeat(after - 1 - begins, number)
        own += np.arange(len(own))
        cut = np.empty(len(own) + 1, dtype=np.int64)
        np.take(self.edges, own, out=cut[:-1], mode="clip")
        cut[begins] = edges[:-1]
        cut[-1] = edges[-1]
        return Pieces(cut, self.codes().take(own), begins)
