"""Measured figures held to the truth."""

from __future__ import annotations

import math

import pytest

from simulator.score import differences
from tests.simulator.sites import line, played


@pytest.fixture(scope="module")
def truth() -> dict:
    _, plant, _ = played(line(), 3600)
    return {**plant.truth("mill"), "silent_s": 0.0, "silent": []}


def test_the_truth_agrees_with_itself(truth: dict) -> None:
    """Nothing differs; what is undefined in both is no difference."""
    assert differences(dict(truth), truth) == []
    assert differences({**truth, "material_kg": math.nan}, truth) == []


@pytest.mark.parametrize(
    ("name", "near", "far"),
    [
        ("produced_quantity", lambda v: v, lambda v: v + 1),
        ("good_quantity", lambda v: v + 1e-12, lambda v: v - 1),
        ("availability", lambda v: v + 0.0049, lambda v: v + 0.0051),
        ("oee_index", lambda v: v - 0.0049, lambda v: v - 0.0051),
        ("energy_kwh", lambda v: v * 1.0049, lambda v: v * 1.0051),
        ("energy_per_good_unit_kwh", lambda v: v * 0.9951, lambda v: v * 0.9949),
        ("coverage", lambda v: v, lambda _: None),
    ],
)
def test_each_figure_has_its_own_tolerance(truth: dict, name: str, near: object, far: object) -> None:
    """Counts exactly, ratios within 0.005, energy within 0.5 %."""
    assert differences({**truth, name: near(truth[name])}, truth) == []
    (difference,) = differences({**truth, name: far(truth[name])}, truth)
    assert difference.name == name
    assert name in str(difference)


def test_silent_time_leaves_counts_and_bounds(truth: dict) -> None:
    """Nobody can know the states then; the counts stay exact and the truth within the bounds."""
    silent = {**truth, "silent_s": 60.0}
    oee = truth["oee_index"]
    seen = {**truth, "availability": 0.1, "oee_index_low": oee - 0.1, "oee_index_high": oee + 0.1}
    assert differences(seen, silent) == []
    (bound,) = differences({**seen, "oee_index_high": oee - 0.01}, silent)
    (count,) = differences({**seen, "good_quantity": truth["good_quantity"] - 1}, silent)
    assert (bound.name, count.name) == ("oee_index", "good_quantity")
