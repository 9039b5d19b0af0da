"""Atoms of many machines in one call, from ragged arrays."""

import numpy as np
import pytest

from analytics import fleet, query
from analytics.fields import ATOM_FIELDS
from benchmarks.plants import Plant
from fieldlab_configs import parse

SITE = parse("""
fieldlab: x
timezone: UTC
lines:
  - id: l
    machines:
      - id: a
        ideal_cycle_time_s: 10
        states: {map: {RUN: producing, HALT: stopped}}
        signals: {state: {item: s}, good_count: {item: g}, scrap_count: {item: x}}
      - {id: b, ideal_cycle_time_s: 5, states: {from_count: {}}, signals: {good_count: {item: g}}}
""")
NS = 10**9


def ragged(series, *parts):
    """Lists of (second, value) as one ragged array."""
    offsets = np.concatenate(([0], np.cumsum([len(p) for p in parts]))).astype(np.int64)
    told = [pair for part in parts for pair in part]
    values = [v for _, v in told]
    kind = object if any(isinstance(v, str) for v in values) else float
    return fleet.Ragged(
        series, offsets, np.array([t * NS for t, _ in told], np.int64), np.array(values, dtype=kind)
    )


def test_all_machines_at_once_as_one_by_one():
    """A plant in one call of ragged arrays says what its store says."""
    plant = Plant(4, 20_000, days=1.0)
    series = [(machine, signal) for machine, signals in plant.raw.items() for signal in signals]
    columns = [plant.raw[machine][signal] for machine, signal in series]
    given = fleet.Ragged(
        series,
        np.concatenate(([0], np.cumsum([len(t) for t, _ in columns]))),
        np.concatenate([t for t, _ in columns]),
        np.concatenate([v for _, v in columns]),
    )
    span = {"start_ns": plant.start_ns, "end_ns": plant.end_ns}
    made = fleet.atoms(plant.site, given, **span)
    asked = query.compute(plant.site, plant, whole=True, **span)
    assert made.machines == list(asked.results)
    for place, result in enumerate(asked.results.values()):
        part = slice(made.offsets[place], made.offsets[place + 1])
        assert made.cell_ns[part].tolist() == result.fragments.cell_ns.tolist()
        np.testing.assert_array_equal(made.values[part], result.fragments.values)


def test_texts_empty_and_unsorted_series():
    """States told in words, a series without readings, readings out of order."""
    texts = ragged([("a", "state")], [(60, "HALT"), (0, "RUN"), (90, "RUN")])
    numbers = ragged(
        [("a", "good_count"), ("a", "scrap_count"), ("b", "good_count")], [(20, 1), (0, 0)], [], []
    )
    made = fleet.atoms(SITE, texts, numbers, start_ns=0, end_ns=120 * NS)
    assert made.offsets.tolist() == [0, 1, 2]
    assert made.column("state_producing_s").tolist() == [90, 0]
    assert made.column("minor_stop_s").tolist() == [30, 0]
    assert made.column("good_quantity")[0] == 1
    assert made.column("state_unknown_s")[1] == 120
    assert made.values.shape == (2, len(ATOM_FIELDS))


GOOD = (("a", "good_count"),)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((GOOD, [0, 2], [0, 1], [1.0]), "time_ns has 2 entries and value 1"),
        ((GOOD, [0], [0], [1.0]), "offsets has 1 entries"),
        ((GOOD, [0, 2], [0], [1.0]), "offsets must ascend from 0 to the 1 readings"),
        (((*GOOD, ("a", "state")), [0, 2, 1], [0], [1.0]), "offsets must ascend"),
        (((("c", "state"),), [0, 1], [0], [1.0]), 'no machine "c"'),
        (((("a", "power"),), [0, 1], [0], [1.0]), 'machine "a" has no signal "power"'),
        ((GOOD, [0, 1], [0.5], [1.0]), "time_ns is float64"),
    ],
)
def test_what_does_not_fit_is_named(given, says):
    """Never a silent number."""
    series, offsets, time, value = given
    bad = fleet.Ragged(series, np.array(offsets, np.int64), np.array(time), np.array(value))
    with pytest.raises(ValueError, match=says):
        fleet.atoms(SITE, bad, start_ns=0, end_ns=NS)
    with pytest.raises(ValueError, match="ends"):
        fleet.atoms(SITE, start_ns=1, end_ns=0)
