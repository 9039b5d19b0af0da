"""``fieldlab baseline`` on a recording whose law is known."""

import datetime as dt
import json
import random

import pytest

from tests.fieldlab.command import fieldlab

PLANT = """\
fieldlab: lab
timezone: UTC
shifts: [{name: day, days: [mon, tue, wed, thu, fri, sat, sun], start: "06:00", end: "14:00"}]
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 10
        products: {a: {}, b: {}}
        states: {map: {RUN: producing}}
        assume_quality: 1
        signals: {state: {item: s}, total_count: {item: c}, product: {item: p}, energy: {item: e, unit: kWh}}
"""


def recording(days, saved_from):
    """Each day some of a, then some of b; 3 kW all day, 0.4 and 0.2 kWh a part; later a tenth less of all."""
    rng, count, energy = random.Random(4), 0, 1000.0
    rows = ["time,machine,signal,value"]
    for day in range(days):
        start = dt.datetime(2026, 1, 5, tzinfo=dt.UTC) + dt.timedelta(days=day)
        a, b = rng.randint(100, 900), rng.randint(100, 900)
        used = (24 * 3 + 0.4 * a + 0.2 * b + rng.gauss(0, 2)) * (0.9 if day >= saved_from else 1)

        def tell(hour, signal, value, start=start):
            rows.append(f"{(start + dt.timedelta(hours=hour)).isoformat()},m1,{signal},{value}")

        if day == 0:
            for signal, value in (("state", "RUN"), ("total_count", 0), ("energy", energy)):
                tell(0, signal, value)
        tell(1, "product", "a")
        tell(10, "total_count", count + a)
        tell(11, "product", "b")
        tell(20, "total_count", count + a + b)
        count, energy = count + a + b, energy + used
        tell(24, "energy", round(energy, 6))
    return "\n".join(rows) + "\n"


@pytest.fixture
def folder(tmp_path):
    """Thirty days to learn from, twenty with the saving."""
    (tmp_path / "plant.yaml").write_text(PLANT)
    (tmp_path / "days.csv").write_text(recording(50, 30))
    return tmp_path


def answer(folder, *more):
    """The one machine's baseline."""
    done = fieldlab("baseline", "plant.yaml", "--input", "days.csv", *more, "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)[0]


def test_the_law_and_the_saving_are_found(folder):
    """Each within its interval; the saving of a tenth is told from chance."""
    row = answer(folder, "--until", "2026-02-04", "--per", "day")
    assert row["verdict"] == "ok", row["reason"]
    assert (row["blocks"], row["blocks_reported"]) == (30, 20)
    truth = {"base": 3.0, "a": 0.4, "b": 0.2}
    assert {t["name"] for t in row["terms"]} == set(truth)
    for term in row["terms"]:
        assert term["low"] < truth[term["name"]] < term["high"]
        assert term["error"] < 0.05 * term["estimate"]
    assert row["r2"] > 0.99
    saved = row["expected_kwh"] - row["used_kwh"]
    assert row["saved_kwh"] == pytest.approx(saved)
    assert row["saved_low_kwh"] < row["expected_kwh"] * 0.1 < row["saved_high_kwh"]
    assert row["saved_low_kwh"] > 0
    assert row["alarms"]
    assert row["cusum_kwh"][-1] == pytest.approx(-saved)
    table = fieldlab("baseline", "plant.yaml", "--input", "days.csv", "--per", "day", cwd=folder).stdout
    assert "E [kWh] = " in table


def test_each_group_has_a_baseline_of_its_own(folder):
    """By product, of the time that it was in hand; one that is not reported is said to be so."""
    told = ("--per", "day", "--until", "2026-02-04", "--by", "line,product", "--format", "json")
    done = fieldlab("baseline", "plant.yaml", "--input", "days.csv", *told, cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = {r["product"]: r for r in json.loads(done.stdout)}
    assert list(rows["a"])[:3] == ["machine", "line", "product"]
    assert [t["name"] for t in rows["a"]["terms"]] == ["base", "a"]
    assert [t["name"] for t in rows["b"]["terms"]] == ["base", "b"]
    assert (rows["a"]["blocks"], rows["a"]["blocks_reported"]) == (30, 20)
    whole, used = answer(folder, *told[:4]), sum(rows[p]["used_kwh"] for p in "ab")
    assert used == pytest.approx(whole["used_kwh"])
    assert rows["none"]["verdict"] == "not enough data"


def test_what_only_the_reported_period_made_is_told_with_its_reason(folder):
    """Its group has nothing to learn from; the machine's own line says why, and not the equation."""
    rows = (folder / "days.csv").read_text().splitlines()
    first = [r.replace("product,b", "product,a") if r < "2026-02-04" else r for r in rows[1:]]
    (folder / "days.csv").write_text("\n".join([rows[0], *first]) + "\n")
    told = ("baseline", "plant.yaml", "--input", "days.csv", "--per", "day", "--until", "2026-02-04")
    done = fieldlab(*told, "--by", "product", "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = {r["product"]: r for r in json.loads(done.stdout)}
    assert list(found) == ["a", "b", "none"]
    assert (found["b"]["verdict"], found["b"]["reason_code"]) == ("not enough data", "nothing_learned")
    assert found["b"]["saved_kwh"] is None
    table = fieldlab(*told, cwd=folder).stdout
    assert "b: not made in the reference period" in table
    assert "E [kWh]" not in table


def test_an_alarm_names_its_group(folder):
    """All the keys, as a machine has one for each product."""
    told = ("--per", "day", "--until", "2026-02-04", "--by", "line,product")
    done = fieldlab("baseline", "plant.yaml", "--input", "days.csv", *told, cwd=folder)
    assert "m1, l1, a: its energy leaves the baseline from block" in done.stdout


def test_too_little_is_a_verdict(folder):
    """Four days are no baseline."""
    row = answer(folder, "--to", "2026-01-09", "--per", "day")
    assert (row["verdict"], row["saved_kwh"]) == ("not enough data", None)
    assert "4 blocks for 3 terms" in row["reason"]


def test_a_split_outside_the_range_is_one_message(folder):
    """And exit status 2."""
    done = fieldlab("baseline", "plant.yaml", "--input", "days.csv", "--until", "2027-01-01", cwd=folder)
    assert done.returncode == 2
    assert "--until" in done.stderr
