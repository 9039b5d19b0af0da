"""Moving data: export, import, backup, restore, migrate and check, as a user does."""

from __future__ import annotations

import builtins
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ingest.embedded import EmbeddedStore
from ingest.influx import InfluxStore
from ingest.moving import Tally, kept_measurements, tally
from ingest.store import Row
from tests.fieldlab.command import fieldlab, started

V1 = Path(__file__).parents[1] / "ingest" / "embedded_v1.sql"
DAY = 86_400 * 10**9
T0 = 20_600 * DAY  # a midnight, 2026-05-27
M1, M2 = ((("fieldlab", "lab"), ("line", "l1"), ("machine", m)) for m in ("m1", "m2"))
CONFIG = """\
fieldlab: {lab}
timezone: Europe/Amsterdam
lines: [{{id: l1, machines: [{{id: m1}}, {{id: m2}}]}}]
store: {store}
"""


def config(folder: Path, name: str, store: str, lab: str = "lab") -> Path:
    """A config with that store."""
    path = folder / f"{name}.yaml"
    path.write_text(CONFIG.format(lab=lab, store=store))
    return path


def embedded(folder: Path, name: str = "a", lab: str = "lab") -> tuple[Path, EmbeddedStore]:
    """A config with an embedded store, and the store."""
    made = config(folder, name, f"{{kind: embedded, path: {name}.db}}", lab)
    return made, EmbeddedStore(folder / f"{name}.db", lab)


def sample_rows(lab: str = "lab") -> dict[str, list[Row]]:
    """Three days of everything that a store can hold."""
    note = (("fieldlab", lab), ("gateway", "g"), ("machine", "m1"))
    raw = [
        Row("machine", tags, "power", T0 + day * DAY + t * 10**9, t / 7)
        for tags in (M1, M2) for day in (0, 1, 400) for t in range(50)
    ]  # fmt: skip
    raw += [Row("machine", M1, "state_text", T0 + t, f'R "{t}"\nö,=\\') for t in range(5)]
    raw += [Row("machine", M1, "power", T0 - 1, -0.0), Row("machine", M1, "power", T0 + DAY, 1e308)]
    raw += [Row("delivery", note, name, T0 + 5, 2**53 + 1) for name in ("from_ns", "to_ns")]
    raw += [Row("delivery", note, "from_ns", T0 + 6, 0), Row("delivery", note, "samples", T0 + 6, 3.0)]
    raw += [Row("gateway", (("fieldlab", lab), ("gateway", "g")), "received", T0, 7.0)]
    kpi = [Row("atom", (*M1, ("product", "日, =x"), ("shift", "none")), "good_quantity", T0, 4.0)]
    return {"raw": raw, "kpi": kpi}


def fill(store: EmbeddedStore | InfluxStore, lab: str = "lab") -> dict[str, dict[str, Tally]]:
    """Write the sample rows; their account as the store tells it."""
    for bucket, rows in sample_rows(lab).items():
        assert store.write(bucket, rows) == []
    return account(store)


def account(store: EmbeddedStore | InfluxStore) -> dict[str, dict[str, Tally]]:
    """What a store holds."""
    return {
        bucket: {m: tally(bucket, m, store.columns(bucket, m)) for m in kept_measurements(store, bucket)}
        for bucket in ("raw", "kpi")
    }


def ran(*args: object) -> str:
    """A command that succeeds: what it prints."""
    done = fieldlab(*args)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def refused(*args: object) -> str:
    """A command that is refused: its one message."""
    done = fieldlab(*args)
    assert done.returncode == 2, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_an_export_gives_the_same_store_again(tmp_path):
    """Every value, of every type; a second export and import change nothing."""
    a, store = embedded(tmp_path)
    before = fill(store)
    assert before["raw"]["machine"].rows == 2 * 3 * 50 + 5 + 1
    ran("store", "export", a, "--to-folder", tmp_path / "out")
    files = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.parquet"))
    assert files == sorted(
        ["kpi/m1/2026-05-27.parquet", "raw/none/2026-05-27.parquet", "raw/m1/2026-05-26.parquet"]
        + [
            f"raw/{m}/{day}.parquet"
            for m in ("m1", "m2")
            for day in ("2026-05-27", "2026-05-28", "2027-07-01")
        ]
    )
    b, other = embedded(tmp_path, "b")
    assert "verified" in ran("store", "import", b, tmp_path / "out")
    assert account(other) == before
    assert "written 0" in ran("store", "import", b, tmp_path / "out")
    ran("store", "export", a, "--to-folder", tmp_path / "out")


