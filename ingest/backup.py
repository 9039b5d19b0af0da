"""A copy of an embedded store in one file, made while it is written to; and back again, counted."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from ingest.embedded_check import Tallies, tallies
from ingest.embedded_file import (
    MIGRATING,
    SCHEMA_VERSION,
    StoreFile,
    about_store,
    check_owner,
    check_schema,
    translated,
)
from ingest.errors import ArchiveError
from ingest.moving import Tally
from ingest.whole_file import sync_folder

_NO_BACKUP: Final = "is no backup: make one with fieldlab store backup"
_ACCOUNT: Final = "backup"
"""Key of `meta` in a backup: the tallies of what it holds."""


def back_up(store: Path, fieldlab: str, target: Path) -> Tallies:
    """Copy an embedded store, as it is at one instant, into a file; writers go on.

    Returns
    -------
    dict of dict of Tally
        How many values the copy holds, by bucket and measurement: counted in the copy itself.

    Raises
    ------
    ArchiveError
        The file is there already, or there is no store.
    StoreDamaged
        The store is; no backup is left.
    """
    if target.exists():
        raise ArchiveError(f"{target} is there already: give another name, or remove it")
    if not store.is_file():
        raise ArchiveError(f"{store}: there is no store to back up")
    new = target.with_name(f"{target.name}.new")
    try:
        new.touch()
    except OSError as error:
        raise ArchiveError(f"{target} cannot be written: {error.strerror}") from None
    try:
        with translated(store), closing(sqlite3.connect(store)) as source:
            about = about_store(source, store)
            check_owner(about, fieldlab, store)
            check_schema(about, store)
            _copy(source, new)
        with translated(new), closing(sqlite3.connect(new)) as copy:
            counted = tallies(copy, int(about_store(copy, new)["schema"]))
            _note(copy, _ACCOUNT, json.dumps(counted, default=_plain))
            copy.commit()
        _settle(new, target)
    finally:
        with suppress(OSError):  # what went wrong before is what has to be told
            new.unlink(missing_ok=True)
    return counted


def restore(backup: Path, store: Path, fieldlab: str, *, force: bool = False) -> tuple[Tallies, int]:
    """Put a backup in the place of an embedded store; processes that have it open go on with the new content.

    Parameters
    ----------
    backup : Path
        Made by :func:`back_up`.
    store : Path
    fieldlab : str
    force : bool
        Replace a store that holds something.

    Returns
    -------
    dict of dict of Tally
        What the store holds now: as many, with the same checksums, as when the backup was made.
    int
        Its schema: where it is older, the store has to be migrated.

    Raises
    ------
    ArchiveError
        It is no backup, of another fieldlab, damaged, or the store holds something and `force` is off.
    """
    if not backup.is_file():
        raise ArchiveError(f"{backup}: there is no such file")
    file = StoreFile(store, fieldlab)
    new = store.with_name(f"{store.name}.restored")
    with file.locked():
        if not force and _holds_something(store):
            raise ArchiveError(f"{store} holds data: --force replaces them, all of them, by the backup")
        try:
            # Checked on the bytes that will be used; and only these get a new name for their content.
            with (
                translated(backup),
                closing(sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro", uri=True)) as db,
            ):
                _require_backup(db, backup)
                _copy(db, new)
            with translated(backup), closing(sqlite3.connect(new)) as copy:
                version, counted = _verified(copy, backup, fieldlab)
                copy.execute("DELETE FROM meta WHERE key = ?", (_ACCOUNT,))
                copy.commit()
                copy.execute("PRAGMA journal_mode = WAL")
            _place(new, store)
        finally:
            with suppress(OSError):
                new.unlink(missing_ok=True)
    return counted, version


def _verified(copy: sqlite3.Connection, backup: Path, fieldlab: str) -> tuple[int, Tallies]:
    """Schema and tallies of a backup that holds what was counted into it."""
    about = about_store(copy, backup)
    check_owner(about, fieldlab, backup)
    version = int(about["schema"])
    if version > SCHEMA_VERSION:
        raise ArchiveError(f"{backup} was made by a newer Fieldlab (schema {version}): update this one")
    if _ACCOUNT not in about or MIGRATING in about:
        raise ArchiveError(f"{backup} {_NO_BACKUP}")
    # What is counted does not lie on every page: an index may be damaged, and all the counts still right.
    (sound,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if sound != "ok":
        raise ArchiveError(f"{backup} is damaged ({sound.splitlines()[-1]}): take another backup")
    counted = tallies(copy, version)
    if json.loads(json.dumps(counted, default=_plain)) != json.loads(about[_ACCOUNT]):
        raise ArchiveError(f"{backup} does not hold what was counted into it: take another backup")
    return version, counted


def _require_backup(db: sqlite3.Connection, backup: Path) -> None:
    """ArchiveError where a file is a database of something else, or empty."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
        raise ArchiveError(f"{backup} {_NO_BACKUP}")


def _plain(tally: Tally) -> list[int]:
    return [tally.rows, tally.checksum]


def _copy(source: sqlite3.Connection, target: Path) -> None:
    """All pages at one instant, into a file of its own, under a content of its own."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(target)) as copy:
        try:
            source.backup(copy)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                raise
            raise ArchiveError(f"{target.parent}: the disk is full; nothing was changed") from None
        copy.execute("PRAGMA journal_mode = DELETE")
        _note(copy, "content", secrets.token_hex(8))
        copy.commit()


def _note(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute("REPLACE INTO meta VALUES (?, ?)", (key, value))


def _settle(new: Path, target: Path) -> None:
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(target)
    sync_folder(target.parent)


def _place(new: Path, store: Path) -> None:
    """Exchange the content of a store in one transaction of its own: others may have it open."""
    if not store.exists() or not store.stat().st_size:
        _settle(new, store)
        return
    try:
        with closing(sqlite3.connect(new)) as source, closing(sqlite3.connect(store, timeout=30.0)) as live:
            live.execute("PRAGMA synchronous = FULL")
            source.backup(live)
    except sqlite3.DatabaseError as error:
        # What is there is not even a database: nobody can have it open.
        if "not a database" not in str(error) and "malformed" not in str(error):
            raise
        for suffix in ("-wal", "-shm"):
            store.with_name(store.name + suffix).unlink(missing_ok=True)
        _settle(new, store)


def _holds_something(store: Path) -> bool:
    """Whether a file is more than an empty store."""
    if not store.exists() or not store.stat().st_size:
        return False
    try:
        with closing(sqlite3.connect(store)) as db:
            return db.execute("SELECT 1 FROM chunk LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError:
        return True
