"""Sums of days in a company's bucket: those of its own atoms, each of which counts once."""

import itertools

import pytest

from analytics.closing import REST_S
from analytics.days import KEYS_OF_SUMS, DaySums
from analytics.groups import group
from analytics.losses import losses
from analytics.query import kpis
from analytics.shared import Shared
from analytics.stored import stored_fragments
from fieldlab.company_screens import CompanyScreens, OwnBucket, own_site
from fieldlab.stores import JobStore
from tests.life.test_days import (
    CONFIG,
    DAY_NS,
    END_NS,
    HOUR_NS,
    MACHINE,
    MACHINES,
    NOW_NS,
    NS,
    START_NS,
    Watched,
    readings,
    same,
)

pytestmark = pytest.mark.parametrize("lab", ["embedded", "influx1"], indirect=True)
# From five in the morning on, with an hour in which nothing is the company's; the blade is tried in the
# time of the coolant.
FIRST_NS, LAST_NS = START_NS + 5 * HOUR_NS, END_NS + HOUR_NS
WINDOWS = """
companies: [{id: %(acme)s, name: Acme}]
experiments:
  - id: coolant
    company: %(acme)s
    machines: [m1, m2]
    arms:
      baseline: [{start: 2026-10-24T05:00:00Z, end: 2026-10-25T06:00:00Z}]
      trial: [{start: 2026-10-25T07:00:00Z, end: 2026-10-27T01:00:00Z}]
  - id: blade
    company: %(acme)s
    machines: [m1]
    arms:
      baseline: [{start: 2026-10-24T22:00:00Z, end: 2026-10-25T05:00:00Z}]
      trial: [{start: 2026-10-25T10:00:00Z, end: 2026-10-26T11:00:00Z}]
"""


def configured(lab, change=("", "")):
    """The lab by its config, or by a changed one."""
    machines = "".join(MACHINE.replace("NAME", name) for name in MACHINES)
    text = CONFIG.replace("MACHINES", machines) + WINDOWS % {"acme": lab.acme}
    assert change[0] in text
    lab.configure(text.replace(*change))
    lab.clock = [0.0]
    lab.own = own_site(lab.site, lab.acme)
    lab.bucket = OwnBucket(lab.store, lab.acme)
    return lab


def shared(lab, store=None):
    """The buckets, by a clock of the test's."""
    return Shared(lab.site, store or JobStore(lab.store), clock_s=lambda: lab.clock[0])


def rest(lab, buckets):
    """All days that are over come to rest, and are summed."""
    buckets.close(NOW_NS)
    lab.clock[0] += REST_S
    for _ in MACHINES:
        buckets.close(NOW_NS)


@pytest.fixture
def kept(lab):
    """Three days, worked out, and what a company may see of them."""
    lab.acme = f"acme{lab.id}"
    configured(lab)
    for phase, machine in enumerate(MACHINES):
        lab.put(machine, readings(START_NS - 2 * HOUR_NS, NOW_NS, phase=11 * phase))
    lab.buckets = shared(lab)
    lab.buckets.update(lab.job().step(NOW_NS))
    rest(lab, lab.buckets)
    return lab


