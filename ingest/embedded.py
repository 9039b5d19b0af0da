"""The embedded store: one SQLite file, many reading processes, no server.

Every field of every series is kept as chunks of two numpy arrays, time and value. A write appends small
chunks; when a series has enough of them, a thread merges them into one of the next level, so a row is
rewritten a few times in its life and a read touches few chunks. Chunks of one level are older the smaller
their id, and, where they overlap, younger than any of a higher level: that order says which of two equal
times wins.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ingest.chunks import COLUMNS, OLDEST_FIRST, append, joined
from ingest.columns import INT64, Column, Kind, array_of, grouped, matches, settle, tables
from ingest.compaction import Compactor
from ingest.embedded_erase import erase
from ingest.embedded_file import StoreFile, content_of
from ingest.store import Bucket, Rejected, Row, Table, Tags

SeriesKey = tuple[Bucket, str, Tags, str]


class EmbeddedStore:
    """A store in a file. See :class:`ingest.store.Store` for its methods.

    Parameters
    ----------
    path : Path
        The file; made, with its folder, at the first write. Reading one that is not there finds nothing.
    fieldlab : str
        Whose data it holds; a file of another fieldlab is refused.
    retention_s : mapping of bucket to seconds
        How long each bucket keeps its data; one that is not named keeps them for ever.
    now_ns : callable
        The clock that retention goes by.
    """

    def __init__(
        self,
        path: str | Path,
        fieldlab: str = "",
        *,
        retention_s: Mapping[str, int] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path = Path(path)
        self._file = StoreFile(self.path, fieldlab)
        self._lock = threading.RLock()
        self._series: dict[SeriesKey, tuple[int, Kind]] = {}
        self._by_measurement: dict[tuple[Bucket, str], list[tuple[int, Tags, str, Kind]]] = defaultdict(list)
        self._newest_series = 0
        self._content = ""
        self._retention_s = dict(retention_s or {})
        self._now_ns = now_ns
        self._compactor = Compactor(self._file, self._retention_s, now_ns)

    def setup(self) -> None:
        """Make the file, where it is not there yet."""
        with self._file.writing():
            pass

    def write(self, bucket: Bucket, rows: Iterable[Row]) -> list[Rejected]:
        """Write rows; durable when this returns."""
        young, old = self._young(bucket, rows)
        groups, rejected = grouped(young)
        rejected += old
        if not groups:
            return rejected
        written = []
        try:
            with self._file.writing() as db:
                with self._lock:
                    self._learn(db)
                for (measurement, tags, field, kind), (times, values) in groups.items():
                    series, known = self._series_for(db, (bucket, measurement, tags, field), kind)
                    if known == kind:
                        append(db, series, kind, *settle(np.array(times, np.int64), array_of(kind, values)))
                        written.append(series)
                        continue
                    reason = f"field {field} of {measurement} holds {_NAMES[known]}, not {_NAMES[kind]}"
                    rows = (Row(measurement, tags, field, *tv) for tv in zip(times, values, strict=True))
                    rejected += [Rejected(row, reason) for row in rows]
        except BaseException:
            self._forget()  # ids handed out in there are void
            raise
        self._compactor.appended(written)
        return rejected

    def columns(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Column]:
        """Every field of every series of a measurement in ``[start_ns, end_ns)``, with what it has of it."""
        low = -INT64 if start_ns is None else start_ns
        high = INT64 - 1 if end_ns is None else end_ns - 1
        sql = f"""SELECT {COLUMNS} FROM chunk
            WHERE series = ? AND last_ns >= ? AND first_ns <= ? {OLDEST_FIRST}"""  # noqa: S608 - constants
        found = []
        with self._file.reading() as db:
            for series, tags, field, kind in self._matching(db, bucket, measurement, where):
                if db is not None and (fields is None or field in fields):
                    chunks = db.execute(sql, (series, low, high))
                    column = Column(tags, field, *joined(kind, chunks)).clipped(start_ns, end_ns)
                    if len(column.time_ns):
                        found.append(column)
        return found

    def measurements(self, bucket: Bucket) -> list[str]:
        """The measurements that a bucket has, or once had."""
        with self._file.reading() as db:
            sql = "SELECT DISTINCT measurement FROM field WHERE bucket = ? ORDER BY measurement"
            return [] if db is None else [name for (name,) in db.execute(sql, (bucket,))]

    def read(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Table]:
        """Every series of a measurement in ``[start_ns, end_ns)``."""
        return tables(
            self.columns(bucket, measurement, start_ns=start_ns, end_ns=end_ns, where=where, fields=fields)
        )

    def last_before(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its last row strictly before `time_ns`."""
        # The row lies in the chunk that ends last before the time, or in one that reaches across it.
        sql = f"""SELECT {COLUMNS} FROM chunk WHERE series = :s AND first_ns < :t AND last_ns >= coalesce(
            (SELECT max(last_ns) FROM chunk WHERE series = :s AND last_ns < :t), :t) {OLDEST_FIRST}"""  # noqa: S608 - constants
        return self._edge(sql, bucket, measurement, time_ns, where, step=-1)

    def first_from(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its first row at or after `time_ns`."""
        sql = f"""SELECT {COLUMNS} FROM chunk WHERE series = :s AND last_ns >= :t AND first_ns <= coalesce(
            (SELECT min(first_ns) FROM chunk WHERE series = :s AND last_ns >= :t AND first_ns >= :t), :t)
            {OLDEST_FIRST}"""  # noqa: S608 - constants
        return self._edge(sql, bucket, measurement, time_ns, where, step=0)

    def clear(self, bucket: Bucket) -> None:
        """Delete everything in a bucket."""
        with self._file.writing() as db:
            found = db.execute("SELECT id, kind FROM series WHERE bucket = ?", (bucket,)).fetchall()
            erase(db, found, None, None)

    def delete(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a measurement's rows in ``[start_ns, end_ns)``, of series with these tags."""
        with self._file.writing() as db:
            found = self._matching(db, bucket, measurement, where)
            erase(db, [(series, kind) for series, _, _, kind in found], start_ns, end_ns)

    def content(self) -> str:
        """Which content the file has; empty where there is no file yet."""
        with self._file.reading() as db:
            return "" if db is None else content_of(db)

    def close(self) -> None:
        """Let go of the file."""
        self._compactor.close()
        self._file.close()

    def compact(self) -> None:
        """Merge what has piled up and let go of what is too old, now; a thread does it as well."""
        self._compactor.run_once()

    def _young(self, bucket: Bucket, rows: Iterable[Row]) -> tuple[Iterable[Row], list[Rejected]]:
        """The rows that the bucket will keep, and those that are too old for it."""
        keep_s = self._retention_s.get(bucket)
        if keep_s is None:
            return rows, []
        edge = self._now_ns() - keep_s * 1_000_000_000
        young: list[Row] = []
        old: list[Rejected] = []
        for row in rows:
            if row[3] >= edge:
                young.append(row)
            else:
                old.append(Rejected(Row(*row), f"older than bucket {bucket} keeps its data (retention)"))
        return young, old

    def _edge(
        self,
        sql: str,
        bucket: Bucket,
        measurement: str,
        time_ns: int,
        where: Mapping[str, str] | None,
        *,
        step: int,
    ) -> list[Row]:
        rows = []
        with self._file.reading() as db:
            for series, tags, field, kind in self._matching(db, bucket, measurement, where):
                if db is None:
                    break
                chunks = db.execute(sql, {"s": series, "t": time_ns})
                column = Column(tags, field, *joined(kind, chunks))
                index = int(np.searchsorted(column.time_ns, time_ns)) + step
                if 0 <= index < len(column.time_ns):
                    rows.append(column.row(measurement, index))
        return sorted(rows, key=lambda row: (row.tags, row.field))

    def _matching(
        self, db: sqlite3.Connection | None, bucket: Bucket, measurement: str, where: Mapping[str, str] | None
    ) -> list[tuple[int, Tags, str, Kind]]:
        if db is None:
            return []
        with self._lock:
            self._learn(db)
            known = self._by_measurement[bucket, measurement]
            return [series for series in known if matches(series[1], where)]

    def _learn(self, db: sqlite3.Connection) -> None:
        """Series that this or another process has added since we looked."""
        content = content_of(db)
        if content != self._content:
            self._forget()
            self._content = content
        sql = "SELECT id, bucket, measurement, tags, field, kind FROM series WHERE id > ? ORDER BY id"
        for row_id, bucket, measurement, tag_text, field, kind in db.execute(sql, (self._newest_series,)):
            tags = tuple((name, value) for name, value in json.loads(tag_text))
            self._series[bucket, measurement, tags, field] = row_id, kind
            self._by_measurement[bucket, measurement].append((row_id, tags, field, kind))
            self._newest_series = row_id

    def _series_for(self, db: sqlite3.Connection, key: SeriesKey, kind: Kind) -> tuple[int, Kind]:
        """The id and kind of a series, made where it is new."""
        with self._lock:
            if key in self._series:
                return self._series[key]
            bucket, measurement, tags, field = key
            db.execute("INSERT OR IGNORE INTO field VALUES (?, ?, ?, ?)", (bucket, measurement, field, kind))
            (known,) = db.execute(
                "SELECT kind FROM field WHERE bucket = ? AND measurement = ? AND field = ?",
                (bucket, measurement, field),
            ).fetchone()
            if known != kind:
                return 0, known
            db.execute(
                "INSERT INTO series (bucket, measurement, tags, field, kind) VALUES (?, ?, ?, ?, ?)",
                (bucket, measurement, json.dumps(tags), field, kind),
            )
            self._learn(db)
            return self._series[key]

    def _forget(self) -> None:
        with self._lock:
            self._series.clear()
            self._by_measurement.clear()
            self._newest_series = 0


_NAMES = {"f": "numbers", "i": "integers", "s": "texts"}
