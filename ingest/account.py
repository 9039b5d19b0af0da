"""The account of a spool: what was received is stored, replaced, dead or waiting; and what was lost."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from ingest.mark import Mark


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of samples; ``received == stored + replaced + dead + waiting``.

    Attributes
    ----------
    received : int
        Samples taken from machines, and messages that could not be read.
    stored, replaced : int
        In the store; in the store in the place of an earlier sample of the same series and time.
    dead : int
        Dead letters: not a value, unknown, refused by the store, or destroyed on disk.
    waiting : int
        In the spool.
    gaps : int
        Known losses written down as such.
    """

    received: int = 0
    stored: int = 0
    replaced: int = 0
    dead: int = 0
    waiting: int = 0
    gaps: int = 0

    @property
    def balances(self) -> bool:
        """Whether every sample received is accounted for."""
        return self.received == self.stored + self.replaced + self.dead + self.waiting


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be had.

    Attributes
    ----------
    machine, signal : str
        Whose; ``none`` where that is not known.
    reason : str
        A short word, such as ``overflow`` or ``outage``.
    start_ns, end_ns : int
        Reach; UTC nanoseconds.
    count : int
        How many samples are known to be missing; 0 where nobody can tell.
    """

    machine: str
    signal: str
    reason: str
    start_ns: int
    end_ns: int
    count: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A sample or message that will never be stored, and why.

    Attributes
    ----------
    origin : str
        Machine, or source and topic.
    signal : str
        Empty for a message that could not be read.
    time_ns : int or None
        The sample's.
    content : bytes
        The value or message as it came, cut where it is long.
    reason : str
    """

    origin: str
    signal: str
    time_ns: int | None
    content: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of writing batches to a store.

    Attributes
    ----------
    replaced : int
        How many of the stored samples replaced an earlier one.
    dead : sequence of DeadLetter
        Samples that the store will never take.
    told : tuple of int
        Numbers of the gaps that it was told of.
    delivery_ns : int
        Time of the delivery note.
    """

    replaced: int = 0
    dead: Sequence[DeadLetter] = ()
    told: tuple[int, ...] = ()
    delivery_ns: int = 0


@dataclass(slots=True)
class Account:
    """The spool's own bookkeeping: the ledger, and where its batches stand.

    Attributes
    ----------
    last_seq : int
        Number of the newest batch ever.
    cursor : int
        Batches up to this one are delivered.
    gone : int
        How many batches are delivered or lost: with those that wait they make `last_seq`.
    delivery_ns : int
        Time of the last delivery note, by the gateway's clock.
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

    @classmethod
    def read(cls, db: sqlite3.Connection) -> Account:
        """The account in a database; ValueError where there is none, or not the one that was written."""
        row = db.execute(f"SELECT {', '.join(_NAMES)}, seal FROM account").fetchone()  # noqa: S608 - our own names
        if row is None or not all(isinstance(number, int) for number in row) or _seal(row[:-1]) != row[-1]:
            raise ValueError("the spool's account is damaged")
        return cls(*row[:-1])

    def write(self, db: sqlite3.Connection) -> None:
        """Put the account down, inside the caller's transaction."""
        numbers = astuple(self)
        values = ", ".join("?" * (len(_NAMES) + 1))
        sql = f"REPLACE INTO account (id, {', '.join(_NAMES)}, seal) VALUES (1, {values})"  # noqa: S608 - our own names
        db.execute(sql, (*numbers, _seal(numbers)))

    @classmethod
    def of(cls, mark: Mark) -> Account:
        """As much of the account as the high-water mark tells."""
        return cls(
            received=mark.received,
            stored=mark.stored,
            replaced=mark.replaced,
            dead=mark.dead,
            gaps=mark.gaps,
            last_seq=mark.seq,
            cursor=mark.cursor,
            gone=mark.gone,
        )

    def ledger(self) -> Ledger:
        """What the outside gets to see."""
        return Ledger(self.received, self.stored, self.replaced, self.dead, self.waiting, self.gaps)

    def mark(self, last_ns: int) -> Mark:
        """The high-water mark that goes with it."""
        return Mark(
            seq=self.last_seq,
            received=self.received,
            stored=self.stored,
            replaced=self.replaced,
            dead=self.dead,
            gaps=self.gaps,
            cursor=self.cursor,
            gone=self.gone,
            last_ns=last_ns,
        )


def _seal(numbers: Sequence[int]) -> int:
    return zlib.crc32(struct.pack(f"<{len(numbers)}q", *numbers))


_NAMES = [f.name for f in fields(Account)]
COLUMNS = ", ".join(f"{name} INTEGER NOT NULL" for name in [*_NAMES, "seal"])
"""Of the `account` table."""
