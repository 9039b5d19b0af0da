"""The machine model: its truth against its own readings, counted another way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fieldlab_configs import Site
from simulator.machine import MachineModel
from simulator.plant import Plant
from simulator.readings import Reading
from tests.simulator.sites import MONDAY_8, NS, line, machine, node, of, played

HOURS_2 = 7200
CLASS_OF = {
    "mill": {6: "producing", 100: "setup", 4: "idle", 5: "starved", 101: "blocked", 2: "stopped", 9: "down"},
    "pack": {
        "RUN": "producing", "SET": "setup", "RDY": "idle", "LACK": "starved", "FULL": "blocked",
        "STOP": "stopped", "ERR": "down", "OFF": "off",
    },
}  # fmt: skip
CLASS_OF["mill"] |= {102: "maintenance", 103: "off"}
CLASSES = ("producing", "setup", "idle", "starved", "blocked", "stopped", "down", "maintenance", "off")
DELAYS = {"idle", "starved", "blocked", "stopped", "down", "maintenance", "off"}


def planned(seconds: int) -> np.ndarray:
    """Per millisecond from Monday 08:00: the shift but for its break from 09:00 to 09:15."""
    busy = np.ones(seconds * 1000, dtype=bool)
    busy[3600_000:4500_000] = False
    return busy


def held(values: list[float], readings: list[Reading], seconds: int) -> np.ndarray:
    """Per millisecond the value that holds from its reading on; every reading is on a whole one."""
    starts = [(reading.time_ns - MONDAY_8) // 1_000_000 for reading in readings]
    assert starts[0] == 0
    return np.repeat(np.array(values), np.diff([*starts, seconds * 1000]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["mill", "pack"])
def test_readings_add_up_to_the_truth(name: str, seed: int) -> None:
    """Milliseconds counted one by one from the readings give every time, count and kilowatt hour."""
    readings, plant, _ = played(line(), HOURS_2, seed=seed)
    truth = plant.truth(name)
    busy = planned(HOURS_2)
    told = of(readings, name, "state")
    states = held([CLASSES.index(CLASS_OF[name][r.value]) for r in told], told, HOURS_2).astype(np.int8)
    for number, state in enumerate(CLASSES):
        assert (states == number).sum() / 1000 == pytest.approx(truth[f"state_{state}_s"], abs=1e-9)
    assert busy.sum() / 1000 == truth["planned_busy_time_s"]
    producing = states == CLASSES.index("producing")
    assert (busy & producing).sum() / 1000 == pytest.approx(truth["actual_production_time_s"])
    delayed = busy & np.isin(states, [CLASSES.index(state) for state in DELAYS])
    assert delayed.sum() / 1000 == pytest.approx(truth["actual_unit_delay_time_s"])
    told = of(readings, name, "power")
    watts = held([r.value * (1000 if name == "mill" else 1) for r in told], told, HOURS_2)
    assert watts.sum() / 3.6e9 == pytest.approx(truth["energy_kwh"], rel=1e-9)
    assert truth["co2_kg"] == pytest.approx(0.3 * truth["energy_kwh"])
    assert truth["energy_cost_eur"] == pytest.approx(0.2 * truth["energy_kwh"])
    short, long = runs(states, busy, 300_000)
    assert short / 1000 == pytest.approx(truth["minor_stop_s"])
    assert long / 1000 == pytest.approx(truth["breakdown_s"])


def runs(states: np.ndarray, busy: np.ndarray, minor: int) -> tuple[int, int]:
    """Planned milliseconds of short and of long stops, walked through one stop at a time."""
    short = long = 0
    stopped = np.flatnonzero(np.isin(states, [CLASSES.index("stopped"), CLASSES.index("down")]))
    for run in np.split(stopped, np.flatnonzero(np.diff(stopped) > 1) + 1):
        if len(run) < minor:
            short += busy[run].sum()
        else:
            long += busy[run].sum()
    return short, long


@pytest.mark.parametrize("seed", range(3))
def test_counters_and_products_give_the_ideal_time(seed: int) -> None:
    """Each increment, at the ideal cycle time of the product just before it, within planned time."""
    readings, plant, _ = played(line(), HOURS_2, seed=seed)
    truth = plant.truth("mill")
    ideal = {"a": 20.0, "b": 30.0}
    totals, goods = of(readings, "mill", "total_count"), of(readings, "mill", "good_count")
    assert totals[-1].value - totals[0].value == truth["produced_quantity"] > 50
    assert goods[-1].value - goods[0].value == truth["good_quantity"]
    assert truth["produced_quantity"] == truth["good_quantity"] + truth["scrap_quantity"]
    reworks = of(readings, "mill", "rework_count")
    assert reworks[-1].value - reworks[0].value == truth["rework_quantity"]
    products = of(readings, "mill", "product")
    for counts, field in ((totals, "ideal_production_time_s"), (goods, "ideal_good_time_s")):
        seconds = 0.0
        for previous, reading in pairwise(counts):
            product = [p.value for p in products if p.time_ns < reading.time_ns][-1]
            before = (reading.time_ns - MONDAY_8) / NS - 1e-6
            seconds += 0.0 if 3600 <= before < 4500 else ideal[product] * (reading.value - previous.value)
        assert seconds == pytest.approx(truth[field])
    assert truth["oee_index"] == pytest.approx(truth["ideal_good_time_s"] / (HOURS_2 - 900))


def test_registers_tell_what_the_power_adds_up_to() -> None:
    """The energy register and the material counter grow by exactly the true use."""
    readings, plant, _ = played(line(), HOURS_2)
    energy, material = of(readings, "mill", "energy"), of(readings, "pack", "material")
    assert energy[-1].value - energy[0].value == pytest.approx(plant.truth("mill")["energy_kwh"], abs=2e-6)
    assert energy[-1].time_ns == MONDAY_8 + HOURS_2 * NS
    assert material[-1].value - material[0].value == pytest.approx(
        plant.truth("pack")["material_kg"], abs=2e-6
    )
    assert min(r.value for r in energy) > 1000


@pytest.mark.parametrize("seed", range(4))
def test_truth_holds_together_over_days(seed: int) -> None:
    """PBT = APT + AUST + ADET, produced = good + scrap, A x E x Q = OEE, states make the calendar."""
    site = line()
    plant = Plant(site, seed=seed, start_ns=MONDAY_8)
    for hour in range(0, 50, 5):
        plant.advance(MONDAY_8 + hour * 3600 * NS)
        for name in ("mill", "pack"):
            t = plant.truth(name)
            states = sum(v for k, v in t.items() if k.startswith("state_"))
            assert states == pytest.approx(t["calendar_time_s"]) == pytest.approx(hour * 3600)
            parts = ("actual_production_time_s", "actual_unit_setup_time_s", "actual_unit_delay_time_s")
            assert sum(t[k] for k in parts) == pytest.approx(t["planned_busy_time_s"])
            assert t["produced_quantity"] == t["good_quantity"] + t["scrap_quantity"]
            assert sum(t[f"energy_{state}_kwh"] for state in CLASSES) == pytest.approx(t["energy_kwh"])
            if hour:
                product = t["availability"] * t["effectiveness"] * t["quality_ratio"]
                assert product == pytest.approx(t["oee_index"])
    assert plant.truth("mill")["state_off_s"] > 12 * 3600
    assert 0.2 < plant.truth("mill")["oee_index"] < 0.95


def test_the_line_counts_what_comes_off_its_output() -> None:
    """Good parts of the last machine, at the bottleneck's ideal cycle time of that instant."""
    readings, plant, _ = played(line(), HOURS_2, seed=3)
    products = of(readings, "mill", "product")
    seconds = 0.0
    goods = of(readings, "pack", "good_count")
    for previous, reading in pairwise(goods):
        before = [p.value for p in products if p.time_ns < reading.time_ns][-1]
        seconds += {"a": 20.0, "b": 30.0}[before] * (reading.value - previous.value)
    truth = plant.truth("pack")
    assert truth["line_good_quantity"] == truth["good_quantity"] == goods[-1].value - goods[0].value
    assert truth["line_ideal_good_time_s"] == pytest.approx(seconds)
    assert truth["line_planned_busy_time_s"] == 0.0
    assert plant.truth("mill")["line_planned_busy_time_s"] == HOURS_2 - 900
    assert truth["line_ideal_good_time_s"] < plant.truth("mill")["planned_busy_time_s"]


