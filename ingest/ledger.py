"""Reading a spool's account from outside, while its gateway may be running."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fieldlab_configs.site import PRIMARY
from ingest.account import DeadLetter, Ledger
from ingest.bookkeeping import Account, read_accounts, read_old_account
from ingest.errors import SpoolUnavailable
from ingest.room import Room, room
from ingest.spool_schema import is_old, refuse_newer


@dataclass(frozen=True, slots=True)
class StoreBooks:
    """The account of one store.

    Attributes
    ----------
    ledger : Ledger
    reasons : dict of str to int
        Its dead letters by reason, those that no store has among them.
    """

    ledger: Ledger
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Books:
    """The accounts of one spool, and why letters died.

    Attributes
    ----------
    stores : dict of str to StoreBooks
        By the name of the store, the first one first.
    latest : tuple of DeadLetter
        The newest of the dead letters, newest first.
    room : Room
        How full the spool is, and how long it lasts.
    """

    stores: dict[str, StoreBooks]
    latest: tuple[DeadLetter, ...]
    room: Room

    @property
    def ledger(self) -> Ledger:
        """The account of the first store."""
        return self.stores[PRIMARY].ledger

    @property
    def reasons(self) -> dict[str, int]:
        """Dead letters of the first store by reason."""
        return self.stores[PRIMARY].reasons


def read_books(folder: Path, name: str, max_bytes: int, *, latest: int = 10) -> Books:
    """The accounts of a gateway's spool.

    Parameters
    ----------
    folder : Path
        Where the spool lies.
    name : str
        The gateway's.
    max_bytes : int
        Its bound.
    latest : int
        How many dead letters to bring along.

    Raises
    ------
    SpoolUnavailable
        There is no spool yet, or it cannot be read.
    """
    path = folder / f"{name}.spool"
    if not path.is_file():
        raise SpoolUnavailable(f"gateway {name}: there is no spool at {path} yet; the gateway has not run")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as db:
            db.execute("BEGIN")  # all of it as it was at one moment
            if not db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                raise SpoolUnavailable(
                    f"gateway {name}: the spool {path} is empty: its making was cut off, by a full disk"
                    " perhaps; nothing was ever in it, and starting the gateway makes it"
                )
            refuse_newer(db, path)
            old = is_old(db)
            accounts = read_old_account(db) if old else read_accounts(db)
            stores = {
                store: StoreBooks(accounts[store].ledger(), _reasons(db, store, accounts[store], old=old))
                for store in sorted(accounts, key=lambda store: (store != PRIMARY, store))
            }
            columns = f"origin, signal, time_ns, content, reason, {_whom(old=old)}"
            sql = f"SELECT {columns} FROM dead ORDER BY id DESC LIMIT ?"  # noqa: S608 - our own names
            newest = db.execute(sql, (latest,)).fetchall()
            now = room(db, folder, max_bytes, min((a.cursor for a in accounts.values()), default=0))
    except (sqlite3.Error, ValueError) as error:
        raise SpoolUnavailable(f"gateway {name}: the spool {path} cannot be read: {error}") from error
    if PRIMARY not in stores:
        raise SpoolUnavailable(
            f"gateway {name}: the spool {path} has no account; starting the gateway mends it"
        )
    return Books(stores, tuple(DeadLetter(*row) for row in newest), now)


def _reasons(db: sqlite3.Connection, name: str, account: Account, *, old: bool) -> dict[str, int]:
    whom = _whom(old=old)
    sql = f"""SELECT reason, COUNT(*) FROM dead WHERE ({whom} = '' AND id > ?) OR {whom} = ?
        GROUP BY reason ORDER BY COUNT(*) DESC, reason"""  # noqa: S608 - our own names
    return dict(db.execute(sql, (account.since, name)).fetchall())


def _whom(*, old: bool) -> str:
    """The column that tells a letter's store, which an old spool does not have."""
    return "''" if old else "whom"
