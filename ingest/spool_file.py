"""The spool's database: how it is opened, and what is done with one that is damaged."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from ingest.batches import INSERT, WHOLE, batch_of
from ingest.bookkeeping import Account, Accounts, newest, read_accounts, read_old_account, write_account
from ingest.mark import Mark
from ingest.spool_schema import is_old, make_tables, refuse_newer

log = logging.getLogger(__name__)

_PAGE_BYTES: Final = 4096
_LOG_PAGES: Final = 1000  # SQLite's own default
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


def open_database(path: Path, spare_bytes: int) -> sqlite3.Connection:
    """Open the database, made where it is not there. For one thread at a time, and the only connection.

    Parameters
    ----------
    path : Path
    spare_bytes : int
        What can be made free on a full disk: moving the log into the file must not need more.

    Raises
    ------
    SpoolNewer
    """
    if not path.exists():
        with suppress(OSError):  # what is wrong with the disk or the folder, SQLite says next
            path.touch(mode=0o600)  # SQLite gives its log the same: what machines said is the gateway's alone
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    db.text_factory = _text
    try:
        refuse_newer(db, path)
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {min(spare_bytes // 2 // _PAGE_BYTES, _LOG_PAGES)}")
        db.execute("BEGIN IMMEDIATE")
        make_tables(db)
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


def salvage(aside: Path, db: sqlite3.Connection, mark: Mark) -> Accounts:
    """Take what is whole in a damaged database over into a new one.

    Returns
    -------
    dict of str to Account
        The old ones, or where they cannot be read what the mark says; not yet settled with what was found.
    """
    accounts = {name: Account.of(standing, mark.seq) for name, standing in mark.of.items()}
    with closing(sqlite3.connect(aside, isolation_level=None)) as old:
        old.text_factory = _text
        older = False
        try:
            older = is_old(old)
            accounts = (read_old_account(old) if older else read_accounts(old)) or accounts
        except (sqlite3.Error, ValueError) as error:
            log.error("the account in %s cannot be read (%s); going by the high-water mark", aside, error)  # noqa: TRY400 - damage, not a bug
        seq = max(newest(accounts.values()), mark.seq)
        db.execute("BEGIN IMMEDIATE")
        floor = min((account.cursor for account in accounts.values()), default=0)
        taken = _take_batches(old, db, floor, seq, older=older)
        for table in ("dead", "gap"):
            _take_rows(old, db, table, older=older)
    log.error("%d batches of %s were whole and are taken over", taken, aside)
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM gap").fetchone()
    for name, account in accounts.items():
        account.last_seq = seq
        account.told = min(account.told, last)  # numbers begin anew behind the last one that was saved
        write_account(db, name, account)
    db.execute("COMMIT")
    return accounts


def _take_batches(
    old: sqlite3.Connection, new: sqlite3.Connection, after: int, last: int, *, older: bool
) -> int:
    """Batch by batch: one unreadable page must not cost the others."""
    taken, seq, skipped = 0, after, 0
    columns = WHOLE.replace("whom", "''") if older else WHOLE
    following = f"SELECT {columns}, seq FROM batch WHERE seq > ? ORDER BY seq LIMIT 1"  # noqa: S608 - our own names
    insert = INSERT.replace("INSERT", "INSERT OR IGNORE", 1)
    while seq < last or skipped < _SALVAGE_SKIPS:
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
    return taken


_KEPT: Final[dict[str, tuple[tuple[str, type | tuple[type, ...]], ...]]] = {
    "dead": (
        ("id", int),
        ("at_ns", int),
        ("origin", str),
        ("signal", str),
        ("time_ns", (int, type(None))),
        ("content", bytes),
        ("reason", str),
        ("whom", str),
    ),
    "gap": (
        ("id", int),
        ("machine", str),
        ("signal", str),
        ("reason", str),
        ("start_ns", int),
        ("end_ns", int),
        ("count", int),
        ("whom", str),
    ),
}


def _take_rows(old: sqlite3.Connection, new: sqlite3.Connection, table: str, *, older: bool) -> None:
    """Dead letters and gaps, up to the first that cannot be read; they have no checksum of their own."""
    names = ", ".join(name for name, _ in _KEPT[table])
    columns = names.replace("whom", "''") if older else names
    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
    try:
        for row in old.execute(f"SELECT {columns} FROM {table} ORDER BY id"):  # noqa: S608 - our own names
            if all(isinstance(value, kind) for value, (_, kind) in zip(row, _KEPT[table], strict=True)):
                new.execute(insert, row)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        log.error("not all of table %s could be taken over: %s", table, error)  # noqa: TRY400 - damage, not a bug
