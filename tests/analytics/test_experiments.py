"""Experiments on atoms written by hand: matched, excluded, of a line, by either convention."""

import numpy as np
import pytest

from analytics.atoms import Fragments
from analytics.energy_blocks import baseline, blocks
from analytics.experiments import LEAST_BLOCKS, results
from analytics.fields import ATOM_FIELDS
from analytics.study import study
from fieldlab_configs import Window, parse

NS, DAY_S = 10**9, 86_400
START_S = 1_767_571_200  # 2026-01-05T00:00:00Z, a Monday
DAYS = 20

CONFIG = """\
fieldlab: lab
timezone: UTC
{convention}
shifts: [{{name: d, days: [mon, tue, wed, thu, fri, sat, sun], start: "08:00", end: "16:00"}}]
lines:
  - id: l
    bottleneck: m1
    output: m2
    machines:
      - {{id: m1, ideal_cycle_time_s: 10, signals: {{product: {{item: p}}}}}}
      - {{id: m2, ideal_cycle_time_s: 8, signals: {{product: {{item: p}}}}}}
experiments:
  - id: x
    machines: [{machines}]
    match: [{match}]
    arms:
      baseline: [{{start: 2026-01-05, end: 2026-01-25}}]
      trial: [{{start: 2026-01-25, end: 2026-02-14}}]
"""


def site(machines="m1", match="", convention=""):
    """A line of two machines and one experiment."""
    return parse(CONFIG.format(machines=machines, match=match, convention=convention))


def atoms(machine, rows):
    """Fragments of one machine out of ``(day, product, fields)``, in the shift of that day."""
    values = np.zeros((len(rows), len(ATOM_FIELDS)))
    for row, (_, _, fields) in zip(values, rows, strict=True):
        for name, value in fields.items():
            row[ATOM_FIELDS.index(name)] = value
    seconds = [START_S + day * DAY_S + 8 * 3600 for day, _, _ in rows]
    dates = [str(np.datetime64(s, "s").astype("datetime64[D]")) for s in seconds]

    def column(texts):
        return np.array(texts, dtype=object)

    n = len(rows)
    return Fragments(
        machine,
        np.array(seconds, np.int64) * NS,
        column(["l"] * n),
        column(["d"] * n),
        column(dates),
        column([product for _, product, _ in rows]),
        column(["none"] * n),
        values,
    )


def work(parts, kwh, *, good=None, seconds=14_400.0, **more):
    """Half a shift of production."""
    good = parts if good is None else good
    return {
        "calendar_time_s": seconds, "planned_busy_time_s": seconds, "actual_production_time_s": seconds,
        "produced_quantity": parts, "good_quantity": good, "scrap_quantity": parts - good,
        "ideal_production_time_s": parts * 10, "ideal_good_time_s": good * 10, "energy_kwh": kwh,
    } | more  # fmt: skip


def told(where, *fragments):
    """Results by KPI."""
    return {r["kpi"]: r for r in results(where, where.experiments[0], fragments)}


def mixed(rng):
    """Before: mostly a, of 1 kWh a part; in the trial mostly b, of 3; each takes a tenth less then."""
    rows = []
    for day in range(2 * DAYS):
        trial = day >= DAYS
        for product, kwh, parts in (("a", 1.0, 200 if trial else 800), ("b", 3.0, 800 if trial else 200)):
            used = kwh * parts * (0.9 if trial else 1.0) * rng.uniform(0.98, 1.02)
            rows.append((day, product, work(parts, used)))
    return atoms("m1", rows)


def test_matched_on_product_another_mix_is_no_effect():
    """Unmatched the mix alone nearly doubles energy per part; product by product a tenth was saved."""
    found = mixed(np.random.default_rng(4))
    plain = told(site(), found)["energy_per_good_unit_kwh"]
    assert plain["verdict"] == "worsened"
    assert plain["effect"] == pytest.approx((0.2 + 0.8 * 3) * 0.9 / (0.8 + 0.2 * 3) - 1, abs=0.02)
    matched = told(site(match="product"), found)["energy_per_good_unit_kwh"]
    assert matched["verdict"] == "improved"
    assert matched["low"] < -0.1 < matched["high"]
    assert matched["probability_of_improvement"] > 0.999


