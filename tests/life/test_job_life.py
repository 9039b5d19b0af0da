"""The job over a fieldlab's life: late data, the wall of retention, fields that end, one job at a time."""

import subprocess
import sys
import threading
import time

import pytest

from analytics.lease import Lease, LeaseHeld
from fieldlab.stores import JobStore
from tests.fieldlab.command import fieldlab
from tests.life.day import CONFIG, NS, START_NS, at, day

HOLDS = {"atom": "calendar_time_s", "stop": "duration_s"}


def kpi(lab, **span):
    """Every atom and stop that holds."""
    return {m: lab.rows("kpi", m, holds, **span) for m, holds in HOLDS.items()}


def same(found, expected):
    """Compare to the ninth digit."""
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row.keys() == expected[key].keys(), key
        for name, value in row.items():
            told = expected[key][name]
            assert value == (told if isinstance(told, str) else pytest.approx(told, abs=1e-9)), (key, name)


def test_late_data_change_only_what_depends_on_them(lab):
    """An hour that comes a day later: its neighbourhood is rewritten, the rest is not even written again."""
    lab.configure(CONFIG)
    first, late, rest = day(0, 3600), day(3600, 5400), day(5400, 86_400)
    lab.put("m1", first + rest)
    job = lab.job()
    job.step(at(86_400))
    before = kpi(lab)
    account = lab.account()
    lab.put("m1", late, note=2)
    spans = job.step(at(86_401))["m1"]
    assert sum(s.end_ns - s.start_ns for s in spans) < 3 * 3600 * NS
    assert lab.account()["machine"] == account["machine"] + len(late)
    outside = [key for key in before["atom"] if not at(2400) <= key[1] < at(6600)]
    after = kpi(lab)
    assert all(after["atom"][key] == before["atom"][key] for key in outside if key[1] < at(86_400))
    fresh = lab.job()
    fresh.recompute(START_NS, at(86_401), machines=["m1"])
    for measurement, rows in kpi(lab).items():
        same(after[measurement], rows)


def test_a_new_job_goes_on_where_the_last_one_was(lab):
    """Its cursor is in the store: what was worked out is not worked out again."""
    lab.configure(CONFIG)
    lab.put("m1", day(0, 18_000))
    lab.put("m1", day(18_000, 36_000))
    lab.job().step(at(36_000))
    lab.put("m1", day(36_000, 36_600), note=2)
    (span,) = lab.job().step(at(36_600))["m1"]
    assert span.start_ns >= at(17_000)  # notes of the last quarter of an hour are looked at again
    assert lab.rows("kpi", "atom", HOLDS["atom"])[lab.tags("m1", product="none", shift="none"), at(0)]


def test_a_gateway_that_is_new_is_heard_whatever_its_clock_says(lab):
    """Its notes are older than the others' cursors: it is another gateway's time."""
    lab.configure(CONFIG)
    lab.put("m1", day(0, 3600))
    job = lab.job()
    job.step(at(3600))
    lab.put("m1", day(3600, 7200), note=5 * 10**14)
    job.step(at(7200))
    tags = (("fieldlab", lab.id), ("gateway", "old"), ("machine", "m2"))
    rows = [("machine", lab.tags("m2"), f, t, v) for t, f, v in day(0, 600)]
    rows += [("delivery", tags, f, 1_000, v) for f, v in (("from_ns", at(0)), ("to_ns", at(600)))]
    JobStore(lab.store).write("raw", rows)
    assert set(job.step(at(7201))) == {"m1", "m2"}
    assert lab.rows("kpi", "atom", HOLDS["atom"])[lab.tags("m2", product="none", shift="none"), at(0)]


def test_nothing_behind_the_wall_is_recomputed_or_zeroed(lab):
    """Raw data of the first hours are gone: their atoms stay, the command says so and ends with 1."""
    now_ns = time.time_ns()
    hour_ns = 3600 * NS
    begin = now_ns // hour_ns * hour_ns - 10 * hour_ns
    lab.configure(CONFIG)
    shift = begin - START_NS
    readings = [(t + shift, f, v) for t, f, v in day(0, 9 * 3600 - 180)]
    lab.put("m1", readings)
    lab.job().step(begin + 9 * hour_ns)
    before = kpi(lab, where={"machine": "m1"})
    lab.close()
    lab.configure(CONFIG, keep=", retention: {raw: 4h, kpi: 10y}")
    lab.store.delete("raw", "machine", end_ns=now_ns - 4 * hour_ns)  # as the server does, in its own time
    done = fieldlab("analytics", lab.path, "--recompute", "--from", begin, "--to", begin + 9 * hour_ns)
    assert done.returncode == 1
    assert "m1: raw data before" in done.stderr
    assert "retention" in done.stderr
    after = kpi(lab, where={"machine": "m1"})
    for measurement, rows in before.items():
        same(after[measurement], rows)


