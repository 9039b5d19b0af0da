"""What is said of samples: an account per store, gaps, dead letters, and what came of a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of samples on their way to one store; ``received == stored + replaced + dead + waiting``.

    Attributes
    ----------
    received : int
        Samples taken from machines for it, and messages that could not be read.
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
    whom : str
        The store that will never have it; empty: none has.
    """

    origin: str
    signal: str
    time_ns: int | None
    content: bytes
    reason: str
    whom: str = ""


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