def test_the_matched_effect_by_hand():
    """Without noise: what the trial used over what the baseline's ratios give for the trial's parts."""
    rows = [(d, "a", work(100, 100.0)) for d in range(DAYS)] + [
        (d, "b", work(50, 150.0)) for d in range(DAYS)
    ]
    rows += [(d, "a", work(20, 22.0)) for d in range(DAYS, 2 * DAYS)]
    rows += [(d, "b", work(90, 180.0)) for d in range(DAYS, 2 * DAYS)]
    row = told(site(match="product"), atoms("m1", rows))["energy_per_good_unit_kwh"]
    assert row["effect"] == pytest.approx((22 + 180) / (20 * 1 + 90 * 3) - 1)
    assert (row["baseline"], row["trial"]) == pytest.approx((250 / 150, 202 / 110))


def test_a_product_of_one_arm_alone_is_left_out_and_named():
    """Named with what is matched on; the rest is compared."""
    rows = [(d, "a", work(100, 100.0)) for d in range(2 * DAYS)]
    rows += [(d, "new one", work(100, 900.0)) for d in range(DAYS, 2 * DAYS)]
    row = told(site(match="product"), atoms("m1", rows))["energy_per_good_unit_kwh"]
    assert (row["effect"], row["verdict"]) == (0, "no difference shown")
    assert row["left_out"] == ["new one"]
    assert row["left_out_strata"] == [{"product": "new one"}]