def test_the_same_seed_gives_the_same_readings_at_any_step() -> None:
    """Ticks of 0.3 s and of 50 s see one and the same day; another seed sees another."""
    fine, _, _ = played(line(), 1800, seed=5, step_s=0.3)
    coarse, _, _ = played(line(), 1800, seed=5, step_s=50)
    other, _, _ = played(line(), 1800, seed=6, step_s=50)
    assert sorted(map(str, fine)) == sorted(map(str, coarse))
    assert sorted(map(str, coarse)) != sorted(map(str, other))


def test_no_signal_has_two_readings_of_one_instant() -> None:
    """Of two samples of one time only one would survive."""
    readings, _, _ = played(line(), HOURS_2)
    keys = [(r.machine, r.signal, r.time_ns) for r in readings]
    assert len(keys) == len(set(keys))


def run(site: Site, seconds: int, seed: int = 1, *, low: bool = False) -> tuple[list, dict]:
    model = MachineModel(site, site.machine("m"), seed=seed, start_ns=MONDAY_8, low_counters=low)
    readings = model.advance(MONDAY_8 + seconds * NS)
    return readings, model.truth.figures()


@pytest.mark.parametrize("kind", ["mill", "press", "packaging", "oven", "something-else"])
def test_every_kind_works_and_has_its_troubles(kind: str) -> None:
    """In a long day each kind produces, sets up, stops briefly and breaks down, loses speed and parts."""
    body = f"""
kind: {kind}
states: {{map: {{1: producing, 2: setup, 3: idle, 4: starved, 5: blocked, 6: stopped, 7: down, 9: off}}}}
signals:
  state: {node("S")}
  total_count: {node("T")}
  good_count: {node("G")}
  energy: {node("E")}"""
    readings, truth = run(machine(body, products="{x: {}, y: {}}"), 20 * 3600)
    for name in ("minor_stop_s", "breakdown_s", "starved_s", "blocked_s", "actual_unit_setup_time_s"):
        assert truth[name] > 0
    assert truth["scrap_quantity"] > 0
    assert truth["energy_kwh"] > 10
    assert {r.value for r in readings if r.signal == "state"} >= {1, 2, 4, 5, 6, 7}


