"""The same hours twice: what differs is the length of minor stops, and the truth says by how much."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.lesson import SHORTER, Lesson
from simulator.plant import Plant
from tests.simulator.sites import MONDAY_8, NS, line

CELL_NS = 300 * NS
SAME = ("produced_quantity", "good_quantity", "actual_unit_setup_time_s", "breakdown_s", "starved_s")


def lived(seed: int, *, ask_at: int = 0, step_ns: int = CELL_NS) -> tuple[dict[str, Any], Plant]:
    """What is told of a line that repeats itself, asked at the earliest after so many cells."""
    site = line()
    plant, told = Plant(site, seed=seed, start_ns=MONDAY_8), {}
    lesson = Lesson(site, plant, told.update)
    now_ns, cells = MONDAY_8, 0
    plant.advance(now_ns)
    while not told.get("after", {}).get("figures") and cells < 200:
        to_ns = now_ns + step_ns
        for cut_ns in lesson.cuts(now_ns, to_ns):
            plant.advance(cut_ns)
            lesson.reach(cut_ns)
            cells += 1
        plant.advance(to_ns)
        now_ns = to_ns
        if cells >= ask_at:
            lesson.shorten()
    return told, plant


@pytest.mark.parametrize("seed", range(8))
def test_only_minor_stops_differ(seed: int) -> None:
    """Equal parts, set-ups, breakdowns; half of the minor stops' time; and OEE gains less than came free."""
    told, _ = lived(seed)
    (before,), (after,) = (told[name]["figures"].values() for name in ("before", "after"))
    for name in SAME:
        assert after[name] == pytest.approx(before[name], abs=1e-6), name
    assert after["minor_stop_s"] == pytest.approx(SHORTER * before["minor_stop_s"], abs=0.1)
    freed = (before["minor_stop_s"] - after["minor_stop_s"]) / before["planned_busy_time_s"]
    assert 0 < after["oee_index"] - before["oee_index"] < freed


def test_it_is_told_alike_however_time_is_cut_and_whenever_it_is_asked() -> None:
    """One cell at a time or an odd number of seconds; at once or in the middle of something."""
    told, _ = lived(3)
    assert lived(3, step_ns=7 * NS)[0] == told
    later, _ = lived(3, ask_at=41)
    assert later["before"] == told["before"]
    assert later["after"]["from_ns"] > told["after"]["from_ns"]
    (early,), (late,) = (t["after"]["figures"].values() for t in (told, later))
    for name in (*SAME, "minor_stop_s"):
        assert late[name] == pytest.approx(early[name], abs=1e-6), name


def test_the_first_stretch_is_what_all_machines_did() -> None:
    """Three hours in whole cells; the sums of a plant that nobody cut."""
    told, _ = lived(5)
    plant = Plant(line(), seed=5, start_ns=MONDAY_8)
    Lesson(line(), plant, lambda _: None)
    plant.advance(told["end_ns"])
    assert told["end_ns"] == MONDAY_8 + 36 * CELL_NS
    for machine, figures in told["all"]["figures"].items():
        whole = plant.truth(machine)
        for name in ("produced_quantity", "actual_production_time_s", "planned_busy_time_s", "energy_kwh"):
            assert figures[name] == pytest.approx(whole[name]), (machine, name)


def test_a_stop_that_goes_on_is_judged_by_its_whole_length() -> None:
    """Cut in the middle of what turns out a breakdown: the mark learns it."""
    plant = Plant(line(), seed=1, start_ns=MONDAY_8)
    model = next(iter(plant.models.values()))
    marks = []
    for second in range(0, 4 * 3600, 10):
        plant.advance(MONDAY_8 + second * NS)
        mark = model.truth.mark()
        if model.truth.open(mark):
            marks.append((mark, mark.figures()))
    learned = [m for m, then in marks if m.figures()["breakdown_s"] > then["breakdown_s"]]
    stayed = [m for m, then in marks if m.figures() == then]
    assert learned
    assert stayed
    assert not any(model.truth.open(m) for m in learned)
