"""The contract of a store, on the embedded one; and what only a file can meet."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.embedded import EmbeddedStore
from ingest.errors import StoreDamaged, StoreMisconfigured
from ingest.store import StoreUnavailable
from tests.ingest.contract import StoreContract, row


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
