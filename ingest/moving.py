"""What moving data between stores needs of them, and how two stores are held against each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from ingest.columns import Column
from ingest.store import Bucket, Store

FIRST_NS: Final = -(2**63) + 2
LAST_NS: Final = 2**63 - 2
"""Every store can be asked from the one to before the other."""
ABOUT_STORE: Final = "schema"
"""A measurement that tells of its store, and does not move to another."""
DAY: Final = "day"
"""Sums of days of atoms, which the job makes anew wherever the atoms go; see `analytics.days`."""
_WRAP: Final = 2**64


class MovableStore(Store, Protocol):
    """A store that tells what it holds."""

    def measurements(self, bucket: Bucket) -> list[str]:
        """The measurements of a bucket."""
        ...

    def columns(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Column]:
        """Every field of every series in ``[start_ns, end_ns)``, where it has a value."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """How many values, and a checksum of them that no order changes: tallies of parts add up.

    Attributes
    ----------
    rows : int
    checksum : int
        Sum, modulo 2^64, of a hash of each value's bucket, measurement, tags, field, time and value.
    """

    rows: int = 0
    checksum: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.rows + other.rows, (self.checksum + other.checksum) % _WRAP)


def tally(bucket: Bucket, measurement: str, columns: Iterable[Column]) -> Tally:
    """The tally of columns of a measurement."""
    return sum((_tally(bucket, measurement, column) for column in columns), Tally())


def _tally(bucket: Bucket, measurement: str, column: Column) -> Tally:
    series = _hash(json.dumps([bucket, measurement, column.tags, column.field, column.values.dtype.kind]))
    if column.values.dtype.kind == "O":
        known = {text: _hash(text) for text in set(column.values.tolist())}
        values = np.array([known[text] for text in column.values.tolist()], np.uint64)
    else:
        # A store may keep minus nought as nought: the same number, of other bits.
        values = (column.values + column.values.dtype.type(0)).view(np.uint64)
    with np.errstate(over="ignore"):
        mixed = _mixed(_mixed(column.time_ns.view(np.uint64) ^ np.uint64(series)) ^ _mixed(values))
    return Tally(len(mixed), int(np.add.reduce(mixed, dtype=np.uint64)) if len(mixed) else 0)


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _mixed(bits: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Each word spread over all of its bits: the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    word = bits.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def machine_of(column_tags: Iterable[tuple[str, str]]) -> str:
    """Whose a series is; ``none`` for what belongs to no machine."""
    return dict(column_tags).get("machine", "none")


def kept_measurements(store: MovableStore, bucket: Bucket) -> list[str]:
    """The measurements of a bucket that are its data."""
    return [name for name in store.measurements(bucket) if name not in (ABOUT_STORE, DAY)]
