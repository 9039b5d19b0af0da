"""What holds for every plant and every range: sums, scales, and no order of arrival."""

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from analytics import query
from analytics.fields import ATOM_FIELDS
from fieldlab_configs import parse
from tests.analytics.feed import samples, write
from tests.analytics.memory import MemoryStore
from tests.reference.plants import plant

SEEDS = st.integers(0, 10**6)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def filled(seed, shuffle=None):
    """A plant and its recording in a store: `(site, store, start, end)`; arrivals shuffled if asked."""
    config, recording = plant(seed)
    arrivals = list(samples(recording))
    times = [a[0] for a in arrivals]
    store = MemoryStore()
    if shuffle is not None:
        # What has one series and one time keeps its order: there the later arrival wins.
        order = list(range(len(arrivals)))
        random.Random(shuffle).shuffle(order)
        first = {}
        for place, n in enumerate(order):
            first.setdefault(arrivals[n][:3], []).append(place)
        shuffled = [None] * len(arrivals)
        for key, places in first.items():
            same = [a for a in arrivals if a[:3] == key]
            for place, arrival in zip(sorted(places), same, strict=True):
                shuffled[place] = arrival
        arrivals = shuffled
    for arrival in arrivals:
        write(store, *arrival)
    return parse(config, "plant.yaml"), store, min(times), max(times)


def by_machine(site, store, start, end, known=None):
    """The additive fields of each machine; `known` is the end of all data."""
    rows = query.kpis(site, store, start_ns=start, end_ns=end, by=("machine",), known_until_ns=known)
    return {row["machine"]: {name: row[name] for name in ATOM_FIELDS} for row in rows}


@quick
@given(seed=SEEDS, share=st.floats(0, 1))
@example(seed=769477, share=0.9674950074313093)  # a stop without a word of its machine, but heartbeats
@example(seed=169489, share=0.375)  # the last counter's reading lies between two of sampled power
def test_the_parts_of_a_range_add_up_to_it(seed, share):
    """Wherever it is split, a range that is read by itself says its part of the whole."""
    site, store, start, end = filled(seed)
    middle = start + round((end - start) * share)
    whole = by_machine(site, store, start, end)
    parts = [by_machine(site, store, start, middle, end), by_machine(site, store, middle, end)]
    for machine, fields in whole.items():
        for name, value in fields.items():
            found = [part[machine][name] for part in parts if machine in part]
            if value is None or any(v is None for v in found):
                continue
            assert sum(found) == pytest.approx(value, rel=1e-9, abs=1e-7), (machine, name)


@quick
@given(seed=SEEDS, first=st.floats(0, 1), last=st.floats(0, 1))
@example(seed=2959320, first=0.3244, last=0.90285)  # a reset right after it, on a machine told by its counts
def test_a_range_says_the_same_read_by_itself_as_cut_out_of_all(seed, first, last):
    """Its atoms, its stops and its states: a range only clips what is shown."""
    site, store, start, end = filled(seed)
    times = sorted(start + round((end - start) * share) for share in (first, last))
    asked = {"start_ns": times[0], "end_ns": times[1], "known_until_ns": end}
    alone, cut_out = (query.compute(site, store, whole=whole, **asked) for whole in (False, True))
    rows, of_all = (query.grouped(site, found, ("machine",)) for found in (alone, cut_out))
    for row, expected in zip(rows, of_all, strict=True):
        for name in ("machine", *ATOM_FIELDS):
            found, of = row[name], expected[name]
            same = found == of or found == pytest.approx(of, rel=1e-9, abs=1e-7)
            assert same, (row["machine"], name, found, of)
    for machine, result in alone.results.items():
        assert result.stops == cut_out.results[machine].stops, machine
        assert result.timeline == cut_out.results[machine].timeline, machine


@quick
@given(seed=SEEDS, shuffle=st.integers(0, 99))
def test_the_order_of_arrival_changes_nothing(seed, shuffle):
    """Unsorted input is sorted."""
    told, mixed = by_machine(*filled(seed)), by_machine(*filled(seed, shuffle))
    assert told == mixed


@quick
@given(seed=SEEDS)
def test_cells_shifts_and_products_add_up_to_the_machine(seed):
    """Whatever a range is grouped by, the groups are a partition of it."""
    site, store, start, end = filled(seed)
    whole = by_machine(site, store, start, end)
    for by in (("machine", "cell"), ("machine", "shift", "product"), ("machine", "hour", "shift_date")):
        sums = {machine: dict.fromkeys(fields, 0.0) for machine, fields in whole.items()}
        for row in query.kpis(site, store, start_ns=start, end_ns=end, by=by):
            for name in ATOM_FIELDS:
                value = row[name]
                total = sums[row["machine"]]
                total[name] = None if value is None or total[name] is None else total[name] + value
        for machine, fields in whole.items():
            for name, value in fields.items():
                found = sums[machine][name]
                if value is not None and found is not None:
                    assert found == pytest.approx(value, rel=1e-9, abs=1e-7), (machine, name, by)


@quick
@given(seed=SEEDS)
def test_time_is_divided_without_rest(seed):
    """PBT = APT + AUST + ADET + unknown; states make the calendar."""
    for fields in by_machine(*filled(seed)).values():
        parts = (
            "actual_production_time_s",
            "actual_unit_setup_time_s",
            "actual_unit_delay_time_s",
            "unknown_time_s",
        )
        assert sum(fields[p] for p in parts) == pytest.approx(fields["planned_busy_time_s"], abs=1e-7)
        states = sum(v for k, v in fields.items() if k.startswith("state_"))
        assert states == pytest.approx(fields["calendar_time_s"], abs=1e-7)
