"""What each fault does to the readings that get out."""

from __future__ import annotations

import math
from itertools import groupby, pairwise

import pytest

from fieldlab_configs import StateMap
from simulator.errors import CannotSimulate
from simulator.faults import FAULTS, plan
from simulator.readings import COUNTS
from tests.simulator.sites import MONDAY_8, NS, line, of, played

RUN_S = 4800


def counted(values: list[float]) -> float:
    """Parts by the rules of MODEL section 5, for a counter without rollover, reading by reading."""
    parts, level = 0.0, values[0]
    for place, value in enumerate(values[1:], start=1):
        if value >= level:
            parts, level = parts + value - level, value
            continue
        later = next((v for v in values[place:] if v != value), None)
        if later is None or later >= level:
            continue  # a spurious low, or nothing that is known yet
        parts, level = parts + (value - level if value > level / 2 else value), value
    return parts


@pytest.mark.parametrize("seed", range(8))
def test_counts_can_be_told_whatever_goes_wrong(seed: int) -> None:
    """With every fault at once, in order of their own times the counters still tell every part."""
    readings, plant, _ = played(line(), RUN_S, seed=seed, faults=tuple(FAULTS))
    for machine, signal, field in (
        ("mill", "total_count", "produced_quantity"),
        ("mill", "good_count", "good_quantity"),
        ("pack", "good_count", "good_quantity"),
        ("pack", "scrap_count", "scrap_quantity"),
    ):
        rows = sorted(of(readings, machine, signal), key=lambda r: r.time_ns)
        assert counted([r.value for r in rows if r.value is not None]) == plant.truth(machine)[field]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("speed", [1, 60, 600])
def test_every_fault_is_over_well_before_the_end(seed: int, speed: int) -> None:
    """Within 20 to 70 % of the planned run, one after another, losses of the link last."""
    windows = plan(tuple(FAULTS), line(), seed=seed, start_ns=MONDAY_8, planned_s=40 * speed, speed=speed)
    assert {w.fault for w in windows} == set(FAULTS)
    assert all(
        0.2 * 40 * speed <= (w.start_ns - MONDAY_8) / NS < (w.end_ns - MONDAY_8) / NS <= 0.7 * 40 * speed + 1
        for w in windows
    )
    assert all(a.end_ns <= b.start_ns for a, b in pairwise(windows))
    losses = [w.fault == "link-loss" for w in windows]
    assert losses == sorted(losses)


def test_a_loss_of_the_link_is_long_enough_to_be_noticed() -> None:
    """At least 1.5 s of real time, and several heartbeats; an OPC UA server and an MQTT machine."""
    windows = plan(("link-loss",), line(), seed=1, start_ns=MONDAY_8, planned_s=4800, speed=120)
    assert {w.source for w in windows} == {"plc", "broker"}
    assert all((w.end_ns - w.start_ns) / NS >= max(1.5 * 120, 5 * 10) for w in windows)


def test_the_same_seed_places_the_same_faults() -> None:
    """A run can be repeated; another seed is another run."""
    one, same, other = (
        plan(tuple(FAULTS), line(), seed=s, start_ns=0, planned_s=4800, speed=60) for s in (1, 1, 2)
    )
    assert one == same != other


def test_an_unknown_fault_is_refused_by_name() -> None:
    """The message names the faults that there are."""
    with pytest.raises(CannotSimulate, match="link-loss, counter-reset"):
        plan(("earthquake",), line(), seed=1, start_ns=0, planned_s=100, speed=1)


def test_link_loss_hides_readings_and_returns_with_the_present() -> None:
    """Nothing in between gets out; on return every signal is told as it is."""
    readings, _, course = played(line(), RUN_S, faults=("link-loss",))
    clean, _, _ = played(line(), RUN_S)
    for window in course.windows:
        inside = [r for r in readings if (r.machine, r.signal) in window.keys and window.start_ns < r.time_ns]
        returned = [r for r in inside if r.time_ns == window.end_ns]
        assert not [r for r in inside if r.time_ns < window.end_ns]
        assert {(r.machine, r.signal) for r in returned} == set(window.keys)
        (machine,) = window.machines
        true = [r.value for r in of(clean, machine, "state") if r.time_ns <= window.end_ns][-1]
        assert next(r.value for r in returned if r.signal == "state") == true
        silent = course.silent(machine, MONDAY_8, MONDAY_8 + RUN_S * NS)
        assert silent == [(window.start_ns, window.end_ns)]


