"""Shifts, breaks, planned downtime: as people write them, in local wall-clock time."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, ConfigDict


class CalendarModel(BaseModel):
    """Frozen and strict."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Break(CalendarModel):
    """A break inside a shift."""

    start: dt.time
    minutes: float


class Shift(CalendarModel):
    """A shift that recurs on weekdays; it crosses midnight where `end` is not after `start`."""

    name: str
    days: tuple[int, ...]             # 0 = Monday ... 6 = Sunday: the local date it begins on
    start: dt.time
    end: dt.time
    breaks: tuple[Break, ...] = ()


class PlannedDowntime(CalendarModel):
    """Time a machine is not planned to work; UTC nanoseconds, half-open."""

    start_ns: int
    end_ns: int
