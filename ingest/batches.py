"""A batch of the spool, and how its row in the database is sealed against damage."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

NUMBERS: Final = "samples, replaced, first_ns, last_ns, seq, at_ns, crc, seal, whom"
"""Columns that can be checked without reading payloads: `seal` is the checksum of the others."""
WHOLE: Final = f"{NUMBERS}, payload"
INSERT: Final = f"INSERT INTO batch ({WHOLE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
_SEALED = struct.Struct("<7q")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows on their way.

    Attributes
    ----------
    samples, replaced : int
        How many samples of machines it holds, and how many of these replace an earlier one.
    first_ns, last_ns : int
        Reach of its rows' times.
    payload : bytes
        See :mod:`ingest.frames`.
    seq : int
        Given by the spool.
    at_ns : int
        When it was spooled, by the system's clock.
    whom : str
        The only store it is for; empty: for all.
    """

    samples: int
    replaced: int
    first_ns: int
    last_ns: int
    payload: bytes
    seq: int = 0
    at_ns: int = 0
    whom: str = ""

    def row(self, seq: int, at_ns: int) -> tuple[int | str | bytes, ...]:
        """The columns WHOLE, sealed."""
        crc = zlib.crc32(self.payload)
        numbers = (self.samples, self.replaced, self.first_ns, self.last_ns, seq, at_ns, crc)
        return (*numbers, seal(numbers, self.whom), self.whom, self.payload)


def seal(numbers: Sequence[int], whom: str) -> int:
    """Checksum of the columns NUMBERS but for itself; for all stores, that of the numbers alone."""
    return zlib.crc32(whom.encode(), zlib.crc32(_SEALED.pack(*numbers)))


def sound(row: Sequence[Any]) -> bool:
    """Whether the columns NUMBERS, first in a row, are those that were written."""
    try:
        return bool(seal(row[:7], row[8]) == row[7])
    except (struct.error, AttributeError):  # something else than a number or a text
        return False


def batch_of(row: Sequence[Any]) -> Batch | None:
    """The batch in the columns WHOLE; None where it is damaged."""
    whom, payload = row[8:10]
    if not sound(row) or not isinstance(payload, bytes) or zlib.crc32(payload) != row[6]:
        return None
    samples, replaced, first_ns, last_ns, seq, at_ns = row[:6]
    return Batch(samples, replaced, first_ns, last_ns, payload, seq, at_ns, whom)
