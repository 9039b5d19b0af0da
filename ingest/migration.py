"""Bringing an older embedded store to today's schema: a backup first, then in steps that can be killed."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from ingest.backup import back_up
from ingest.chunks import COLUMNS, seal, whole_of_schema_1
from ingest.columns import Kind
from ingest.embedded_check import tallies
from ingest.embedded_file import MIGRATING, SCHEMA_VERSION, StoreFile, about_store, check_owner, translated
from ingest.errors import StoreDamaged, StoreMisconfigured

_CHUNKS_AT_ONCE: Final = 500


def migrate(path: Path, fieldlab: str, *, told: Callable[[str], None] = lambda _: None) -> Path | None:
    """Migrate an embedded store; one that was begun and not finished is finished.

    Parameters
    ----------
    path : Path
    fieldlab : str
    told : callable
        Takes a line of progress.

    Returns
    -------
    Path or None
        The backup that was made first; None where there was nothing to do.

    Raises
    ------
    StoreMisconfigured
        There is no store, or a newer Fieldlab wrote it.
    StoreDamaged
        The store is; nothing was changed.
    """
    if not path.is_file():
        raise StoreMisconfigured(f"{path}: there is no store to migrate")
    file = StoreFile(path, fieldlab)
    with (
        file.locked(),
        translated(path),
        closing(sqlite3.connect(path, timeout=30.0, isolation_level=None)) as db,
    ):
        db.execute("PRAGMA synchronous = FULL")
        about = about_store(db, path)
        check_owner(about, fieldlab, path)
        version = int(about["schema"])
        if version > SCHEMA_VERSION:
            raise StoreMisconfigured(
                f"{path} was written by a newer Fieldlab (schema {version}): update this one"
            )
        backup = path.with_name(f"{path.name}.schema1")
        if MIGRATING not in about:
            if version == SCHEMA_VERSION:
                return None
            backup.unlink(missing_ok=True)
            back_up(path, fieldlab, backup)
            told(f"backup: {backup}")
            _begin(db)
        _seal_anew(db, told)
        with closing(sqlite3.connect(backup)) as old:
            if tallies(old, 1) != tallies(db, SCHEMA_VERSION):
                raise StoreDamaged(f"{path} does not hold what {backup} holds: restore that")
        db.execute("DELETE FROM meta WHERE key = ?", (MIGRATING,))
    return backup


def _begin(db: sqlite3.Connection) -> None:
    """From here on an older Fieldlab that has it open cannot write to it: the column has a new name."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("ALTER TABLE chunk RENAME COLUMN crc TO seal")
    about = {"schema": str(SCHEMA_VERSION), MIGRATING: "0", "content": secrets.token_hex(8)}
    db.executemany("REPLACE INTO meta VALUES (?, ?)", about.items())
    db.execute("COMMIT")


def _seal_anew(db: sqlite3.Connection, told: Callable[[str], None]) -> None:
    kinds: dict[int, Kind] = dict(db.execute("SELECT id, kind FROM series"))
    (done,) = db.execute("SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?", (MIGRATING,)).fetchone()
    sql = f"SELECT {COLUMNS}, id FROM chunk WHERE id > ? ORDER BY id LIMIT {_CHUNKS_AT_ONCE}"  # noqa: S608 - constants
    while found := db.execute(sql, (done,)).fetchall():
        db.execute("BEGIN IMMEDIATE")
        for series, level, first, last, rows, crc, data, row_id in found:
            whole_of_schema_1(kinds[series], (series, level, first, last, rows, crc, data))
            mark = seal(series, level, first, last, rows, data)
            db.execute("UPDATE chunk SET seal = ? WHERE id = ?", (mark, row_id))
            done = row_id
        db.execute("UPDATE meta SET value = ? WHERE key = ?", (str(done), MIGRATING))
        db.execute("COMMIT")
        told(f"migrated up to chunk {done}")
