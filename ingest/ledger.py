"""Reading a spool's account from outside, while its gateway may be running."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingest.account import Account, DeadLetter, Ledger
from ingest.errors import SpoolUnavailable
from ingest.room import Room, room


@dataclass(frozen=True, slots=True)
class Books:
    """The account of one spool, and why letters died.

    Attributes
    ----------
    ledger : Ledger
    reasons : dict of str to int
        Dead letters by reason.
    latest : tuple of DeadLetter
        The newest of them, newest first.
    room : Room
        How full the spool is, and how long it lasts.
    """

    ledger: Ledger
    reasons: dict[str, int]
    latest: tuple[DeadLetter, ...]
    room: Room


def read_books(folder: Path, name: str, max_bytes: int, *, latest: int = 10) -> Books:
    """The account of a gateway's spool.

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
            account = Account.read(db)
            reasons = dict(
                db.execute("SELECT reason, COUNT(*) FROM dead GROUP BY reason ORDER BY COUNT(*) DESC, reason")
            )
            newest = db.execute(
                "SELECT origin, signal, time_ns, content, reason FROM dead ORDER BY id DESC LIMIT ?",
                (latest,),
            ).fetchall()
            now = room(db, folder, max_bytes)
    except (sqlite3.Error, ValueError) as error:
        raise SpoolUnavailable(f"gateway {name}: the spool {path} cannot be read: {error}") from error
    return Books(account.ledger(), reasons, tuple(DeadLetter(*row) for row in newest), now)
