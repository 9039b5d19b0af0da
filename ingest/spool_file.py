"""The spool's database: its tables, and what is done with one that is damaged."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from ingest.account import COLUMNS, Account
from ingest.batches import WHOLE, batch_of
from ingest.mark import Mark

log = logging.getLogger(__name__)

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY CHECK (id = 1), {COLUMNS});
CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, samples INTEGER NOT NULL, replaced INTEGER NOT NULL,
    first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, crc INTEGER NOT NULL, seal INTEGER NOT NULL,
    payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER NOT NULL, origin TEXT NOT NULL,
    signal TEXT NOT NULL, time_ns INTEGER, content BLOB NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL, signal TEXT NOT NULL, reason TEXT NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, count INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS damaged (id INTEGER PRIMARY KEY, seq INTEGER, payload BLOB);
"""
_SALVAGE_SKIPS: Final = 1000
"""So many numbers beyond the last batch known of may be unreadable before no more is sought."""
_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
"""Results that tell of the disk or of others, and not of what the file holds."""


class OutOfOrder(sqlite3.DatabaseError):
    """A row that is found by reading along and not by its key: the file's own structure is damaged."""


def tells_of_damage(error: BaseException) -> bool:
    """Whether an error means that the file does not hold what was written to it."""
    if isinstance(error, (UnicodeDecodeError, OutOfOrder)):
        return True  # the former: SQLite quotes a damaged schema in its message
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.Error) and code is not None and code & 0xFF not in _PASSING


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database, made where it is not there. For one thread at a time, and the only connection."""
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    db.text_factory = _text
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        if db.execute("SELECT count(*) FROM account").fetchone() == (0,):
            Account().write(db)
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def set_aside(path: Path) -> Path:
    """Move a damaged database, with its log, out of the way; where it is now."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    log.error("the spool %s is damaged; set aside as %s, what can be read of it is taken over", path, aside)
    return aside


def salvage(aside: Path, db: sqlite3.Connection, mark: Mark) -> Account:
    """Take what is whole in a damaged database over into a new one.

    Returns
    -------
    Account
        The old one, or where it cannot be read what the mark says; not yet settled with what was found.
    """
    account = Account.of(mark)
    with closing(sqlite3.connect(aside, isolation_level=None)) as old:
        old.text_factory = _text
        try:
            account = Account.read(old)
        except (sqlite3.Error, ValueError) as error:
            log.error("the account in %s cannot be read (%s); going by the high-water mark", aside, error)  # noqa: TRY400 - damage, not a bug
        account.last_seq = max(account.last_seq, mark.seq)
        taken = _take_batches(old, db, account)
    log.error("%d batches of %s were whole and are taken over", taken, aside)
    db.execute("BEGIN IMMEDIATE")
    account.write(db)
    db.execute("COMMIT")
    return account


def _take_batches(old: sqlite3.Connection, new: sqlite3.Connection, account: Account) -> int:
    """Batch by batch: one unreadable page must not cost the others."""
    taken, seq, skipped = 0, account.cursor, 0
    following = f"SELECT {WHOLE}, seq FROM batch WHERE seq > ? ORDER BY seq LIMIT 1"  # noqa: S608 - our own names
    insert = f"INSERT OR IGNORE INTO batch ({WHOLE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
    new.execute("BEGIN IMMEDIATE")
    while seq < account.last_seq or skipped < _SALVAGE_SKIPS:
        try:
            row = old.execute(following, (seq,)).fetchone()
        except (sqlite3.Error, UnicodeDecodeError):
            seq, skipped = seq + 1, skipped + 1
            continue
        if row is None:
            break
        # Pages out of order may lead backwards; the sequence only ever goes on.
        seq, skipped = max(row[-1], seq + 1) if isinstance(row[-1], int) else seq + 1, 0
        if batch_of(row) is not None:
            new.execute(insert, row[:-1])
            taken += 1
    new.execute("COMMIT")
    return taken
