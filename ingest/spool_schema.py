"""The tables of a spool, and how a spool of before there could be several stores becomes one of today."""

from __future__ import annotations

import logging
import sqlite3
from typing import Final

from fieldlab_configs.site import PRIMARY
from ingest.bookkeeping import COLUMNS, read_old_account, write_account

log = logging.getLogger(__name__)

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
