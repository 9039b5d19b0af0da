"""The spool: where a gateway keeps what the store has not taken yet. SQLite, durable before acknowledged.

One connection, used by one thread at a time. Every batch has a checksum and a contiguous sequence number;
the account is kept inside the same transactions; the high-water mark lies in a second file, so that
batches that vanish with a damaged database are known to be missing.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ingest.account import DeadLetter, Gap, Outcome
from ingest.batches import WHOLE, Batch, batch_of, sound
from ingest.errors import SpoolUnavailable, SpoolUncertain
from ingest.frames import PLAIN, decode
from ingest.reserve import disk_is_full
from ingest.room import Room, room
from ingest.rows import NONE
from ingest.spool_core import DAMAGED, SpoolCore

log = logging.getLogger(__name__)

FULL: Final = "spool-full"
"""Reason of the gap that dropping the oldest leaves."""
KEEP_SAMPLES: Final = 50_000
"""So many delivered samples stay, for a restarted gateway to know what it has had already."""
KEEP_DEAD_LETTERS: Final = 100_000
_PAGES_TO_FREE: Final = 4000
_LEAST_SAMPLES: Final = 25
"""What a batch counts for at least, so that many small ones do not make looking back slow."""


class Spool(SpoolCore):
    """The spool of one gateway; see :class:`SpoolCore` for how it is opened.

    Parameters
    ----------
    folder, name, max_bytes
        See :class:`SpoolCore`.
    drops_oldest : bool
        Full, it gives up the oldest that waits instead of taking nothing more; each loss is a gap.
    """

    def __init__(
        self, folder: Path, name: str, max_bytes: int = 4_000_000_000, *, drops_oldest: bool = False
    ) -> None:
        super().__init__(folder, name, max_bytes)
        self.drops_oldest = drops_oldest
        self._handed_out = 0

    # -- taking in

    def append(
        self, batches: Sequence[Batch], dead: Sequence[DeadLetter] = (), gaps: Sequence[Gap] = ()
    ) -> None:
        """Take batches, dead letters and gaps; all durable when this returns, or none.

        Raises
        ------
        SpoolUnavailable
            Full, or the disk fails: nothing was taken; try again.
        SpoolUncertain
            All was taken, but is not safe yet: do not acknowledge, try again.
        """
        with self._guarded():
            self._reserve.require()
            wanted = sum(len(b.payload) for b in batches)
            if batches and self.used_bytes() + wanted > self.max_bytes:
                self._make_room(wanted)
            with self._transaction() as db:
                for batch in batches:
                    self._account.received += batch.samples
                    self._insert(db, batch)
                self._bury(db, dead)
                for gap in gaps:
                    self._lose(db, gap)
                self._account.received += len(dead)
            try:
                self._mark_file.write(self._account.mark(self._last_ns), sync=True)
            except OSError as error:
                if disk_is_full(error):
                    self._reserve.release()
                raise SpoolUncertain(f"{self._mark_file.path} cannot be written: {error}") from error

    def _insert(self, db: sqlite3.Connection, batch: Batch) -> None:
        account = self._account
        account.last_seq += 1
        account.waiting += batch.samples
        self._last_ns = max(self._last_ns, batch.last_ns)
        sql = f"INSERT INTO batch ({WHOLE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
        db.execute(sql, batch.row(account.last_seq, time.time_ns()))

    def _bury(self, db: sqlite3.Connection, dead: Sequence[DeadLetter]) -> None:
        if not dead:
            return
        now_ns = time.time_ns()
        db.executemany(
            "INSERT INTO dead (at_ns, origin, signal, time_ns, content, reason) VALUES (?, ?, ?, ?, ?, ?)",
            [(now_ns, d.origin, d.signal, d.time_ns, d.content, d.reason) for d in dead],
        )
        db.execute("DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?", (KEEP_DEAD_LETTERS,))
        self._account.dead += len(dead)

    # -- giving out

    def waiting(self, max_samples: int) -> list[Batch]:
        """The oldest batches that are not delivered, about `max_samples` rows of them, at least one.

        One that is damaged is set aside and becomes a gap.
        """
        with self._guarded():
            while True:
                found, damaged = self._oldest(max_samples)
                if damaged is None:
                    self._handed_out = found[-1].seq if found else 0
                    return found
                if not sound(damaged):
                    self._settle(self._account.mark(self._last_ns))
                else:
                    self._set_aside(*damaged[:5])

    def _oldest(self, max_samples: int) -> tuple[list[Batch], tuple[int, ...] | None]:
        """Whole batches up to a damaged one; where that one is the first, its row."""
        found: list[Batch] = []
        taken = 0
        sql = f"SELECT {WHOLE} FROM batch WHERE seq > ? ORDER BY seq"  # noqa: S608 - our own names
        cursor = self._connection().execute(sql, (self._account.cursor,))
        try:
            for row in cursor:
                batch = batch_of(row)
                if batch is None:
                    return found, None if found else row
                found.append(batch)
                taken += max(batch.samples, 1)
                if taken >= max_samples:
                    break
        finally:
            cursor.close()
        return found, None

    def _set_aside(self, samples: int, replaced: int, first_ns: int, last_ns: int, seq: int) -> None:
        """A batch of which only the payload is damaged."""
        del replaced  # none of them got there
        with self._transaction() as db:
            self._remove(db, seq)
            self._account.waiting -= samples
            self._account.dead += samples
            self._account.gone += 1
            self._lose(db, Gap("none", "none", DAMAGED, first_ns, last_ns + 1, samples))

    def untold_gaps(self) -> dict[int, Gap]:
        """Gaps that the store has not been told of, by number."""
        with self._guarded():
            names = "id, machine, signal, reason, start_ns, end_ns, count"
            sql = f"SELECT {names} FROM gap WHERE NOT told LIMIT 1000"  # noqa: S608 - our own names
            return {row[0]: Gap(*row[1:]) for row in self._connection().execute(sql)}

    def delivered(self, batches: Sequence[Batch], outcome: Outcome) -> None:
        """The store has taken batches, all but those of their samples that became dead letters."""
        samples = sum(b.samples for b in batches)
        with self._guarded():
            with self._transaction() as db:
                account = self._account
                if batches:
                    account.cursor = batches[-1].seq
                    account.gone += len(batches)
                account.waiting -= samples
                account.replaced += outcome.replaced
                account.stored += samples - outcome.replaced - len(outcome.dead)
                account.delivery_ns = max(account.delivery_ns, outcome.delivery_ns)
                self._bury(db, outcome.dead)
                db.executemany("UPDATE gap SET told = 1 WHERE id = ?", [(number,) for number in outcome.told])
                self._prune(db, KEEP_SAMPLES if self._reserve.stands else 0)
            self._handed_out = 0
            if not self._reserve.stands:
                self._give_back()
            self._mark_file.write(self._account.mark(self._last_ns), sync=False)

    def newest(self, max_samples: int) -> Iterator[Batch]:
        """The newest whole batches that are still there, delivered ones too; oldest first."""
        with self._guarded():
            db = self._connection()
            first, samples = 0, 0
            for seq, n in db.execute("SELECT seq, samples FROM batch ORDER BY seq DESC"):
                first, samples = seq, samples + max(n, _LEAST_SAMPLES)
                if samples >= max_samples:
                    break
            sql = f"SELECT {WHOLE} FROM batch WHERE seq >= ? ORDER BY seq"  # noqa: S608 - our own names
            for row in db.execute(sql, (first,)):
                batch = batch_of(row)
                if batch is not None:
                    yield batch

    # -- room

    def used_bytes(self) -> int:
        """How much of the database is in use."""
        db = self._connection()
        pages, free, size = (
            db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _make_room(self, wanted: int) -> None:
        with self._transaction() as db:
            self._prune(db, 0)
        if self.drops_oldest:
            self._drop_oldest(wanted)
        if self.used_bytes() >= self.max_bytes:
            raise SpoolUnavailable(
                f"the spool {self.path} is full ({self.max_bytes} bytes): the store has to take some first"
            )

    def _drop_oldest(self, wanted: int) -> None:
        """Give up the oldest batches that wait, until so many bytes fit; each loss becomes a gap.

        What is on its way to the store at this moment is not touched.
        """
        losses: dict[str, Gap] = {}
        with self._transaction() as db:
            first = max(self._account.cursor, self._handed_out)
            while self.used_bytes() + wanted > self.max_bytes:
                sql = f"SELECT {WHOLE} FROM batch WHERE seq > ? ORDER BY seq LIMIT 1"  # noqa: S608 - our own names
                row = db.execute(sql, (first,)).fetchone()
                if row is None:
                    break
                first = row[4]
                for gap in _losses(row):
                    losses[gap.machine] = _joined(losses.get(gap.machine), gap)
                db.execute("DELETE FROM batch WHERE seq = ?", (first,))
                self._account.waiting -= row[0]
                self._account.dead += row[0]
                self._account.gone += 1
            for gap in losses.values():
                self._lose(db, gap)

    def _give_back(self) -> None:
        """Hand the room of what was deleted back to the disk; the reserve stands anew once that is enough."""
        db = self._connection()
        db.execute("PRAGMA incremental_vacuum").fetchall()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with suppress(SpoolUnavailable, OSError):
            self._reserve.require()
            log.warning("the disk of %s has room again", self.path)

    # -- dead letters

    def letters(self, reason: str | None = None) -> dict[int, DeadLetter]:
        """Dead letters by number, of one reason or all; oldest first."""
        names = "id, origin, signal, time_ns, content, reason"
        sql = f"SELECT {names} FROM dead WHERE ? IS NULL OR reason = ? ORDER BY id"  # noqa: S608 - our own names
        with self._guarded():
            return {row[0]: DeadLetter(*row[1:]) for row in self._connection().execute(sql, (reason, reason))}

    def revive(self, numbers: Sequence[int], batches: Sequence[Batch]) -> None:
        """Dead letters that became samples after all: they wait again.

        Parameters
        ----------
        numbers : sequence of int
            Of the letters, see :meth:`letters`; as many as the batches have samples.
        batches : sequence of Batch
        """
        with self._guarded():
            with self._transaction() as db:
                for batch in batches:
                    self._insert(db, batch)
                db.executemany("DELETE FROM dead WHERE id = ?", [(number,) for number in numbers])
                self._account.dead -= len(numbers)
            self._mark_file.write(self._account.mark(self._last_ns), sync=True)

    # -- autonomy

    def room(self) -> Room:
        """How full it is, and how long it lasts at the rate of late."""
        with self._guarded():
            return room(self._connection(), self.path.parent, self.max_bytes)

    def _prune(self, db: sqlite3.Connection, keep_samples: int) -> None:
        """Delete what was delivered, but for the last `keep_samples`."""
        sql = "SELECT seq, samples FROM batch WHERE seq <= ? ORDER BY seq DESC"
        kept = 0
        for seq, samples in db.execute(sql, (self._account.cursor,)):
            kept += max(samples, _LEAST_SAMPLES)
            if kept > keep_samples:
                db.execute("DELETE FROM batch WHERE seq <= ?", (seq,))
                break
        (free,) = db.execute("PRAGMA freelist_count").fetchone()
        if free > _PAGES_TO_FREE:
            db.execute(f"PRAGMA incremental_vacuum({_PAGES_TO_FREE})").fetchall()


def _losses(row: tuple[Any, ...]) -> Iterator[Gap]:
    """What is lost with a batch, per machine."""
    batch = batch_of(row)
    if batch is None:
        samples, _, first_ns, last_ns = row[:4]
        yield Gap(NONE, NONE, DAMAGED, first_ns, last_ns + 1, samples)
        return
    frame = decode(batch.payload)
    times: dict[str, list[int]] = defaultdict(list)
    for told, mark in zip(frame.rows, frame.marks, strict=True):
        if mark != PLAIN:
            times[dict(told.tags).get("machine", NONE)].append(told.time_ns)
    for machine, found in times.items():
        yield Gap(machine, NONE, FULL, min(found), max(found) + 1, len(found))
    # Samples that write no row of their own, of a quality that did not change.
    silent = batch.samples - sum(len(found) for found in times.values())
    if silent > 0:
        yield Gap(next(iter(times), NONE), NONE, FULL, batch.first_ns, batch.last_ns + 1, silent)


def _joined(one: Gap | None, other: Gap) -> Gap:
    if one is None:
        return other
    start_ns, end_ns = min(one.start_ns, other.start_ns), max(one.end_ns, other.end_ns)
    return Gap(one.machine, one.signal, one.reason, start_ns, end_ns, one.count + other.count)
