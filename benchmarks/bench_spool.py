"""The spool alone: values per second to disk, safe when each batch returns."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.readings import rows
from benchmarks.rows import Budget, Row, rate
from ingest.batches import Batch
from ingest.frames import SAMPLE, encode
from ingest.spool import Spool

BATCH = 1000
PEER = "the same bytes to a plain file, fsync each"


def measure() -> list[Row]:
    """Batches of 1,000 values, encoded and committed; beside a plain file of the same bytes with fsync."""
    sample_rows = rows(BATCH)
    marks = [SAMPLE] * BATCH
    payload = encode(sample_rows, marks)
    # Where a gateway's spool would be: a real disk, not the memory that a folder for temporary files may be.
    with tempfile.TemporaryDirectory(dir=Path(__file__).resolve().parent) as folder:
        spool = Spool(Path(folder), "bench")
        spool.open()

        def committed(packed: bytes) -> int:
            spool.append([Batch(BATCH, 0, sample_rows[0].time_ns, sample_rows[-1].time_ns, packed)])
            return BATCH

        with (Path(folder) / "plain").open("wb") as plain:

            def plainly() -> int:
                plain.write(payload)
                plain.flush()
                os.fsync(plain.fileno())
                return BATCH

            ours = rate(lambda: committed(encode(sample_rows, marks)))
            commits, peer = rate(lambda: committed(payload)), rate(plainly)
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
