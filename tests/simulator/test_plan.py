"""The simulator's own calendar, against dates worked out by hand."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from simulator.plan import Plan
from tests.simulator.sites import NS, machine, node

BODY = f"states: packml\nsignals: {{state: {node('S')}}}"
SHIFTS = """shifts:
  - name: early
    days: [mon, tue, wed, thu, fri]
    start: "06:00"
    end: "14:00"
    breaks: [{start: "09:00", minutes: 15}]
  - {name: night, days: [mon, sat], start: "22:00", end: "06:00", breaks: [{start: "01:00", minutes: 30}]}"""


def utc(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * NS


def worked(head: str, start: str, end: str, body: str = BODY) -> list[tuple[str, str]]:
    site = machine(body, head=head)
    pieces = Plan(site, site.machine("m")).pieces(utc(start), utc(end))
    assert pieces[0][0] == utc(start)
    assert pieces[-1][1] == utc(end)
    assert all(a[1] == b[0] for a, b in pairwise(pieces))
    shown = [(a, b) for a, b, duty in pieces if duty == "work"]
    return [tuple(dt.datetime.fromtimestamp(t / NS, dt.UTC).strftime("%d %H:%M") for t in p) for p in shown]


def test_shift_time_is_local_and_without_its_breaks() -> None:
    """06:00 to 14:00 in January is 05:00 to 13:00 UTC, and the break is not planned."""
    assert worked(SHIFTS, "2026-01-06T00:00", "2026-01-06T20:00") == [
        ("06 00:30", "06 08:00"),  # Monday's night shift after its break, and the early one right after it
        ("06 08:15", "06 13:00"),
    ]


def test_a_night_shift_that_loses_an_hour_in_spring_is_seven_hours() -> None:
    """Saturday 28 March 22:00 to 06:00 is 21:00 to 04:00 UTC: the clock jumps at 01:00 UTC."""
    assert worked(SHIFTS, "2026-03-28T18:00", "2026-03-29T12:00") == [
        ("28 21:00", "29 00:00"),
        ("29 00:30", "29 04:00"),
    ]


def test_a_night_shift_that_gains_an_hour_in_autumn_is_nine_hours() -> None:
    """Saturday 24 October 22:00 to 06:00 is 20:00 to 05:00 UTC."""
    assert worked(SHIFTS, "2026-10-24T18:00", "2026-10-25T12:00") == [
        ("24 20:00", "24 23:00"),
        ("24 23:30", "25 05:00"),
    ]


def test_a_holiday_takes_the_shifts_that_begin_on_it_whole() -> None:
    """Monday's holiday takes the night shift into Tuesday, not Tuesday's own early shift."""
    head = SHIFTS + "\nholidays: [2026-01-05]"
    assert worked(head, "2026-01-05T00:00", "2026-01-06T20:00") == [
        ("06 05:00", "06 08:00"),
        ("06 08:15", "06 13:00"),
    ]


def test_without_shifts_all_time_is_planned_but_holidays_and_planned_downtime() -> None:
    """The holiday is the local day, 23:00 to 23:00 UTC in January."""
    body = "planned_downtime: [{start: 2026-01-04T10:00:00Z, end: 2026-01-04T11:00:00Z}]\n" + BODY
    assert worked("holidays: [2026-01-05]", "2026-01-04T00:00", "2026-01-06T12:00", body) == [
        ("04 00:00", "04 10:00"),
        ("04 11:00", "04 23:00"),
        ("05 23:00", "06 12:00"),
    ]


def test_shifts_that_change_on_a_date_hold_from_that_date() -> None:
    """A dated list of shifts: the old one until its end, the new one after it."""
    head = """shifts:
  - {from: 2026-01-01, value: [{name: a, days: [mon, tue], start: "06:00", end: "14:00"}]}
  - {from: 2026-01-06, value: [{name: b, days: [mon, tue], start: "08:00", end: "10:00"}]}"""
    assert worked(head, "2026-01-05T00:00", "2026-01-06T22:00") == [
        ("05 05:00", "05 13:00"),
        ("06 07:00", "06 09:00"),
    ]
