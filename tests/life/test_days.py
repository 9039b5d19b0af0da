"""Sums of days: a long range is read out of them, and at no moment do they say what the atoms do not."""

import itertools

import pytest

from analytics.closing import REST_S, Days
from analytics.days import KEYS_OF_SUMS, DaySums
from analytics.groups import group
from analytics.job import Job
from analytics.losses import losses
from analytics.query import kpis
from analytics.stored import stored_fragments
from fieldlab.screens import StoreScreens
from fieldlab.stores import JobStore
from tests.fieldlab.command import fieldlab, figures

# The embedded store and a real InfluxDB: what other servers make of the same rows, tests of stores show.
pytestmark = pytest.mark.parametrize("lab", ["embedded", "influx1"], indirect=True)
NS = 1_000_000_000
HOUR_NS = 3600 * NS
DAY_NS = 24 * HOUR_NS
START_NS = 1_792_800_000 * NS  # 2026-10-24T00:00:00Z: summer time ends in the second night
DAYS = 3
END_NS = START_NS + DAYS * DAY_NS
NOW_NS = END_NS + 3 * HOUR_NS
MACHINES = ("m1", "m2")
SPAN = {"start_ns": START_NS, "end_ns": END_NS}
CONFIG = """
cell_s: 900
shifts:
  - {name: day, days: [mon, tue, wed, thu, fri, sat, sun], start: "06:00", end: "18:00",
     breaks: [{start: "09:00", minutes: 15}]}
  - {name: night, days: [sat, sun, tue], start: "22:00", end: "06:00"}
energy: {price_eur_per_kwh: 0.21, co2_kg_per_kwh: 0.27, source: made up}
lines:
  - id: l1
    machines:
MACHINES
"""
MACHINE = """
      - id: NAME
        ideal_cycle_time_s: 240
        products: {A: {ideal_cycle_time_s: 240}, B: {ideal_cycle_time_s: 310}}
        states: {map: {1: producing, 2: stopped, 3: idle}}
        signals:
          {state: {item: s}, total_count: {item: c}, good_count: {item: g}, product: {item: p},
           energy: {item: e, unit: kWh}}
"""