def test_a_range_and_a_bucket_of_it(tmp_path):
    """Half-open, and nothing else."""
    a, store = embedded(tmp_path)
    fill(store)
    ran("store", "export", a, "--to-folder", tmp_path / "out", "--bucket", "raw",
        "--from", str(T0 + 10**9), "--to", str(T0 + 3 * 10**9))  # fmt: skip
    b, other = embedded(tmp_path, "b")
    ran("store", "import", b, tmp_path / "out")
    times = [t for table in other.read("raw", "machine") for t in table.time_ns.tolist()]
    assert times == [T0 + 10**9, T0 + 2 * 10**9] * 2
    assert account(other)["kpi"] == {}


@pytest.mark.service
def test_it_moves_to_an_influxdb_and_back(influx_server, tmp_path):
    """The account is the same in all three stores."""
    lab = f"lab{os.urandom(4).hex()}"
    a, store = embedded(tmp_path, lab=lab)
    before = fill(store, lab)
    influx = config(tmp_path, "i", f"{{{influx_server.config}}}", lab)
    ran("store", "setup", influx)
    ran("store", "export", a, "--to-folder", tmp_path / "out")
    ran("store", "import", influx, tmp_path / "out")
    there = InfluxStore(influx_server.url, lab, token=influx_server.token, org=influx_server.org)
    assert account(there) == before
    ran("store", "export", influx, "--to-folder", tmp_path / "back")
    b, other = embedded(tmp_path, "b", lab)
    ran("store", "import", b, tmp_path / "back")
    assert account(other) == before
    assert ": ok" in ran("store", "check", influx)
    ran("store", "backup", influx, tmp_path / "influx.backup")
    assert "--force" in refused("store", "restore", influx, tmp_path / "influx.backup")
    again = ["--force"]
    if there.server_version < (3, 0):  # 3 Core cannot delete
        for bucket in ("raw", "kpi"):
            there.clear(bucket)
        assert account(there) == {"raw": {}, "kpi": {}}
        ran("store", "setup", influx)
        again = []
    ran("store", "restore", influx, tmp_path / "influx.backup", *again)
    assert account(there) == before
    assert "no backup of an InfluxDB" in refused("store", "restore", influx, a)
    there.close()


def test_an_export_that_was_killed_goes_on(tmp_path):
    """Killed again and again; in the end all is there, and no file was taken for whole that was not."""
    a, store = embedded(tmp_path)
    store.write(
        "raw", [Row("machine", M1, "power", T0 + d * DAY + t, float(t)) for d in range(200) for t in range(9)]
    )
    before, out = account(store), tmp_path / "out"
    kills = 0
    for _ in range(4):
        process = started("store", "export", a, "--to-folder", out)
        had = len(list(out.rglob("*.parquet")))
        while process.poll() is None and len(list(out.rglob("*.parquet"))) < had + 5:
            time.sleep(0.002)
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert kills
    assert "not finished" in refused("store", "import", a, out)
    with (out / "manifest.jsonl").open("ab") as torn:
        torn.write(b'{"path": "raw/m1/2')
    ran("store", "export", a, "--to-folder", out)
    assert [p.name for p in out.rglob("*.new")] == []
    b, other = embedded(tmp_path, "b")
    other.write("raw", [Row("machine", M1, "power", T0 + t, float(t)) for t in range(7)])
    other.write(
        "raw", [Row("machine", M1, "power", T0 + 9 * DAY, -1.0), Row("machine", M2, "power", T0, 1.0)]
    )
    process = started("store", "import", b, out)
    while process.poll() is None and other.first_from("raw", "machine", T0 + 50 * DAY) == []:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert "verified" in ran("store", "import", b, out)
    assert (
        tally("raw", "machine", other.columns("raw", "machine", where={"machine": "m1"}))
        == before["raw"]["machine"]
    )


