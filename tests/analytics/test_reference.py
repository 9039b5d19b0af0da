"""The core against a slow, plain reading of the model that shares no code with it."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import query
from fieldlab_configs import parse
from tests.analytics.feed import samples, write
from tests.analytics.memory import MemoryStore
from tests.reference import model
from tests.reference.plants import plant


def both(made, by, **span):
    """The product's rows and the reference's, by group, of a plant that was made."""
    config, recording = made
    site = parse(config, "plant.yaml")
    store = MemoryStore()
    arrivals = list(samples(recording))
    for arrival in arrivals:
        write(store, *arrival)
    times = [a[0] for a in arrivals]
    start, end = span.get("start_ns", min(times)), span.get("end_ns", max(times))
    ours = query.kpis(site, store, start_ns=start, end_ns=end, by=by, whole=True)
    theirs = model.kpis(config, recording, start_ns=start, end_ns=end, by=by)
    return ({tuple(row[k] for k in by): row for row in rows} for rows in (ours, theirs))


def assert_equal(ours, theirs):
    """Each figure of each group, to 1e-9."""
    assert ours.keys() == theirs.keys()
    for key, expected in theirs.items():
        for name, value in expected.items():
            if isinstance(value, float):
                assert ours[key][name] == pytest.approx(value, rel=1e-9, abs=1e-8), (key, name)
            else:
                assert ours[key][name] == value, (key, name)


BYS = (
    (),
    ("machine", "shift", "product"),
    ("line", "hour"),
    ("day", "shift_date"),
    ("machine",),
    ("shift", "product", "hour"),
)


@pytest.mark.parametrize("seed", range(300, 500))
def test_every_figure_equals_the_references(seed):
    """Ragged, unsorted, gaps, resets, daylight saving: each figure of each group is the same."""
    assert_equal(*both(plant(seed), BYS[seed % len(BYS)]))


@settings(
    max_examples=int(os.environ.get("FIELDLAB_PLANTS", "60")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(rng=st.randoms(use_true_random=False), by=st.sampled_from(BYS))
def test_every_figure_equals_the_references_whatever_hypothesis_draws(rng, by):
    """Each choice in the making of a plant is hypothesis's own: it tends to the edges, and it shrinks."""
    assert_equal(*both(plant(rng), by))