def test_counter_reset_begins_again_from_0() -> None:
    """From thousands to 0, and on from there."""
    readings, plant, course = played(line(), RUN_S, faults=("counter-reset",))
    (window,) = course.windows
    for machine, signal in window.keys:
        values = [r.value for r in of(readings, machine, signal)]
        zero = values.index(0)
        assert values[zero - 1] > 1000
        after = [value for value, _ in groupby(values[zero:])]  # a counter that stands still says so
        assert after == list(range(len(after)))
        assert of(readings, machine, signal)[zero].time_ns == window.start_ns
    assert plant.truth(window.machines[0])["good_quantity"] > 0


def test_spurious_zero_is_one_zero_between_true_readings() -> None:
    """Without the zero, and the reading that repeats the truth after it, the counter is untouched."""
    readings, _, course = played(line(), RUN_S, faults=("spurious-zero",))
    (window,) = course.windows
    (key,) = window.keys
    values = [r.value for r in of(readings, *key)]
    assert values.count(0) == 1
    assert key[1] in COUNTS
    zero = values.index(0)
    assert values[zero + 1] >= values[zero - 1] > 1000
    rest = [v for v in values if v]
    assert rest == sorted(rest)


def test_nan_comes_beside_the_true_readings() -> None:
    """Every true reading is there; beside them some that are no number."""
    readings, _, course = played(line(), RUN_S, faults=("nan",))
    clean, _, _ = played(line(), RUN_S)
    strange = [r for r in readings if isinstance(r.value, float) and math.isnan(r.value)]
    assert len(strange) == len(course.windows) > 0
    assert set(map(str, clean)) <= set(map(str, readings))


def test_bad_quality_replaces_state_and_counters_for_a_while() -> None:
    """One Bad reading each, silence, and the present when it is over."""
    readings, _, course = played(line(), RUN_S, faults=("bad-quality",))
    (window,) = course.windows
    assert window.machines == ("mill",)
    for key in window.keys:
        rows = [r for r in of(readings, *key) if window.start_ns <= r.time_ns <= window.end_ns]
        assert [r.quality for r in rows] == ["BadSensorFailure", "good"]
        assert rows[0].value is None
        assert rows[1].time_ns == window.end_ns


def test_duplicates_are_the_very_same_readings_again() -> None:
    """Same time, same value, marked; nothing is missing."""
    readings, _, _ = played(line(), RUN_S, faults=("duplicate",))
    clean, _, _ = played(line(), RUN_S)
    again = [r for r in readings if r.again]
    known = {(r.machine, r.signal, r.time_ns, r.value) for r in readings if not r.again}
    assert again
    assert {(r.machine, r.signal, r.time_ns, r.value) for r in again} <= known
    assert [r for r in readings if not r.again] == clean


def test_late_readings_come_after_later_ones_with_their_own_times() -> None:
    """Everything arrives, out of order, and only what bears its own time is late."""
    readings, _, course = played(line(), RUN_S, faults=("late",))
    clean, _, _ = played(line(), RUN_S)
    late = [r for r in readings if r.late]
    (window,) = course.windows
    assert late
    assert all(window.start_ns <= r.time_ns <= window.end_ns for r in late)
    assert {(r.signal) for r in late} <= {s for _, s in window.keys}
    assert "link" not in {s for _, s in window.keys}
    plain = sorted((r.time_ns, r.machine, r.signal, str(r.value)) for r in readings)
    assert plain == sorted((r.time_ns, r.machine, r.signal, str(r.value)) for r in clean)


def test_the_table_of_the_tests_is_the_sites_own() -> None:
    """The codes that the machine sends mean to the configuration what the model meant."""
    readings, _, _ = played(line(), RUN_S)
    states = line().machine("mill").states
    assert states is not None
    table: StateMap = states.latest
    assert {table.state_of(r.value) for r in of(readings, "mill", "state")} >= {
        "producing",
        "stopped",
        "idle",
    }
