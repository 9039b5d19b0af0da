"""``fieldlab simulate --record``: weeks in a file at once, and the truth about them."""

from __future__ import annotations

import csv
import json
import re

import pytest

from fieldlab_configs import load
from simulator.record import record
from tests.fieldlab.command import fieldlab

NS = 10**9
CONFIG = """\
fieldlab: lab
timezone: Europe/Amsterdam
shifts: [{{name: d, days: [mon, tue, wed, thu, fri], start: "06:00", end: "22:00"}}]
lines:
  - id: l1
    machines:
      - id: m1
        kind: mill
        ideal_cycle_time_s: 60
        states: {{map: {{RUN: producing, SETUP: setup, WAIT: idle, STOP: stopped, DOWN: down}}}}
        signals: {{state: {{item: s}}, total_count: {{item: t}}, good_count: {{item: g}}{energy}}}
experiments:
  - id: x
    machines: [m1]
    arms:
      baseline: [{{start: 2026-09-28, end: 2026-09-30}}]
      trial: [{{start: 2026-09-30, end: 2026-10-02}}]
"""
RANGE = ("--start", "2026-09-28", "--until", "2026-10-02")


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(CONFIG.format(energy=", energy: {item: e, unit: Wh}"))
    return path


def kpis(lab, weeks):
    done = fieldlab("kpi", lab, "--input", weeks, "--by", "experiment,arm", "--format", "json")
    assert done.returncode == 0, done.stderr
    return {row["arm"]: row for row in json.loads(done.stdout)}


def test_the_product_finds_what_the_simulator_says(lab, tmp_path):
    """Parts, good ones and energy of the whole; the energy saved in the trial, and in it alone."""
    weeks = tmp_path / "weeks.csv"
    done = fieldlab("simulate", lab, "--record", weeks, *RANGE, "--saving", "0.2", "--seed", "5")
    assert done.returncode == 0, done.stderr
    said = r"m1: produced ([\d.]+), good ([\d.]+), energy ([\d.]+) kWh, ([\d.]+) kWh of it saved"
    produced, good, energy, saved = map(float, re.search(said, done.stdout).groups())
    told = kpis(lab, weeks)
    assert sum(row["produced_quantity"] for row in told.values()) == produced > 1000
    assert sum(row["good_quantity"] for row in told.values()) == good
    assert sum(row["energy_kwh"] for row in told.values()) == pytest.approx(energy, abs=0.06)
    plain = tmp_path / "plain.csv"
    assert fieldlab("simulate", lab, "--record", plain, *RANGE, "--seed", "5").returncode == 0
    without = kpis(lab, plain)
    assert told["baseline"] == without["baseline"]
    assert without["trial"]["energy_kwh"] - told["trial"]["energy_kwh"] == pytest.approx(saved, abs=0.06)
    assert told["trial"]["energy_kwh"] == pytest.approx(0.8 * without["trial"]["energy_kwh"], rel=0.01)


def test_the_same_seed_is_the_same_file(lab, tmp_path):
    """And however often the machines are looked at, the readings come in the order of time."""
    site = load(lab)
    start = 1_790_546_400 * NS
    files = [tmp_path / name for name in "ab"]
    for file in files:
        record(site, file, seed=1, start_ns=start, until_ns=start + 7200 * NS)
    assert files[0].read_bytes() == files[1].read_bytes()
    with files[0].open() as lines:
        times = [row["time"] for row in csv.DictReader(lines)]
    assert len(times) > 50
    assert [t[:19] for t in times] == sorted(t[:19] for t in times)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--record", "w.csv"), "--record needs --start and --until"),
        (("--record", "w.csv", "--start", "2026-10-02", "--until", "2026-10-01"), "is not after --start"),
        (("--record", "no/w.csv", *RANGE), "no/w.csv: cannot be written"),
        (("--record", "w.csv", *RANGE, "--speed", "5"), "leave --input, --fault, --seconds, --speed out"),
        (("--record", "w.csv", *RANGE, "--saving", "1.5"), "is not a share"),
        (("--until", "2026-10-01"), "belong to --record FILE"),
    ],
)
def test_what_makes_no_sense_is_said(lab, asked, said):
    """In one message, with status 2."""
    done = fieldlab("simulate", lab, *asked, cwd=lab.parent)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_saving_that_no_meter_would_show_is_refused(tmp_path):
    """The machine has no energy register."""
    path = tmp_path / "lab.yaml"
    path.write_text(CONFIG.format(energy=""))
    done = fieldlab("simulate", path, "--record", tmp_path / "w.csv", *RANGE, "--saving", "0.1")
    assert done.returncode == 2
    assert "m1 has no energy register" in done.stderr
