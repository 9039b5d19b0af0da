"""The file of the embedded store: its schema, its connections, who may write."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import StoreDamaged, StoreMisconfigured
from ingest.filelock import exclusive
from ingest.store import StoreUnavailable
from ingest.whole_file import sync_folder

SCHEMA_VERSION = 2
"""1: a chunk's checksum covered its data alone. 2: its seal covers whose, when and how many as well."""
MIGRATING = "migrated_to"
"""Key of `meta` while a migration is under way: the last chunk that it has done."""
_CLOSE_WITHIN_S = 10.0
_BUSY_S = 30.0

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE field (
    bucket TEXT, measurement TEXT, field TEXT, kind TEXT NOT NULL,
    PRIMARY KEY (bucket, measurement, field)) WITHOUT ROWID;
CREATE TABLE series (
    id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, measurement TEXT NOT NULL, tags TEXT NOT NULL,
    field TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE (bucket, measurement, tags, field));
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, level INTEGER NOT NULL,
    first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, rows INTEGER NOT NULL, seal INTEGER NOT NULL,
    data BLOB NOT NULL);
CREATE INDEX chunk_time ON chunk (series, last_ns, first_ns);
CREATE INDEX chunk_level ON chunk (series, level);
"""


class StoreFile:
    """An SQLite file with one connection per thread.

    Parameters
    ----------
    path : Path
    fieldlab : str
        Whose data it holds; empty: whoever's.
    """

    def __init__(self, path: Path, fieldlab: str) -> None:
        self.path = path
        self.fieldlab = fieldlab
        self._lock = threading.RLock()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._in_use = 0
        self._quiet = threading.Condition(self._lock)

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Nobody closes a connection meanwhile: SQLite does not survive that."""
        with self._quiet:
            self._in_use += 1
        try:
            yield
        finally:
            with self._quiet:
                self._in_use -= 1
                self._quiet.notify_all()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """One consistent view for all queries inside; None where there is no file yet."""
        if not self._exists():
            yield None
            return
        with self._using(), translated(self.path):
            db = self._connection()
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No other thread or process writes meanwhile."""
        with translated(self.path), self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite's own lock would do, but for a fault of its write-ahead log with two writers at once.
            with exclusive(self.path):
                yield

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; one writer at a time among all threads and processes."""
        with self.locked(), self._using():
            if not self._exists():
                self._create()
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file, once whoever reads or writes in another thread is done."""
        with self._quiet:
            self._quiet.wait_for(lambda: self._in_use == 0, _CLOSE_WITHIN_S)
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            self._local = threading.local()

    def _exists(self) -> bool:
        try:
            return self.path.stat().st_size > 0
        except FileNotFoundError:
            return False

    def _create(self) -> None:
        """Make the file whole before it appears under its name: readers never see half of one."""
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)
        db = sqlite3.connect(new, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(f"BEGIN; {_SCHEMA}")
            about = {
                "schema": str(SCHEMA_VERSION),
                "fieldlab": self.fieldlab,
                "content": secrets.token_hex(8),
            }
            db.executemany("INSERT INTO meta VALUES (?, ?)", about.items())
            db.execute("COMMIT")
            db.execute("PRAGMA journal_mode = WAL")
        finally:
            db.close()
        new.replace(self.path)
        sync_folder(self.path.parent)

    def _connection(self) -> sqlite3.Connection:
        """The connection of the calling thread."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                db.execute("PRAGMA synchronous = FULL")
                self._check(db)
            except BaseException:
                db.close()
                raise
            self._local.db = db
            with self._lock:
                self._connections.append(db)
        return db

    def _check(self, db: sqlite3.Connection) -> None:
        about = about_store(db, self.path)
        version = check_schema(about, self.path)
        if version < SCHEMA_VERSION:
            raise StoreMisconfigured(
                f"{self.path} was written by an older Fieldlab (schema {version}; this one writes"
                f" {SCHEMA_VERSION}): migrate it with: fieldlab store migrate CONFIG"
            )
        if MIGRATING in about:
            raise StoreMisconfigured(
                f"{self.path}: its migration is not finished: run once more: fieldlab store migrate CONFIG"
            )
        check_owner(about, self.fieldlab, self.path)


def about_store(db: sqlite3.Connection, path: Path) -> dict[str, str]:
    """What a store says of itself; StoreMisconfigured where the database is none."""
    try:
        about = dict(db.execute("SELECT key, value FROM meta").fetchall())
        int(about["schema"]), about["fieldlab"]
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):
            raise
        raise StoreMisconfigured(f"{path} is an SQLite file, but not a Fieldlab store") from None
    except (KeyError, ValueError):
        raise StoreMisconfigured(f"{path} is an SQLite file, but not a Fieldlab store") from None
    return about


def check_schema(about: dict[str, str], path: Path) -> int:
    """The schema of a store; one that is newer than ours is refused."""
    version = int(about["schema"])
    if version > SCHEMA_VERSION:
        raise StoreMisconfigured(
            f"{path} was written by a newer Fieldlab (schema {version}; this one knows {SCHEMA_VERSION}):"
            f" update this one"
        )
    return version


def content_of(db: sqlite3.Connection) -> str:
    """Which content the file has: another one since a backup was restored, and ids mean something else."""
    (content,) = db.execute("SELECT value FROM meta WHERE key = 'content'").fetchone()
    return str(content)


def check_owner(about: dict[str, str], fieldlab: str, path: Path) -> None:
    """Refuse the file of another fieldlab."""
    owner = about["fieldlab"]
    if owner and fieldlab and owner != fieldlab:
        raise StoreMisconfigured(
            f"{path} holds the data of fieldlab {owner!r}, not {fieldlab!r}: give each its own file"
        )


def _unwritable(path: Path) -> str | None:
    """What SQLite calls `unable to open database file`, where the disk or the folder is the reason."""
    if path.parent.is_dir() and not os.access(path.parent, os.W_OK):
        return f"nothing can be written in {path.parent}; is the disk read-only, or the folder not ours?"
    return None


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors, named by their remedy."""
    try:
        yield
    except StoreUnavailable:
        raise
    except sqlite3.OperationalError as error:
        why = _unwritable(path) or str(error)
        raise StoreUnavailable(f"the store {path} cannot be used now: {why}") from error
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise StoreMisconfigured(f"{path} is not a Fieldlab store: {error}") from error
        raise StoreDamaged(f"the store {path} is damaged: {error}; restore a backup") from error
    except (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError) as error:
        raise StoreUnavailable(f"the store {path} cannot be used: {error.strerror}") from error
    except OSError as error:
        why = _unwritable(path) or str(error)
        raise StoreUnavailable(f"the store {path} cannot be used now: {why}") from error
