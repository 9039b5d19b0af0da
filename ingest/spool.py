"""The spool: where a gateway keeps what its stores have not taken yet. SQLite, durable before acknowledged.

One connection, used by one thread at a time. Every batch has a checksum and a contiguous sequence number.
Each store has a cursor and an account of its own, kept inside the same transactions; a batch stays until
every store has it. The high-water mark lies in a second file, so that batches that vanish with a damaged
database are known to be missing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from fieldlab_configs.site import PRIMARY
from ingest.account import DeadLetter, Gap, Outcome
from ingest.batches import INSERT, WHOLE, Batch, batch_of, sound
from ingest.errors import SpoolUnavailable, SpoolUncertain
from ingest.reserve import disk_is_full
from ingest.spool_core import DAMAGED
from ingest.spool_room import FREE_PAGES, LEAST_SAMPLES, SpoolRoom

KEEP_SAMPLES: Final = 50_000
"""So many delivered samples stay, for a restarted gateway to know what it has had already."""
KEEP_DEAD_LETTERS: Final = 100_000


class Spool(SpoolRoom):
    """The spool of one gateway; see :class:`ingest.spool_room.SpoolRoom` for how it is opened."""

    # -- taking in

    def append(
        self, batches: Sequence[Batch], dead: Sequence[DeadLetter] = (), gaps: Sequence[Gap] = ()
    ) -> None:
        """Take batches, dead letters and gaps, for all stores; all durable when this returns, or none.

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
                    self._insert(db, batch)
                self._bury(db, dead)
                for gap in gaps:
                    self._lose(db, gap)
                for account in self._accounts.values():
                    account.received += sum(batch.samples for batch in batches) + len(dead)
            try:
                self._mark_file.write(self._mark(), sync=True)
            except OSError as error:
                if disk_is_full(error):
                    self._reserve.release()
                raise SpoolUncertain(f"{self._mark_file.path} cannot be written: {error}") from error

    def _insert(self, db: sqlite3.Connection, batch: Batch) -> None:
        seq = 0
        for name, account in self._accounts.items():
            seq = account.last_seq = account.last_seq + 1
            if batch.whom in ("", name):
                account.waiting += batch.samples
            else:
                account.gone += 1
        self._last_ns = max(self._last_ns, batch.last_ns)
        db.execute(INSERT, batch.row(seq, time.time_ns()))

    def _bury(self, db: sqlite3.Connection, dead: Sequence[DeadLetter], whom: str = "") -> None:
        if not dead:
            return
        now_ns = time.time_ns()
        db.executemany(
            "INSERT INTO dead (at_ns, origin, signal, time_ns, content, reason, whom)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(now_ns, d.origin, d.signal, d.time_ns, d.content, d.reason, whom) for d in dead],
        )
        db.execute("DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?", (KEEP_DEAD_LETTERS,))
        for account in self._whose(whom):
            account.dead += len(dead)

    # -- giving out

    def waiting(self, max_samples: int, store: str = PRIMARY) -> list[Batch]:
        """The oldest batches that a store does not have, about `max_samples` rows of them, at least one.

        One that is damaged is set aside and becomes a gap.
        """
        with self._guarded():
            while True:
                found, damaged = self._oldest(max_samples, store)
                if damaged is None:
                    self._handed[store] = found[-1].seq if found else 0
                    return found
                if not sound(damaged):
                    self._settle(self._mark())
                else:
                    self._set_aside(damaged)

    def _oldest(self, max_samples: int, store: str) -> tuple[list[Batch], tuple[Any, ...] | None]:
        """Whole batches up to a damaged one; where that one is the first, its row."""
        found: list[Batch] = []
        taken = 0
        sql = f"SELECT {WHOLE} FROM batch WHERE seq > ? AND whom IN ('', ?) ORDER BY seq"  # noqa: S608 - our own names
        cursor = self._connection().execute(sql, (self._accounts[store].cursor, store))
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

    def _set_aside(self, row: tuple[Any, ...]) -> None:
        """A batch of which only the payload is damaged; a store that has it in hand gets the others again."""
        samples, _, first_ns, last_ns, seq = row[:5]
        self._handed.clear()
        with self._transaction() as db:
            losers = self._losers(seq, row[8])
            self._remove(db, seq)
            self._give_up(losers, samples)
            for name in losers:
                self._lose(db, Gap("none", "none", DAMAGED, first_ns, last_ns + 1, samples), name)

    def untold_gaps(self, store: str = PRIMARY) -> dict[int, Gap]:
        """Gaps that a store has not been told of, by number."""
        names = "id, machine, signal, reason, start_ns, end_ns, count"
        sql = f"SELECT {names} FROM gap WHERE id > ? AND whom IN ('', ?) ORDER BY id LIMIT 1000"  # noqa: S608 - our own names
        with self._guarded():
            rows = self._connection().execute(sql, (self._accounts[store].told, store))
            return {row[0]: Gap(*row[1:]) for row in rows}

    def delivered(self, batches: Sequence[Batch], outcome: Outcome, store: str = PRIMARY) -> None:
        """A store has taken batches, all but those of their samples that became dead letters.

        Raises
        ------
        SpoolUnavailable
            Damage was found since they were handed out: they count once they are delivered again.
        """
        samples = sum(b.samples for b in batches)
        with self._guarded():
            if batches and batches[-1].seq > self._handed.get(store, 0):
                raise SpoolUnavailable(f"the spool {self.path} had to be put in order: delivering again")
            with self._transaction() as db:
                account = self._accounts[store]
                if batches:
                    account.cursor = batches[-1].seq
                    account.gone += len(batches)
                account.waiting -= samples
                account.replaced += outcome.replaced
                account.stored += samples - outcome.replaced - len(outcome.dead)
                account.delivery_ns = max(account.delivery_ns, outcome.delivery_ns)
                account.told = max(account.told, *outcome.told, 0)
                self._bury(db, outcome.dead, store)
                self._prune(db, KEEP_SAMPLES if self._reserve.stands else 0)
            self._handed.pop(store, None)
            if self._reserve.stands:
                self._shrink(FREE_PAGES)
            else:
                self._give_back()
            self._mark_file.write(self._mark(), sync=False)

    def newest(self, max_samples: int) -> Iterator[Batch]:
        """The newest whole batches that are still there, delivered ones too; oldest first."""
        with self._guarded():
            db = self._connection()
            first, samples = 0, 0
            for seq, n in db.execute("SELECT seq, samples FROM batch ORDER BY seq DESC"):
                first, samples = seq, samples + max(n, LEAST_SAMPLES)
                if samples >= max_samples:
                    break
            sql = f"SELECT {WHOLE} FROM batch WHERE seq >= ? ORDER BY seq"  # noqa: S608 - our own names
            for row in db.execute(sql, (first,)):
                batch = batch_of(row)
                if batch is not None:
                    yield batch

    # -- dead letters

    def letters(self, reason: str | None = None) -> dict[int, DeadLetter]:
        """Dead letters by number, of one reason or all; oldest first."""
        names = "id, origin, signal, time_ns, content, reason, whom"
        sql = f"SELECT {names} FROM dead WHERE ? IS NULL OR reason = ? ORDER BY id"  # noqa: S608 - our own names
        with self._guarded():
            return {row[0]: DeadLetter(*row[1:]) for row in self._connection().execute(sql, (reason, reason))}

    def revive(self, numbers: Sequence[int], batches: Sequence[Batch]) -> None:
        """Dead letters that became samples after all: they wait again, for the stores that have them not.

        Parameters
        ----------
        numbers : sequence of int
            Of the letters, see :meth:`letters`; as many as the batches have samples.
        batches : sequence of Batch
            At least one; all for the same store, or all for every one.
        """
        with self._guarded():
            with self._transaction() as db:
                for batch in batches:
                    self._insert(db, batch)
                for account in self._whose(batches[0].whom):
                    counted = sum(number > account.since for number in numbers)
                    account.dead -= counted
                    account.received += len(numbers) - counted  # they died before this store was there
                db.executemany("DELETE FROM dead WHERE id = ?", [(number,) for number in numbers])
            self._mark_file.write(self._mark(), sync=True)
