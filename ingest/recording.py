"""Recordings: files as a store that can be read like any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from fieldlab_configs import Site
from ingest.columns import Column, matches, tables
from ingest.errors import RecordingError
from ingest.recording_raw import DeadLine
from ingest.recording_reading import Reading
from ingest.store import Bucket, Rejected, Row, Table

__all__ = ["DeadLine", "RecordingError", "RecordingStore"]


class RecordingStore:
    """Recordings as a store: measurements `machine`, `quality`, `link` of bucket `raw`; read only.

    Files are read when something is first asked; see :class:`ingest.store.Store` for the methods.

    Parameters
    ----------
    site : Site
    inputs : sequence of (str or None, Path)
        Files, each with the machine whose it is where one was named.
    """

    def __init__(self, site: Site, inputs: Sequence[tuple[str | None, Path]]) -> None:
        self._site = site
        self._inputs = [(machine, Path(path)) for machine, path in inputs]

    @property
    def dead(self) -> list[DeadLine]:
        """What could not be used; of very many, the first ones."""
        return self._read.dead

    @property
    def dead_count(self) -> int:
        """How much could not be used."""
        return sum(self._read.dead_by_reason.values())

    @property
    def first_ns(self) -> int | None:
        """Time of the first sample of a signal of the config."""
        return self._read.first_ns

    @property
    def last_ns(self) -> int | None:
        """Time of the last sample of a signal of the config."""
        return self._read.last_ns

    @property
    def machines(self) -> list[str]:
        """Machines of the config that the recordings tell of."""
        return sorted(self._read.machines)

    def complaints(self) -> list[str]:
        """What a user should know of what could not be used: a line per reason and file."""
        read = self._read
        shown: dict[tuple[str, str], DeadLine] = {}
        for dead in read.dead:
            shown.setdefault((dead.reason, dead.where.rpartition(":")[0]), dead)
        lines = list(read.said)
        for (reason, path), n in read.dead_by_reason.items():
            first = shown.get((reason, path))
            example = f": {first.example!r}" if first and first.example else ""
            more = f" ({n} such lines, this is the first)" if n > 1 else ""
            lines.append(f"{first.where if first else path}: {reason}{example}{more}")
        lines += [
            f"{what} is not in the configuration: {n} rows left out"
            for what, n in sorted(read.unknown.items())
        ]
        return lines

    def write(self, bucket: Bucket, rows: Iterable[Row]) -> list[Rejected]:  # noqa: ARG002 - a store's method
        """Refuse: a recording is read only."""
        raise RecordingError("a recording cannot be written to: name a store in the configuration")

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
        """Every series of a measurement in ``[start_ns, end_ns)``."""
        found = self._matching(bucket, measurement, where)
        return tables(c.clipped(start_ns, end_ns) for c in found if fields is None or c.field in fields)

    def last_before(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its last row strictly before `time_ns`."""
        return self._edge(bucket, measurement, time_ns, where, -1)

    def first_from(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its first row at or after `time_ns`."""
        return self._edge(bucket, measurement, time_ns, where, 0)

    def clear(self, bucket: Bucket) -> None:  # noqa: ARG002 - a store's method
        """Refuse: a recording is read only."""
        raise RecordingError("nothing can be deleted from a recording")

    def delete(
        self,
        bucket: Bucket,
        measurement: str,  # noqa: ARG002 - a store's method
        *,
        start_ns: int | None = None,  # noqa: ARG002
        end_ns: int | None = None,  # noqa: ARG002
        where: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> None:
        """Refuse: a recording is read only."""
        self.clear(bucket)

    def content(self) -> str:
        """Always the same."""
        return ""

    def close(self) -> None:
        """Nothing is open."""

    def _edge(
        self, bucket: Bucket, measurement: str, time_ns: int, where: Mapping[str, str] | None, step: int
    ) -> list[Row]:
        rows = []
        for column in self._matching(bucket, measurement, where):
            index = int(np.searchsorted(column.time_ns, time_ns)) + step
            if 0 <= index < len(column.time_ns):
                rows.append(column.row(measurement, index))
        return sorted(rows, key=lambda row: (row.tags, row.field))

    def _matching(self, bucket: Bucket, measurement: str, where: Mapping[str, str] | None) -> list[Column]:
        if bucket != "raw":
            return []
        return [c for c in self._read.columns.get(measurement, []) if matches(c.tags, where)]

    @cached_property
    def _read(self) -> Reading:
        return Reading(self._site, self._inputs)
