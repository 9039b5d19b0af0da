"""Results that ``fieldlab analytics`` keeps: as the command works them out, again when data change."""

import json
import random

import pytest

from analytics.keeper import Keeper
from analytics.leaving import forget
from fieldlab.stores import JobStore
from tests.fieldlab.command import fieldlab
from tests.life.day import NS, at

SHIFTS = "\n".join(
    f'  - {{name: s{n:02}, days: [mon], start: "{n // 2 + 1:02}:{30 * (n % 2):02}",'
    f' end: "{(n + 1) // 2 + 1:02}:{30 * ((n + 1) % 2):02}"}}'
    for n in range(32)
)
CONFIG = f"""\
shifts:
{SHIFTS}
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 20
        assume_quality: 1
        states: {{map: {{1: producing, 2: down}}}}
        signals: {{state: {{item: s}}, total_count: {{item: c}}, energy: {{item: e, unit: kWh}}}}
companies: [{{id: %s}}]
experiments:
  - id: coolant
    company: %s
    machines: [m1]
    arms:
      baseline: [{{start: 2026-11-23T00:00:00Z, end: 2026-11-23T07:00:00Z}}]
      trial: [{{start: 2026-11-23T07:00:00Z, end: 2026-11-23T14:00:00Z}}]
"""
HOUR_S = 3600


def samples(until_s, saved=0.1):
    """A part told every five minutes, and from the eighth hour on a tenth less energy."""
    rng, count, energy = random.Random(2), 0.0, 100.0
    found = [(at(0), "state", 1.0), (at(0), "total_count", 0.0), (at(0), "energy", energy)]
    for second in range(300, until_s + 1, 300):
        made = rng.randint(8, 14)
        used = (0.2 + 0.05 * made + rng.gauss(0, 0.01)) * (1 - saved * (second > 7 * HOUR_S))
        count, energy = count + made, energy + used
        found += [(at(second) - NS, "total_count", count), (at(second) - NS, "energy", energy)]
    return found


class Clock:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self):
        """The time."""
        return self.now


def stored(lab, measurement="experiment_result"):
    """What is kept, by measure or term."""
    return {
        dict(tags).get("kpi") or dict(tags)["term"]: row
        for (tags, _), row in lab.rows("kpi", measurement).items()
        if dict(tags)["experiment"] == "coolant"
    }


@pytest.fixture
def shop(lab):
    """Fourteen hours with the results that follow from them; a job, buckets, a keeper and its clock."""
    company = f"a{lab.id[-8:]}"
    lab.configure(CONFIG % (company, company))
    lab.company, lab.clock = company, Clock()
    lab.put("m1", [*samples(14 * HOUR_S), (at(14 * HOUR_S + 60), "state", 2.0)])
    lab.jobs = lab.job(), lab.shared(), Keeper(lab.site, JobStore(lab.store), clock_s=lab.clock)
    assert step(lab)
    return lab


def step(lab, now_s=14 * HOUR_S + 60):
    """One step of the service; whether results were written."""
    job, shared, keeper = lab.jobs
    rewritten = job.step(at(now_s))
    kept = keeper.update(rewritten, at(now_s), without=shared.gone())
    shared.update(rewritten, results=kept)
    return kept


def test_they_are_those_of_the_command_and_the_companys(shop):
    """From atoms as from raw data; the saving is found; the company's bucket has them too."""
    kept, laws = stored(shop), stored(shop, "baseline")
    done = fieldlab("experiment", shop.path, "coolant", "--format", "json")
    assert done.returncode == 0, done.stderr
    for row in json.loads(done.stdout):
        mine = kept[row["kpi"]]
        assert mine["verdict"] == row["verdict"]
        for field, name in (("estimate", "effect"), ("low", "low"), ("high", "high"), ("trial", "trial")):
            told = row[name] if row[name] is None else pytest.approx(row[name], rel=1e-9)
            assert mine.get(field) == told, (row["kpi"], field)
    energy = kept["energy_per_good_unit_kwh"]
    assert energy["verdict"] == "improved"
    assert energy["low"] < -0.1 < energy["high"]
    assert len(energy["fingerprint"]) == 12
    assert "estimate" not in kept["material_per_good_unit_kg"]
    assert laws["saved"]["low"] < laws["saved"]["estimate"] < laws["saved"]["high"]
    assert laws["none"]["estimate"] == pytest.approx(0.05 * 1.0, rel=0.1)  # kWh per part of no product
    blocks = shop.rows("kpi", "baseline_block", where={"experiment": "coolant"})
    times = [time for _, time in sorted(blocks, key=lambda key: key[1])]
    assert times == [at(7 * HOUR_S + 1800 * n) for n in range(14)]
    rows = [blocks[key] for key in sorted(blocks, key=lambda key: key[1])]
    saved = sum(row["expected_kwh"] - row["used_kwh"] for row in rows)
    assert rows[-1]["cusum_kwh"] == pytest.approx(-saved)
    assert laws["saved"]["estimate"] == pytest.approx(saved)
    copied = shop.rows(f"shared:{shop.company}", "experiment_result")
    assert {dict(tags)["kpi"]: row for (tags, _), row in copied.items()} == stored(shop)


def test_nothing_touched_nothing_written_and_late_data_change_them_in_a_minute(shop):
    """Not at every step: a running experiment is worked out anew at most once a minute."""
    before = stored(shop)
    shop.clock.now = 1000.0
    assert not step(shop)
    fresh = Keeper(shop.site, JobStore(shop.store), clock_s=shop.clock)
    assert not fresh.update({}, at(14 * HOUR_S + 60))
    shop.put("m1", [(at(8 * HOUR_S) + NS, "state", 2.0), (at(8 * HOUR_S + 1200), "state", 1.0)], note=7)
    assert step(shop)
    changed = stored(shop)
    assert changed["availability"]["trial"] < before["availability"]["trial"]
    shop.put("m1", [(at(9 * HOUR_S) + NS, "state", 2.0), (at(9 * HOUR_S + 1200), "state", 1.0)], note=8)
    assert not step(shop)
    assert stored(shop) == changed
    shop.clock.now += 3600
    assert step(shop)
    assert stored(shop)["availability"]["trial"] < changed["availability"]["trial"]


