"""The spool's own books: per store an account, kept inside the transactions that change it."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Final

from fieldlab_configs.site import PRIMARY
from ingest.account import Ledger
from ingest.mark import Mark, Standing


@dataclass(slots=True)
class Account:
    """The ledger of one store, and where the spool's batches stand with it.

    Attributes
    ----------
    received, stored, replaced, dead, waiting, gaps : int
        See :class:`ingest.account.Ledger`.
    last_seq : int
        Number of the newest batch ever, the same for all stores.
    cursor : int
        Batches up to this one are delivered.
    gone : int
        How many batches are delivered, lost, or another store's: with those that wait they make `last_seq`.
    delivery_ns : int
        Time of the last delivery note, by the gateway's clock.
    told : int
        Gaps up to this number are told.
    since : int
        Dead letters up to this number are older than this account: they do not count in it.
    """

    received: int = 0
    stored: int = 0
    replaced: int = 0
    dead: int = 0
    waiting: int = 0
    gaps: int = 0
    last_seq: int = 0
    cursor: int = 0
    gone: int = 0
    delivery_ns: int = 0
    told: int = 0
    since: int = 0

    @classmethod
    def of(cls, standing: Standing, seq: int) -> Account:
        """As much of an account as the high-water mark tells."""
        return cls(
            received=standing.received,
            stored=standing.stored,
            replaced=standing.replaced,
            dead=standing.dead,
            gaps=standing.gaps,
            last_seq=seq,
            cursor=standing.cursor,
            gone=standing.gone,
        )

    def ledger(self) -> Ledger:
        """What the outside gets to see."""
        return Ledger(self.received, self.stored, self.replaced, self.dead, self.waiting, self.gaps)

    def standing(self) -> Standing:
        """What the high-water mark keeps of it."""
        return Standing(
            received=self.received,
            stored=self.stored,
            replaced=self.replaced,
            dead=self.dead,
            gaps=self.gaps,
            cursor=self.cursor,
            gone=self.gone,
        )

    def settle(self, seq: int, batches: int, samples: int, standing: Standing | None) -> tuple[int, int]:
        """Bring it to what is there; how many batches and samples are missing.

        Parameters
        ----------
        seq : int
            Number of the newest batch that anybody knows of.
        batches, samples : int
            What is there beyond the cursor.
        standing : Standing or None
            What the mark knows.
        """
        self.last_seq = seq
        if standing is not None:
            self.received = max(self.received, standing.received)
        known = self.stored + self.replaced + self.dead + samples
        lost_samples = max(self.received - known, 0)
        lost_batches = seq - self.gone - batches
        self.received = known + lost_samples
        self.dead += lost_samples
        self.waiting = samples
        self.gone = seq - batches
        return max(lost_batches, 0), lost_samples


Accounts = dict[str, Account]
"""By the name of the store."""


def read_accounts(db: sqlite3.Connection) -> Accounts:
    """The accounts in a database; ValueError where one is not what was written."""
    found = {}
    for name, seal, *numbers in db.execute(f"SELECT name, seal, {', '.join(_NAMES)} FROM destination"):  # noqa: S608 - our own names
        if not isinstance(name, str):
            raise ValueError("the spool's account is damaged")  # noqa: TRY004 - damage, not a wrong call
        found[name] = Account(*checked(numbers, seal, name))
    return found


def write_account(db: sqlite3.Connection, name: str, account: Account) -> None:
    """Put an account down, inside the caller's transaction."""
    numbers = astuple(account)
    db.execute(_WRITE, (name, _seal(numbers, name), *numbers))


def read_old_account(db: sqlite3.Connection) -> Accounts:
    """The one account of a spool of before there could be several stores; ValueError where it is damaged."""
    row = db.execute(f"SELECT {', '.join(_OLD_NAMES)}, seal FROM account").fetchone()  # noqa: S608 - our own names
    if row is None:
        raise ValueError("the spool has no account")
    return {PRIMARY: Account(**dict(zip(_OLD_NAMES, checked(row[:-1], row[-1]), strict=True)))}


def checked(numbers: Sequence[object], seal: object, name: str = "") -> list[int]:
    """Numbers that are those that were sealed; else ValueError."""
    whole = [number for number in numbers if isinstance(number, int)]
    if len(whole) < len(numbers) or _seal(whole, name) != seal:
        raise ValueError("the spool's account is damaged")
    return whole


def mark_of(accounts: Accounts, last_ns: int) -> Mark:
    """The high-water mark that goes with accounts."""
    return Mark(newest(accounts.values()), last_ns, {name: a.standing() for name, a in accounts.items()})


def newest(accounts: Iterable[Account]) -> int:
    """Number of the newest batch ever."""
    return max((account.last_seq for account in accounts), default=0)


def _seal(numbers: Sequence[int], name: str = "") -> int:
    return zlib.crc32(struct.pack(f"<{len(numbers)}q", *numbers), zlib.crc32(name.encode()))


_NAMES: Final = [f.name for f in fields(Account)]
_OLD_NAMES: Final = _NAMES[: _NAMES.index("told")]
_PLACES: Final = ", ".join("?" * (len(_NAMES) + 2))
_WRITE: Final = f"REPLACE INTO destination (name, seal, {', '.join(_NAMES)}) VALUES ({_PLACES})"  # noqa: S608 - our own names
COLUMNS: Final = ", ".join(f"{name} INTEGER NOT NULL" for name in ["seal", *_NAMES])
"""Of the `destination` table, beside the name."""
