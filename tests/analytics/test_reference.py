"""The core against a slow, plain reading of the model that shares no code with it."""

import pytest

from analytics import query
from fieldlab_configs import parse
from tests.analytics.feed import samples, write
from tests.analytics.memory import MemoryStore
from tests.reference import model
from tests.reference.plants import plant


def both(seed, by, **span):
    """The product's rows and the reference's, by group."""
    config, recording = plant(seed)
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


BYS = (
    (),
    ("machine", "shift", "product"),
    ("line", "hour"),
    ("day", "shift_date"),
    ("machine",),
    ("shift", "product", "hour"),
)


@pytest.mark.parametrize("seed", range(300, 600))
def test_every_figure_equals_the_references(seed):
    """Ragged, unsorted, gaps, resets, daylight saving: each figure of each group is the same."""
    by = BYS[seed % len(BYS)]
    ours, theirs = both(seed, by)
    assert ours.keys() == theirs.keys()
    for key, expected in theirs.items():
        for name, value in expected.items():
            if isinstance(value, float):
                assert ours[key][name] == pytest.approx(value, rel=1e-9, abs=1e-8), (key, name)
            else:
                assert ours[key][name] == value, (key, name)
