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
COLUMNS = "crc, data"
OLDEST_FIRST = "ORDER BY level DESC, id"
"""Chunks of a level are older the smaller their id, and all of them younger than any of a higher level."""

_COUNT = struct.Struct("<I")
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


def append(
    db: sqlite3.Connection, series: int, kind: Kind, time_ns: Times, values: Values, level: int = 0
) -> None:
    """Add a settled column to a series, in chunks that stay small enough to read one quickly."""
    for begin in range(0, len(time_ns), CHUNK_ROWS):
        time, value = time_ns[begin : begin + CHUNK_ROWS], values[begin : begin + CHUNK_ROWS]
        data = pack(kind, time, value)
        db.execute(
            "INSERT INTO chunk (series, level, first_ns, last_ns, rows, crc, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (series, level, int(time[0]), int(time[-1]), len(time), zlib.crc32(data), data),
        )


def joined(kind: Kind, chunks: Iterable[tuple[int, bytes]]) -> tuple[Times, Values]:
    """One settled column of chunks, the oldest first."""
    found = []
    for crc, data in chunks:
        if zlib.crc32(data) != crc:
            raise StoreDamaged("a chunk of the store is not what was written: restore a backup")
        found.append(unpack(kind, data))
    if not found:
        return np.empty(0, np.int64), np.empty(0)
    # Sorted by their first time, chunks that do not overlap are settled as they stand.
    by_time = sorted(found, key=lambda column: int(column[0][0]))
    ends = [(int(time[0]), int(time[-1])) for time, _ in by_time]
    if all(a[1] < b[0] for a, b in pairwise(ends)):
        found = by_time
    return settle(np.concatenate([t for t, _ in found]), np.concatenate([v for _, v in found]))


def merge(db: sqlite3.Connection, series: int, kind: Kind) -> None:
    """Merge the chunks of every level that has enough of them."""
    for level in range(TOP_LEVEL):
        where = "FROM chunk WHERE series = ? AND level = ?"
        (count,) = db.execute(f"SELECT count(*) {where}", (series, level)).fetchone()
        # Series written together would all be due at once: their ids spread the work over writes.
        if count < FAN_IN + series % FAN_IN:
            return
        chunks = db.execute(f"SELECT {COLUMNS} {where} ORDER BY id", (series, level))
        column = joined(kind, chunks)
        db.execute(f"DELETE {where}", (series, level))
        append(db, series, kind, *column, level=level + 1)
