"""A gateway process to be killed: it writes down, durably, every sample that was acknowledged to it.

Arguments: a folder, and for two stores `two`; or `between`: then it kills itself, at the moment at which the
second store has what it was given, the first one's cursor has moved, and the second one's has not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ingest.embedded import EmbeddedStore
from ingest.pipeline import Pipeline
from ingest.samples import Sample
from ingest.store import Rejected, Row
from tests.ingest.sites import SMALL, small_site

BATCH = 20
TWO = SMALL + "also: {copy: {kind: embedded, path: copy.db}}\n"


class Second(EmbeddedStore):
    """A store that takes its time; or that ends it all once it has written and the first is ahead."""

    fatal = False
    first_is_ahead = threading.Event()

    def write(self, bucket: str, rows: Sequence[Row]) -> list[Rejected]:
        """Write, and then what it does."""
        rejected = super().write(bucket, rows)
        if not self.fatal:
            time.sleep(0.02)  # not to wait for anything: so that the stores are apart
        elif any(row.measurement == "machine" for row in rows):
            self.first_is_ahead.wait(60)
            os.kill(os.getpid(), signal.SIGKILL)
        return rejected


async def main(folder: Path, how: str) -> None:
    """Send numbered samples until killed; begin where the acknowledged ones end."""
    acknowledged = os.open(folder / "acknowledged", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    n = len(os.pread(acknowledged, 1 << 24, 0).split()) * BATCH
    store = EmbeddedStore(folder / "lab.db", "lab")
    second = Second(folder / "copy.db", "lab")
    second.fatal = how == "between"
    site = small_site(folder, text=TWO if how else SMALL)
    also = {"copy": second} if how else {}
    async with Pipeline(site, "g", store, also=also, now_ns=lambda: 10**18) as pipe:
        print("ready", flush=True)
        while True:
            # What the account says now is committed once the next batch is: both are done by one thread.
            ahead = pipe.ledger().stored > 0
            await pipe.accept([Sample("m1", "total_count", 1000 + i, float(i)) for i in range(n, n + BATCH)])
            os.write(acknowledged, f"{n}\n".encode())
            os.fsync(acknowledged)
            n += BATCH
            if ahead:
                second.first_is_ahead.set()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:3] or [""]))
