"""``fieldlab experiment`` on a recording, and kept in a store."""

import json

import pytest

from fieldlab_configs import load
from ingest.embedded import EmbeddedStore
from ingest.store import Row
from tests.analytics.feed import samples
from tests.fieldlab.command import fieldlab
from tests.fieldlab.test_baseline import PLANT, recording

EXPERIMENT = """\
experiments:
  - id: coolant
    question: Does less coolant save energy?
    machines: [m1]
    arms: {baseline: [{start: 2026-01-05, end: 2026-02-04}], trial: [{start: 2026-02-04, end: 2026-02-24}]}
    match: [product]
store: {kind: embedded, path: lab.db}
"""


@pytest.fixture
def folder(tmp_path):
    """Thirty days before, twenty with a tenth less energy."""
    (tmp_path / "plant.yaml").write_text(PLANT + EXPERIMENT)
    (tmp_path / "days.csv").write_text(recording(50, 30))
    return tmp_path


def by_kpi(text):
    """The rows by what they are of."""
    return {row["kpi"]: row for row in json.loads(text)}


def test_a_saving_is_found_and_what_is_not_measured_is_said(folder):
    """Energy per good unit fell by about a tenth, shown; material is not measured."""
    done = fieldlab(
        "experiment", "plant.yaml", "coolant", "--input", "days.csv", "--format", "json", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    rows = by_kpi(done.stdout)
    energy = rows["energy_per_good_unit_kwh"]
    assert energy["verdict"] in {"improved", "no difference shown"}
    assert energy["low"] < -0.1 < energy["high"]
    assert energy["trial"] < energy["baseline"]
    assert energy["blocks_trial"] >= 20
    assert rows["material_per_good_unit_kg"]["verdict"] == "not enough data"
    assert rows["material_per_good_unit_kg"]["reason"] == "it is not measured"
    again = fieldlab(
        "experiment", "plant.yaml", "coolant", "--input", "days.csv", "--format", "json", cwd=folder
    )
    assert again.stdout == done.stdout


def test_results_are_kept_for_screens_and_twice_changes_nothing(folder):
    """From the store to the store: measurement `experiment_result`, with the config's fingerprint."""
    site = load(folder / "plant.yaml")
    store = EmbeddedStore(folder / "lab.db", site.fieldlab)
    tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
    names = {"state": "state_text", "product": "product_text"}
    told = samples(recording(50, 30))
    store.write("raw", [Row("machine", tags, names.get(signal, signal), t, v) for t, _, signal, v in told])
    stored = []
    for _ in range(2):
        done = fieldlab("experiment", "plant.yaml", "coolant", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "Does less coolant save energy?" in done.stdout
        stored.append(
            {
                t.tags["kpi"]: {n: c.tolist() for n, c in t.columns.items()}
                for t in store.read("kpi", "experiment_result")
            }
        )
    store.close()
    assert stored[0] == stored[1]
    energy = stored[0]["energy_per_good_unit_kwh"]
    assert -0.15 < energy["estimate"][0] < -0.05
    assert energy["low"][0] < energy["estimate"][0] < energy["high"][0]
    assert len(energy["fingerprint"][0]) == 12
    assert stored[0]["material_per_good_unit_kg"]["verdict"] == ["not enough data"]


def test_an_experiment_that_is_none_is_one_message(folder):
    """With those there are."""
    done = fieldlab("experiment", "plant.yaml", "colant", "--input", "days.csv", cwd=folder)
    assert done.returncode == 2
    assert "there is no experiment 'colant'; the config has coolant" in done.stderr