def test_archives_that_are_not_what_they_were_are_refused(tmp_path):
    """No export, a changed file, a lost one, another fieldlab's, another range in the same folder."""
    a, store = embedded(tmp_path)
    fill(store)
    assert "no export" in refused("store", "import", a, tmp_path / "nothing")
    out = tmp_path / "out"
    ran("store", "export", a, "--to-folder", out)
    assert "another" in refused("store", "export", a, "--to-folder", out, "--bucket", "raw")
    other, _ = embedded(tmp_path, "other", "workshop")
    assert "fieldlab lab" in refused("store", "import", other, out)
    first = next(out.rglob("*.parquet"))
    first.write_bytes(first.read_bytes()[:-1] + b"x")
    assert "not what was exported" in refused("store", "import", a, out)
    first.unlink()
    assert "missing" in refused("store", "import", a, out)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    assert "not empty" in refused("store", "export", a, "--to-folder", tmp_path / "full")


def test_what_the_store_refuses_is_told(tmp_path):
    """A field that holds something else there: not verified, exit status 1."""
    a, store = embedded(tmp_path)
    fill(store)
    ran("store", "export", a, "--to-folder", tmp_path / "out")
    b, other = embedded(tmp_path, "b")
    other.write("kpi", [Row("atom", M1, "good_quantity", 1, "text")])
    done = fieldlab("store", "import", b, tmp_path / "out")
    assert done.returncode == 1
    assert "refused 1" in done.stdout
    assert "NOT HOLD ALL" in done.stdout


def test_without_pyarrow_it_is_said_how_to_have_it(tmp_path, monkeypatch):
    """One message, before any work."""
    a, store = embedded(tmp_path)
    fill(store)
    real = builtins.__import__
    monkeypatch.setattr(
        builtins, "__import__",
        lambda name, *rest: exec("raise ImportError") if name.startswith("pyarrow") else real(name, *rest),  # noqa: S102
    )  # fmt: skip
    said = refused("store", "export", a, "--to-folder", tmp_path / "out")
    assert "needs pyarrow: pip install --require-hashes -r requirements-image.lock" in said
    assert not (tmp_path / "out").exists()


def test_a_backup_is_one_instant_of_a_store_that_is_written_to(tmp_path):
    """Each write is in it whole or not at all, and all before some moment are; the writer goes on."""
    a, store = embedded(tmp_path)
    stop, written = threading.Event(), 0

    def write():
        nonlocal written
        while not stop.is_set():
            store.write("raw", [Row("machine", tags, "power", T0 + written, 1.0) for tags in (M1, M2)])
            written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written:
            time.sleep(0.001)
        for n in range(3):
            before = written
            ran("store", "backup", a, tmp_path / f"{n}.backup")
            b, other = embedded(tmp_path, f"b{n}")
            ran("store", "restore", b, tmp_path / f"{n}.backup")
            one, two = (t.time_ns.tolist() for t in other.read("raw", "machine"))
            assert one == two == list(range(T0, T0 + len(one)))
            assert before <= len(one) <= written + 1
            assert not list(tmp_path.glob("*.new"))
    finally:
        stop.set()
        writer.join()
    assert "already" in refused("store", "backup", a, tmp_path / "0.backup")


def test_a_restore_replaces_a_store_that_is_open_elsewhere(tmp_path):
    """Refused without --force; with it, those who have it open see and write the new content."""
    a, store = embedded(tmp_path)
    before = fill(store)
    ran("store", "backup", a, tmp_path / "a.backup")
    store.write("raw", [Row("machine", M2, f"later{n}", T0, 1.0) for n in range(40)])
    later = account(store)
    assert "--force" in refused("store", "restore", a, tmp_path / "a.backup")
    assert account(store) == later
    ran("store", "restore", a, tmp_path / "a.backup", "--force")
    assert account(store) == before
    store.write("raw", [Row("machine", M1, "fresh", T0, 2.0)])
    assert account(store)["raw"]["machine"].rows == before["raw"]["machine"].rows + 1
    assert account(EmbeddedStore(tmp_path / "a.db"))["raw"] == account(store)["raw"]
    assert ": ok" in ran("store", "check", a)


