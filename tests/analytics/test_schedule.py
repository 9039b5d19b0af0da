"""Shifts, breaks and holidays as UTC intervals, daylight saving included."""

import datetime as dt

import numpy as np

from analytics.schedule import schedule
from fieldlab_configs import Break, Dated, PlannedDowntime, Shift, Site
from fieldlab_configs.plant import Line, Machine

H = 3600 * 10**9
EVERY_DAY = tuple(range(7))


def utc(text):
    """UTC nanoseconds of an ISO time."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * 10**9


def site(*shifts, holidays=(), downtime=()):
    """A site of one machine with these shifts."""
    machine = Machine(id="m1", line=Dated(((0, "l1"),)), planned_downtime=downtime)
    return Site(
        fieldlab="lab",
        timezone=Dated(((0, "Europe/Amsterdam"),)),
        shifts=Dated(((0, shifts),)) if shifts else None,
        holidays=holidays,
        lines=(Line(id="l1", bottleneck="m1", output="m1", machines=(machine,)),),
    )


def planned_hours(plant, start, end):
    """Planned hours of the machine between two UTC times."""
    edges = np.arange(utc(start), utc(end), 60 * 10**9)
    calendar = schedule(plant, utc(start), utc(end))
    return float(calendar.planned_for(plant.machine("m1")).at(edges).sum()) / 60


NIGHT = Shift(name="night", days=EVERY_DAY, start=dt.time(22), end=dt.time(6))


def test_a_night_shift_is_nine_hours_when_the_clock_goes_back():
    """Wall-clock shifts keep their times: 7 hours in March, 9 in October."""
    plant = site(NIGHT)
    assert planned_hours(plant, "2026-10-24T12:00", "2026-10-25T12:00") == 9
    assert planned_hours(plant, "2026-03-28T12:00", "2026-03-29T12:00") == 7
    assert planned_hours(plant, "2026-06-01T12:00", "2026-06-02T12:00") == 8


def test_a_shift_belongs_to_the_date_it_begins_on():
    """What happens after midnight still is the shift of the evening before."""
    calendar = schedule(site(NIGHT), utc("2026-06-01T12:00"), utc("2026-06-03T12:00"))
    index = int(calendar.current.at(np.array([utc("2026-06-02T02:00")]))[0])
    assert calendar.occurrences[index].date == dt.date(2026, 6, 1)


def test_breaks_downtime_and_holidays_reduce_planned_time():
    """PBT is shift time minus breaks, planned downtime and holidays."""
    day = Shift(
        name="day",
        days=EVERY_DAY,
        start=dt.time(8),
        end=dt.time(16),
        breaks=(Break(start=dt.time(12), minutes=30),),
    )
    assert planned_hours(site(day), "2026-06-01T00:00", "2026-06-02T00:00") == 7.5
    off = PlannedDowntime(start_ns=utc("2026-06-01T06:00"), end_ns=utc("2026-06-01T07:00"))
    assert planned_hours(site(day, downtime=(off,)), "2026-06-01T00:00", "2026-06-02T00:00") == 6.5
    assert (
        planned_hours(site(day, holidays=(dt.date(2026, 6, 1),)), "2026-06-01T00:00", "2026-06-02T00:00") == 0
    )


def test_without_shifts_all_time_is_planned_but_a_holiday():
    """No shifts configured: all time; a holiday takes its local day."""
    assert planned_hours(site(), "2026-06-01T00:00", "2026-06-02T00:00") == 24
    plant = site(holidays=(dt.date(2026, 6, 1),))
    assert planned_hours(plant, "2026-06-01T00:00", "2026-06-02T00:00") == 2


def test_a_shift_that_begins_as_another_ends_leaves_no_seam():
    """The instant of change belongs to the later shift."""
    early = Shift(name="early", days=EVERY_DAY, start=dt.time(6), end=dt.time(14))
    late = Shift(name="late", days=EVERY_DAY, start=dt.time(14), end=dt.time(22))
    calendar = schedule(site(early, late), utc("2026-06-01T00:00"), utc("2026-06-02T00:00"))
    index = int(calendar.current.at(np.array([utc("2026-06-01T12:00")]))[0])
    assert calendar.occurrences[index].name == "late"
    assert planned_hours(site(early, late), "2026-06-01T00:00", "2026-06-02T00:00") == 16
