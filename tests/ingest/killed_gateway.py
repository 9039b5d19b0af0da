"""A gateway process to be killed: it writes down, durably, every sample that was acknowledged to it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from ingest.embedded import EmbeddedStore
from ingest.pipeline import Pipeline
from ingest.samples import Sample
from tests.ingest.sites import small_site

BATCH = 20


async def main(folder: Path) -> None:
    """Send numbered samples until killed; begin where the acknowledged ones end."""
    acknowledged = os.open(folder / "acknowledged", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    n = len(os.pread(acknowledged, 1 << 24, 0).split()) * BATCH
    store = EmbeddedStore(folder / "lab.db", "lab")
    async with Pipeline(small_site(folder), "g", store, now_ns=lambda: 10**18) as pipe:
        print("ready", flush=True)
        while True:
            await pipe.accept([Sample("m1", "total_count", 1000 + i, float(i)) for i in range(n, n + BATCH)])
            os.write(acknowledged, f"{n}\n".encode())
            os.fsync(acknowledged)
            n += BATCH


asyncio.run(main(Path(sys.argv[1])))
