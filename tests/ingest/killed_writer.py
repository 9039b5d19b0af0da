"""A process that writes to an embedded store until it is killed, and notes durably what had been written."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from ingest.embedded import EmbeddedStore
from tests.ingest.contract import M1, M2, row

FIELDS = [f"f{n}" for n in range(12)]
"""More than one chunk is due at once, so that merges are under way when the end comes."""


def main(folder: Path) -> None:
    """Go on where the ledger ends; each number is one write, of every field of two machines."""
    ledger = os.open(folder / "ledger", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    n = len(os.pread(ledger, 1 << 24, 0).splitlines())
    store = EmbeddedStore(folder / "lab.db", "lab")
    print("ready", flush=True)
    while True:
        # And a late one, before what is merged already; the same again where a write was not noted.
        rows = [row(field, n, float(n), tags) for field in FIELDS for tags in (M1, M2)]
        rows += [row("late", random.Random(n).randrange(n + 1), float(n))]
        assert store.write("raw", rows) == []
        os.write(ledger, f"{rows[-1].time_ns}\n".encode())
        os.fsync(ledger)
        n += 1


main(Path(sys.argv[1]))