def test_blocks_whose_meter_was_not_read_are_no_saving():
    """Half of each trial block without energy: not half the energy, but left out, counted and told."""
    rows = [(d, "a", work(100, 100.0)) for d in range(DAYS)]
    dark = {"energy_missing_s": 7200.0}
    rows += [(d, "a", work(100, 50.0, **(dark if d % 2 else {}))) for d in range(DAYS, 2 * DAYS)]
    row = told(site(), atoms("m1", rows))["energy_per_good_unit_kwh"]
    assert row["left_out_blocks"] == {"baseline": {}, "trial": {"energy": DAYS // 2}}
    assert (row["blocks_baseline"], row["blocks_trial"]) == (DAYS, DAYS // 2)
    gone = rows[:DAYS] + [(d, "a", work(100, 50.0, **dark)) for d in range(DAYS, 2 * DAYS)]
    row = told(site(), atoms("m1", gone))["energy_per_good_unit_kwh"]
    assert (row["verdict"], row["reason_code"], row["more_blocks"]) == (
        "not enough data", "few_blocks", LEAST_BLOCKS,
    )  # fmt: skip
    assert row["reason"] == "blocks in the trial: 0; at least 6 are needed"


def test_blocks_without_a_good_part_keep_their_energy():
    """A shift that used 60 kWh for nothing counts in the arm's ratio, as `fieldlab kpi` has it."""
    rows = [(d, "a", work(100, 100.0)) for d in range(2 * DAYS)]
    rows[3] = (3, "a", work(100, 60.0, good=0))
    found = study(site(), site().experiments[0], [atoms("m1", rows)])
    (row,) = [r for r in found.results if r["kpi"] == "energy_per_good_unit_kwh"]
    assert row["baseline"] == pytest.approx((19 * 100 + 60) / 1900)
    assert row["baseline"] == pytest.approx(found.arms["baseline"].figures["energy_per_good_unit_kwh"])
    assert row["blocks_baseline"] == DAYS


def test_a_line_is_judged_by_what_comes_off_it():
    """Both machines' energy over the good parts of the output; OEE at the bottleneck's pace; else pooled."""
    first = [(d, "a", work(100, 30.0, line_planned_busy_time_s=14_400.0)) for d in range(2 * DAYS)]
    off = {"line_good_quantity": 90.0, "line_produced_quantity": 90.0, "line_ideal_good_time_s": 900.0}
    last = [(d, "a", work(90, 20.0, **off)) for d in range(2 * DAYS)]
    rows = told(site("m1, m2"), atoms("m1", first), atoms("m2", last))
    assert rows["energy_per_good_unit_kwh"]["trial"] == pytest.approx(50 / 90)
    assert rows["oee_index"]["trial"] == pytest.approx(900 / 14_400)
    alone = told(site("m1"), atoms("m1", first), atoms("m2", last))
    assert alone["energy_per_good_unit_kwh"]["trial"] == pytest.approx(30 / 100)
    assert alone["oee_index"]["trial"] == pytest.approx(1000 / 14_400)


@pytest.mark.parametrize(
    ("convention", "expected"), [("", 9000 / 14_400), ("convention: nakajima", 10_000 / 14_400)]
)
def test_the_convention_holds_for_experiments_too(convention, expected):
    """By Nakajima's, minor stops count as production."""
    shift = {"actual_production_time_s": 9000.0, "minor_stop_s": 1000.0, "actual_unit_delay_time_s": 5400.0}
    rows = [(d, "a", work(100, 1.0, **shift)) for d in range(2 * DAYS)]
    assert told(site(convention=convention), atoms("m1", rows))["availability"]["trial"] == pytest.approx(
        expected
    )


def test_exactly_the_same_is_no_effect_however_floats_add_up():
    """Not improved by 1e-16; and the probability of improvement is even."""
    rows = [(d, "a", work(7, 0.1, good=6)) for d in range(DAYS)]
    rows += [(d, "a", work(7 * 3, 0.1 * 3, good=18, seconds=14_400.0 * 3)) for d in range(DAYS, 2 * DAYS)]
    for row in told(site(), atoms("m1", rows)).values():
        if row["verdict"] != "not enough data":
            assert (row["verdict"], row["effect"]) == ("no difference shown", 0)
            assert row["probability_of_improvement"] == pytest.approx(0.5)


def test_with_as_many_blocks_as_were_asked_for_the_effect_can_be_shown(monkeypatch):
    """What could be detected then is the effect that was seen."""
    monkeypatch.setattr("analytics.experiments.DRAWS", 300)

    def found(n, effect, seed):
        rng = np.random.default_rng(seed)
        days = max(n, DAYS)
        rows = [(d, "a", work(100, 100 * rng.normal(1, 0.06))) for d in range(n)]
        rows += [(days + d, "a", work(100, 100 * effect * rng.normal(1, 0.06))) for d in range(n)]
        where = site().experiments[0]
        begin, half = START_S * NS, days * DAY_S * NS
        windows = {
            arm: (Window(start_ns=begin + i * half, end_ns=begin + (i + 1) * half),)
            for i, arm in enumerate(("baseline", "trial"))
        }
        moved = where.model_copy(update={"arms": windows})
        plant = site().model_copy(update={"experiments": (moved,)})
        return told(plant, atoms("m1", rows))["energy_per_good_unit_kwh"]

    ratios = []
    for seed in range(12):
        row = found(12, 0.97, seed)
        if row["more_blocks"] and row["more_blocks"] < 400:
            then = found(12 + row["more_blocks"], 1 + row["effect"], seed + 100)
            ratios.append(np.log1p(then["detectable_effect"]) / abs(np.log1p(row["effect"])))
    assert len(ratios) >= 5
    assert np.median(ratios) == pytest.approx(1, abs=0.2)


def test_time_outside_shifts_is_a_block_a_day_of_the_energy_baseline():
    """Not all nights in one block, whose weight would bend the line."""
    shifts = [(d, "none", work(100 + 7 * (d % 5), 20 + 0.3 * (100 + 7 * (d % 5)))) for d in range(12)]
    nights = [(d, "none", {"calendar_time_s": 28_800.0, "energy_kwh": 40.0}) for d in range(12)]
    found = atoms("m1", nights)
    found.shift[:] = "none"
    found.shift_date[:] = "none"
    cut = blocks(site(), [atoms("m1", shifts), found], "shift")
    assert len(cut.energy) == 24
    assert sorted(set(cut.design[:, 0].tolist())) == [4, 8]
    law = baseline(site(), "m1", [atoms("m1", shifts), found], [], "shift")
    assert [t["estimate"] for t in law["terms"]] == pytest.approx([5, 0.3])


def nights(rows):
    """Fragments like `atoms`, outside shifts."""
    found = atoms("m1", rows)
    found.shift[:] = "none"
    found.shift_date[:] = "none"
    return found


def a_tenth_saved(day, rng):
    """A shift's parts, and a kWh a part; a tenth less in the trial."""
    return work(
        round(1000 * rng.uniform(0.8, 1.2)), 1000 * (1.0 if day < DAYS else 0.9) * rng.uniform(0.98, 1.02)
    )


def test_how_many_nights_there_are_is_no_chance():
    """Unmatched, what is used outside shifts is carried by the shifts of its week: the sum is the same,
    and the interval no wider than without it.
    """
    days = [(d, "a", a_tenth_saved(d, np.random.default_rng(d))) for d in range(2 * DAYS)]
    standby = [
        (d, "none", {"calendar_time_s": 57_600.0, "energy_kwh": 400.0 if d < DAYS else 360.0})
        for d in range(2 * DAYS)
    ]
    alone = told(site(), atoms("m1", days))["energy_per_good_unit_kwh"]
    both = told(site(), atoms("m1", days), nights(standby))["energy_per_good_unit_kwh"]
    used = [
        sum(f["energy_kwh"] for d, _, f in days + standby if (d < DAYS) == before) for before in (True, False)
    ]
    good = [sum(f["good_quantity"] for d, _, f in days if (d < DAYS) == before) for before in (True, False)]
    assert both["baseline"] == pytest.approx(used[0] / good[0])
    assert both["effect"] == pytest.approx(used[1] / good[1] / (used[0] / good[0]) - 1)
    assert both["blocks_baseline"] == alone["blocks_baseline"] == DAYS
    assert both["high"] - both["low"] < 1.2 * (alone["high"] - alone["low"])


def test_parts_finished_after_their_shift_are_not_a_shift_of_their_own():
    """Matched on shifts: all of a night's energy over one part would be the wildest of strata."""
    days = [(d, "a", a_tenth_saved(d, np.random.default_rng(d))) for d in range(2 * DAYS)]
    late = [(d, "a", work(1 + d % 3, 400.0, seconds=0.0, calendar_time_s=57_600.0)) for d in range(2 * DAYS)]
    alone = told(site(match="shift"), atoms("m1", days))["energy_per_good_unit_kwh"]
    both = told(site(match="shift"), atoms("m1", days), nights(late))["energy_per_good_unit_kwh"]
    assert both["left_out_strata"] == [{"shift": "none"}]
    assert {k: both[k] for k in ("effect", "low", "high")} == {k: alone[k] for k in ("effect", "low", "high")}


def test_without_shifts_a_day_is_a_block():
    """Then no time lies outside of any."""
    days = [(d, "a", a_tenth_saved(d, np.random.default_rng(d))) for d in range(2 * DAYS)]
    plain = told(site(), nights(days))["energy_per_good_unit_kwh"]
    matched = told(site(match="shift"), nights(days))["energy_per_good_unit_kwh"]
    assert plain["blocks_trial"] == matched["blocks_trial"] == DAYS
    assert plain["effect"] == matched["effect"] == pytest.approx(-0.1, abs=0.08)
