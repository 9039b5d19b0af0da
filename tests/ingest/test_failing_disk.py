"""Faults 5 and 6: a disk that is full, and one that fails at any write or sync."""

import errno
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ingest.account import Outcome
from ingest.batches import Batch
from ingest.errors import SpoolUnavailable
from ingest.frames import SAMPLE, decode, encode
from ingest.spool import Spool
from ingest.store import Row
from tests.ingest.test_spool import patiently

HERE = Path(__file__).parent
TAGS = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """The library that makes writes fail."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler for the shim that makes a disk fail (apt install gcc libc6-dev)")
    made = tmp_path_factory.mktemp("shim") / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, HERE / "failing_disk.c", "-ldl"], check=True)
    return made


@pytest.mark.parametrize("forever", [0, 1])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_nothing_is_acknowledged_that_a_failing_disk_did_not_take(tmp_path, shim, error, forever):
    """The n-th write or sync fails, for every n: what was acknowledged is there, and the account balances."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.ingest.failing_spool", tmp_path, str(error), str(forever)],
        env={**os.environ, "LD_PRELOAD": str(shim)},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    runs = json.loads(done.stdout)
    assert len(runs) > 15
    assert any(len(run["acknowledged"]) < 6 for run in runs)
    for run in runs:
        spool = Spool(tmp_path / str(run["n"]), "g", 100_000_000)
        spool.open()
        there = []
        while batches := spool.waiting(1000):
            there += [row.time_ns // 1000 for b in batches for row in decode(b.payload).rows]
            spool.delivered(batches, Outcome())
        account = spool.ledger()
        spool.close()
        assert account.balances, run
        for n in set(run["acknowledged"]) - set(run["delivered"]):
            assert there.count(n) == 20, run


@contextmanager
def small_disk(folder, size):
    """A file system of its own, of a few megabytes."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def batch(n, samples=2000):
    """Values that do not compress."""
    numbers = os.urandom(8 * samples)
    rows = [
        Row("machine", TAGS, "power", n * 10**6 + i, int.from_bytes(numbers[8 * i : 8 * i + 6], "little") / 7)
        for i in range(samples)
    ]
    return Batch(samples, 0, n * 10**6, n * 10**6 + samples, encode(rows, [SAMPLE] * samples))


def fill(path):
    """Take the last byte of the disk."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_full_disk_stops_the_intake_and_not_the_delivery(tmp_path):
    """Full, nothing is taken; what waits is delivered by the reserve; then all goes on by itself."""
    with small_disk(tmp_path, "12m"):
        spool = Spool(tmp_path, "g", 100_000_000)
        spool.open()
        taken = 0
        full = ""
        while not full:
            try:
                spool.append([batch(taken)])
                taken += 1
            except SpoolUnavailable as error:
                full = str(error)
            assert taken < 1000
        assert taken > 50
        with pytest.raises(SpoolUnavailable, match=r"disk of .* is full"):
            spool.append([batch(taken)])
        assert spool.ledger().received == spool.ledger().waiting == taken * 2000
        while batches := spool.waiting(5000):
            patiently(lambda done=batches: spool.delivered(done, Outcome()))
        assert spool.ledger().stored == taken * 2000
        spool.append([batch(taken)])
        assert spool.ledger().balances
        assert spool.ledger().received == (taken + 1) * 2000
        assert (tmp_path / "g.reserve").stat().st_size == 1_000_000
        spool.close()


def test_a_disk_that_others_fill_and_free_is_waited_for(tmp_path):
    """Somebody else's file takes the last byte, and goes again."""
    with small_disk(tmp_path, "8m"):
        spool = Spool(tmp_path, "g", 100_000_000)
        spool.open()
        spool.append([batch(0)])
        hog = tmp_path / "hog"
        fill(hog)
        refused = 0
        for n in range(1, 20):
            try:
                spool.append([batch(n)])
            except SpoolUnavailable:
                refused += 1
        assert refused > 10
        before = spool.ledger()
        assert before.balances
        hog.unlink()
        spool.append([batch(30)])
        assert spool.ledger().received == before.received + 2000
        spool.close()
