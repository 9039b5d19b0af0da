"""The reference itself, held to published answers and to examples small enough for a pencil."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tests.reference import model
from tests.reference.counting import pairs
from tests.reference.plan import clock_time, instant
from tests.reference.plants import plant, window
from tests.reference.recording import Reading, time_ns

NIST = Path(__file__).parents[2] / "../shared/data/nist_sms_testbed"
CODES = {"map": {"READY": "idle", "ACTIVE": "producing", "INTERRUPTED": "stopped"}}


def one_machine(signals, *, states=None, **machine):
    """A config of one machine."""
    machine = {"id": "m", "ideal_cycle_time_s": 1, "states": states or CODES, **machine}
    machine["signals"] = {role: {} for role in signals}
    return {"fieldlab": "x", "timezone": "UTC", "cell_s": 900, "lines": [{"id": "l", "machines": [machine]}]}


def shdr(name, items):
    """Rows of the items of an SHDR recording, if it is here."""
    path = NIST / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    rows = []
    for line in path.read_text(errors="replace").splitlines():
        time, *pairs_of_line = line.split("|")
        for item, value in zip(pairs_of_line[::2], pairs_of_line[1::2], strict=False):
            if item in items:
                rows.append((time if time.endswith("Z") else time + "Z", "m", items[item], value))
    return rows


def test_a_recorded_machines_parts_are_1418():
    """The NIST machine's counter with its thirteen spurious zeros."""
    config = one_machine(["total_count"], states={"from_count": {"stop_after_s": 120}})
    (row,) = model.kpis(config, shdr("hurco01_2017.shdr", {"Part_Count": "total_count"}))
    assert row["produced_quantity"] == 1418


def test_a_recorded_machines_states_are_the_published_ones():
    """The NIST machine's execution over the file of 13 May 2016."""
    rows = shdr("gfagie01_2016.shdr", {"execution": "state"})
    span = "2016-05-13T05:00:00Z", "2016-05-13T20:57:23.294132Z"
    (row,) = model.kpis(one_machine(["state"]), rows, *span)
    states = [row[f"state_{name}_s"] for name in ("unknown", "idle", "producing", "stopped")]
    assert states == pytest.approx([44679.373, 10743.127, 1919.094, 101.699], abs=1e-3)


def test_the_published_example_of_oee():
    """Vorne: 480 minutes, 60 of breaks, 47 down, 19,271 made of which 423 bad, ideal cycle 1 s."""
    config = one_machine(["state", "total_count", "scrap_count"])
    config["shifts"] = [
        {
            "name": "day",
            "start": "08:00",
            "end": "16:00",
            "breaks": [{"start": "10:00", "minutes": 30}, {"start": "12:00", "minutes": 30}],
        }
    ]
    at = "2026-11-23T{}:00Z".format
    rows = [
        (at("08:00"), "m", "state", "ACTIVE"),
        (at("09:00"), "m", "state", "INTERRUPTED"),
        (at("09:47"), "m", "state", "ACTIVE"),
        *((at("08:00"), "m", role, 0) for role in ("total_count", "scrap_count")),
        (at("16:00"), "m", "total_count", 19271),
        (at("16:00"), "m", "scrap_count", 423),
    ]
    (row,) = model.kpis(config, rows, by=["machine"])
    found = [row[name] for name in ("availability", "effectiveness", "quality_ratio", "oee_index")]
    assert found == pytest.approx([0.8881, 0.8611, 0.9780, 0.7479], abs=5e-5)


@pytest.mark.parametrize(
    ("values", "rollover", "expected"),
    [
        ([5, 8, 8, 9], None, [(3, "plain"), (0, "plain"), (1, "plain")]),
        ([5, 0, 0, 7], None, [(2, "plain")]),
        ([250, 4, 6], 256, [(10, "rollover"), (2, "plain")]),
        ([250, 4, 6], None, [(4, "reset"), (2, "plain")]),
        ([10, 9, 9, 9.5], None, [(-1, "correction"), (0, "plain"), (0.5, "plain")]),
        ([100, 0, 0], None, [(0, "trailing")]),
        ([100, 200, 3, 4], 100000, [(100, "plain"), (3, "reset"), (1, "plain")]),
    ],
)
def test_drops_of_a_counter(values, rollover, expected):
    """Spurious low, rollover, correction, reset, trailing low: each by its rule."""
    found = pairs([Reading(time, value) for time, value in enumerate(values)], rollover)
    assert [(pair.amount, pair.kind) for pair in found] == expected


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("2026-03-29", "02:30", "2026-03-29T01:30:00Z"),
        ("2026-10-25", "02:30", "2026-10-25T00:30:00Z"),
        ("2026-07-01", "06:00", "2026-07-01T04:00:00Z"),
    ],
)
def test_local_times_that_do_not_exist_or_exist_twice(day, clock, expected):
    """The offset before the change; the first of the two."""
    found = instant("Europe/Amsterdam", dt.date.fromisoformat(day), clock_time(clock))
    assert found == time_ns(expected)


@pytest.mark.parametrize("seed", range(6))
def test_groups_add_up_to_the_total(seed):
    """Additive fields of atoms, and of any grouping, sum to the machine's."""
    config, recording = plant(seed)
    span = window(seed)
    whole = {row["machine"]: row for row in model.kpis(config, recording, *span, by=["machine"])}
    parts = model.atoms(config, recording, *span)
    for machine, row in whole.items():
        for field in model.FIELDS:
            if row[field] is not None:
                added = sum(atom[field] for atom in parts if atom["machine"] == machine)
                assert added == pytest.approx(row[field], rel=1e-9, abs=1e-6), field
        made_of = ("actual_production", "actual_unit_setup", "actual_unit_delay", "unknown")
        assert sum(row[f"{name}_time_s"] for name in made_of) == pytest.approx(row["planned_busy_time_s"])
