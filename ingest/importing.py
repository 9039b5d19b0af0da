"""Copying an archive into a store, and proving that it is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from ingest.archive import Manifest, Part
from ingest.archive_files import Columns, parquet, read_part
from ingest.columns import Column
from ingest.errors import ArchiveError
from ingest.exporting import DAY_NS, Told, columns_of
from ingest.moving import DAY, MovableStore, Tally, tally
from ingest.store import Rejected, Row

_ROWS_AT_ONCE = 50_000
_REFUSED_KEPT = 100


@dataclass(slots=True)
class Imported:
    """What came of an import.

    Attributes
    ----------
    written : int
        Values that were written now.
    there : int
        Values that the store had already.
    verified, expected : Tally
        Of what was read back from the store, and of the archive.
    refused : int
        Values that the store would not take.
    examples : list of Rejected
        The first of them.
    """

    written: int = 0
    there: int = 0
    verified: Tally = field(default_factory=Tally)
    expected: Tally = field(default_factory=Tally)
    refused: int = 0
    examples: list[Rejected] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether all of the archive is in the store."""
        return self.verified == self.expected


def import_archive(
    store: MovableStore, fieldlab: str, folder: Path, *, told: Told = lambda _: None
) -> Imported:
    """Copy an archive into a store; what is there already is not written again.

    Every file is held against its digest and tally, and what it holds is read back from the store.

    Parameters
    ----------
    store : MovableStore
    fieldlab : str
        Whose the store is.
    folder : Path
    told : callable
        Takes a line of progress for every file.

    Raises
    ------
    ArchiveError
        The folder holds no finished export of this fieldlab, or a file of it is damaged.
    StoreUnavailable
        The store does not answer; run it again.
    """
    parquet()
    manifest = Manifest(folder)
    if manifest.scope is None:
        raise ArchiveError(f"{folder} holds no export (no manifest.jsonl): give the folder of one")
    if not manifest.complete:
        raise ArchiveError(f"{folder} holds an export that was not finished: run that export again")
    if manifest.scope.fieldlab != fieldlab:
        raise ArchiveError(f"{folder} is an export of fieldlab {manifest.scope.fieldlab}, not {fieldlab}")
    result = Imported()
    for part, path in manifest.checked():
        columns = read_part(path)
        told_of = {m: tally(part.bucket, m, found) for m, found in columns.items()}
        if told_of != part.tallies:
            raise ArchiveError(f"{path} does not hold what its manifest says: export anew")
        _move(store, fieldlab, part, columns, result)
        told(f"{part.bucket} {part.machine} {part.day}: {part.rows} values; {result.verified.rows} verified")
    return result


def _move(store: MovableStore, fieldlab: str, part: Part, columns: Columns, result: Imported) -> None:
    """One file: write what is missing, and read all of it back."""
    missing = {m: _missing(store, part, m, found) for m, found in columns.items()}
    opened = [_without_sum(fieldlab, part, missing)] if part.bucket == "kpi" and any(missing.values()) else []
    store.write(part.bucket, opened)
    lacking = sum(len(c.time_ns) for found in missing.values() for c in found)
    result.there += part.rows - lacking
    for measurement, found in missing.items():
        rows = _rows(measurement, found)
        while portion := list(islice(rows, _ROWS_AT_ONCE)):
            refused = store.write(part.bucket, portion)
            result.written += len(portion) - len(refused)
            result.refused += len(refused)
            result.examples += refused[: _REFUSED_KEPT - len(result.examples)]
    store.write(part.bucket, opened)  # once more: a job that runs may have made the sum meanwhile
    for measurement, found in columns.items():
        result.expected += part.tallies[measurement]
        result.verified += tally(part.bucket, measurement, _there(store, part, measurement, found))


def _without_sum(fieldlab: str, part: Part, missing: Columns) -> Row:
    """The day of a file, of which no sum holds once its atoms are written: the job makes it anew."""
    first_ns = min(int(c.time_ns[0]) for found in missing.values() for c in found)
    tags = (("fieldlab", fieldlab), ("machine", part.machine))
    return Row(DAY, tags, "sums_text", first_ns // DAY_NS * DAY_NS, "")


def _rows(measurement: str, columns: list[Column]) -> Iterator[Row]:
    for column in columns:
        for time_ns, value in zip(column.time_ns.tolist(), column.values.tolist(), strict=True):
            yield Row(measurement, column.tags, column.field, time_ns, value)


def _there(store: MovableStore, part: Part, measurement: str, wanted: list[Column]) -> list[Column]:
    """What the store has at the times of columns: other rows of it are none of an import's business."""
    start = min(int(c.time_ns[0]) for c in wanted)
    end = max(int(c.time_ns[-1]) for c in wanted) + 1
    has = {
        (c.tags, c.field): c for c in columns_of(store, part.bucket, measurement, part.machine, start, end)
    }
    found = []
    for column in wanted:
        stored = has.get((column.tags, column.field))
        if stored is not None:
            same = np.isin(stored.time_ns, column.time_ns, assume_unique=True)
            found.append(Column(stored.tags, stored.field, stored.time_ns[same], stored.values[same]))
    return found


def _missing(store: MovableStore, part: Part, measurement: str, wanted: list[Column]) -> list[Column]:
    """The columns of which the store lacks anything, or has anything else."""
    has = {(c.tags, c.field): c for c in _there(store, part, measurement, wanted)}

    def lacking(column: Column) -> bool:
        stored = has.get((column.tags, column.field))
        return stored is None or not (
            np.array_equal(stored.time_ns, column.time_ns) and np.array_equal(stored.values, column.values)
        )

    return [column for column in wanted if lacking(column)]