def test_late_data_behind_the_wall_leave_the_atoms_alone(lab, caplog):
    """The job says so, once, and goes on."""
    now_ns = time.time_ns()
    hour_ns = 3600 * NS
    begin = now_ns // hour_ns * hour_ns - 10 * hour_ns
    shift = begin - START_NS
    lab.configure(CONFIG)
    lab.put("m1", [(t + shift, f, v) for t, f, v in day(0, 9 * 3600 - 180)])
    job = lab.job()
    job.step(begin + 9 * hour_ns)
    before = kpi(lab)
    lab.configure(CONFIG, keep=", retention: {raw: 4h}")
    lab.store.delete("raw", "machine", end_ns=now_ns - 4 * hour_ns)
    later = lab.job()
    tags = (("fieldlab", lab.id), ("gateway", "g"), ("machine", "m1"))
    note = {"from_ns": begin, "to_ns": begin + hour_ns, "samples": 1.0}
    JobStore(lab.store).write("raw", [("delivery", tags, f, now_ns, v) for f, v in note.items()])
    later.step(begin + 9 * hour_ns)
    assert sum("may have expired" in r.message for r in caplog.records) == 1
    for measurement, rows in before.items():
        same(kpi(lab)[measurement], rows)


def test_a_field_that_is_no_longer_defined_does_not_keep_its_old_value(lab):
    """The good counter leaves the config: good parts are undefined, in the store as in the figures."""
    lab.configure(CONFIG)
    lab.put("m1", day())
    lab.job().step(at(7200))
    account = lab.account()
    lab.configure(CONFIG.replace("good_count: {item: g}, ", ""))
    lab.job().recompute(START_NS, at(3600), machines=["m1"])
    rows = lab.rows("kpi", "atom", HOLDS["atom"])
    assert len(rows) == 24
    for (_, cell), row in rows.items():
        assert ("good_quantity" in row) == (cell >= at(3600)), cell
        assert ("ideal_good_time_s" in row) == (cell >= at(3600)), cell
        assert row["produced_quantity"] is not None
    assert lab.account() == account


def test_one_job_per_fieldlab(lab):
    """A second one is told whose the store is; when the first lets go, it may."""
    lab.configure(CONFIG)
    store = JobStore(lab.store)
    first, second = (Lease(lab.site, store, lasts_s=6.0) for _ in range(2))
    first.acquire()
    done = threading.Event()

    def live():
        while not done.wait(0.3):
            first.renew()

    thread = threading.Thread(target=live)
    thread.start()
    with pytest.raises(LeaseHeld, match=f"another fieldlab analytics .*{first.holder.split()[1]}"):
        second.acquire()
    done.set()
    thread.join()
    first.release()
    second.acquire()
    with pytest.raises(LeaseHeld):
        first.renew()


def test_a_dead_holders_lease_ends(lab):
    """Nobody renews it: the next one waits as long as it lasts, and takes it."""
    lab.configure(CONFIG)
    store = JobStore(lab.store)
    Lease(lab.site, store, lasts_s=1.0).acquire()
    began = time.monotonic()
    heir = Lease(lab.site, store, lasts_s=1.0)
    heir.acquire()
    assert time.monotonic() - began < 60
    heir.renew()


@pytest.mark.parametrize("lab", ["embedded"], indirect=True)
def test_a_second_analytics_is_refused_with_one_message(lab):
    """The command says whose the lease is, and ends with 1."""
    lab.configure(CONFIG)
    lab.put("m1", day(0, 600))
    command = [sys.executable, "-m", "fieldlab", "analytics", str(lab.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert "computing" in running.stdout.readline()
            done = fieldlab("analytics", lab.path, "--recompute")
            assert done.returncode == 1
            assert f"process {running.pid}" in done.stderr
        finally:
            running.terminate()
            running.wait(60)
    assert fieldlab("analytics", lab.path, "--recompute").returncode == 0