def test_a_damaged_backup_is_not_restored(tmp_path):
    """One that lacks a chunk, and a file that is none: the store stays."""
    a, store = embedded(tmp_path)
    before = fill(store)
    ran("store", "backup", a, tmp_path / "a.backup")
    with closing(sqlite3.connect(tmp_path / "a.backup")) as db:
        db.execute("DELETE FROM chunk WHERE id = 2")
        db.commit()
    assert "another backup" in refused("store", "restore", a, tmp_path / "a.backup", "--force")
    (tmp_path / "text").write_text("hello " * 2000)
    assert "text" in refused("store", "restore", a, tmp_path / "text", "--force")
    assert account(store) == before
    store.close()
    (tmp_path / "a.db").write_text("hello " * 2000)
    b, other = embedded(tmp_path, "b")
    fill(other)
    ran("store", "backup", b, tmp_path / "b.backup")
    ran("store", "restore", a, tmp_path / "b.backup", "--force")
    assert account(EmbeddedStore(tmp_path / "a.db")) == before


def older(folder: Path) -> tuple[Path, EmbeddedStore]:
    """A store as schema 1 was written."""
    with closing(sqlite3.connect(folder / "a.db")) as db:
        db.executescript(V1.read_text())
        db.execute("PRAGMA journal_mode = WAL")
    return embedded(folder)


def test_an_older_store_is_refused_until_it_is_migrated(tmp_path):
    """Its values are what they were, and a backup of it lies beside it, restorable."""
    a, store = older(tmp_path)
    for command in (("kpi", a), ("store", "export", a, "--to-folder", tmp_path / "out")):
        assert "store migrate" in refused(*command)
    assert fieldlab("store", "check", a).returncode == 1
    assert "a.db.schema1" in ran("store", "migrate", a)
    power, texts = (dict(zip(table.time_ns.tolist(), table.columns[f].tolist(), strict=True))
                    for table in store.read("raw", "machine") for f in ("power", "state_text"))  # fmt: skip
    start = 1_795_000_000_000_000_000
    assert power == {start + n: 99.5 if n == 30 else n / 10 for n in range(60)}
    assert texts == {start + n: f"S{n % 3}ö" for n in range(60)}
    assert store.read("raw", "delivery")[0].columns["to_ns"].tolist() == [start + 7]
    assert ": ok" in ran("store", "check", a)
    ran("store", "migrate", a)
    b, _ = embedded(tmp_path, "b")
    assert "migrate" in ran("store", "restore", b, tmp_path / "a.db.schema1")
    assert fieldlab("store", "check", b).returncode == 1


def test_a_migration_that_was_killed_is_finished_by_the_next(tmp_path, monkeypatch):
    """Stopped after every chunk in turn: nobody may use the store before the end, and nothing is lost."""
    monkeypatch.setattr("ingest.migration._CHUNKS_AT_ONCE", 4)
    a, store = older(tmp_path)
    from ingest import migration  # noqa: PLC0415

    real, tries = migration.seal, 0

    class Killed(BaseException):
        pass

    def dying(*chunk):
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return real(*chunk)

    monkeypatch.setattr(migration, "seal", dying)
    while True:
        left, tries = 5, tries + 1
        try:
            ran("store", "migrate", a)
            break
        except Killed:
            assert "not finished" in refused("kpi", a)
    assert tries > 3
    assert account(store)["raw"]["machine"].rows == 120
    assert ": ok" in ran("store", "check", a)


