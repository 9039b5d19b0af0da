"""Keeping an embedded store quick to read, and as old as its retention allows, behind the writer's back.

A write only appends small chunks. A thread merges them: it reads and packs without any lock, and takes the
writer's place only for the moment that exchanging the chunks needs.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ingest.chunks import COLUMNS, TOP_LEVEL, Chunk, append, joined, pack, seal, whole
from ingest.columns import Kind, Times, Values
from ingest.embedded_file import StoreFile, content_of
from ingest.errors import StoreDamaged
from ingest.store import StoreUnavailable

FAN_IN = 16
"""So many chunks of one level become chunks of the next."""
OVERDUE = 16 * FAN_IN
"""With so many chunks waiting the thread has fallen behind, and the writer helps."""
_BATCH_BYTES = 2_000_000
"""What is exchanged at a time: so long, and no longer, a writer waits."""
_EXPIRE_EVERY_S = 600.0
_EXPIRE_AT_ONCE = 200
_NS = 1_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Merge:
    """A series' chunks of one level, up to one of them, as a column."""

    series: int
    kind: Kind
    level: int
    last_id: int
    chunks: int
    time_ns: Times
    values: Values
    size: int


class Compactor:
    """Merges chunks and lets old ones go, in a thread that starts at the first need.

    Parameters
    ----------
    file : StoreFile
    retention_s : mapping of bucket to seconds
        How long each bucket keeps its data; one that is not named keeps them for ever.
    now_ns : callable
        The clock that retention goes by.
    """

    def __init__(self, file: StoreFile, retention_s: Mapping[str, int], now_ns: Callable[[], int]) -> None:
        self._file = file
        self._retention_s = dict(retention_s)
        self._now_ns = now_ns
        self._waiting: Counter[int] = Counter()
        self._due: set[int] = set()
        self._damaged: set[int] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def appended(self, series: Iterable[int]) -> None:
        """Note that each of these has one more small chunk, now durable."""
        with self._lock:
            for each in series:
                self._waiting[each] += 1
                # Series written together would all be due at once: their ids spread the work over writes.
                if self._waiting[each] >= FAN_IN + each % FAN_IN:
                    self._due.add(each)
            due = bool(self._due)
            overdue = [s for s in self._due if self._waiting[s] >= OVERDUE]
        if self._thread is None:
            self._start()
        if due:
            self._wake.set()
        if overdue:
            self._merge_if_possible(overdue)

    def run_once(self) -> None:
        """Merge all that has piled up, and expire what is too old: what the thread does, here and now."""
        self.expire()
        self._damaged.clear()
        with self._file.reading() as db:
            found = (
                [] if db is None else db.execute(_PILED_UP, {"fan_in": FAN_IN, "top": TOP_LEVEL}).fetchall()
            )
        self._merge([series for (series,) in found])

    def close(self) -> None:
        """End the thread; what is still due is found again by the next one."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None
        self._stop.clear()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="compaction", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        expired: float | None = None
        while not self._stop.is_set():
            try:
                if expired is None or time.monotonic() - expired > _EXPIRE_EVERY_S:
                    self.run_once()
                    expired = time.monotonic()
            except StoreUnavailable as error:
                _log.warning("the embedded store is not compacted now: %s", error)
            with self._lock:
                due, self._due = self._due, set()
            self._merge_if_possible(sorted(due))
            self._wake.wait(_EXPIRE_EVERY_S)
            self._wake.clear()

    def _merge_if_possible(self, series: Iterable[int]) -> None:
        """Merge; what keeps the store from it now is the writer's and the readers' to tell of."""
        try:
            self._merge(series)
        except StoreUnavailable as error:
            _log.warning("the embedded store is not compacted now: %s", error)

    def _merge(self, series: Iterable[int]) -> None:
        """Merge these series as far as they need it, in small transactions."""
        queue = list(series)
        while queue and not self._stop.is_set():
            ready: list[_Merge] = []
            size, content = 0, ""
            with self._file.reading() as db:
                while db is not None and queue and size < _BATCH_BYTES:
                    content = content_of(db)
                    merge = self._prepared(db, queue.pop())
                    if merge is not None:
                        ready.append(merge)
                        size += merge.size
            if ready:
                with self._file.writing() as db:
                    if content_of(db) != content:
                        return  # a backup was restored meanwhile
                    for merge in ready:
                        _exchange(db, merge)
                queue += [m.series for m in ready]  # the next level may be due now
            with self._lock:
                for merge in ready:
                    if merge.level == 0:
                        self._waiting[merge.series] -= merge.chunks

    def _prepared(self, db: sqlite3.Connection, series: int) -> _Merge | None:
        """What to merge of a series; a damaged one is left as it is, for others not to wait for it."""
        if series in self._damaged:
            return None
        try:
            return _prepare(db, series)
        except StoreDamaged as error:
            self._damaged.add(series)
            _log.warning("series %d of the embedded store is not compacted: %s", series, error)
            return None

    def expire(self) -> None:
        """Let go of what is older than its bucket keeps."""
        for bucket, keep_s in self._retention_s.items():
            edge = self._now_ns() - keep_s * _NS
            # A chunk that reaches across the edge is cut now and then, not at every pass.
            slack = min(keep_s * _NS // 20, 86_400 * _NS)
            with self._file.reading() as db:
                if db is None:
                    return
                series = db.execute(
                    "SELECT id, kind FROM series WHERE bucket = ? AND EXISTS"
                    " (SELECT 1 FROM chunk WHERE series = series.id AND first_ns < ?)",
                    (bucket, edge - slack),
                ).fetchall()
            for begin in range(0, len(series), _EXPIRE_AT_ONCE):
                with self._file.writing() as db:
                    for each, kind in series[begin : begin + _EXPIRE_AT_ONCE]:
                        _expire(db, each, kind, edge)


_PILED_UP = """SELECT DISTINCT series FROM (SELECT series, level FROM chunk GROUP BY series, level
    HAVING count(*) >= :fan_in + series % :fan_in AND level < :top)"""


def _prepare(db: sqlite3.Connection, series: int) -> _Merge | None:
    """The lowest level of a series that has enough chunks, read and joined; None where none has."""
    for level in range(TOP_LEVEL):
        where = "FROM chunk WHERE series = ? AND level = ?"
        count, last = db.execute(f"SELECT count(*), max(id) {where}", (series, level)).fetchone()
        if count < FAN_IN + series % FAN_IN:
            continue
        (kind,) = db.execute("SELECT kind FROM series WHERE id = ?", (series,)).fetchone()
        found = db.execute(f"SELECT {COLUMNS} {where} ORDER BY id", (series, level)).fetchall()
        size = sum(len(chunk[-1]) for chunk in found)
        return _Merge(series, kind, level, last, count, *joined(kind, found), size)
    return None


def _exchange(db: sqlite3.Connection, merge: _Merge) -> None:
    """Put a merged column in the place of its chunks; nothing where another process has been quicker."""
    where = "FROM chunk WHERE series = ? AND level = ? AND id <= ?"
    whose = merge.series, merge.level, merge.last_id
    (count,) = db.execute(f"SELECT count(*) {where}", whose).fetchone()
    if count == merge.chunks:
        db.execute(f"DELETE {where}", whose)
        append(db, merge.series, merge.kind, merge.time_ns, merge.values, merge.level + 1)


def _expire(db: sqlite3.Connection, series: int, kind: Kind, edge_ns: int) -> None:
    """Delete what lies before a time; a chunk that reaches across it keeps its place and the rest."""
    db.execute("DELETE FROM chunk WHERE series = ? AND last_ns < ?", (series, edge_ns))
    across = f"SELECT {COLUMNS}, id FROM chunk WHERE series = ? AND first_ns < ?"  # noqa: S608 - constants
    for *head, row_id in db.execute(across, (series, edge_ns)).fetchall():
        chunk: Chunk = tuple(head)
        time_ns, values = whole(kind, chunk)
        keep = int(np.searchsorted(time_ns, edge_ns))
        data = pack(kind, time_ns[keep:], values[keep:])
        first, rows = int(time_ns[keep]), len(time_ns) - keep
        mark = seal(series, chunk[1], first, chunk[3], rows, data)
        db.execute(
            "UPDATE chunk SET first_ns = ?, rows = ?, seal = ?, data = ? WHERE id = ?",
            (first, rows, mark, data, row_id),
        )
