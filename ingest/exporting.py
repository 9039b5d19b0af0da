"""Copying a store, or a range of it, to an archive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ingest.archive import Manifest, Part, Scope, digest, part_path
from ingest.archive_files import Columns, parquet, write_part
from ingest.columns import Column
from ingest.errors import ArchiveError
from ingest.moving import FIRST_NS, LAST_NS, MovableStore, kept_measurements, machine_of, tally
from ingest.store import Bucket, StoreUnavailable

DAY_NS = 86_400 * 1_000_000_000
Told = Callable[[str], None]
"""Takes a line of progress."""


def export(
    store: MovableStore,
    fieldlab: str,
    folder: Path,
    *,
    buckets: Sequence[Bucket],
    start_ns: int | None = None,
    end_ns: int | None = None,
    told: Told = lambda _: None,
) -> Manifest:
    """Copy buckets to an archive; one that was begun and not finished is finished.

    Parameters
    ----------
    store : MovableStore
    fieldlab : str
    folder : Path
    buckets : sequence of str
    start_ns, end_ns : int or None
        The range ``[start_ns, end_ns)``; None: all there is.
    told : callable
        Takes a line of progress for every file.

    Raises
    ------
    ArchiveError
        The folder holds something else; pyarrow is missing.
    StoreUnavailable
        The store does not answer; run it again.
    """
    parquet()  # said before hours of work, not after
    try:
        manifest = Manifest(folder)
        manifest.begin(Scope(fieldlab, tuple(buckets), start_ns, end_ns))
        if manifest.complete:
            return manifest
        for bucket in buckets:
            for machine, day_ns, columns in _days(store, bucket, start_ns, end_ns, manifest):
                part = _written(folder, bucket, machine, day_ns, columns)
                manifest.add(part)
                told(f"{bucket} {machine} {part.day}: {part.rows} values; {manifest.rows} in all")
        manifest.finish()
    except StoreUnavailable:
        raise
    except OSError as error:
        why = error.strerror or str(error)
        raise ArchiveError(f"{folder} cannot be written: {why}; run it again to go on") from None
    return manifest


def _written(folder: Path, bucket: Bucket, machine: str, day_ns: int, columns: Columns) -> Part:
    day = day_of(day_ns)
    name = part_path(bucket, machine, day)
    write_part(folder / name, columns)
    tallies = {measurement: tally(bucket, measurement, found) for measurement, found in columns.items()}
    return Part(name, bucket, machine, day, tallies, digest(folder / name))


def _days(
    store: MovableStore, bucket: Bucket, start_ns: int | None, end_ns: int | None, manifest: Manifest
) -> Iterator[tuple[str, int, Columns]]:
    """Machine, begin of a day and its columns, for each day that has any and is not exported yet."""
    low = FIRST_NS if start_ns is None else start_ns
    high = LAST_NS if end_ns is None else end_ns
    machines: dict[str, set[str]] = {}
    first: dict[str, int] = {}
    for measurement in kept_measurements(store, bucket):
        for row in store.first_from(bucket, measurement, low):
            machine = machine_of(row.tags)
            machines.setdefault(machine, set()).add(measurement)
            first[machine] = min(row.time_ns, first.get(machine, LAST_NS))
    for machine in sorted(machines):
        measurements = sorted(machines[machine])
        at = first[machine]
        while at < high:
            day = at - at % DAY_NS
            until = min(day + DAY_NS, high)
            if part_path(bucket, machine, day_of(day)) in manifest.parts:
                at = until
                continue
            found = {m: columns_of(store, bucket, m, machine, max(day, low), until) for m in measurements}
            columns = {m: of_it for m, of_it in found.items() if of_it}
            if columns:
                yield machine, day, columns
                at = until
            else:  # a clock that began in 1970 must not cost a look at every day since
                at = _next(store, bucket, measurements, machine, until)


def _next(store: MovableStore, bucket: Bucket, measurements: Sequence[str], machine: str, at_ns: int) -> int:
    """The first time from one on at which a machine has anything; the end of all time where it has not."""
    where = None if machine == "none" else {"machine": machine}
    rows = (row for m in measurements for row in store.first_from(bucket, m, at_ns, where=where))
    return min((row.time_ns for row in rows if machine_of(row.tags) == machine), default=LAST_NS)


def columns_of(
    store: MovableStore, bucket: Bucket, measurement: str, machine: str, start_ns: int, end_ns: int
) -> list[Column]:
    """The columns of a measurement that are a machine's, in the order of their tags and fields."""
    where = None if machine == "none" else {"machine": machine}
    found = store.columns(bucket, measurement, start_ns=start_ns, end_ns=end_ns, where=where)
    return sorted((c for c in found if machine_of(c.tags) == machine), key=lambda c: (c.tags, c.field))


def day_of(time_ns: int) -> str:
    """The UTC date of a time, as a file's name."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (epoch + dt.timedelta(days=time_ns // DAY_NS)).date().isoformat()
