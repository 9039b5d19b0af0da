"""What is lost with a batch that had to go, as gaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from ingest.account import Gap
from ingest.batches import batch_of
from ingest.frames import PLAIN, decode
from ingest.rows import NONE
from ingest.spool_core import DAMAGED

FULL: Final = "spool-full"
"""Reason of the gap that dropping the oldest leaves."""


def losses(row: tuple[Any, ...]) -> Iterator[Gap]:
    """What is lost with a batch, per machine."""
    batch = batch_of(row)
    if batch is None:
        samples, _, first_ns, last_ns = row[:4]
        yield Gap(NONE, NONE, DAMAGED, first_ns, last_ns + 1, samples)
        return
    frame = decode(batch.payload)
    times: dict[str, list[int]] = defaultdict(list)
    for told, mark in zip(frame.rows, frame.marks, strict=True):
        if mark != PLAIN:
            times[dict(told.tags).get("machine", NONE)].append(told.time_ns)
    for machine, found in times.items():
        yield Gap(machine, NONE, FULL, min(found), max(found) + 1, len(found))
    # Samples that write no row of their own, of a quality that did not change.
    silent = batch.samples - sum(len(found) for found in times.values())
    if silent > 0:
        yield Gap(next(iter(times), NONE), NONE, FULL, batch.first_ns, batch.last_ns + 1, silent)


def joined(one: Gap | None, other: Gap) -> Gap:
    """Two losses of one machine as one."""
    if one is None:
        return other
    start_ns, end_ns = min(one.start_ns, other.start_ns), max(one.end_ns, other.end_ns)
    return Gap(one.machine, one.signal, one.reason, start_ns, end_ns, one.count + other.count)