def test_a_machine_does_only_what_its_codes_can_tell() -> None:
    """OPC 40001-1 tells no stops: what would be one is shown, and true, as not executing."""
    body = f"states: opc40001\nsignals: {{state: {node('S')}, total_count: {node('T')}}}"
    readings, truth = run(machine(body), 8 * 3600)
    assert {r.value for r in readings if r.signal == "state"} == {2, 3}
    assert truth["state_idle_s"] > 0
    assert truth["state_stopped_s"] == truth["state_down_s"] == truth["state_setup_s"] == 0


def test_cavities_scale_and_rollover_are_in_the_readings_not_in_the_truth() -> None:
    """Four parts per shot, counted in shots that roll over at 1000: unwrapped times four is the truth."""
    signal = node("T", ", per_count: 4, rollover: 1000")
    body = f"ideal_cycle_time_s: 3\nstates: packml\nsignals: {{state: {node('S')}, total_count: {signal}}}"
    readings, truth = run(machine(body), 4 * 3600)
    shots = [r.value for r in readings if r.signal == "total_count"]
    steps = [(b - a) % 1000 for a, b in pairwise(shots)]
    assert set(steps) == {1}
    assert max(shots) == 999
    assert 4 * len(steps) == truth["produced_quantity"]
    assert truth["ideal_production_time_s"] <= truth["actual_production_time_s"]


def test_states_made_from_power_are_in_the_power() -> None:
    """Off, idle and producing, told by nothing but kilowatts between the configured limits."""
    body = f"""
states: {{from_power: {{off_below_kw: 0.2, idle_below_kw: 3}}}}
signals: {{power: {node("P", ", unit: W")}, total_count: {node("T")}}}"""
    site = machine(body, head='shifts: [{name: d, days: [mon], start: "08:00", end: "10:00"}]')
    readings, truth = run(site, 3 * 3600)
    told = [r for r in readings if r.signal == "power"]
    kw = held([r.value / 1000 for r in told], told, 3 * 3600)
    assert (kw < 0.2).sum() / 1000 == pytest.approx(truth["state_off_s"])
    assert ((kw >= 0.2) & (kw < 3)).sum() / 1000 == pytest.approx(truth["state_idle_s"])
    assert (kw >= 3).sum() / 1000 == pytest.approx(truth["state_producing_s"])
    assert truth["state_off_s"] > 3000


def test_a_deadband_never_hides_a_change_that_happened() -> None:
    """Power changes by more than its deadband, or not at all: what is told adds up to what was used."""
    body = f"states: packml\nsignals: {{state: {node('S')}, power: {node('P', ', deadband: 0.7')}}}"
    readings, truth = run(machine(body), 4 * 3600)
    power = [r for r in readings if r.signal == "power"]
    steps = [abs(b.value - a.value) for a, b in pairwise(power)]
    assert all(step > 0.7 for step in steps)
    kw = held([r.value for r in power], power, 4 * 3600)
    assert kw.sum() / 3.6e6 == pytest.approx(truth["energy_kwh"])


def test_what_no_signal_tells_is_undefined_in_the_truth() -> None:
    """Without a counter, a meter or an ideal cycle time there is nothing that could be compared."""
    _, truth = run(machine(f"states: packml\nsignals: {{state: {node('S')}}}"), 3600)
    for name in ("produced_quantity", "ideal_good_time_s", "energy_kwh", "material_kg", "rework_quantity"):
        assert truth[name] is None


def test_assumed_quality_of_a_lone_counter_is_so() -> None:
    """With one counter and `assume_quality: 1` the machine makes no scrap that nobody could count."""
    body = f"""
ideal_cycle_time_s: 10
assume_quality: 1
states: packml
signals: {{state: {node("S")}, total_count: {node("T")}}}"""
    _, truth = run(machine(body), 8 * 3600)
    assert truth["scrap_quantity"] == 0
    assert truth["produced_quantity"] == truth["good_quantity"] > 100


def test_an_ideal_cycle_time_that_changes_on_a_date_holds_from_then() -> None:
    """Parts finished after the date count at the new ideal time."""
    body = f"""
ideal_cycle_time_s: [{{from: 2026-01-01, value: 10}}, {{from: 2026-01-05T08:00:00Z, value: 20}}]
states: packml
signals: {{state: {node("S")}, total_count: {node("T")}}}"""
    readings, truth = run(machine(body), 2 * 3600)
    change = MONDAY_8 + 3600 * NS
    counts = [r for r in readings if r.signal == "total_count"][1:]
    early = sum(r.time_ns <= change for r in counts)
    assert truth["ideal_production_time_s"] == 10 * early + 20 * (len(counts) - early)
