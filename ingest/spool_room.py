"""Under the spool: how it stays within its bound, and gives back what it no longer needs."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from fieldlab_configs.site import PRIMARY
from ingest.account import Gap
from ingest.batches import WHOLE
from ingest.errors import SpoolUnavailable
from ingest.losses import joined, losses
from ingest.room import Room, room, used_bytes
from ingest.spool_core import SpoolCore
from ingest.spool_file import tells_of_damage

log = logging.getLogger(__name__)

FREE_PAGES: Final = 4000
"""So many pages that hold nothing stay, to be written again."""
_PAGES_AT_ONCE: Final = 100
LEAST_SAMPLES: Final = 25
"""What a batch counts for at least, so that many small ones do not make looking back slow."""


class SpoolRoom(SpoolCore):
    """The room of one gateway's spool.

    Parameters
    ----------
    folder, name, max_bytes, stores
        See :class:`SpoolCore`.
    drops_oldest : bool
        Full, it gives up the oldest that waits instead of taking nothing more; each loss is a gap.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        max_bytes: int = 4_000_000_000,
        *,
        stores: Sequence[str] = (PRIMARY,),
        drops_oldest: bool = False,
    ) -> None:
        super().__init__(folder, name, max_bytes, stores=stores)
        self.drops_oldest = drops_oldest

    def room(self) -> Room:
        """How full it is, and how long it lasts at the rate of late."""
        with self._guarded():
            return room(self._connection(), self.path.parent, self.max_bytes, self._floor())

    def used_bytes(self) -> int:
        """How much of the database is in use."""
        return used_bytes(self._connection())

    def _make_room(self, wanted: int) -> None:
        with self._transaction() as db:
            self._prune(db, 0)
        if self.drops_oldest:
            self._drop_oldest(wanted)
        if self.used_bytes() >= self.max_bytes:
            first = f"{self.behind()} has to take some first"
            raise SpoolUnavailable(f"the spool {self.path} is full ({self.max_bytes} bytes): {first}")

    def behind(self) -> str:
        """The store that keeps the most waiting, in words."""
        name = min(self._accounts, key=lambda store: self._accounts[store].cursor, default=PRIMARY)
        return "the store" if len(self._accounts) == 1 else f"store {name}"

    def _drop_oldest(self, wanted: int) -> None:
        """Give up the oldest batches that wait, until so many bytes fit; each loss becomes a gap.

        What is on its way to a store at this moment is not touched.
        """
        lost: dict[tuple[str, str], Gap] = {}
        with self._transaction() as db:
            first = self._floor()
            sql = f"SELECT {WHOLE} FROM batch WHERE seq > ? ORDER BY seq LIMIT 1"  # noqa: S608 - our own names
            while self.used_bytes() + wanted > self.max_bytes:
                row = db.execute(sql, (first,)).fetchone()
                if row is None:
                    break
                first = row[4]
                losers = self._losers(first, row[8])
                if any(first <= self._handed.get(name, 0) for name in losers):
                    continue
                for gap in losses(row) if losers else ():
                    for name in losers:
                        lost[name, gap.machine] = joined(lost.get((name, gap.machine)), gap)
                db.execute("DELETE FROM batch WHERE seq = ?", (first,))
                self._give_up(losers, row[0])
            for (name, _), gap in lost.items():
                self._lose(db, gap, name)

    def _losers(self, seq: int, whom: str) -> list[str]:
        """The stores that would still get a batch."""
        return [name for name, a in self._accounts.items() if whom in ("", name) and a.cursor < seq]

    def _give_up(self, losers: Sequence[str], samples: int) -> None:
        for name in losers:
            account = self._accounts[name]
            account.waiting -= samples
            account.dead += samples
            account.gone += 1

    def _give_back(self) -> None:
        """Hand the room of what was deleted back to the disk; the reserve stands anew once that is enough."""
        db = self._connection()
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            while self._shrink():
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            if tells_of_damage(error):
                raise
            return  # not enough is free for that either; the next delivery tries again
        with suppress(SpoolUnavailable, OSError):
            self._reserve.require()
            log.warning("the disk of %s has room again", self.path)

    def _prune(self, db: sqlite3.Connection, keep_samples: int) -> None:
        """Delete what every store has, but for the last `keep_samples`."""
        sql = "SELECT seq, samples FROM batch WHERE seq <= ? ORDER BY seq DESC"
        kept = 0
        for seq, samples in db.execute(sql, (self._floor(),)):
            kept += max(samples, LEAST_SAMPLES)
            if kept > keep_samples:
                db.execute("DELETE FROM batch WHERE seq <= ?", (seq,))
                break

    def _shrink(self, keep_pages: int = 0) -> bool:
        """Give some pages that hold nothing back to the disk, beyond those to keep; whether it did."""
        db = self._connection()
        (free,) = db.execute("PRAGMA freelist_count").fetchone()
        if free <= keep_pages:
            return False
        # As a script: `execute` would take a single step, which frees a single page.
        db.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
        return True
