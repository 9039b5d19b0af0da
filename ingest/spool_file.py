"""The spool's database: its tables, and what is done with one that is damaged."""

from __future__ import annotations

import logging
import sqlite3
import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Final

from ingest.account import COLUMNS, Account
from ingest.mark import Mark

log = logging.getLogger(__name__)

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY CHECK (id = 1), {COLUMNS});
CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, samples INTEGER NOT NULL, replaced INTEGER NOT NULL,
    first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, crc INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER NOT NULL, origin TEXT NOT NULL,
    signal TEXT NOT NULL, time_ns INTEGER, content BLOB NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL, signal TEXT NOT NULL, reason TEXT NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, count INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS damaged (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, payload BLOB);
"""
BATCH: Final = "samples, replaced, first_ns, last_ns, payload, seq, at_ns, crc"
_NUMBERS = struct.Struct("<6q")
_SALVAGE_SKIPS = 100_000
"""So many sequence numbers in a row may be unreadable before the rest counts as lost."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database, made where it is not there. For one thread at a time, and the only connection."""
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
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


def checksum(
    samples: int, replaced: int, first_ns: int, last_ns: int, payload: bytes, seq: int, at_ns: int
) -> int:
    """CRC of a whole batch: numbers and payload."""
    head = _NUMBERS.pack(samples, replaced, first_ns, last_ns, seq, at_ns)
    return zlib.crc32(payload, zlib.crc32(head))


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
    account = Account(
        received=mark.received,
        stored=mark.stored,
        replaced=mark.replaced,
        dead=mark.dead,
        gaps=mark.gaps,
        last_seq=mark.seq,
    )
    with closing(sqlite3.connect(aside, isolation_level=None)) as old:
        try:
            account = Account.read(old)
        except (sqlite3.Error, TypeError, ValueError):
            log.exception("the account in %s cannot be read; going by the high-water mark", aside)
        taken = _take_batches(old, db, account)
    account.last_seq = max(account.last_seq, mark.seq)
    account.gone = max(account.gone, 0)
    log.error("%d batches of %s were whole and are taken over", taken, aside)
    db.execute("BEGIN IMMEDIATE")
    account.write(db)
    db.execute("COMMIT")
    return account


def _take_batches(old: sqlite3.Connection, new: sqlite3.Connection, account: Account) -> int:
    """Batch by batch: one unreadable page must not cost the others."""
    taken, seq, skipped = 0, account.cursor, 0
    next_batch = f"SELECT {BATCH} FROM batch WHERE seq > ? ORDER BY seq LIMIT 1"  # noqa: S608 - our own names
    new.execute("BEGIN IMMEDIATE")
    while skipped < _SALVAGE_SKIPS:
        try:
            row = old.execute(next_batch, (seq,)).fetchone()
        except sqlite3.Error:
            seq, skipped = seq + 1, skipped + 1
            continue
        if row is None:
            break
        seq, skipped = row[5], 0
        if _whole(row):
            new.execute(f"INSERT INTO batch ({BATCH}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - our own names
            taken += 1
    new.execute("COMMIT")
    return taken


def _whole(row: tuple[int, int, int, int, bytes, int, int, int]) -> bool:
    try:
        return checksum(*row[:7]) == row[7]
    except (TypeError, struct.error):
        return False