def test_a_figure_that_can_no_longer_be_told_is_gone(shop):
    """The trial is moved to where there are no data: a verdict of too little, and no number left behind."""
    company = shop.company
    moved = (CONFIG % (company, company)).replace(
        "2026-11-23T07:00:00Z, end: 2026-11-23T14:00:00Z", "2026-11-24T07:00:00Z, end: 2026-11-24T14:00:00Z"
    )
    shop.configure(moved)
    keeper = Keeper(shop.site, JobStore(shop.store))
    assert keeper.update({}, at(14 * HOUR_S + 60))
    row = stored(shop)["energy_per_good_unit_kwh"]
    assert (row["verdict"], row["reason"]) == ("not enough data", "the trial has no data")
    assert (row["reason_code"], row["reason_values"]) == ("no_data", '{"arm": "trial"}')
    assert {"estimate", "low", "high", "trial"}.isdisjoint(row)
    assert set(stored(shop, "baseline")) == {"base", "none"}  # of parts of no product; nothing is saved


def test_a_company_that_left_gets_none(shop):
    """What was removed is not worked out again, neither by the job nor by the command."""
    assert fieldlab("company", "remove", shop.path, shop.company).returncode == 0
    shop.jobs = shop.job(), shop.shared(), Keeper(shop.site, JobStore(shop.store))
    assert not step(shop)
    assert fieldlab("experiment", shop.path, "coolant").returncode == 0
    assert stored(shop) == {}
    assert stored(shop, "baseline") == {}
    assert not shop.rows(f"shared:{shop.company}", "experiment_result")


def test_windows_are_kept_for_screens_to_draw(shop):
    """As the config has them now; one that moved is left with an end of 0, those of who left are gone."""

    def drawn():
        found = shop.rows("kpi", "experiment_window", holds="end_ms")
        return {(row["text"], time): row["end_ms"] for (_, time), row in found.items()}

    baseline, trial = ("coolant: baseline", at(0)), ("coolant: trial", at(7 * HOUR_S))
    assert drawn() == {baseline: at(7 * HOUR_S) / 1e6, trial: at(14 * HOUR_S) / 1e6}
    moved = CONFIG.replace("2026-11-23T07:00:00Z, end: 2026", "2026-11-23T08:00:00Z, end: 2026")
    shop.configure(moved % (shop.company, shop.company))
    Keeper(shop.site, JobStore(shop.store)).update({}, at(14 * HOUR_S))
    assert drawn() == {
        baseline: at(7 * HOUR_S) / 1e6,
        ("coolant: trial", at(8 * HOUR_S)): at(14 * HOUR_S) / 1e6,
    }
    forget(shop.site, JobStore(shop.store), shop.company)
    Keeper(shop.site, JobStore(shop.store)).update({}, at(14 * HOUR_S), without=[shop.company])
    assert drawn() == {}


def test_each_machine_has_a_baseline_of_its_last_days(lab):
    """Base load and energy per part by its whole days, learned once a day; today is not yet whole."""
    company = f"a{lab.id[-8:]}"
    lab.configure(CONFIG % (company, company))
    rng, count, energy = random.Random(6), 0.0, 100.0
    told = [(at(0), "state", 1.0), (at(0), "total_count", 0.0), (at(0), "energy", energy)]
    for day in range(9):  # a local day ends at 23:00 UTC
        made, hours = rng.randint(200, 900), 24 if day else 23
        count, energy = count + made, energy + hours * 1.5 + 0.05 * made + rng.gauss(0, 0.5)
        told += [(at((day * 24 + 22) * HOUR_S), "total_count", count)]
        told += [(at((day * 24 + 23) * HOUR_S), "energy", energy)]
    lab.put("m1", told)
    now = at(9 * 24 * HOUR_S + HOUR_S)
    job, keeper = lab.job(), Keeper(lab.site, JobStore(lab.store), clock_s=Clock())
    keeper.update(job.step(now), now)

    def own(measurement):
        found = lab.rows("kpi", measurement, where={"experiment": "none"})
        return {dict(tags).get("term", time): row for (tags, time), row in found.items()}

    terms = own("baseline")
    assert terms["base"]["low"] < 1.5 < terms["base"]["high"]
    assert terms["none"]["low"] < 0.05 < terms["none"]["high"]
    assert terms["base"]["blocks"] == 9
    assert len(own("baseline_block")) == 9
    before = own("baseline")
    keeper.update({"m1": []}, now + HOUR_S * NS)
    assert own("baseline") == before


def test_a_recomputed_range_brings_its_results(lab):
    """`fieldlab analytics --recompute` leaves atoms, results of experiments and the company's copy."""
    company = f"a{lab.id[-8:]}"
    lab.configure(CONFIG % (company, company))
    lab.put("m1", [*samples(14 * HOUR_S), (at(14 * HOUR_S + 60), "state", 2.0)])
    span = ("--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T14:05:00Z")
    done = fieldlab("analytics", lab.path, "--recompute", *span)
    assert done.returncode == 0, done.stderr
    assert stored(lab)["energy_per_good_unit_kwh"]["verdict"] == "improved"
    assert "saved" in stored(lab, "baseline")
    assert lab.rows(f"shared:{company}", "experiment_result")