def readings(start_ns, end_ns, phase=0):
    """Each half-hour another state, each five minutes a part, energy as odd a number as it can be."""
    found = []
    for time_ns in range(start_ns, end_ns, 300 * NS):
        n = (time_ns - START_NS) // (300 * NS) + phase
        if n % 6 == 0:
            found.append((time_ns, "state", (1.0, 1.0, 2.0, 1.0, 3.0)[n // 6 % 5]))
        if n % 40 == 0:
            found.append((time_ns, "product_text", "AB"[n // 40 % 2]))
        found.append((time_ns, "total_count", float(n)))
        found.append((time_ns + 7 * NS, "good_count", float(n - n // 17)))
        found.append((time_ns + 11 * NS, "energy", round(n * 0.137, 3)))
    return found


def configured(lab, change=("", "")):
    """The lab by its config, or by a changed one."""
    machines = "".join(MACHINE.replace("NAME", name) for name in MACHINES)
    return lab.configure(CONFIG.replace("MACHINES", machines).replace(*change))


@pytest.fixture
def kept(lab):
    """Three days and some hours, all of them worked out."""
    configured(lab)
    for phase, machine in enumerate(MACHINES):
        lab.put(machine, readings(START_NS - 2 * HOUR_NS, NOW_NS, phase=11 * phase))
    lab.job().step(NOW_NS)
    close(lab)
    return lab


def close(lab, wait_s=REST_S, store=None):
    """Let so much time pass, as the job sees it, and then have it close what is at rest."""
    clock = [0.0]
    days = Days(lab.site, store or JobStore(lab.store), clock_s=lambda: clock[0])
    days.close(NOW_NS)
    clock[0] += wait_s
    for _ in MACHINES:
        days.close(NOW_NS)


def closed(lab):
    """Which days of which machine have a sum."""
    rows = lab.rows("kpi", "day", "sums_text")
    return {(dict(tags)["machine"], (time - START_NS) // DAY_NS) for tags, time in rows}


def by_sums(lab, by, sums=None, **span):
    """Figures out of the sums of days."""
    ends = SPAN | span
    found = (sums or DaySums(lab.site)).fragments(lab.store, ends["start_ns"], ends["end_ns"], MACHINES)
    return group(lab.site, found, by)


def by_atoms(lab, by, **span):
    """The same out of every atom."""
    return kpis(lab.site, lab.store, by=by, from_atoms=True, **(SPAN | span))


def same(found, expected):
    """Equal, numbers to eleven digits: floats are added in another order."""
    assert len(found) == len(expected)
    for row, told in zip(found, expected, strict=True):
        assert row.keys() == told.keys()
        for name, value in row.items():
            number = isinstance(value, float)
            assert told[name] == (pytest.approx(value, rel=1e-11, abs=1e-11) if number else value), name


class Watched:
    """A store that notes what is read, and looks around after each change."""

    def __init__(self, store, look=lambda: None):
        self._store, self._look = store, look
        self.reads = []
        self.changes = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def read(self, bucket, measurement, **more):
        self.reads.append((measurement, more.get("start_ns"), more.get("end_ns")))
        return self._store.read(bucket, measurement, **more)

    def write(self, bucket, rows):
        found = self._store.write(bucket, rows)
        self._changed()
        return found

    def delete(self, *args, **more):
        found = self._store.delete(*args, **more)
        self._changed()
        return found

    def _changed(self):
        self.changes += 1
        self._look()


@pytest.mark.parametrize(
    ("start_ns", "end_ns", "read_ns"),
    [
        (START_NS, END_NS, 0),
        (START_NS - HOUR_NS, END_NS + 2 * HOUR_NS, 3 * HOUR_NS),
        (START_NS + 900 * NS, END_NS, DAY_NS - 900 * NS),
        (START_NS + 900 * NS, START_NS + HOUR_NS, HOUR_NS - 900 * NS),
    ],
)
def test_a_long_range_is_read_out_of_its_days(kept, start_ns, end_ns, read_ns):
    """Every grouping, losses too, as out of all atoms, and of these only the edges are read."""
    watched = Watched(kept.store)
    found = DaySums(kept.site).fragments(watched, start_ns, end_ns, MACHINES)
    assert sum(end - start for name, start, end in watched.reads if name == "atom") == read_ns
    atoms = stored_fragments(kept.site, kept.store, start_ns, end_ns)
    for by in ((), *((key,) for key in KEYS_OF_SUMS), *itertools.combinations(sorted(KEYS_OF_SUMS), 2)):
        same(group(kept.site, found, by), group(kept.site, atoms, by))
        same(losses(kept.site, found, by), losses(kept.site, atoms, by))


def test_the_command_and_the_screens_say_the_same_of_days(kept):
    """The figures of ``fieldlab kpi``, which works from raw data, by whatever they are asked."""
    screens = StoreScreens(kept.site, kept.store)
    screens.refresh(START_NS, END_NS)
    for by in ("machine", "shift_date,shift", "product", "day", "line"):
        told = figures(kept.path, "--from", START_NS, "--to", END_NS, "--by", by)
        same(screens.kpis(START_NS, END_NS, by.split(",")), told)


def test_at_no_moment_does_a_sum_say_what_the_atoms_do_not(kept):
    """Late data, then all made anew by another cycle time: looked at after every single write."""
    sums, seen = DaySums(kept.site), []

    def look():
        found = by_sums(kept, ("machine", "day"), sums)
        same(found, by_atoms(kept, ("machine", "day")))
        if not seen or seen[-1] != found:
            seen.append(found)

    look()
    watched = Watched(JobStore(kept.store), look)
    job = Job(kept.site, watched)
    late = [
        (t + NS, f, 2.0)
        for t, f, _ in readings(START_NS + DAY_NS, START_NS + DAY_NS + HOUR_NS)
        if f == "state"
    ]
    kept.put("m1", late, note=3)
    job.step(NOW_NS)
    assert len(seen) > 1
    assert ("m1", 1) not in closed(kept)
    was = len(seen)
    configured(kept, ("ideal_cycle_time_s: 310", "ideal_cycle_time_s: 333"))
    job = Job(kept.site, Watched(JobStore(kept.store), look))
    job.recompute(START_NS, END_NS, now_ns=NOW_NS)
    assert len(seen) > was
    assert {(m, d) for m in MACHINES for d in range(DAYS)} <= closed(kept)
    configured(kept)


def test_a_job_that_dies_while_it_writes_leaves_no_sum_behind(kept):
    """Whichever of its writes is the last; the next job closes the day again."""

    class DiedError(Exception):
        pass

    def die():
        if watched.changes == last:
            raise DiedError

    sums = DaySums(kept.site)
    by = ("machine", "day")
    by_sums(kept, by, sums)
    for last in itertools.count(1):
        changed = [(START_NS + DAY_NS + HOUR_NS + last, "state", 2.0 + last % 2)]
        kept.put("m2", changed, note=10 + last)
        watched = Watched(JobStore(kept.store), die)
        try:
            Job(kept.site, watched).step(NOW_NS)
        except DiedError:
            same(by_sums(kept, by, sums), by_atoms(kept, by))
        else:
            break
    assert last > 2
    close(kept, REST_S / 2)
    assert ("m2", 1) not in closed(kept)  # it may be written to again any moment
    close(kept)
    assert ("m2", 1) in closed(kept)
    same(by_sums(kept, by, sums), by_atoms(kept, by))


def test_a_store_without_sums_gets_them_and_needs_none(kept):
    """As one that an older Fieldlab wrote: figures at once, sums soon, a month of a machine at a time."""
    kept.store.delete("kpi", "day")
    watched = Watched(kept.store)
    found = DaySums(kept.site).fragments(watched, START_NS, END_NS, MACHINES)
    same(group(kept.site, found, ("day",)), by_atoms(kept, ("day",)))
    clock = [0.0]
    days = Days(kept.site, JobStore(kept.store), clock_s=lambda: clock[0])
    days.close(NOW_NS)
    clock[0] += REST_S
    days.close(NOW_NS)
    assert {machine for machine, _ in closed(kept)} == {"m1"}
    days.close(NOW_NS)
    assert closed(kept) == {(m, day) for m in MACHINES for day in range(-1, DAYS)}


def test_sums_by_another_calendar_do_not_hold(kept):
    """A shift that begins an hour later: the date and shift of a cell are others, and sums are made anew."""
    configured(kept, ('start: "22:00"', 'start: "23:00"'))
    watched = Watched(kept.store)
    found = DaySums(kept.site).fragments(watched, START_NS, END_NS, MACHINES)
    assert ("atom", START_NS, END_NS) in watched.reads
    same(group(kept.site, found, ("shift_date", "shift")), by_atoms(kept, ("shift_date", "shift")))
    configured(kept)


def test_an_import_opens_the_days_that_it_writes_to(kept, tmp_path):
    """Atoms of an archive beside those that were there: the sum of neither holds for both."""
    archive = tmp_path / "archive"
    assert fieldlab("store", "export", kept.path, "--to-folder", archive, "--bucket", "kpi").returncode == 0
    configured(kept, ("ideal_cycle_time_s: 310", "ideal_cycle_time_s: 333"))
    kept.job().recompute(START_NS, END_NS, now_ns=NOW_NS)
    sums = DaySums(kept.site)
    before = by_sums(kept, ("machine",), sums)
    assert fieldlab("store", "import", kept.path, archive).returncode == 0
    after = by_sums(kept, ("machine",), sums)
    same(after, by_atoms(kept, ("machine",)))
    assert after != before
    close(kept)
    assert {(m, d) for m in MACHINES for d in range(DAYS)} <= closed(kept)
    same(by_sums(kept, ("machine",), sums), after)
    configured(kept)
