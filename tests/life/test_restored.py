"""A backup that takes the place of a store in use: what is told of it is true at once, and whole."""

import pytest

from analytics.job import Job
from analytics.keeper import Keeper
from fieldlab.analysis import Following
from fieldlab.stores import JobStore
from ingest.backup import back_up, restore
from ingest.store import StoreUnavailable
from tests.life.test_days import (
    DAY_NS,
    HOUR_NS,
    MACHINES,
    NOW_NS,
    NS,
    START_NS,
    Watched,
    by_atoms,
    by_sums,
    close,
    closed,
    kept,
    readings,
    same,
)

__all__ = ["kept"]
# Only here does a process that has the store open go on with another content.
pytestmark = pytest.mark.parametrize("lab", ["embedded"], indirect=True)
BY = ("machine", "day")


def late(kept, note):
    """A reading of the second day that comes now, another at each note."""
    kept.put("m1", [(START_NS + DAY_NS + HOUR_NS + note, "state", 2.0)], note=note)


def restored(kept, backup):
    """The backup in the store's place."""
    restore(backup, kept.store.path, kept.id, force=True)


def test_no_sum_of_a_backup_outlives_what_the_job_writes(kept, tmp_path):
    """The job takes a day for open that was closed when the backup was made; looked at after each write."""
    job = Job(kept.site, Watched(JobStore(kept.store), lambda: same(by_sums(kept, BY), by_atoms(kept, BY))))
    back_up(kept.store.path, kept.id, tmp_path / "monday.backup")
    late(kept, 3)
    job.step(NOW_NS)
    assert ("m1", 1) not in closed(kept)
    restored(kept, tmp_path / "monday.backup")
    assert ("m1", 1) in closed(kept)
    same(by_sums(kept, BY), by_atoms(kept, BY))
    before = by_sums(kept, BY)
    late(kept, 5)
    job.step(NOW_NS)
    assert by_sums(kept, BY) != before


def test_a_day_that_is_summed_while_a_backup_comes_stays_open(kept, tmp_path):
    """Atoms are read before, the sum is written after: it is none of what is there now."""
    back_up(kept.store.path, kept.id, tmp_path / "monday.backup")
    late(kept, 3)
    kept.job().step(NOW_NS)
    before = by_atoms(kept, BY)

    class Overtaken(JobStore):
        def write(self, bucket, rows):
            if any(row[0] == "day" and row[4] for row in rows) and not overtaken:
                overtaken.append(True)
                restored(kept, tmp_path / "monday.backup")
            super().write(bucket, rows)

    overtaken = []
    close(kept, store=Overtaken(kept.store))
    assert overtaken
    assert by_atoms(kept, BY) != before
    same(by_sums(kept, BY), by_atoms(kept, BY))


def test_what_follows_deliveries_begins_anew(kept, tmp_path):
    """What was worked out since the backup is gone: its time is unknown, and not left out."""
    back_up(kept.store.path, kept.id, tmp_path / "monday.backup")
    following, later_ns = Following(kept.site, kept.store), NOW_NS + 2 * HOUR_NS
    for phase, machine in enumerate(MACHINES):
        kept.put(machine, readings(NOW_NS, later_ns, phase=11 * phase), note=9)
    following.step(later_ns)
    restored(kept, tmp_path / "monday.backup")
    following.step(later_ns + 900 * NS)
    span = {"start_ns": NOW_NS, "end_ns": later_ns}
    told = {row["machine"]: row["calendar_time_s"] for row in by_atoms(kept, ("machine",), **span)}
    assert told == {machine: pytest.approx(2 * 3600) for machine in MACHINES}


def test_atoms_of_what_was_there_before_do_not_stay(kept, tmp_path):
    """The backup comes while late data are worked out, and has none of them."""
    back_up(kept.store.path, kept.id, tmp_path / "monday.backup")
    before = by_atoms(kept, BY)
    overtaken = []

    class Overtaken:
        def __getattr__(self, name):
            return getattr(kept.store, name)

        def write(self, bucket, rows):
            if any(row[0] == "atom" for row in rows) and not overtaken:
                overtaken.append(True)
                restored(kept, tmp_path / "monday.backup")
            return kept.store.write(bucket, rows)

    following = Following(kept.site, Overtaken())
    late(kept, 3)
    following.step(NOW_NS)
    assert overtaken
    same(by_atoms(kept, BY), before)
    same(by_sums(kept, BY), before)


@pytest.mark.parametrize("when", ["the first atoms are written", "the last atoms are written", "the end"])
def test_a_backup_that_comes_within_a_step_leaves_no_hole(kept, tmp_path, monkeypatch, when):
    """The step writes up to now: the time from the backup to what it wrote is unknown, and not left out."""
    back_up(kept.store.path, kept.id, tmp_path / "monday.backup")
    later_ns, written = NOW_NS + 2 * HOUR_NS, []
    following = Following(kept.site, kept.store)
    for phase, machine in enumerate(MACHINES):
        kept.put(machine, readings(NOW_NS, later_ns, phase=11 * phase), note=9)
    following.step(NOW_NS + HOUR_NS)
    write = type(kept.store).write

    def overtaken(store, bucket, rows):
        if any(row[0] == "atom" for row in rows):
            written.append(rows)
            if len(written) == {"the first atoms are written": 1, "the last atoms are written": 2}.get(when):
                restored(kept, tmp_path / "monday.backup")
        return write(store, bucket, rows)

    def at_the_end(keeper, *_, **__):
        if when == "the end" and len(written) == 2:
            written.append([])
            restored(kept, tmp_path / "monday.backup")
        return False

    monkeypatch.setattr(type(kept.store), "write", overtaken)
    monkeypatch.setattr(Keeper, "update", at_the_end)
    following.step(later_ns)
    assert len(written) > 2  # atoms of both machines, and once more after the backup
    span = {"start_ns": NOW_NS, "end_ns": later_ns}
    told = {row["machine"]: row["calendar_time_s"] for row in by_atoms(kept, ("machine",), **span)}
    assert told == {machine: pytest.approx(2 * 3600) for machine in MACHINES}


def test_what_is_to_be_done_after_a_backup_is_done_when_the_store_is_back(kept, tmp_path, monkeypatch):
    """It is away just when atoms of before are to be worked out again."""
    back_up(kept.store.path, kept.id, tmp_path / "monday.backup")
    before, following = by_atoms(kept, BY), Following(kept.site, kept.store)
    late(kept, 3)
    following.step(NOW_NS)
    assert by_atoms(kept, BY) != before
    late(kept, 5)
    write, left = type(kept.store).write, ["overtaken", "away"]

    def troubled(store, bucket, rows):
        if any(row[0] == "atom" for row in rows) and left:
            if left.pop(0) == "away":
                raise StoreUnavailable("the store is away")
            restored(kept, tmp_path / "monday.backup")
        return write(store, bucket, rows)

    monkeypatch.setattr(type(kept.store), "write", troubled)
    with pytest.raises(StoreUnavailable):
        following.step(NOW_NS)
    assert left == []
    following.step(NOW_NS)
    same(by_atoms(kept, BY), before)
