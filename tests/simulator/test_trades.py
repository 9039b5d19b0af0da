"""A simulated day of each example: what its trade does, and figures of the size that its trade has."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fieldlab_configs import Site, load
from simulator.plant import Plant
from simulator.readings import Reading
from tests.fieldlab.command import EXAMPLES
from tests.simulator.sites import MONDAY_8, NS, of

TRADES = ("food", "injection-moulding", "metal-cutting", "packaging", "robot-welding", "sheet-metal")
DAY_S = 24 * 3600

# kWh per produced part over a day, standing still included: least and most. Why: see simulator/trades.py.
ENERGY = {
    "lathe1": (0.3, 0.8), "mill1": (0.5, 1.2), "mill2": (0.5, 1.2),
    "laser1": (0.06, 0.2), "deburr1": (0.03, 0.1), "brake1": (0.01, 0.04),
    "imm-1": (0.0075, 0.018), "imm-2": (0.02, 0.05), "imm-3": (0.12, 0.3),
    "filler1": (0.002, 0.006), "weigher1": (0.0003, 0.001), "cases1": (0.001, 0.004),
    "mixer1": (0.008, 0.03), "oven1": (0.11, 0.2), "wrapper1": (0.002, 0.006),
    "weld1": (0.12, 0.3), "weld2": (0.12, 0.3), "gauge1": (0.02, 0.08),
}  # fmt: skip
# kg per good part: nitrogen, granulate, film, dough, wire and so on.
MATERIAL = {
    "mill2": (1.4, 1.9), "laser1": (0.06, 0.1), "imm-1": (0.014, 0.017), "imm-2": (0.036, 0.043),
    "filler1": (0.011, 0.014), "cases1": (0.018, 0.022), "mixer1": (0.3, 0.34), "wrapper1": (0.25, 0.27),
    "weld1": (0.045, 0.056), "weld2": (0.045, 0.056),
}  # fmt: skip

Day = tuple[Site, Plant, list[Reading]]


def day(trade: str, seed: int = 4) -> Day:
    site = load(EXAMPLES / f"{trade}.yaml")
    plant = Plant(site, seed=seed, start_ns=MONDAY_8)
    readings = plant.advance(MONDAY_8) + plant.advance(MONDAY_8 + DAY_S * NS)
    return site, plant, readings + plant.closing()


@pytest.fixture(scope="module")
def days() -> dict[str, Day]:
    """Each trade's day, made when it is asked for."""

    class Made(dict[str, Day]):
        def __missing__(self, trade: str) -> Day:
            return self.setdefault(trade, day(trade))

    return Made()


@pytest.mark.parametrize("trade", TRADES)
def test_a_day_of_each_trade_is_believable(trade: str, days: dict[str, Day]) -> None:
    """OEE from 40 to 85 %, energy and material per part of the right size, some of each kind of loss."""
    site, plant, _ = days[trade]
    for machine in site.machines():
        truth = plant.truth(machine.id)
        assert 0.40 <= truth["oee_index"] <= 0.85, machine.id
        assert 0.85 <= truth["effectiveness"] <= 1, machine.id
        least, most = ENERGY[machine.id]
        assert least <= truth["energy_per_unit_kwh"] <= most, machine.id
        if machine.id in MATERIAL:
            least, most = MATERIAL[machine.id]
            assert least <= truth["material_per_good_unit_kg"] <= most, machine.id
        else:
            assert truth["material_kg"] is None, machine.id
    for line in site.lines:
        busy_s = plant.truth(line.bottleneck)["line_planned_busy_time_s"]
        assert 0.40 <= plant.truth(line.output)["line_ideal_good_time_s"] / busy_s <= 0.85, line.id


@pytest.mark.parametrize("trade", ["food", "metal-cutting", "packaging", "robot-welding", "sheet-metal"])
def test_machines_of_a_line_make_about_as_many_parts(trade: str, days: dict[str, Day]) -> None:
    """What one machine makes comes from the one before it; what lies between them is an eighth at most."""
    site, plant, _ = days[trade]
    made = [plant.truth(machine.id)["produced_quantity"] for machine in site.lines[0].machines]
    assert max(made) - min(made) <= max(made) / 8


# The transitions of PackML's state model between the states that a machine runs through by itself.
# It may be stopped or aborted at any time, which then begins with Stopping (7) or Aborting (8).
PACKML = {
    6: {10, 13, 16}, 10: {11}, 11: {12}, 12: {6}, 13: {5}, 5: {14}, 14: {6}, 8: {9}, 9: {1}, 1: {2},
    7: {2}, 2: {15}, 15: {4}, 4: {3}, 3: {6}, 16: {17}, 17: {15},
}  # fmt: skip
CLASSES = {
    6: "producing", 16: "producing", 10: "stopped", 11: "stopped", 12: "stopped", 2: "stopped", 7: "stopped",
    13: "starved", 5: "starved", 14: "starved", 8: "down", 9: "down", 1: "down", 15: "idle", 4: "idle",
    3: "idle", 17: "idle", 100: "setup", 101: "blocked", 102: "maintenance", 103: "off",
}  # fmt: skip
OWN = {100, 101, 102, 103}


