"""Chunks of the embedded store: a column as bytes, and the levels that chunks are merged through."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from ingest.columns import Kind, Times, Values, settle
from ingest.errors import StoreDamaged

FAN_IN = 16
"""So many chunks of one level become chunks of the next."""
TOP_LEVEL = 3
CHUNK_ROWS = 8192
COLUMNS = "series, level, first_ns, last_ns, rows, seal, data"
"""What :func:`joined` needs of each chunk."""
BAD_TEXT = "a chunk of the store is not what was written: look with fieldlab store check, restore a backup"
OLDEST_FIRST = "ORDER BY level DESC, id"
"""Chunks of a level are older the smaller their id, and all of them younger than any of a higher level."""

Chunk = tuple[int, int, int, int, int, int, bytes]
"""Series, level, first and last time, rows, seal, data: the columns of the table."""
_COUNT = struct.Struct("<I")
_HEAD = struct.Struct("<qqqqq")
_DTYPES = {"f": np.dtype("<f8"), "i": np.dtype("<i8")}


def pack(kind: Kind, time_ns: Times, values: Values) -> bytes:
    """A column as bytes."""
    head = _COUNT.pack(len(time_ns)) + time_ns.astype("<i8").tobytes()
    if kind != "s":
        return head + values.astype(_DTYPES[kind]).tobytes()
    codes: dict[str, int] = {}
    index = np.array([codes.setdefault(text, len(codes)) for text in values], dtype="<u4")
    return (
        head + index.tobytes() + json.dumps(list(codes), ensure_ascii=False).encode("utf-8", "surrogatepass")
    )


def unpack(kind: Kind, data: bytes) -> tuple[Times, Values]:
    """The column that :func:`pack` made bytes of."""
    (n,) = _COUNT.unpack_from(data)
    body = _COUNT.size + 8 * n
    time_ns = np.frombuffer(data, "<i8", n, _COUNT.size)
    if kind != "s":
        return time_ns, np.frombuffer(data, _DTYPES[kind], n, body)
    index = np.frombuffer(data, "<u4", n, body)
    known = json.loads(data[body + 4 * n :].decode("utf-8", "surrogatepass"))
    texts = np.empty(len(known), dtype=object)
    texts[:] = known
    return time_ns, texts[index]


def seal(series: int, level: int, first_ns: int, last_ns: int, rows: int, data: bytes) -> int:
    """Checksum of a chunk: of its data, and of whose, when and how many they are."""
    return zlib.crc32(data, zlib.crc32(_HEAD.pack(series, level, first_ns, last_ns, rows)))


def append(
    db: sqlite3.Connection, series: int, kind: Kind, time_ns: Times, values: Values, level: int = 0
) -> None:
    """Add a settled column to a series, in chunks that stay small enough to read one quickly."""
    for begin in range(0, len(time_ns), CHUNK_ROWS):
        time, value = time_ns[begin : begin + CHUNK_ROWS], values[begin : begin + CHUNK_ROWS]
        first, last, rows = int(time[0]), int(time[-1]), len(time)
        place = TOP_LEVEL if rows == CHUNK_ROWS and _alone(db, series, first, last) else level
        data = pack(kind, time, value)
        mark = seal(series, place, first, last, rows, data)
        db.execute(
            f"INSERT INTO chunk ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
            (series, place, first, last, rows, mark, data),
        )


def _alone(db: sqlite3.Connection, series: int, first_ns: int, last_ns: int) -> bool:
    """Whether no chunk below the top reaches into a range: then a full one may go straight there."""
    sql = "SELECT 1 FROM chunk WHERE series = ? AND last_ns >= ? AND first_ns <= ? AND level < ? LIMIT 1"
    return db.execute(sql, (series, first_ns, last_ns, TOP_LEVEL)).fetchone() is None


def whole(kind: Kind, chunk: Chunk) -> tuple[Times, Values]:
    """The column of a chunk; StoreDamaged where it is not what was sealed."""
    if seal(*chunk[:5], chunk[6]) != chunk[5]:
        raise StoreDamaged(BAD_TEXT)
    return unpack(kind, chunk[6])


def whole_of_schema_1(kind: Kind, chunk: Chunk) -> tuple[Times, Values]:
    """As :func:`whole`, of a store whose seals cover the data alone."""
    if zlib.crc32(chunk[6]) != chunk[5]:
        raise StoreDamaged(BAD_TEXT)
    return unpack(kind, chunk[6])


def joined(kind: Kind, chunks: Iterable[Chunk]) -> tuple[Times, Values]:
    """One settled column of chunks, the oldest first."""
    return settled([whole(kind, chunk) for chunk in chunks])


def settled(found: list[tuple[Times, Values]]) -> tuple[Times, Values]:
    """One settled column of columns, the oldest first."""
    if not found:
        return np.empty(0, np.int64), np.empty(0)
    # Sorted by their first time, chunks that do not overlap are settled as they stand.
    by_time = sorted(found, key=lambda column: int(column[0][0]))
    ends = [(int(time[0]), int(time[-1])) for time, _ in by_time]
    if all(a[1] < b[0] for a, b in pairwise(ends)):
        found = by_time
    return settle(np.concatenate([t for t, _ in found]), np.concatenate([v for _, v in found]))
