"""Under the spool: its files, its account, its transactions; damage found is counted, never in the way."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from fieldlab_configs.site import PRIMARY
from ingest.account import Gap, Ledger
from ingest.batches import NUMBERS, sound
from ingest.bookkeeping import Account, Accounts, mark_of, newest, read_accounts, write_account
from ingest.errors import SpoolLocked, SpoolNewer, SpoolUnavailable
from ingest.filelock import FileLock
from ingest.mark import Mark, MarkFile
from ingest.reserve import Reserve, disk_is_full
from ingest.spool_file import OutOfOrder, open_database, salvage, set_aside, tells_of_damage

log = logging.getLogger(__name__)

DAMAGED: Final = "spool-damaged"
"""Reason of the gap that damage to the spool leaves."""


def in_use(folder: Path, name: str) -> bool:
    """Whether a process has a gateway's spool open; where there is no spool yet, none has."""
    path = folder / f"{name}.spool"
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire()
    except BlockingIOError:
        return True
    lock.release()
    return False


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
    stores : sequence of str
        Names of the stores that it keeps things for. A new one begins with all that is in the spool; one
        that is not named any more is forgotten.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        max_bytes: int = 4_000_000_000,
        *,
        stores: Sequence[str] = (PRIMARY,),
    ) -> None:
        self.path = folder / f"{name}.spool"
        self.max_bytes = max_bytes
        self._stores = tuple(stores)
        self._mark_file = MarkFile(folder / f"{name}.mark")
        self._lock = FileLock(self.path)
        self._reserve = Reserve(folder / f"{name}.reserve", max_bytes)
        self._db: sqlite3.Connection | None = None
        self._accounts: Accounts = {}
        self._handed: dict[str, int] = {}
        """Up to which batch each store has been handed what waits for it; nothing after damage was found."""
        self._last_ns = 0

    # -- opening and closing

    def open(self) -> None:
        """Open the spool, whatever state it is in: damage is set aside and counted, never in the way.

        Raises
        ------
        SpoolLocked
            Another process has it open.
        SpoolNewer
            A newer Fieldlab wrote it.
        SpoolUnavailable
            The folder cannot be used.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._open_database(self._mark_file.open())
            self._agree()
            with suppress(SpoolUnavailable, OSError):  # what waits can be delivered without it
                self._reserve.require()
        except BlockingIOError:
            self.close()
            raise SpoolLocked(
                f"the spool {self.path} is in use by another gateway process; stop it first"
            ) from None
        except SpoolNewer:
            self.close()
            raise
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
            self._db = open_database(self.path, self._reserve.size)
            self._accounts = read_accounts(self._db)
            self._settle(mark)
        except (sqlite3.Error, ValueError) as error:
            if isinstance(error, sqlite3.Error) and not tells_of_damage(error):
                raise
            self._begin_anew(mark)

    def _begin_anew(self, mark: Mark) -> None:
        """Set a damaged database aside, and go on with what can be read of it."""
        self._close_database()
        aside = set_aside(self.path)
        self._db = open_database(self.path, self._reserve.size)
        self._accounts = salvage(aside, self._db, mark)
        self._settle(mark)

    def _settle(self, mark: Mark) -> None:
        """Compare each account with what is there and with the mark; what is missing becomes a gap."""
        self._handed.clear()
        with self._transaction() as db:
            for name in mark.of.keys() - self._accounts.keys():
                self._accounts[name] = Account.of(mark.of[name], mark.seq)
            rows, last_ns = self._sound_rows(db)
            seq = max([newest(self._accounts.values()), mark.seq, *(row[4] for row in rows)])
            for name, account in self._accounts.items():
                waiting = [row[0] for row in rows if row[4] > account.cursor and row[8] in ("", name)]
                missing = account.settle(seq, len(waiting), sum(waiting), mark.of.get(name))
                if any(missing):
                    start_ns, end_ns = sorted((last_ns or mark.last_ns, mark.last_ns))
                    self._lose(db, Gap("none", "none", DAMAGED, start_ns, end_ns, missing[1]), name)
        self._last_ns = max(mark.last_ns, last_ns)

    def _sound_rows(self, db: sqlite3.Connection) -> tuple[list[tuple[Any, ...]], int]:
        """The columns NUMBERS of what waits for anyone, and its latest time; damaged ones are put aside."""
        sql = f"SELECT {NUMBERS} FROM batch WHERE seq > ? ORDER BY seq"  # noqa: S608 - our own names
        found, last_ns = [], 0
        for row in db.execute(sql, (self._floor(),)).fetchall():
            if sound(row):
                found.append(row)
                last_ns = max(last_ns, row[3])
            else:
                self._remove(db, row[4])
        return found, last_ns

    def _floor(self) -> int:
        """Up to which batch every store has all."""
        return min((account.cursor for account in self._accounts.values()), default=0)

    def _agree(self) -> None:
        """Have an account for each store that there is, and for no other."""
        left = [name for name in self._accounts if name not in self._stores]
        come = [name for name in self._stores if name not in self._accounts]
        if not (left or come):
            return
        with self._transaction() as db:
            for name in left:
                account = self._accounts.pop(name)
                db.execute("DELETE FROM destination WHERE name = ?", (name,))
                db.execute("DELETE FROM batch WHERE whom = ?", (name,))
                log.warning(
                    "spool %s: store %s is not in the config any more; %d samples that waited for it do so no"
                    " longer",
                    self.path,
                    name,
                    account.waiting,
                )
            seq = newest(self._accounts.values())
            for name in come:
                self._accounts[name] = self._begun(db, seq)
        self._mark_file.write(self._mark(), sync=True)

    @staticmethod
    def _begun(db: sqlite3.Connection, seq: int) -> Account:
        """The account of a store that is new here: all that is still in the spool waits for it."""
        sql = "SELECT count(*), coalesce(sum(samples), 0), coalesce(max(seq), 0) FROM batch WHERE whom = ''"
        batches, samples, last = db.execute(sql).fetchone()
        (gaps,) = db.execute("SELECT count(*) FROM gap WHERE whom = ''").fetchone()
        (letters,) = db.execute("SELECT coalesce(max(id), 0) FROM dead").fetchone()
        seq = max(seq, last)
        return Account(
            received=samples,
            waiting=samples,
            gaps=gaps,
            last_seq=seq,
            gone=seq - batches,
            since=letters,
        )

    @staticmethod
    def _remove(db: sqlite3.Connection, seq: int) -> None:
        """Put a damaged batch where it is in nobody's way, for somebody to look at."""
        db.execute("INSERT INTO damaged (seq, payload) SELECT seq, payload FROM batch WHERE seq = ?", (seq,))
        if db.execute("DELETE FROM batch WHERE seq = ?", (seq,)).rowcount != 1:
            raise OutOfOrder(f"batch {seq} is not where it belongs")

    def _lose(self, db: sqlite3.Connection, gap: Gap, whom: str = "") -> None:
        """Write a gap down, for one store or for all."""
        db.execute(
            "INSERT INTO gap (machine, signal, reason, start_ns, end_ns, count, whom)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (gap.machine, gap.signal, gap.reason, gap.start_ns, gap.end_ns, gap.count, whom),
        )
        for account in self._whose(whom):
            account.gaps += 1

    def _whose(self, whom: str) -> list[Account]:
        """The accounts that something counts in."""
        return [account for name, account in self._accounts.items() if whom in ("", name)]

    # -- transactions

    def ledger(self, store: str = PRIMARY) -> Ledger:
        """The account of a store as it stands."""
        return self._accounts[store].ledger()

    def ledgers(self) -> dict[str, Ledger]:
        """The account of each store."""
        return {name: self._accounts[name].ledger() for name in self._stores}

    def delivery_ns(self, store: str = PRIMARY) -> int:
        """Time of the last delivery note to a store."""
        return self._accounts[store].delivery_ns

    def _mark(self) -> Mark:
        return mark_of(self._accounts, self._last_ns)

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise SpoolUnavailable(f"the spool {self.path} is not open")
        return self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Changes and accounts together, or neither."""
        db = self._connection()
        before = {name: replace(account) for name, account in self._accounts.items()}
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            for name, account in self._accounts.items():
                if account != before.get(name):
                    write_account(db, name, account)
            db.execute("COMMIT")
        except BaseException:
            self._accounts = before
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
            self._begin_anew(self._mark())
            raise SpoolUnavailable(f"the spool {self.path} was damaged: {error}; it begins anew") from error
        except OSError as error:
            if disk_is_full(error):
                self._reserve.release()
            raise SpoolUnavailable(f"the spool {self.path} cannot be used now: {error}") from error