@pytest.mark.parametrize("machine", ["filler1", "weigher1", "cases1"])
def test_packml_machines_go_by_its_state_model(machine: str, days: dict[str, Day]) -> None:
    """Every step is one of the model's, but for the maker's own codes; acting states count as configured."""
    _, plant, readings = days["packaging"]
    told = of(readings, machine, "state")
    steps = {(a.value, b.value) for a, b in pairwise(told) if a.value != b.value}
    of_the_model = {(a, b) for a, b in steps if not {a, b} & OWN}
    assert {(a, b) for a, b in of_the_model if b not in PACKML[a] | {7, 8}} == set()
    assert {a for a, _ in steps} >= {6, 10, 11, 12, 13, 5, 14, 8, 9, 1, 2, 15, 4, 3, 16, 17}
    spent: dict[str, int] = {}
    ends = [*(r.time_ns for r in told[1:]), MONDAY_8 + DAY_S * NS]
    for reading, end_ns in zip(told, ends, strict=True):
        known = CLASSES[reading.value]
        spent[known] = spent.get(known, 0) + end_ns - reading.time_ns
    truth = plant.truth(machine)
    for known, spent_ns in spent.items():
        assert spent_ns / NS == pytest.approx(truth[f"state_{known}_s"]), known
    assert sum(spent.values()) == DAY_S * NS


def test_cavities_make_parts_that_are_good_or_bad_by_themselves(days: dict[str, Day]) -> None:
    """Four parts a shot, counted in shots; of rejects single ones too."""
    _, plant, readings = days["injection-moulding"]
    shots, rejects = of(readings, "imm-1", "total_count"), of(readings, "imm-1", "scrap_count")
    truth = plant.truth("imm-1")
    assert 4 * (shots[-1].value - shots[0].value) == truth["produced_quantity"]
    assert rejects[-1].value - rejects[0].value == truth["scrap_quantity"]
    assert {b.value - a.value for a, b in pairwise(rejects)} >= {0, 1, 2}
    assert 0.5 <= truth["energy_kwh"] / truth["material_kg"] <= 1.2  # kWh per kg
    assert 0.5 <= plant.truth("imm-2")["energy_kwh"] / plant.truth("imm-2")["material_kg"] <= 1.2


def test_sheets_are_counted_and_parts_are_what_counts(days: dict[str, Day]) -> None:
    """Twenty-four parts a sheet; the deburring machine's states come from its power alone."""
    _, plant, readings = days["sheet-metal"]
    sheets = of(readings, "laser1", "total_count")
    assert 24 * (sheets[-1].value - sheets[0].value) == plant.truth("laser1")["produced_quantity"]
    pressures = {r.value == 0 for r in of(readings, "laser1", "gas_bar")}
    assert pressures == {True, False}  # no gas where nothing is cut
    assert not of(readings, "deburr1", "state")


def test_cleaning_is_planned_or_costs_availability(days: dict[str, Day]) -> None:
    """What was agreed lies outside planned busy time; what comes between orders lies inside, as a delay."""
    site, plant, readings = days["food"]
    truth = plant.truth("mixer1")
    planned_s = 2 * 3600
    assert truth["state_maintenance_s"] > planned_s + 600
    cleaning = [r for r in of(readings, "mixer1", "reason") if r.value == "cleaning in place"]
    assert cleaning
    worked = sum(truth[f"{name}_s"] for name in ("starved", "blocked", "idle", "minor_stop", "breakdown"))
    inside = truth["actual_unit_delay_time_s"] - worked
    assert 600 < inside <= truth["state_maintenance_s"]
    assert truth["planned_busy_time_s"] == 15 * 3600 - planned_s  # two shifts, an hour of breaks
    end_ns = min(d.end_ns for d in site.machine("mixer1").planned_downtime)
    assert [r.value for r in of(readings, "mixer1", "state") if r.time_ns < end_ns][-1] == 8


def test_what_is_given_away_adds_up_pack_by_pack(days: dict[str, Day]) -> None:
    """A counter of kg over 250 g, beside the weight of the last pack."""
    _, plant, readings = days["food"]
    given = of(readings, "wrapper1", "give_away_kg")
    per_pack_g = 1000 * (given[-1].value - given[0].value) / plant.truth("wrapper1")["produced_quantity"]
    assert 4 <= per_pack_g <= 5
    weights = [r.value for r in of(readings, "wrapper1", "net_g")]
    assert 250 < sum(weights) / len(weights) < 259


@pytest.mark.parametrize("cell", ["weld1", "weld2"])
def test_weld_time_and_gas_grow_with_each_part(cell: str, days: dict[str, Day]) -> None:
    """Some 43 s of arc and 11 l of gas a part: 15 l a minute."""
    _, plant, readings = days["robot-welding"]
    parts = plant.truth(cell)["produced_quantity"]
    arc, gas = (of(readings, cell, name) for name in ("weld_time_s", "gas_l"))
    arc_s, gas_l = arc[-1].value - arc[0].value, gas[-1].value - gas[0].value
    assert 42 <= arc_s / parts <= 44
    assert 14 <= 60 * gas_l / arc_s <= 16
