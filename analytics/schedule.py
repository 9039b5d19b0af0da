"""Shifts, breaks, planned downtime and holidays as UTC intervals (MODEL sections 3 and 5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from analytics.signals import NO_TIMES, NS, Steps, Times, intervals, union, without
from fieldlab_configs import Machine, PlannedDowntime, Shift, Site

_EVER = 2**63 - 2**50
"""Beyond every time that can be stored, with room to add days."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A shift that happens on a date.

    Attributes
    ----------
    name : str
    date : datetime.date
        The local date it begins on.
    start_ns, end_ns : int
    breaks : tuple of (int, int)
    holiday : bool
        Its date is a holiday: its time is shift time, none of it planned.
    """

    name: str
    date: dt.date
    start_ns: int
    end_ns: int
    breaks: tuple[tuple[int, int], ...]
    holiday: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """The calendar of a site over a range of time.

    Attributes
    ----------
    occurrences : tuple of Occurrence
        Disjoint, ascending.
    current : Steps of int64
        Index into `occurrences`; -1 outside shifts.
    planned : tuple of two ndarray of int64
        Disjoint intervals of planned time, before any machine's own planned downtime.
    """

    occurrences: tuple[Occurrence, ...]
    current: Steps
    planned: tuple[Times, Times]

    def planned_for(self, machine: Machine) -> Steps:
        """Planned busy time of one machine, as a step function of bool."""
        cuts = machine.planned_downtime
        return intervals(*without(*self.planned, *_bounds(cuts)))


def utc_ns(local: dt.datetime, zone: ZoneInfo) -> int:
    """A local wall-clock time as UTC nanoseconds.

    A time that does not exist is read with the offset before the change; of one that exists twice
    the first is meant (PEP 495, ``fold=0``).
    """
    utc = local.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    seconds = utc - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (seconds.days * 86_400 + seconds.seconds) * NS + seconds.microseconds * 1000


def local_date(time_ns: int, zone: ZoneInfo) -> dt.date:
    """The local date at an instant."""
    return dt.datetime.fromtimestamp(time_ns // NS, zone).date()


def schedule(site: Site, start_ns: int, end_ns: int) -> Schedule:
    """The calendar of `site` over ``[start_ns, end_ns)`` and a day to either side."""
    found = sorted(_occurrences(site, start_ns, end_ns), key=lambda o: o.start_ns)
    begins = np.array([o.start_ns for o in found], dtype=np.int64)
    ends = np.array([o.end_ns for o in found], dtype=np.int64)
    time = np.empty(2 * len(found), dtype=np.int64)
    time[0::2], time[1::2] = begins, ends
    value = np.full(len(time), -1, dtype=np.int64)
    value[0::2] = np.arange(len(found))
    planned = _planned(site, found, begins, ends, start_ns, end_ns)
    return Schedule(tuple(found), Steps(time, value, before=-1), planned)


def _planned(
    site: Site, found: list[Occurrence], begins: Times, ends: Times, start_ns: int, end_ns: int
) -> tuple[Times, Times]:
    if site.shifts is None:
        holidays = list(_holidays(site, start_ns, end_ns))
        cuts = np.array(holidays, dtype=np.int64).reshape(-1, 2)
        whole = np.array([-_EVER], dtype=np.int64), np.array([_EVER], dtype=np.int64)
        return without(*whole, cuts[:, 0], cuts[:, 1])
    work = np.array([not o.holiday for o in found], dtype=bool)
    breaks = np.array([b for o in found for b in o.breaks], dtype=np.int64).reshape(-1, 2)
    return without(begins[work], ends[work], breaks[:, 0], breaks[:, 1])


def _eras(site: Site) -> Iterator[tuple[int, int, tuple[Shift, ...], ZoneInfo]]:
    """Stretches of time with one set of shifts and one timezone."""
    shifts = site.shifts
    edges = sorted({-_EVER, *(shifts.edges if shifts else ()), *site.timezone.edges})
    for begin, finish in zip(edges, [*edges[1:], _EVER], strict=True):
        yield begin, finish, shifts.at(begin) if shifts else (), ZoneInfo(site.timezone.at(begin))


def _dates(start_ns: int, end_ns: int, zone: ZoneInfo) -> Iterator[dt.date]:
    """Local dates that touch a range, two days early, for shifts that began before it."""
    day = local_date(start_ns, zone) - dt.timedelta(days=2)
    last = local_date(end_ns, zone) + dt.timedelta(days=1)
    while day <= last:
        yield day
        day += dt.timedelta(days=1)


def _occurrences(site: Site, start_ns: int, end_ns: int) -> Iterator[Occurrence]:
    for begin, finish, shifts, zone in _eras(site):
        low, high = max(begin, start_ns), min(finish, end_ns)
        if low > high:
            continue
        for date in _dates(low, high, zone):
            for shift in shifts:
                if date.weekday() in shift.days:
                    occurrence = _occurrence(shift, date, zone, holiday=date in site.holidays)
                    clipped_start = max(occurrence.start_ns, begin)
                    clipped_end = min(occurrence.end_ns, finish)
                    if clipped_start < clipped_end:
                        yield Occurrence(
                            occurrence.name,
                            date,
                            clipped_start,
                            clipped_end,
                            tuple((max(a, clipped_start), min(b, clipped_end)) for a, b in occurrence.breaks),
                            occurrence.holiday,
                        )


def _occurrence(shift: Shift, date: dt.date, zone: ZoneInfo, *, holiday: bool) -> Occurrence:
    end_date = date if shift.end > shift.start else date + dt.timedelta(days=1)
    start_ns = utc_ns(dt.datetime.combine(date, shift.start), zone)
    end_ns = utc_ns(dt.datetime.combine(end_date, shift.end), zone)
    breaks = []
    for pause in shift.breaks:
        pause_date = date if pause.start >= shift.start else date + dt.timedelta(days=1)
        pause_ns = utc_ns(dt.datetime.combine(pause_date, pause.start), zone)
        breaks.append((pause_ns, pause_ns + round(pause.minutes * 60 * NS)))
    return Occurrence(shift.name, date, start_ns, end_ns, tuple(breaks), holiday)


def _holidays(site: Site, start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
    """The local days of holidays, where no shifts say what a holiday takes away."""
    for begin, finish, _, zone in _eras(site):
        for date in site.holidays:
            midnight = dt.datetime.combine(date, dt.time())
            low = max(utc_ns(midnight, zone), begin)
            high = min(utc_ns(midnight + dt.timedelta(days=1), zone), finish)
            if low < high and low < end_ns and high > start_ns:
                yield low, high


def _bounds(cuts: tuple[PlannedDowntime, ...]) -> tuple[Times, Times]:
    if not cuts:
        return NO_TIMES, NO_TIMES
    start = np.array([c.start_ns for c in cuts], dtype=np.int64)
    end = np.array([c.end_ns for c in cuts], dtype=np.int64)
    return union(start, end)
