"""A value over time, as steps."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise


class Steps:
    """`first` until the first change, then each value from its time on, to the next."""

    def __init__(self, first, changes=()):
        self.first = first
        self.times = []
        self.values = []
        last = dict(sorted(changes, key=lambda change: change[0]))  # of two at one time the later
        for time, value in last.items():
            if value != (self.values[-1] if self.values else first):
                self.times.append(time)
                self.values.append(value)

    def at(self, time):
        """The value at `time`."""
        index = bisect_right(self.times, time) - 1
        return self.first if index < 0 else self.values[index]

    def runs(self, start, end):
        """Maximal intervals of one value within ``[start, end)``."""
        found = []
        edges = sorted({start, end, *(t for t in self.times if start < t < end)})
        for a, b in pairwise(edges):
            value = self.at(a)
            if found and found[-1][2] == value:
                found[-1] = (found[-1][0], b, value)
            else:
                found.append((a, b, value))
        return found


def combine(function, *parts):
    """The steps of a function of several steps."""
    times = sorted({time for part in parts for time in part.times})
    return Steps(
        function(*(part.first for part in parts)),
        [(time, function(*(part.at(time) for part in parts))) for time in times],
    )


def during(intervals):
    """Steps that are True within any of the intervals ``[start, end)``."""
    edges = sorted({edge for interval in intervals if interval[0] < interval[1] for edge in interval})
    # Count what opens and closes: intervals may overlap.
    change = dict.fromkeys(edges, 0)
    for start, end in intervals:
        if start < end:
            change[start] += 1
            change[end] -= 1
    depth = 0
    changes = []
    for edge in edges:
        depth += change[edge]
        changes.append((edge, depth > 0))
    return Steps(first=False, changes=changes)
