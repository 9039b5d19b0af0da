"""Values that change on a date: one value, or a list of ``{from: T, value: ...}``."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dated(Generic[T]):
    """A value with the moments from which it holds.

    The first entry also holds before its own date: what was in force before the first
    date written down is best known by that entry.

    Attributes
    ----------
    entries : tuple of (int, value)
        Sorted by time; UTC nanoseconds. A value that never changed has one entry at 0.
    """

    entries: tuple[tuple[int, T], ...]

    def at(self, time_ns: int) -> T:
        """The value in force at `time_ns`."""
        times = [start for start, _ in self.entries]
        return self.entries[max(bisect_right(times, time_ns) - 1, 0)][1]

    @property
    def latest(self) -> T:
        """The value in force at the end of time."""
        return self.entries[-1][1]

    @property
    def edges(self) -> tuple[int, ...]:
        """The instants at which the value changes; UTC nanoseconds."""
        return tuple(start for start, _ in self.entries[1:])
