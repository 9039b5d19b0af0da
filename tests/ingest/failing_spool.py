"""A spool on a disk whose n-th write or sync fails, for every n in turn; run with the shim preloaded.

Arguments: a folder, the error's number, and whether the disk fails for good. Prints one line of JSON.
"""

import ctypes
import json
import sys
from contextlib import suppress
from pathlib import Path

from ingest.account import Outcome
from ingest.batches import Batch
from ingest.errors import SpoolUnavailable
from ingest.frames import SAMPLE, encode
from ingest.spool import Spool
from ingest.store import Row

TAGS = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
SAMPLES, BATCHES = 20, 6


def batch(n):
    rows = [Row("machine", TAGS, "power", n * 1000 + i, float(n * 1000 + i)) for i in range(SAMPLES)]
    return Batch(SAMPLES, 0, n * 1000, n * 1000 + SAMPLES - 1, encode(rows, [SAMPLE] * SAMPLES))


def work(folder):
    """Take six batches, deliver two in between; which were acknowledged, and which delivered."""
    acknowledged, delivered = [], []
    spool = Spool(folder, "g", 100_000_000)
    with suppress(SpoolUnavailable):
        spool.open()
        for n in range(BATCHES):
            with suppress(SpoolUnavailable):
                spool.append([batch(n)])
                acknowledged.append(n)
            if n == 3:
                with suppress(SpoolUnavailable):
                    some = spool.waiting(2 * SAMPLES)
                    delivered += [b.first_ns // 1000 for b in some]  # the store has them
                    spool.delivered(some, Outcome())
    spool.close()
    return acknowledged, delivered


def main(folder, error, forever):
    shim = ctypes.CDLL(None)
    found = []
    for n in range(1, 10_000):
        place = Path(folder) / str(n)
        place.mkdir()
        shim.fail_at(str(place).encode(), ctypes.c_long(n), error, forever)
        acknowledged, delivered = work(place)
        calls = shim.calls_made()
        shim.fail_at(b"", ctypes.c_long(0), 0, 0)
        found.append({"n": n, "acknowledged": acknowledged, "delivered": delivered})
        if calls < n:
            break
    print(json.dumps(found))


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
