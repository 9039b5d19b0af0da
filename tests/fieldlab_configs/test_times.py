"""Moments exact to the nanosecond, in the timezone that was in force."""

from __future__ import annotations

import pytest

from fieldlab_configs import Dated, parse
from fieldlab_configs.times import moment_ns

AMSTERDAM = Dated(((0, "Europe/Amsterdam"),))


# The seconds are from GNU date: date -d TEXT +%s, with TZ=Europe/Amsterdam.
@pytest.mark.parametrize(
    ("text", "seconds", "nanoseconds"),
    [
        ("2026-10-05", 1_791_151_200, 0),
        ("2026-12-25", 1_798_153_200, 0),
        ("2026-10-05T06:00:00Z", 1_791_180_000, 0),
        ("2026-10-05T06:00:00.123456789Z", 1_791_180_000, 123_456_789),
        ("2026-10-05 06:00:00.5+02:00", 1_791_172_800, 500_000_000),
        ("2026-10-05t06:00-05:30", 1_791_199_800, 0),
        ("2026-10-05T06:00", 1_791_172_800, 0),
        ("2026-10-05T06:00:00.000000001", 1_791_172_800, 1),
        ("1970-01-02T00:00:00+23:59", 60, 0),
    ],
)
def test_a_moment_is_exact(text: str, seconds: int, nanoseconds: int) -> None:
    """Dates are local midnight; naive times are local; offsets count."""
    assert moment_ns(text, AMSTERDAM) == seconds * 10**9 + nanoseconds


def test_a_time_that_exists_twice_is_its_first() -> None:
    """On 25 October 2026 the clock goes from 3:00 back to 2:00; 2:30 is 0:30 UTC first."""
    assert moment_ns("2026-10-25T02:30", AMSTERDAM) == moment_ns("2026-10-25T00:30:00Z")


def test_a_time_that_does_not_exist_takes_the_offset_before() -> None:
    """On 29 March 2026 the clock goes from 2:00 to 3:00; 2:30 is read at +01:00."""
    assert moment_ns("2026-03-29T02:30", AMSTERDAM) == moment_ns("2026-03-29T01:30:00Z")


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-1-5", "2026-10-05T", "2026-10-05T6:00", "2026-10-05T06:00:60Z", "2026-10-05T24:00",
        "2026-10-05T06:00:00.1234567890Z", "2026-10-05T06:00+24:00", "2026-02-29", "0001-01-01", "2262-01-01",
        "2026-10-05T06:00:00Z ", "２０２６-10-05", "2026-10-05T06:00+02", "now",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    """Also more digits than a nanosecond, and digits of another script."""
    with pytest.raises(ValueError):
        moment_ns(text, AMSTERDAM)


def test_a_site_that_moved_reads_each_time_in_the_zone_of_its_day() -> None:
    """A timezone's own start is read in that timezone; other times in the one then in force."""
    text = (
        "fieldlab: lab\n"
        "timezone: [{from: 2020-01-01, value: Europe/Amsterdam}, {from: 2026-06-01, value: Asia/Tokyo}]\n"
        "lines: [{id: a, machines: [{id: m, planned_downtime: ["
        "{start: 2026-05-01T06:00, end: 2026-05-02}, {start: 2026-07-01T06:00, end: 2026-07-02}]}]}]\n"
    )
    site = parse(text)
    assert site.timezone.entries[1][0] == moment_ns("2026-05-31T15:00:00Z")
    before, after = site.machine("m").planned_downtime
    assert before.start_ns == moment_ns("2026-05-01T04:00:00Z")
    assert (after.start_ns, after.end_ns) == (
        moment_ns("2026-06-30T21:00:00Z"),
        moment_ns("2026-07-01T15:00:00Z"),
    )


def test_the_end_date_of_a_window_is_not_in_it() -> None:
    """Half-open: the last instant before local midnight belongs to the window, midnight does not."""
    text = (
        "fieldlab: lab\ntimezone: Europe/Amsterdam\nlines: [{id: a, machines: [{id: m}]}]\n"
        "experiments: [{id: e, machines: [m], arms: {baseline: [{start: 2026-10-24, end: 2026-10-26}], "
        "trial: [{start: 2026-10-26, end: 2026-10-27}]}}]\n"
    )
    arms = parse(text).experiments[0].arms
    (baseline,), (trial,) = arms["baseline"], arms["trial"]
    assert baseline.end_ns == trial.start_ns == moment_ns("2026-10-25T23:00:00Z")
    assert (baseline.end_ns - baseline.start_ns) / 3.6e12 == 49  # the clock went back on the 25th
