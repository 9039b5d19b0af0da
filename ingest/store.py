"""What a store is: rows in, columns out, idempotent per series, field and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Value = float | int | str
Tags = tuple[tuple[str, str], ...]
"""Tag pairs sorted by name; every tag of the measurement is always there, ``none`` for nothing."""

Bucket = str
"""``raw``, ``kpi`` or ``shared:<company>``: the store turns it into its own name for it."""


class Row(NamedTuple):
    """One field of one series at one time: the atom of storage (InfluxDB's point, field by field).

    A float field takes floats, a text field (``..._text``, ``code``, ``clock``, ``by``...) texts, a
    nanosecond bound (``to_ns``, ``from_ns``) integers; the type of a field never changes.
    """

    measurement: str
    tags: Tags
    field: str
    time_ns: int
    value: Value


class Rejected(NamedTuple):
    """A row that a store will never take, and why."""

    row: Row
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one series, as columns.

    Attributes
    ----------
    tags : dict
        The series' tags.
    time_ns : ndarray of int64, shape (n,)
        Ascending, unique.
    columns : dict of str to ndarray, shape (n,)
        Per field: float64 (NaN: nothing at that time), int64 for the nanosecond bounds (``from_ns``,
        ``to_ns``; 0: nothing), or object for texts (None: nothing).
    """

    tags: Mapping[str, str]
    time_ns: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)


class Store(Protocol):
    """A store. All calls block; callers on an event loop use a thread."""

    def write(self, bucket: Bucket, rows: Sequence[Row]) -> list[Rejected]:
        """Write rows; the later of two with the same series, field and time wins.

        Returns the rows it will never take (type conflict, outside retention); everything else is
        durable when this returns. Raises StoreUnavailable when it is worth trying again later.
        """
        ...

    def read(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Table]:
        """Every series of a measurement in ``[start_ns, end_ns)``, a Table each, sorted by tags."""
        ...

    def last_before(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its last row strictly before `time_ns`: the carry-in."""
        ...

    def first_from(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its first row at or after `time_ns`."""
        ...

    def clear(self, bucket: Bucket) -> None:
        """Delete everything in a bucket; the bucket itself, and who may read it, stay.

        Raises CannotErase where the store has no way to.
        """
        ...

    def delete(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a measurement's rows in ``[start_ns, end_ns)``, of series with these tags.

        Raises CannotErase where the store has no way to.
        """
        ...

    def content(self) -> str:
        """Which content it has: another name since a backup took its place; empty where that cannot be."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class StoreUnavailable(ConnectionError):  # noqa: N818 - named by its remedy: wait for it
    """The store cannot take or give anything now; nothing is lost, try again.

    Attributes
    ----------
    retry_after_s : float or None
        What the store asked for.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


StoreKind = Literal["influxdb", "embedded", "recording"]