def closed(lab):
    """Which days of which machine have a sum in the company's bucket."""
    rows = lab.rows(f"shared:{lab.acme}", "day", "sums_text")
    return {(dict(tags)["machine"], (time - START_NS) // DAY_NS) for tags, time in rows}


def by_sums(lab, by):
    """Figures out of the bucket, as the company's screens read them."""
    found = DaySums(lab.own).fragments(lab.bucket, FIRST_NS, LAST_NS, MACHINES)
    return group(lab.own, found, by)


def by_atoms(lab, by):
    """The same out of every atom of the bucket."""
    return kpis(lab.own, lab.bucket, start_ns=FIRST_NS, end_ns=LAST_NS, by=by, from_atoms=True)


def test_a_company_reads_its_long_range_out_of_days(kept):
    """Every grouping, losses too, as out of all atoms, and of these only the last hour is read."""
    assert closed(kept) == {(m, day) for m in MACHINES for day in range(3)}
    watched = Watched(kept.bucket)
    found = DaySums(kept.own).fragments(watched, START_NS, LAST_NS, MACHINES)
    assert sum(end - start for name, start, end in watched.reads if name == "atom") == HOUR_NS
    atoms = stored_fragments(kept.own, kept.bucket, START_NS, LAST_NS)
    for by in ((), *((key,) for key in KEYS_OF_SUMS), *itertools.combinations(sorted(KEYS_OF_SUMS), 2)):
        same(group(kept.own, found, by), group(kept.own, atoms, by))
        same(losses(kept.own, found, by), losses(kept.own, atoms, by))


def test_what_lies_in_two_experiments_counts_once(kept):
    """Figures and stops of a company are those of its windows, whichever of its questions they serve."""
    screens = CompanyScreens(kept.site, kept.store, kept.acme)
    screens.refresh(FIRST_NS, NOW_NS)
    gap = START_NS + 30 * HOUR_NS, START_NS + 31 * HOUR_NS
    parts = [(FIRST_NS, gap[0]), (gap[1], LAST_NS)]
    whole = [
        f for a, b in parts for f in stored_fragments(kept.site, kept.store, a, b)
    ]  # out of the fieldlab's own bucket
    for by in (("machine",), ("machine", "day"), ("hour",)):
        same(screens.kpis(FIRST_NS, LAST_NS, by), group(kept.own, whole, by))
    stops = screens.stops(FIRST_NS, LAST_NS, MACHINES)
    own = [
        s
        for m in MACHINES
        for s in kept.rows("kpi", "stop", "duration_s").items()
        if dict(s[0][0])["machine"] == m
    ]
    inside = sum(
        max(0, min(b, t + round(row["duration_s"] * NS)) - max(a, t)) for (_, t), row in own for a, b in parts
    )
    assert sum(stop["within_s"] for stop in stops) == pytest.approx(inside / NS)


def test_at_no_moment_does_a_companys_sum_say_what_its_atoms_do_not(kept):
    """Late data, another cycle time, other windows: looked at after every single write."""
    seen = []

    def look():
        found = by_sums(kept, ("machine", "day"))
        same(found, by_atoms(kept, ("machine", "day")))
        if not seen or seen[-1] != found:
            seen.append(found)

    class Looked(Watched):
        def write(self, bucket, rows):
            self._look = look if any(row[0] in {"atom", "day"} for row in rows) else lambda: None
            super().write(bucket, rows)

    def buckets():
        return shared(kept, Looked(JobStore(kept.store)))

    look()
    late = [
        (t + NS, f, 2.0)
        for t, f, _ in readings(START_NS + DAY_NS, START_NS + DAY_NS + HOUR_NS)
        if f == "state"
    ]
    kept.put("m1", late, note=3)
    follows = buckets()
    follows.update(kept.job().step(NOW_NS))
    assert len(seen) > 1
    assert ("m1", 1) not in closed(kept)
    assert ("m2", 1) in closed(kept)
    rest(kept, follows)
    assert ("m1", 1) in closed(kept)
    for change in (
        ("ideal_cycle_time_s: 310", "ideal_cycle_time_s: 333"),
        ("end: 2026-10-25T06:00:00Z", "end: 2026-10-25T04:00:00Z"),
    ):
        was = len(seen)
        configured(kept, change)
        follows = buckets()
        follows.update(kept.job().recompute(START_NS + DAY_NS, START_NS + 2 * DAY_NS, now_ns=NOW_NS).spans)
        assert len(seen) > was
        rest(kept, follows)
        assert closed(kept) == {(m, day) for m in MACHINES for day in range(3)}
        look()


def test_a_company_that_left_has_no_sums(kept):
    """Nor are any made for it again."""
    kept.buckets.remove(kept.acme)
    assert closed(kept) == set()
    follows = shared(kept)
    follows.update({"m1": []})
    rest(kept, follows)
    assert closed(kept) == set()
