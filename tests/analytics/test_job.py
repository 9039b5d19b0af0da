"""The live job: whatever order data comes in, its atoms end up as if all had been there at once."""

import random
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


def figures(store):
    """Every atom and stop that holds: ``{(measurement, tags, time): {field: value}}``, no zeros."""
    found = defaultdict(dict)
    for (bucket, measurement, tags, field, time), value in store.rows.items():
        if bucket == "kpi" and measurement in {"atom", "stop"}:
            found[measurement, tags, time][field] = value
    holds = {"atom": "calendar_time_s", "stop": "duration_s"}
    return {key: fields for key, fields in found.items() if fields.get(holds[key[0]])}


@pytest.mark.parametrize("seed", [4, 10, 29, 30, 34, 58, *range(60, 68), 1005])
def test_in_whatever_order_deliveries_come_atoms_and_stops_are_those_of_all_at_once(seed):
    """Batches in random order, a step after each, a new job now and then: row by row the same."""
    config, recording = plant(seed)
    site = parse(config, "plant.yaml")
    machines = {m.id for m in site.machines()}
    arrivals = [a for a in samples(recording) if a[1] in machines]
    last = {a[:3]: a for a in arrivals}  # of two with one series and time the later wins, in any order
    arrivals = sorted(last.values(), key=lambda a: a[0])
    rng, end = random.Random(seed), max(a[0] for a in arrivals) + 400 * NS
    size = -(-len(arrivals) // rng.randint(4, 9))
    batches = [arrivals[i : i + size] for i in range(0, len(arrivals), size)]
    rng.shuffle(batches)
    mixed, ordered = MemoryStore(), MemoryStore()
    job = Job(site, mixed)
    now = 0
    for number, batch in enumerate(batches):
        fed(mixed, batch, number + 1)
        now = min(max([now, *(a[0] for a in batch)]) + rng.choice((0, 90)) * NS, end)
        if rng.random() < 0.2:
            job = Job(site, mixed)  # the former one died: its cursor is in the store
        job.step(now)
    job.step(end)
    fed(ordered, arrivals, 1)
    Job(site, ordered).step(end)
    expected, actual = figures(ordered), figures(mixed)
    assert actual.keys() == expected.keys()
    for key, fields in actual.items():
        assert fields.keys() == expected[key].keys(), key
        for name, value in fields.items():
            told = expected[key][name]
            assert value == (told if isinstance(told, str) else pytest.approx(told, rel=1e-9, abs=1e-6)), (
                key,
                name,
            )


def fed(store, batch, number):
    """A batch in the store, with a delivery note per machine."""
    touched = defaultdict(list)
    for time, machine, signal, value in batch:
        write(store, time, machine, signal, value)
        touched[machine].append(time)
    for machine, times in touched.items():
        deliver(store, number, machine, times)


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


class Undeleting(MemoryStore):
    """A store that cannot delete, as InfluxDB 3 Core cannot."""

    def delete(self, *_args, **_tags):
        """Nothing goes."""
        return False


def test_where_a_store_cannot_delete_a_field_that_ends_becomes_zero():
    """The energy of a machine that has no meter any more: nothing old is left to be summed."""
    text = """
fieldlab: lab
timezone: UTC
lines: [{id: l1, machines: [{id: m1, signals: {total_count: {item: c}, energy: {item: e}}}]}]
"""
    arrivals = [(i * 60 * NS, "m1", s, float(i)) for i in range(1, 11) for s in ("total_count", "energy")]
    store, end = Undeleting(), 600 * NS
    fed(store, arrivals, 1)
    Job(parse(text), store).step(end)
    before = figures(store)
    assert sum(row["energy_kwh"] for row in before.values()) == pytest.approx(9.0)
    Job(parse(text.replace(", energy: {item: e}", "")), store).recompute(0, end)
    after = figures(store)
    assert after.keys() == before.keys()
    assert {row["energy_kwh"] for row in after.values()} == {0.0}
    assert [r["produced_quantity"] for r in after.values()] == [
        r["produced_quantity"] for r in before.values()
    ]
