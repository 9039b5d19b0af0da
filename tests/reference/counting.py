"""A cumulative counter, pair by pair."""

from __future__ import annotations

from typing import NamedTuple

from .recording import Reading


class Pair(NamedTuple):
    """What a counter tells between two accepted readings, in its own units.

    `kind` is ``plain``, ``rollover``, ``correction``, ``reset`` or ``trailing`` (a low that no
    different reading has followed yet: it adds nothing).
    """

    start: int
    end: int
    amount: object
    kind: str


def pairs(readings: list[Reading], rollover=None) -> list[Pair]:
    """The pairs of a counter's readings, by the rules of MODEL section 5."""
    found = []
    if not readings:
        return found
    base = readings[0]
    index = 1
    while index < len(readings):
        low = readings[index]
        if low.value >= base.value:
            found.append(Pair(base.time, low.time, low.value - base.value, "plain"))
            base = low
            index += 1
            continue
        after = index
        while after < len(readings) and readings[after].value == low.value:
            after += 1
        if after == len(readings):
            found.append(Pair(base.time, low.time, 0, "trailing"))
            break
        if readings[after].value >= base.value:  # spurious: as if the lows had never been read
            index = after
            continue
        wrapped = None if rollover is None else low.value + rollover - base.value
        if wrapped is not None and wrapped * 2 <= rollover:
            found.append(Pair(base.time, low.time, wrapped, "rollover"))
        elif low.value * 2 > base.value:
            found.append(Pair(base.time, low.time, low.value - base.value, "correction"))
        else:
            found.append(Pair(base.time, low.time, low.value, "reset"))
        base = low
        index += 1
    return found
