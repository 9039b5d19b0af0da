"""The contract of a store, on the embedded one; and what only a file can meet."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ingest.chunks import CHUNK_ROWS, TOP_LEVEL
from ingest.embedded import EmbeddedStore
from ingest.embedded_check import check_file
from ingest.errors import StoreDamaged, StoreMisconfigured
from ingest.store import StoreUnavailable
from tests.ingest.contract import M1, M2, T0, StoreContract, flat, row

FIELDS = [f"f{n}" for n in range(12)]
"""As `killed_writer` has them."""
ENOUGH = 100
"""Writes after which merges have been under way."""


class TestEmbeddedStore(StoreContract):
    """All of the contract."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EmbeddedStore]:
        """A store in a file that is not there yet."""
        made = EmbeddedStore(tmp_path / "new" / "lab.db", "lab")
        yield made
        made.close()


def test_it_is_readable_while_it_is_written(tmp_path: Path) -> None:
    """A reader of its own sees whole writes only, each as far as the last, while chunks are merged."""
    writer, reader = (EmbeddedStore(tmp_path / "lab.db", "lab") for _ in range(2))
    done = threading.Event()

    def write() -> None:
        for n in range(150):
            writer.write("raw", [row("power", 10 * n + i, float(n)) for i in range(10)])
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    seen = 0
    while True:
        last = done.is_set()
        tables = reader.read("raw", "machine")
        values = tables[0].columns["power"].tolist() if tables else []
        assert values == [float(n) for n in range(len(values) // 10) for _ in range(10)]
        assert len(values) >= seen
        seen = len(values)
        if last:
            break
    thread.join()
    assert seen == 1500
    writer.close()
    reader.close()


def test_merging_leaves_few_chunks(tmp_path: Path) -> None:
    """Many small writes do not stay many small chunks, and none of their rows is lost."""
    store = EmbeddedStore(tmp_path / "lab.db", "lab")
    for n in range(400):
        store.write("raw", [row("power", n, float(n))])
    store.compact()
    with closing(sqlite3.connect(tmp_path / "lab.db")) as db:
        (chunks,) = db.execute("SELECT count(*) FROM chunk").fetchone()
    assert chunks < 64
    assert store.read("raw", "machine")[0].columns["power"].tolist() == [float(n) for n in range(400)]
    store.close()


def test_reading_where_there_is_no_file_makes_none(tmp_path: Path) -> None:
    """A wrong path is not filled with an empty store by looking at it."""
    store = EmbeddedStore(tmp_path / "nothing.db", "lab")
    assert store.read("raw", "machine") == []
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_not_its_own_are_refused(tmp_path: Path) -> None:
    """Another fieldlab's, another program's, no database at all, a newer version's: left as they are."""
    EmbeddedStore(tmp_path / "other.db", "other").write("raw", [row("power", 1, 1.0)])
    with pytest.raises(StoreMisconfigured, match="'other'"):
        EmbeddedStore(tmp_path / "other.db", "lab").read("raw", "machine")
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as db:
        db.execute("CREATE TABLE x (y)")
    with pytest.raises(StoreMisconfigured, match="not a Fieldlab store"):
        EmbeddedStore(tmp_path / "foreign.db", "lab").write("raw", [row("power", 1, 1.0)])
    (tmp_path / "text.db").write_text("hello " * 100)
    with pytest.raises(StoreMisconfigured, match="not a Fieldlab store"):
        EmbeddedStore(tmp_path / "text.db", "lab").read("raw", "machine")
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
        db.commit()
    with pytest.raises(StoreMisconfigured, match="newer"):
        EmbeddedStore(tmp_path / "other.db", "other").read("raw", "machine")


def test_a_changed_chunk_is_noticed(tmp_path: Path) -> None:
    """What is not what was written is never given out as data."""
    store = EmbeddedStore(tmp_path / "lab.db", "lab")
    store.write("raw", [row("power", 1, 1.0)])
    with closing(sqlite3.connect(tmp_path / "lab.db")) as db:
        db.execute("UPDATE chunk SET data = CAST(substr(data, 1, 12) || x'0000000000001440' AS BLOB)")
        db.commit()
    with pytest.raises(StoreDamaged):
        store.read("raw", "machine")
    store.close()


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """A file where a folder belongs: a message, and nothing lost by trying again."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="file"):
        EmbeddedStore(tmp_path / "file" / "lab.db", "lab").write("raw", [row("power", 1, 1.0)])


def test_a_writer_killed_at_any_instant_loses_nothing_it_was_told_of(tmp_path: Path) -> None:
    """Kill -9, again and again: what was returned is there, once, with its value; merging goes on."""
    rng, least, told = random.Random(8), 12, []
    while least > 0 or len(told) <= ENOUGH:  # a slow disk takes less between two kills
        least -= 1
        with writer_process(tmp_path) as process:
            time.sleep(rng.uniform(0.0, 0.25))
            process.kill()
        told = [int(line) for line in (tmp_path / "ledger").read_text().split()]
        store = EmbeddedStore(tmp_path / "lab.db", "lab")
        found = flat(store.read("raw", "machine"))
        store.close()
        for field in FIELDS:
            for tags in (M1, M2):
                values = [v for (t, f, _), v in found.items() if (t, f) == (tags, field)]
                # The last write may have been done and not been noted, or not been done; nothing else.
                assert values == [float(n) for n in range(len(values))]
                assert len(told) <= len(values) <= len(told) + 1
        late: dict[int, float] = {at: float(n) for n, at in enumerate(told)}
        assert [t for t, v in late.items() if found[M1, "late", t] not in {v, float(len(told))}] == []
    with closing(sqlite3.connect(tmp_path / "lab.db")) as db:
        (merged,) = db.execute("SELECT count(*) FROM chunk WHERE level > 0").fetchone()
    assert merged > 0
    assert check_file(tmp_path / "lab.db", "lab").wrong == []


@contextmanager
def writer_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The writer of `killed_writer`, ready."""
    command = [sys.executable, "-m", "tests.ingest.killed_writer", str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_retention_lets_go_of_what_is_old_and_refuses_it(tmp_path: Path) -> None:
    """By bucket and by the clock; what is young stays, also out of a chunk that holds both."""
    hour, now = 3600 * 10**9, T0
    store = EmbeddedStore(tmp_path / "lab.db", "lab", retention_s={"raw": 100 * 3600}, now_ns=lambda: now)
    ages = range(99, 0, -1)
    assert store.write("raw", [row("power", -age * hour, float(age)) for age in ages]) == []
    store.write("kpi", [row("power", -99 * hour, 1.0)])
    too_old = row("power", -101 * hour, 5.0)
    assert [r.row for r in store.write("raw", [too_old, row("power", 0, 0.0)])] == [too_old]
    now = T0 + 49 * hour
    store.compact()
    store.compact()
    left = store.read("raw", "machine")[0].columns["power"].tolist()
    assert left == [*map(float, range(51, 0, -1)), 0.0]
    now = T0 + 1000 * hour
    store.compact()
    assert store.read("raw", "machine") == []
    assert store.read("kpi", "machine")[0].columns["power"].tolist() == [1.0]
    assert check_file(tmp_path / "lab.db", "lab").wrong == []
    store.close()


def test_two_processes_that_merge_do_not_undo_each_other(tmp_path: Path) -> None:
    """Two stores on one file, each with its own thread, write and merge at once: the later values stand."""
    stores = [EmbeddedStore(tmp_path / "lab.db", "lab") for _ in range(2)]

    def write(store: EmbeddedStore, name: str) -> None:
        for n in range(200):
            store.write("raw", [row("power", n, float(n)), row(name, n % 7, float(n))])

    threads = [threading.Thread(target=write, args=(s, f"f{i}")) for i, s in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stores[0].compact()
    found = flat(stores[1].read("raw", "machine"))
    assert [v for (_, f, _), v in found.items() if f == "power"] == [float(n) for n in range(200)]
    for name in ("f0", "f1"):
        assert [v for (_, f, _), v in found.items() if f == name] == [196.0, 197, 198, 199, 193, 194, 195]
    assert check_file(tmp_path / "lab.db", "lab").wrong == []
    for store in stores:
        store.close()


def test_a_full_chunk_goes_past_the_levels_only_where_it_is_alone(tmp_path: Path) -> None:
    """Large writes are not written again by merging; over younger small ones they still win."""
    store = EmbeddedStore(tmp_path / "lab.db", "lab")
    n = 3 * CHUNK_ROWS
    store.write("raw", [row("power", t, 1.0) for t in range(n)])
    store.write("raw", [row("power", 5, 2.0), row("power", n, 2.0)])
    store.write("raw", [row("power", t, 3.0) for t in range(CHUNK_ROWS)])
    with closing(sqlite3.connect(tmp_path / "lab.db")) as db:
        levels = [level for (level,) in db.execute("SELECT level FROM chunk ORDER BY id")]
    assert levels == [TOP_LEVEL] * 3 + [0, 0]
    store.compact()
    values = store.read("raw", "machine")[0].columns["power"].tolist()
    assert values == [3.0] * CHUNK_ROWS + [1.0] * 2 * CHUNK_ROWS + [2.0]
    store.close()


def test_a_damaged_series_does_not_keep_others_from_being_merged(tmp_path: Path) -> None:
    """It is left as it is, for `store check` to name."""
    store = EmbeddedStore(tmp_path / "lab.db", "lab")
    for n in range(15):
        store.write("raw", [row("power", n, 1.0), row("state", n, 1.0)])
    with closing(sqlite3.connect(tmp_path / "lab.db")) as db:
        db.execute("UPDATE chunk SET data = zeroblob(20) WHERE id = 1")
        db.commit()
    for n in range(15, 40):
        store.write("raw", [row("power", n, 1.0), row("state", n, 1.0)])
    store.compact()
    assert len(store.read("raw", "machine", fields=["state"])[0].time_ns) == 40
    with closing(sqlite3.connect(tmp_path / "lab.db")) as db:
        counts = dict(db.execute("SELECT series, count(*) FROM chunk GROUP BY series").fetchall())
    assert counts[1] == 40
    assert counts[2] < 40
    assert len(check_file(tmp_path / "lab.db", "lab").wrong) == 1
    store.close()


def test_closing_waits_for_whoever_reads(tmp_path):
    """A connection closed under a query in another thread brings the whole process down."""
    store = EmbeddedStore(tmp_path / "lab.db", "lab")
    store.write("raw", [row("power", t, float(t)) for t in range(20_000)])
    for _ in range(20):
        reading = threading.Event()

        def read(reading=reading):
            for _ in range(5):
                reading.set()
                assert len(store.read("raw", "machine")[0].time_ns) == 20_000

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        reading.wait()
        store.close()
        for thread in threads:
            thread.join()
    store.close()
