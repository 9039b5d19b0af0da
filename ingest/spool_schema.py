"""The tables of a spool: how one of yesterday becomes one of today, and how one of tomorrow is known."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Final

from fieldlab_configs.site import PRIMARY
from ingest.bookkeeping import COLUMNS, read_old_account, write_account
from ingest.errors import SpoolNewer

log = logging.getLogger(__name__)

SCHEMA: Final = 2
"""1: for one store; 2: for several."""

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS destination (name TEXT PRIMARY KEY, {COLUMNS});
CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, samples INTEGER NOT NULL, replaced INTEGER NOT NULL,
    first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, crc INTEGER NOT NULL, seal INTEGER NOT NULL,
    whom TEXT NOT NULL DEFAULT '', payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER NOT NULL, origin TEXT NOT NULL,
    signal TEXT NOT NULL, time_ns INTEGER, content BLOB NOT NULL, reason TEXT NOT NULL,
    whom TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL, signal TEXT NOT NULL, reason TEXT NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, count INTEGER NOT NULL,
    whom TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS damaged (id INTEGER PRIMARY KEY, seq INTEGER, payload BLOB);
CREATE TABLE IF NOT EXISTS about (id INTEGER PRIMARY KEY, schema INTEGER NOT NULL);
"""
_LAST_TOLD: Final = """SELECT coalesce(
    (SELECT min(id) - 1 FROM gap WHERE NOT told), (SELECT max(id) FROM gap), 0)"""


def make_tables(db: sqlite3.Connection) -> None:
    """Make what is not there yet, inside the caller's transaction; an older spool is brought up to date.

    Raises
    ------
    ValueError
        The account of an older spool is damaged.
    """
    if is_old(db):
        _migrate(db)
    for statement in _SCHEMA.split(";"):
        db.execute(statement)
    if schema_of(db) != SCHEMA:
        db.execute("INSERT OR REPLACE INTO about (id, schema) VALUES (1, ?)", (SCHEMA,))
        db.execute(f"PRAGMA user_version = {SCHEMA}")


def schema_of(db: sqlite3.Connection) -> int:
    """By which schema a spool was written last; 0 where it does not say so twice, for once may be damage."""
    (first,) = db.execute("PRAGMA user_version").fetchone()
    try:
        second = db.execute("SELECT schema FROM about").fetchone()
    except sqlite3.OperationalError:  # of before there was such a table
        return 0
    return int(first) if second == (first,) else 0


def refuse_newer(db: sqlite3.Connection, path: Path) -> None:
    """SpoolNewer where a newer Fieldlab wrote a spool; nothing in it is touched."""
    schema = schema_of(db)
    if schema > SCHEMA:
        raise SpoolNewer(
            f"the spool {path} is of a newer Fieldlab (its schema is {schema}, this one knows {SCHEMA}):"
            " install the newer one again; what waits in it is kept"
        )


def is_old(db: sqlite3.Connection) -> bool:
    """Whether a spool is of before there could be several stores."""
    sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'account'"
    return bool(db.execute(sql).fetchone()[0])


def _migrate(db: sqlite3.Connection) -> None:
    (account,) = read_old_account(db).values()
    (account.told,) = db.execute(_LAST_TOLD).fetchone()
    for table in ("batch", "dead", "gap"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN whom TEXT NOT NULL DEFAULT ''")
    db.execute(f"CREATE TABLE destination (name TEXT PRIMARY KEY, {COLUMNS})")
    write_account(db, PRIMARY, account)
    db.execute("DROP TABLE account")
    log.warning("the spool is brought up to date: it can have several stores now")
