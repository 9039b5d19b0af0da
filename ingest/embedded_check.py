"""Whether an embedded store holds what was written to it; of any schema, and without changing a byte."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ingest.chunks import COLUMNS, OLDEST_FIRST, Chunk, settled, whole, whole_of_schema_1
from ingest.columns import Column, Kind, Times, Values
from ingest.embedded_file import MIGRATING, SCHEMA_VERSION, about_store, check_owner, translated
from ingest.errors import StoreDamaged, StoreMisconfigured
from ingest.moving import Tally, tally
from ingest.store import StoreUnavailable

Tallies = dict[str, dict[str, Tally]]
"""By bucket and measurement."""
_SCHEMA_1 = COLUMNS.replace("seal", "crc")
_RESTORE: Final = "restore a backup (fieldlab store restore), then deliver or import what came after it"


@dataclass(slots=True)
class Health:
    """What a check found.

    Attributes
    ----------
    wrong : list of str
        A line for everything that is wrong, and what to do about it.
    about : str
        The store in a few words.
    """

    wrong: list[str] = field(default_factory=list)
    about: str = ""


def check_file(path: Path, fieldlab: str) -> Health:
    """Look at every chunk of an embedded store; a process may write to it meanwhile."""
    health = Health(about=f"embedded store {path}")
    if not path.is_file() or not path.stat().st_size:
        health.wrong.append(f"{path}: there is no store yet: make it with fieldlab store setup")
        return health
    try:
        with translated(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN")
            about = about_store(db, path)
            check_owner(about, fieldlab, path)
            version = int(about["schema"])
            health.about += f", schema {version}"
            if version > SCHEMA_VERSION:
                health.wrong.append(
                    f"{path} was written by a newer Fieldlab (schema {version}): update this one"
                )
                return health
            if version < SCHEMA_VERSION or MIGRATING in about:
                health.wrong.append(f"{path} has to be migrated: fieldlab store migrate CONFIG")
            if MIGRATING in about:
                return health
            _check(db, version, health)
    except (StoreMisconfigured, StoreUnavailable) as error:
        health.wrong.append(str(error))
    return health


def _check(db: sqlite3.Connection, version: int, health: Health) -> None:
    for (said,) in db.execute("PRAGMA quick_check(20)"):
        if said != "ok":
            health.wrong.append(f"the file is damaged: {said}; {_RESTORE}")
    chunks = rows = 0
    for series in _series(db):
        problem = _series_problem(db, series)
        if problem:
            health.wrong.append(f"{series.name}: {problem}; {_RESTORE}")
        for row_id, chunk in _chunks(db, series.id, version):
            chunks, rows = chunks + 1, rows + chunk[4]
            wrong = _chunk_problem(series.kind, chunk, version)
            if wrong:
                health.wrong.append(f"{series.name}: chunk {row_id} {wrong}; {_RESTORE}")
    (lost,) = db.execute("SELECT count(*) FROM chunk WHERE series NOT IN (SELECT id FROM series)").fetchone()
    if lost:
        health.wrong.append(f"{lost} chunks belong to no series; {_RESTORE}")
    (known,) = db.execute("SELECT count(*) FROM series").fetchone()
    health.about += f": {known} series, {chunks} chunks, {rows} values"


@dataclass(frozen=True, slots=True)
class _Series:
    id: int
    bucket: str
    measurement: str
    tags: str
    field: str
    kind: Kind

    @property
    def name(self) -> str:
        """For people."""
        try:
            tags = " ".join(f"{name}={value}" for name, value in json.loads(self.tags))
        except (ValueError, TypeError):
            tags = self.tags
        return f"{self.bucket} {self.measurement} {self.field} {tags}"


def _series(db: sqlite3.Connection) -> Iterator[_Series]:
    sql = "SELECT id, bucket, measurement, tags, field, kind FROM series ORDER BY id"
    for row in db.execute(sql).fetchall():
        yield _Series(*row)


def _chunks(db: sqlite3.Connection, series: int, version: int) -> Iterator[tuple[int, Chunk]]:
    columns = COLUMNS if version > 1 else _SCHEMA_1
    sql = f"SELECT {columns}, id FROM chunk WHERE series = ? {OLDEST_FIRST}"  # noqa: S608 - constants
    for *chunk, row_id in db.execute(sql, (series,)):
        yield row_id, tuple(chunk)


def _series_problem(db: sqlite3.Connection, series: _Series) -> str:
    """What is wrong with what a series says of itself."""
    try:
        pairs = [(str(name), str(value)) for name, value in json.loads(series.tags)]
    except (ValueError, TypeError):
        return "its tags cannot be read"
    if pairs != sorted(pairs):
        return "its tags are not in order"
    found = db.execute(
        "SELECT kind FROM field WHERE bucket = ? AND measurement = ? AND field = ?",
        (series.bucket, series.measurement, series.field),
    ).fetchone()
    return "" if found == (series.kind,) else "its type is not that of the field"


def _column(kind: Kind, chunk: Chunk, version: int) -> tuple[Times, Values]:
    return whole(kind, chunk) if version > 1 else whole_of_schema_1(kind, chunk)


def _chunk_problem(kind: Kind, chunk: Chunk, version: int) -> str:
    """What is wrong with a chunk; empty where nothing is."""
    try:
        time_ns, values = _column(kind, chunk, version)
    except (StoreDamaged, ValueError, KeyError, IndexError):
        return "is not what was written (its checksum differs)"
    _, _, first, last, rows, _, _ = chunk
    if len(time_ns) != rows or (int(time_ns[0]), int(time_ns[-1])) != (first, last):
        return "does not hold the rows and times that it says"
    if not bool((np.diff(time_ns) > 0).all()):
        return "has times out of order, or twice"
    if kind == "f" and not bool(np.isfinite(values).all()):
        return "holds something that is not a number"
    return ""


def tallies(db: sqlite3.Connection, version: int) -> Tallies:
    """How many values each measurement has, with their checksums; StoreDamaged where any is bad."""
    found: Tallies = defaultdict(lambda: defaultdict(Tally))
    for series in _series(db):
        parts = [_column(series.kind, chunk, version) for _, chunk in _chunks(db, series.id, version)]
        if parts:
            tags = tuple((name, value) for name, value in json.loads(series.tags))
            column = Column(tags, series.field, *settled(parts))
            found[series.bucket][series.measurement] += tally(series.bucket, series.measurement, [column])
    return {bucket: dict(of_it) for bucket, of_it in found.items()}
