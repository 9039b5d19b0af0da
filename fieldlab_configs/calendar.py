"""Shifts, breaks, planned downtime: as people write them, in local wall-clock time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Final

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.kinds import Number, Text
from fieldlab_configs.reading import Checked, Key
from fieldlab_configs.time_kinds import DAYS, Clock, Day, Moment

_DAY_S: Final = 86_400
_WEEK_S: Final = 7 * _DAY_S


def _seconds(clock: dt.time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second


class Break(Model):
    """A break inside a shift."""

    start: Annotated[dt.time, Clock()]
    minutes: Annotated[float, Number("minutes", above=0)]


class Shift(Model):
    """A shift that recurs on weekdays; it crosses midnight where `end` is not after `start`."""

    name: Annotated[str, Text(reserved=("none",))]
    days: tuple[Annotated[int, Day()], ...]  # 0 = Monday ... 6 = Sunday: the local date it begins on
    start: Annotated[dt.time, Clock()]
    end: Annotated[dt.time, Clock(end=True)]
    breaks: tuple[Break, ...] = ()

    @property
    def seconds(self) -> int:
        """Its length on a day without a change of clock; [s]."""
        return (_seconds(self.end) - _seconds(self.start) - 1) % _DAY_S + 1

    def faults(self) -> Iterator[Fault]:
        """Days twice or none; breaks outside the shift or over one another."""
        if not self.days:
            yield ("days",), "must name at least one day of the week"
        if len(set(self.days)) < len(self.days):
            yield ("days",), "names a day twice"
        taken: list[tuple[float, float]] = []
        for number, pause in enumerate(self.breaks):
            start: float = (_seconds(pause.start) - _seconds(self.start)) % _DAY_S
            end = start + pause.minutes * 60
            if end > self.seconds:
                yield ("breaks", number), f"must lie inside its shift, {self.start:%H:%M} to {self.end:%H:%M}"
            elif any(start < b and a < end for a, b in taken):
                yield ("breaks", number), "overlaps another break of the shift"
            taken.append((start, end))


class Apart(Checked):
    """No two shifts of one plan at one time, across midnight and across the week's end too."""

    def faults(self, value: tuple[Shift, ...]) -> Iterator[Fault]:
        """One for each pair that overlaps."""
        spans = [
            (number, day * _DAY_S + _seconds(shift.start), shift.seconds)
            for number, shift in enumerate(value)
            for day in set(shift.days)
        ]
        said: set[tuple[int, int]] = set()
        for later, (number, start, length) in enumerate(spans):
            for other, other_start, other_length in spans[:later]:
                ahead, behind = (start - other_start) % _WEEK_S, (other_start - start) % _WEEK_S
                if (ahead < other_length or behind < length) and (other, number) not in said:
                    said.add((other, number))
                    day = DAYS[(start if ahead < other_length else other_start) // _DAY_S]
                    name = value[other].name
                    whom = "itself" if other == number else f'shift "{name}"'
                    yield (number,), f"overlaps {whom} on {day}"


class PlannedDowntime(Model):
    """Time a machine is not planned to work; UTC nanoseconds, half-open."""

    start_ns: Annotated[int, Key("start"), Moment()]
    end_ns: Annotated[int, Key("end"), Moment()]

    def faults(self) -> Iterator[Fault]:
        """An end that is not after the start."""
        if self.end_ns <= self.start_ns:
            yield ("end",), "must be after start"
