"""One file of an archive: every value of a machine and day, one per row, as Parquet.

Columns: ``time`` (nanoseconds, UTC), ``measurement``, a column for each tag, ``field``, and the value in that
one of ``number``, ``integer`` and ``text`` that is its type.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from fieldlab_configs.lacking import INSTALL_ALL
from ingest.columns import Column, Kind, array_of
from ingest.errors import ArchiveError
from ingest.whole_file import sync_folder

_GROUP_ROWS: Final = 500_000
_VALUES: Final[dict[Kind, str]] = {"f": "number", "i": "integer", "s": "text"}
_OURS: Final = ("time", "measurement", "field", *_VALUES.values())
Columns = dict[str, list[Column]]
"""By measurement."""


def parquet() -> tuple[Any, Any]:
    """The modules of pyarrow; ArchiveError where it is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise ArchiveError(f"export and import write Parquet, which needs pyarrow: {INSTALL_ALL}") from None
    return pa, pq


def write_part(path: Path, columns: Columns) -> None:
    """Write a file whole: it has its name only when it is durable."""
    pa, pq = parquet()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    tags = sorted({name for column in chain(*columns.values()) for name, _ in column.tags})
    wrong = [name for name in tags if name in _OURS]
    if wrong:
        raise ArchiveError(
            f"a tag named {wrong[0]} cannot be exported: the archive has a column of that name"
        )
    word = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [
            ("time", pa.timestamp("ns", "UTC")),
            ("measurement", word),
            *((name, word) for name in tags),
            ("field", word),
            ("number", pa.float64()),
            ("integer", pa.int64()),
            ("text", pa.string()),
        ]
    )
    words = ["measurement", *tags, "field", "text"]
    try:
        with pq.ParquetWriter(new, schema, compression="zstd", use_dictionary=words) as writer:
            for group in _groups(columns):
                tables = [_table(pa, schema, measurement, column) for measurement, column in group]
                writer.write_table(pa.concat_tables(tables).unify_dictionaries())
        with new.open("rb") as file:
            os.fsync(file.fileno())
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    new.replace(path)
    sync_folder(path.parent)


def _groups(columns: Columns) -> Iterator[list[tuple[str, Column]]]:
    """Columns, some at a time, so that a file is never in memory twice."""
    group: list[tuple[str, Column]] = []
    rows = 0
    for measurement, found in columns.items():
        for column in found:
            group.append((measurement, column))
            rows += len(column.time_ns)
            if rows >= _GROUP_ROWS:
                yield group
                group, rows = [], 0
    if group:
        yield group


def _table(pa: Any, schema: Any, measurement: str, column: Column) -> Any:
    n = len(column.time_ns)
    kind: Kind = {"O": "s", "i": "i"}.get(column.values.dtype.kind, "f")  # type: ignore[assignment]  # one of the three
    said = {"measurement": measurement, "field": column.field, **dict(column.tags)}

    def values(name: str, type_: Any) -> Any:
        if name == "time":
            return pa.array(column.time_ns, pa.int64()).cast(type_)
        if name == _VALUES[kind]:
            return pa.array(column.values, type_)
        if name in said:
            return pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), [said[name]])
        return pa.nulls(n, type_)

    return pa.table([values(f.name, f.type) for f in schema], schema=schema)


def read_part(path: Path) -> Columns:
    """The columns of a file."""
    pa, pq = parquet()
    try:
        table = pq.read_table(path)
        tags = [name for name in table.column_names if name not in _OURS]
        found: Columns = {}
        for group in _series(pa, table, tags):
            measurement, column = _column(pa, group, tags)
            found.setdefault(measurement, []).append(column)
    except (pa.ArrowException, KeyError, OSError) as error:
        raise ArchiveError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    return found


def _series(pa: Any, table: Any, tags: Iterable[str]) -> Iterator[Any]:
    """The rows of each series and field, in their order; they lie together, as they were written."""
    keys = ["measurement", *tags, "field"]
    changed = np.zeros(table.num_rows, dtype=bool)
    changed[:1] = True
    for name in keys:
        coded = (
            table.column(name).cast(pa.string()).combine_chunks().dictionary_encode(null_encoding="encode")
        )
        codes = coded.combine_chunks().indices if isinstance(coded, pa.ChunkedArray) else coded.indices
        index = codes.to_numpy(zero_copy_only=False)
        changed[1:] |= index[1:] != index[:-1]
    edges = [*np.flatnonzero(changed).tolist(), table.num_rows]
    for begin, end in pairwise(edges):
        yield table.slice(begin, end - begin)


def _column(pa: Any, rows: Any, tags: Iterable[str]) -> tuple[str, Column]:
    def first(name: str) -> Any:
        return rows.column(name)[0].as_py()

    kind: Kind = next(kind for kind, name in _VALUES.items() if first(name) is not None)
    told = rows.column(_VALUES[kind])
    values = array_of(kind, told.to_pylist()) if kind == "s" else told.to_numpy()
    time_ns = rows.column("time").cast(pa.int64()).to_numpy()
    pairs = tuple((name, first(name)) for name in tags if first(name) is not None)
    return first("measurement"), Column(pairs, first("field"), time_ns, values)
