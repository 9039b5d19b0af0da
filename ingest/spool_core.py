"""Under the spool: its files, its account, its transactions; damage found is counted, never in the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from ingest.account import Account, Gap, Ledger
from ingest.batches import NUMBERS, sound
from ingest.errors import SpoolLocked, SpoolUnavailable
from ingest.filelock import FileLock
from ingest.mark import Mark, MarkFile
from ingest.reserve import Reserve, disk_is_full
from ingest.spool_file import OutOfOrder, open_database, salvage, set_aside, tells_of_damage

DAMAGED: Final = "spool-damaged"
"""Reason of the gap that damage to the spool leaves."""


class SpoolCore:
    """The files of one gateway's spool.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    name : str
        The gateway's: several may share a folder.
    max_bytes : int
        Bound of the database; reached, nothing more is taken.
    """

    def __init__(self, folder: Path, name: str, max_bytes: int = 4_000_000_000) -> None:
        self.path = folder / f"{name}.spool"
        self.max_bytes = max_bytes
        self._mark_file = MarkFile(folder / f"{name}.mark")
        self._lock = FileLock(self.path)
        self._reserve = Reserve(folder / f"{name}.reserve", max_bytes)
        self._db: sqlite3.Connection | None = None
        self._account = Account()
        self._last_ns = 0

    # -- opening and closing

    def open(self) -> None:
        """Open the spool, whatever state it is in: damage is set aside and counted, never in the way.

        Raises
        ------
        SpoolLocked
            Another process has it open.
        SpoolUnavailable
            The folder cannot be used.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            mark = self._mark_file.open()
            self._open_database(mark)
            with suppress(SpoolUnavailable, OSError):  # what waits can be delivered without it
                self._reserve.require()
        except BlockingIOError:
            self.close()
            raise SpoolLocked(
                f"the spool {self.path} is in use by another gateway process; stop it first"
            ) from None
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise SpoolUnavailable(f"the spool {self.path} cannot be opened: {error}") from error

    def close(self) -> None:
        """Let go of the files."""
        self._close_database()
        self._mark_file.close()
        self._lock.release()

    def _close_database(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):  # a damaged one complains, and is dealt with all the same
                self._db.close()
            self._db = None

    def _open_database(self, mark: Mark) -> None:
        try:
            self._db = open_database(self.path)
            self._account = Account.read(self._db)
            self._settle(mark)
        except (sqlite3.Error, ValueError) as error:
            if isinstance(error, sqlite3.Error) and not tells_of_damage(error):
                raise
            self._begin_anew(mark)

    def _begin_anew(self, mark: Mark) -> None:
        """Set a damaged database aside, and go on with what can be read of it."""
        self._close_database()
        aside = set_aside(self.path)
        self._db = open_database(self.path)
        self._account = salvage(aside, self._db, mark)
        self._settle(mark)

    def _settle(self, mark: Mark) -> None:
        """Compare the account with what is there and with the mark; what is missing becomes a gap."""
        with self._transaction() as db:
            account = self._account
            sql = f"SELECT {NUMBERS} FROM batch WHERE seq > ? ORDER BY seq"  # noqa: S608 - our own names
            batches = samples = last_ns = 0
            for row in db.execute(sql, (account.cursor,)).fetchall():
                if sound(row):
                    batches, samples, last_ns = batches + 1, samples + row[0], max(last_ns, row[3])
                else:
                    self._remove(db, row[4])
                account.last_seq = max(account.last_seq, row[4])
            account.last_seq = max(account.last_seq, mark.seq)
            account.received = max(account.received, mark.received)
            known = account.stored + account.replaced + account.dead + samples
            lost_samples = max(account.received - known, 0)
            lost_batches = account.last_seq - account.gone - batches
            account.received = known + lost_samples
            account.dead += lost_samples
            account.waiting = samples
            account.gone = account.last_seq - batches
            if lost_samples or lost_batches > 0:
                start_ns, end_ns = sorted((last_ns or mark.last_ns, mark.last_ns))
                self._lose(db, Gap("none", "none", DAMAGED, start_ns, end_ns, lost_samples))
        self._last_ns = max(mark.last_ns, last_ns)

    @staticmethod
    def _remove(db: sqlite3.Connection, seq: int) -> None:
        """Put a damaged batch where it is in nobody's way, for somebody to look at."""
        db.execute("INSERT INTO damaged (seq, payload) SELECT seq, payload FROM batch WHERE seq = ?", (seq,))
        if db.execute("DELETE FROM batch WHERE seq = ?", (seq,)).rowcount != 1:
            raise OutOfOrder(f"batch {seq} is not where it belongs")

    def _lose(self, db: sqlite3.Connection, gap: Gap) -> None:
        db.execute(
            "INSERT INTO gap (machine, signal, reason, start_ns, end_ns, count) VALUES (?, ?, ?, ?, ?, ?)",
            (gap.machine, gap.signal, gap.reason, gap.start_ns, gap.end_ns, gap.count),
        )
        self._account.gaps += 1

    # -- transactions

    def ledger(self) -> Ledger:
        """The account as it stands."""
        return self._account.ledger()

    @property
    def delivery_ns(self) -> int:
        """Time of the last delivery note."""
        return self._account.delivery_ns

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise SpoolUnavailable(f"the spool {self.path} is not open")
        return self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Changes and account together, or neither."""
        db = self._connection()
        before = replace(self._account)
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            self._account.write(db)
            db.execute("COMMIT")
        except BaseException:
            self._account = before
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Errors of disk and database by their remedy; a database found damaged is opened anew."""
        try:
            yield
        except SpoolUnavailable:
            raise
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                self._reserve.release()
            if not tells_of_damage(error):
                raise SpoolUnavailable(f"the spool {self.path} cannot be used now: {error}") from error
            self._begin_anew(self._account.mark(self._last_ns))
            raise SpoolUnavailable(f"the spool {self.path} was damaged: {error}; it begins anew") from error
        except OSError as error:
            if disk_is_full(error):
                self._reserve.release()
            raise SpoolUnavailable(f"the spool {self.path} cannot be used now: {error}") from error
