"""The spool alone: values per second to disk, safe when each batch returns."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.readings import rows
from benchmarks.rows import Budget, Row, rate
from ingest.assembled import Assembled, Numbers
from ingest.batches import Batch
from ingest.frames import SAMPLE
from ingest.spool import Spool

BATCH = 1000
PEER = "the same bytes to a plain file, fsync each"


def measure() -> list[Row]:
    """Batches of 1,000 values, encoded and committed; beside a plain file of the same bytes with fsync."""
    made = Assembled(Numbers(), samples=BATCH)
    for row in rows(BATCH):
        made.add(row, SAMPLE)
    (ready,) = made.batches()
    payload = ready.payload
    # Where a gateway's spool would be: a real disk, not the memory that a folder for temporary files may be.
    with tempfile.TemporaryDirectory(dir=Path(__file__).resolve().parent) as folder:
        spool = Spool(Path(folder), "bench")
        spool.open()

        def committed(batches: list[Batch]) -> int:
            spool.append(batches)
            return BATCH

        with (Path(folder) / "plain").open("wb") as plain:

            def plainly() -> int:
                plain.write(payload)
                plain.flush()
                os.fsync(plain.fileno())
                return BATCH

            ours = rate(lambda: committed(made.batches()))
            commits, peer = rate(lambda: committed([ready])), rate(plainly)
        spool.close()
    return [
        Row(
            "spool alone, batches of 1,000 values",
            ours,
            "values/s",
            PEER,
            ours / peer,
            Budget("value", "least", 150_000),
        ),
        Row("spool, the commit of it without the encoding", commits, "values/s", PEER, commits / peer),
        Row("spool, size of a value", len(payload) / BATCH, "bytes", budget=Budget("value", "most", 16)),
    ]
