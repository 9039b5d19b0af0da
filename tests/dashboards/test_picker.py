"""Shifts that a page offers where two of them have one name on one date."""

from __future__ import annotations

import re

import pytest

from fieldlab_configs import parse
from tests.dashboards.fakes import CONFIG, HOUR_NS, START_NS, FakeScreens
from tests.dashboards.serving import served
from tests.dashboards.test_app_pages import fetched

DAYS = "days: [mon, tue, wed, thu, fri]"
TWICE = f"""
shifts:
  - {{name: dag, {DAYS}, start: "06:00", end: "10:00"}}
  - {{name: dag, {DAYS}, start: "11:00", end: "15:00"}}
"""
CUT = f"""
shifts:
  - {{from: 2026-01-01, value: [{{name: dag, {DAYS}, start: "06:00", end: "10:00"}}]}}
  - {{from: 2026-11-23T08:00:00+01:00, value: [{{name: dag, {DAYS}, start: "06:00", end: "15:00"}}]}}
"""
OFFERED = re.compile(r'"text":"([^"]*)","props":\{"value":"(\d{19})"')


@pytest.mark.parametrize(
    ("shifts", "begins"),
    [(TWICE, {-1: "06:00", 4: "11:00"}), (CUT, {-1: "06:00", 1: "08:00"})],
    ids=["two of a name", "cut by the shifts after it"],
)
def test_two_shifts_of_one_name_on_one_date_are_both_offered(shifts, begins) -> None:
    """Told apart by when they begin."""
    screens = FakeScreens()
    screens._site = parse(CONFIG + shifts)
    with served(screens) as address:
        status, body = fetched(address, "?line=milling&lang=en")
    assert status == 200
    offered = OFFERED.findall(body.decode())
    today = [(text, int(key)) for text, key in offered if "Mon 23 Nov" in text]
    expected = [(f"Mon 23 Nov · dag {time}", START_NS + hours * HOUR_NS) for hours, time in begins.items()]
    assert today == expected[::-1]
    assert len({text for text, _ in offered}) == len(offered)