def test_check_finds_every_damage(tmp_path):
    """Data, heads, order, types, foreign chunks, the future: each found and named, with what to do."""
    damages = {
        "checksum": "UPDATE chunk SET data = zeroblob(length(data)) WHERE id = 1",
        "checksum ": "UPDATE chunk SET last_ns = last_ns + 1 WHERE id = 2",
        "type": "UPDATE field SET kind = 'i' WHERE field = 'power'",
        "no series": "UPDATE chunk SET series = 999 WHERE id = 1",
        "newer": "UPDATE meta SET value = '99' WHERE key = 'schema'",
    }
    for n, (word, damage) in enumerate(damages.items()):
        a, store = embedded(tmp_path, f"d{n}")
        assert fieldlab("store", "check", a).returncode == 1  # there is none yet
        fill(store)
        store.close()
        assert ": ok" in ran("store", "check", a)
        with closing(sqlite3.connect(store.path)) as db:
            db.execute(damage)
            db.commit()
        done = fieldlab("store", "check", a)
        assert (done.returncode, done.stderr) == (1, "")
        assert word.strip() in done.stdout
    other, _ = embedded(tmp_path, "d1", "workshop")
    assert "'lab'" in fieldlab("store", "check", other).stdout


@pytest.mark.service
def test_check_of_an_influxdb(influx_server, tmp_path):
    """Nobody there, nothing set up, another retention, a newer schema."""
    lab = f"lab{os.urandom(4).hex()}"
    nobody = config(tmp_path, "n", '{kind: influxdb, url: "http://127.0.0.1:9"}', lab)
    done = fieldlab("store", "check", nobody)
    assert (done.returncode, done.stderr) == (1, "")
    url = f"{{{influx_server.config}"
    a = config(tmp_path, "a", url + ", retention: {raw: 400d}}", lab)
    assert "store setup" in fieldlab("store", "check", a).stdout
    ran("store", "setup", a)
    assert ": ok" in ran("store", "check", a)
    b = config(tmp_path, "b", url + ", retention: {raw: 300d}}", lab)
    store = InfluxStore(influx_server.url, lab, token=influx_server.token, org=influx_server.org)
    done = fieldlab("store", "check", b)
    assert done.returncode == 1
    assert "400 days" in done.stdout
    store.write("raw", [Row("schema", (("fieldlab", lab),), "version", time.time_ns(), 99.0)])
    store.close()
    for command in (("kpi", a), ("store", "setup", a), ("store", "migrate", a)):
        assert "newer" in refused(*command)
    assert "newer" in fieldlab("store", "check", a).stdout


def test_a_backup_with_one_damaged_page_is_not_restored(tmp_path):
    """Also a page that no count looks at, as those of an index: what is there stays as it is."""
    path, store = embedded(tmp_path)
    fill(store)
    store.close()
    backup = tmp_path / "a.backup"
    ran("store", "backup", path, backup)
    whole = backup.read_bytes()
    before = (tmp_path / "a.db").read_bytes()
    for page in range(1, len(whole) // 4096):
        damaged = bytearray(whole)
        damaged[page * 4096 : (page + 1) * 4096] = bytes(b ^ 0x5A for b in whole[page * 4096 :][:4096])
        backup.write_bytes(damaged)
        done = fieldlab("store", "restore", path, backup, "--force")
        if done.returncode:
            assert len(done.stderr.splitlines()) == 1, done.stderr
            assert (tmp_path / "a.db").read_bytes() == before
        else:  # a page that nothing uses
            ran("store", "check", path)


def test_what_cannot_be_written_or_is_not_there_is_one_message(tmp_path):
    """A file for a folder, a folder that is not there, a store that was never made, what is no backup."""
    path, store = embedded(tmp_path)
    fill(store)
    store.close()
    assert "cannot be written" in refused("store", "export", path, "--to-folder", path)
    assert "cannot be written" in refused("store", "backup", path, tmp_path / "no" / "a.backup")
    empty = tmp_path / "empty"
    empty.touch()
    assert "is no backup" in refused("store", "restore", path, empty, "--force")
    foreign = tmp_path / "foreign"
    with closing(sqlite3.connect(foreign)) as db:
        db.execute("CREATE TABLE t (a)")
    assert "is no backup" in refused("store", "restore", path, foreign, "--force")
    absent = config(tmp_path, "absent", "{kind: embedded, path: absent.db}")
    assert "no store to export" in refused("store", "export", absent, "--to-folder", tmp_path / "out")
    assert not (tmp_path / "absent.db").exists()
