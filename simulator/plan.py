"""When a machine is planned to work: local shifts, breaks, holidays, planned downtime, worked out plainly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

from fieldlab_configs import Machine, Shift, Site

Duty = Literal["work", "break", "downtime", "off"]
Piece = tuple[int, int, Duty]
Span = tuple[int, int]

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
_BACK_NS: Final = 3 * DAY_NS
_AHEAD_NS: Final = 10 * DAY_NS


def utc_ns(date: dt.date, clock: dt.time, zone: ZoneInfo) -> int:
    """Wall-clock time to UTC nanoseconds; a time that exists twice is its first, PEP 495 does the rest."""
    return round(dt.datetime.combine(date, clock, tzinfo=zone).timestamp() * 1_000_000) * 1_000


class Plan:
    """The working calendar of one machine.

    Parameters
    ----------
    site : Site
    machine : Machine
    """

    def __init__(self, site: Site, machine: Machine) -> None:
        self._site = site
        self._downtime: list[Span] = [(d.start_ns, d.end_ns) for d in machine.planned_downtime]
        self._pieces: list[Piece] = []

    def pieces(self, start_ns: int, end_ns: int) -> list[Piece]:
        """What ``[start_ns, end_ns)`` is planned for: disjoint pieces, in order, without a hole."""
        if not self._pieces or start_ns < self._pieces[0][0] or end_ns > self._pieces[-1][1]:
            self._pieces = self._build(start_ns - _BACK_NS, max(end_ns, start_ns) + _AHEAD_NS)
        return [
            (max(begin, start_ns), min(end, end_ns), duty)
            for begin, end, duty in self._pieces
            if begin < end_ns and end > start_ns
        ]

    def duty(self, time_ns: int) -> tuple[Duty, int]:
        """What an instant is planned for, and until when at least."""
        self.pieces(time_ns, time_ns + DAY_NS)
        for begin, end, duty in self._pieces:
            if begin <= time_ns < end:
                return duty, end
        raise AssertionError("pieces leave no hole")

    def _build(self, low: int, high: int) -> list[Piece]:
        shifts, breaks = self._spans(low, high)
        edges = {low, high}
        for begin, end in (*shifts, *breaks, *self._downtime):
            edges |= {min(max(begin, low), high), min(max(end, low), high)}
        ordered = sorted(edges)
        pieces: list[Piece] = []
        for begin, end in pairwise(ordered):
            duty = self._duty(begin, shifts, breaks)
            if pieces and pieces[-1][2] == duty:
                pieces[-1] = (pieces[-1][0], end, duty)
            else:
                pieces.append((begin, end, duty))
        return pieces

    def _duty(self, time_ns: int, shifts: list[Span], breaks: list[Span]) -> Duty:
        if not _within(time_ns, shifts):
            return "off"
        if _within(time_ns, self._downtime):
            return "downtime"
        return "break" if _within(time_ns, breaks) else "work"

    def _spans(self, low: int, high: int) -> tuple[list[Span], list[Span]]:
        """Worked shifts and their breaks; without shifts all time but holidays."""
        shifts: list[Span] = []
        breaks: list[Span] = []
        for begin, end, zone, todays in self._eras(low, high):
            if self._site.shifts is None:
                shifts += _but([(begin, end)], [_day(date, zone) for date in self._site.holidays])
                continue
            for shift, date in _happening(todays, begin, end, zone):
                if date not in self._site.holidays:
                    shifts += _clip([_shift(shift, date, zone)], begin, end)
                    breaks += _clip(_breaks(shift, date, zone), begin, end)
        return shifts, breaks

    def _eras(self, low: int, high: int) -> Iterator[tuple[int, int, ZoneInfo, tuple[Shift, ...]]]:
        """Stretches with one timezone and one set of shifts."""
        dated = self._site.shifts
        changes = {*self._site.timezone.edges, *(dated.edges if dated else ())}
        edges = [low, *sorted(edge for edge in changes if low < edge < high), high]
        for begin, end in pairwise(edges):
            yield begin, end, ZoneInfo(self._site.timezone.at(begin)), dated.at(begin) if dated else ()


def _happening(
    shifts: tuple[Shift, ...], begin: int, end: int, zone: ZoneInfo
) -> Iterator[tuple[Shift, dt.date]]:
    date = dt.datetime.fromtimestamp(begin / SECOND_NS, zone).date() - dt.timedelta(days=2)
    last = dt.datetime.fromtimestamp(end / SECOND_NS, zone).date() + dt.timedelta(days=1)
    while date <= last:
        yield from ((shift, date) for shift in shifts if date.weekday() in shift.days)
        date += dt.timedelta(days=1)


def _shift(shift: Shift, date: dt.date, zone: ZoneInfo) -> Span:
    overnight = dt.timedelta(days=0 if shift.end > shift.start else 1)
    return utc_ns(date, shift.start, zone), utc_ns(date + overnight, shift.end, zone)


def _breaks(shift: Shift, date: dt.date, zone: ZoneInfo) -> list[Span]:
    spans = []
    for pause in shift.breaks:
        later = dt.timedelta(days=0 if pause.start >= shift.start else 1)
        begin = utc_ns(date + later, pause.start, zone)
        spans.append((begin, begin + round(pause.minutes * 60 * SECOND_NS)))
    return spans


def _day(date: dt.date, zone: ZoneInfo) -> Span:
    return utc_ns(date, dt.time(), zone), utc_ns(date + dt.timedelta(days=1), dt.time(), zone)


def _within(time_ns: int, spans: list[Span]) -> bool:
    return any(begin <= time_ns < end for begin, end in spans)


def _clip(spans: list[Span], low: int, high: int) -> list[Span]:
    return [(max(a, low), min(b, high)) for a, b in spans if max(a, low) < min(b, high)]


def _but(spans: list[Span], cuts: list[Span]) -> list[Span]:
    for low, high in cuts:
        spans = [
            piece for a, b in spans for piece in ((a, min(b, low)), (max(a, high), b)) if piece[0] < piece[1]
        ]
    return spans
