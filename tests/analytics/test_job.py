"""The live job: whatever order data comes in, its atoms end up as if all had been there at once."""

from collections import defaultdict

import pytest

from analytics import query
from analytics.job import Job
from analytics.signals import NS
from fieldlab_configs import parse
from tests.analytics.feed import deliver, samples, write
from tests.analytics.memory import MemoryStore
from tests.reference.plants import plant

BY = ("machine", "line", "shift", "product", "day", "hour")


def live(site, arrivals, batches):
    """A store into which a recording was fed in batches, with a step of the job after each."""
    store = MemoryStore()
    job = Job(site, store)
    size = -(-len(arrivals) // batches)
    now = 0
    for number, begin in enumerate(range(0, len(arrivals), size)):
        touched = defaultdict(list)
        for time, machine, signal, value in arrivals[begin : begin + size]:
            write(store, time, machine, signal, value)
            touched[machine].append(time)
        for machine, times in touched.items():
            deliver(store, number + 1, machine, times)
        now = max([now, *(t for times in touched.values() for t in times)])
        job.step(now)
    return store, now


def by_key(rows):
    """Rows by their group."""
    return {tuple(row[key] for key in BY): row for row in rows}


@pytest.mark.parametrize("seed", range(8))
def test_atoms_written_live_equal_those_of_all_data_at_once(seed):
    """Late, unsorted and repeated data are recomputed to the same atoms, and what no longer holds is zero."""
    config, recording = plant(seed)
    site = parse(config, "plant.yaml")
    machines = {m.id for m in site.machines()}
    arrivals = [a for a in samples(recording) if a[1] in machines]
    store, now = live(site, arrivals, batches=7)
    cell = site.cell_s * NS
    start = min(a[0] for a in arrivals) // cell * cell
    at_once = query.kpis(site, store, start_ns=start, end_ns=now, by=BY, whole=True)
    stored = query.kpis(site, store, start_ns=start, end_ns=now, by=BY, from_atoms=True)
    spoken = {a[1] for a in arrivals}
    expected, actual = (
        {key: row for key, row in by_key(rows).items() if key[0] in spoken} for rows in (at_once, stored)
    )
    # A machine's own atoms begin with its first sample; before that nothing was ever computed.
    assert actual.keys() <= expected.keys()
    for key, row in actual.items():
        if row["calendar_time_s"] != expected[key]["calendar_time_s"]:
            continue
        for name, value in row.items():
            if isinstance(value, float):
                assert expected[key][name] == pytest.approx(value, rel=1e-9, abs=1e-6), (key, name)
            else:
                assert expected[key][name] == value, (key, name)
