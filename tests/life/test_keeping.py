"""What a fieldlab has is kept: backups, exports, retention, schemas; the account before and after each."""

import sqlite3
import time
from contextlib import closing

import pytest

from ingest.embedded import EmbeddedStore
from ingest.moving import kept_measurements, tally
from ingest.store import Row
from tests.fieldlab.command import fieldlab
from tests.life.conftest import Lab
from tests.life.day import CONFIG, NS, START_NS, at, day

HOUR_NS = 3600 * NS


def account(lab):
    """How many values each measurement of each bucket holds, with a checksum."""
    return {
        bucket: {
            m: tally(bucket, m, lab.store.columns(bucket, m)) for m in kept_measurements(lab.store, bucket)
        }
        for bucket in ("raw", "kpi")
    }


def figures(lab):
    """What the fieldlab says of its two hours."""
    done = fieldlab(
        "kpi", lab.path, "--by", "machine", "--format", "json", "--from", START_NS, "--to", at(7200)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran(*args):
    """A command that succeeds: what it prints."""
    done = fieldlab(*args)
    assert done.returncode == 0, done
    return done.stdout


@pytest.fixture
def shop(lab):
    """Two machines, two hours, worked out."""
    lab.configure(CONFIG)
    for number, machine in enumerate(("m1", "m2")):
        lab.put(machine, day(phase=number))
    ran("store", "setup", lab.path)
    lab.job().step(at(7200))
    return lab


def test_a_backup_brings_everything_back(shop, tmp_path):
    """Whatever happened since: values changed, lost, added to series that were there."""
    before, said = account(shop), figures(shop)
    assert sum(t.rows for bucket in before.values() for t in bucket.values()) > 1000
    ran("store", "backup", shop.path, tmp_path / "monday.backup")
    shop.store.delete("raw", "machine", start_ns=at(1000), end_ns=at(3000))
    shop.store.write("raw", [Row("machine", shop.tags("m1"), "energy", at(60), 999.0)])
    shop.store.clear("kpi")
    assert account(shop) != before
    ran("store", "restore", shop.path, tmp_path / "monday.backup", "--force")
    assert account(shop) == before
    assert figures(shop) == said


def test_an_export_goes_to_another_kind_of_store_and_back(shop, tmp_path):
    """There the figures are the same; what was taken away is there again after the way back."""
    before, said = account(shop), figures(shop)
    ran("store", "export", shop.path, "--to-folder", tmp_path / "out")
    (tmp_path / "other").mkdir()
    other = Lab(tmp_path / "other", "kind: embedded, path: other.db")
    other.id = shop.id
    other.configure(CONFIG)
    ran("store", "import", other.path, tmp_path / "out")
    assert (account(other), figures(other)) == (before, said)
    ran("store", "export", other.path, "--to-folder", tmp_path / "back")
    other.close()
    for bucket in ("raw", "kpi"):
        shop.store.clear(bucket)
    assert not any(t.rows for bucket in account(shop).values() for t in bucket.values())
    ran("store", "import", shop.path, tmp_path / "back")
    assert (account(shop), figures(shop)) == (before, said)


def test_each_bucket_keeps_its_data_as_long_as_the_config_says(lab):
    """Raw is let go, figures stay; what is too old is refused and told, and the young is not touched."""
    now_ns = time.time_ns()
    lab.configure(CONFIG)
    young = [(now_ns - n * 60 * NS, "energy", float(n)) for n in range(10)]
    lab.put("m1", young)
    lab.store.write("kpi", [Row("baseline", lab.tags("m1"), "energy_kwh", now_ns - 400 * HOUR_NS, 1.0)])
    before = account(lab)
    lab.configure(CONFIG, keep=", retention: {raw: 48h, kpi: 10y}")
    for _ in range(2):
        ran("store", "setup", lab.path)
    assert ": ok" in ran("store", "check", lab.path)
    late = Row("machine", lab.tags("m1"), "energy", now_ns - 400 * HOUR_NS, 5.0)
    (rejected,) = lab.store.write("raw", [late, Row("machine", lab.tags("m2"), "energy", now_ns, 7.0)])
    assert rejected.row == late
    assert "retention" in rejected.reason
    after = account(lab)
    assert after["raw"]["machine"].rows == before["raw"]["machine"].rows + 1
    assert after["kpi"]["baseline"] == before["kpi"]["baseline"]
    lab.configure(CONFIG)
    ran("store", "setup", lab.path)
    assert lab.store.write("raw", [late]) == []
    assert account(lab)["raw"]["machine"].rows == before["raw"]["machine"].rows + 2


def schema(lab, version):
    """Have the store say which schema it has."""
    if isinstance(lab.store, EmbeddedStore):
        with closing(sqlite3.connect(lab.store.path)) as db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (version,))
            db.commit()
    else:
        note = Row("schema", (("fieldlab", lab.id),), "version", time.time_ns(), float(version))
        lab.store._writer.write(f"{lab.id}_raw", [note])


def test_a_store_of_a_newer_fieldlab_is_left_alone(shop, tmp_path):
    """By every command, with one message; once it is as it was, all of it is there."""
    known = 2 if isinstance(shop.store, EmbeddedStore) else 1
    before, said = account(shop), figures(shop)
    schema(shop, 99)
    for command in (
        ("kpi", shop.path), ("analytics", shop.path, "--recompute"), ("store", "setup", shop.path),
        ("store", "migrate", shop.path), ("store", "backup", shop.path, tmp_path / "b"),
        ("store", "export", shop.path, "--to-folder", tmp_path / "e"),
    ):  # fmt: skip
        done = fieldlab(*command)
        assert done.returncode == 2, command
        assert "newer Fieldlab" in done.stderr, command
        assert len(done.stderr.splitlines()) == 1
    assert fieldlab("store", "check", shop.path).returncode == 1
    if not isinstance(shop.store, EmbeddedStore):
        shop.store.delete("raw", "schema")
    schema(shop, known)
    ran("store", "migrate", shop.path)
    assert (account(shop), figures(shop)) == (before, said)
