"""The spool: durable, in order, and never refusing to start, whatever happened to its files."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from ingest.account import DeadLetter, Gap, Outcome
from ingest.batches import Batch
from ingest.embedded import EmbeddedStore
from ingest.errors import SpoolUnavailable
from ingest.frames import _COMMON, PLAIN, REPLACES, SAMPLE, decode, encode
from ingest.pipeline import Pipeline
from ingest.spool import Spool
from ingest.store import Row
from tests.ingest.sites import small_site

T = TypeVar("T")
TAGS = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
REPOSITORY = Path(__file__).parents[2]


def batch(n: int, samples: int = 10) -> Batch:
    """The n-th batch, of samples with values of their own."""
    rows = [Row("machine", TAGS, "power", n * 1000 + i, float(n * 1000 + i)) for i in range(samples)]
    return Batch(samples, 0, n * 1000, n * 1000 + samples - 1, encode(rows, [SAMPLE] * samples))


def opened(folder: Path) -> Spool:
    """A spool, open."""
    spool = Spool(folder, "g", 100_000_000)
    spool.open()
    return spool


def deliver_all(spool: Spool) -> list[Row]:
    """Deliver everything; the rows, in order."""
    rows: list[Row] = []
    while batches := patiently(lambda: spool.waiting(25)):
        for found in batches:
            rows += decode(found.payload).rows
        patiently(lambda done=batches: spool.delivered(done, Outcome()))
    return rows


def patiently(work: Callable[[], T]) -> T:
    """Try again as often as a gateway would."""
    for _ in range(5):
        with suppress(SpoolUnavailable):
            return work()
    return work()


def test_frames_give_back_exactly_what_they_took() -> None:
    """Floats to the last bit, bounds, texts, negative and far times, marks."""
    rng = random.Random(3)
    values = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, "a\0b", "", "ö\n", "11"]
    rows = [
        Row("machine", TAGS, "x_text" if isinstance(v, str) else "x", rng.randrange(-(2**63), 2**63), v)
        for v in values
    ]
    rows.append(Row("delivery", TAGS, "to_ns", 5, 2**62 + 1))
    marks = [rng.choice((PLAIN, SAMPLE, REPLACES)) for _ in rows]
    frame = decode(encode(rows, marks))
    assert list(map(repr, frame.rows)) == list(map(repr, rows))
    assert frame.marks == marks
    assert decode(encode([], [])).rows == []


def test_frames_of_before_are_read() -> None:
    """Small ones were compressed as large ones are."""
    rows = [Row("machine", TAGS, "x", 5, 1.5), Row("machine", TAGS, "x_text", 6, "on")]
    data = encode(rows, [SAMPLE, PLAIN])
    version, n, size = struct.unpack_from("<BII", data)
    body = zlib.decompressobj(-15, zdict=_COMMON).decompress(data[9:])
    assert (version, n, size) == (2, 2, len(body))
    assert decode(struct.pack("<BII", 1, n, size) + zlib.compress(body, 1)).rows == rows
    with pytest.raises(ValueError, match="a spool batch of version 3"):
        decode(b"\3" + data[1:])


def test_what_frames_have_in_common_never_changes() -> None:
    """Spools on disk were written with it."""
    assert hashlib.sha256(_COMMON).hexdigest()[:16] == "ebfbc5e48e6c015e"


def test_simulated_signals_take_few_bytes() -> None:
    """A thousand values of ten signals, at most 16 bytes each, dictionary and all."""
    rng = random.Random(3)
    rows = [
        Row(
            "machine",
            TAGS,
            f"signal_{i % 10}",
            1_795_000_000_000_000_000 + i * 100_000_000,
            round(rng.gauss(40, 5), 2),
        )
        for i in range(1000)
    ]
    assert len(encode(rows, [SAMPLE] * 1000)) / 1000 <= 16


def test_batches_come_out_in_order_once(tmp_path: Path) -> None:
    """Over a restart too, and the account balances at every step."""
    spool = opened(tmp_path)
    spool.append([batch(1), batch(2)], [DeadLetter("m1", "power", 5, b"nan", "not a number")], [])
    spool.append([batch(3)])
    assert spool.ledger().waiting == 30
    assert spool.ledger().balances
    first = spool.waiting(10)
    spool.delivered(first, Outcome(replaced=4))
    spool.close()
    spool = opened(tmp_path)
    assert (spool.ledger().stored, spool.ledger().replaced, spool.ledger().dead) == (6, 4, 1)
    assert [r.time_ns for r in deliver_all(spool)] == [n * 1000 + i for n in (2, 3) for i in range(10)]
    assert spool.ledger().balances
    assert spool.ledger().waiting == 0
    spool.close()


def test_what_fails_to_commit_changes_nothing(tmp_path: Path) -> None:
    """An error inside a transaction leaves account and batches as they were."""
    spool = opened(tmp_path)
    spool.append([batch(1)])
    before = spool.ledger()
    broken = Gap("m1", "none", "x", 0, 2**70, 1)  # no 64 bit integer: SQLite refuses it
    with pytest.raises(OverflowError):
        spool.append([batch(2)], (), [broken])
    assert spool.ledger() == before
    spool.close()
    spool = opened(tmp_path)
    assert spool.ledger() == before
    assert len(deliver_all(spool)) == 10
    spool.close()


def flip_a_payload_bit(folder: Path) -> None:
    """Damage the second of three batches where only its checksum can tell."""
    db = sqlite3.connect(folder / "g.spool")
    (payload,) = db.execute("SELECT payload FROM batch WHERE seq = 2").fetchone()
    damaged = payload[:20] + bytes([payload[20] ^ 1]) + payload[21:]
    db.execute("UPDATE batch SET payload = ? WHERE seq = 2", (damaged,))
    db.commit()
    db.close()


def lose_a_batch(folder: Path) -> None:
    """Take a row away, as a dropped page would."""
    db = sqlite3.connect(folder / "g.spool")
    db.execute("DELETE FROM batch WHERE seq = 2")
    db.commit()
    db.close()


@pytest.mark.parametrize("damage", [flip_a_payload_bit, lose_a_batch])
def test_a_damaged_batch_costs_only_itself(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """It is set aside or missing, counted as dead, told as a gap; its neighbours arrive."""
    spool = opened(tmp_path)
    spool.append([batch(1)])
    spool.append([batch(2)])
    spool.append([batch(3)])
    spool.close()
    damage(tmp_path)
    spool = opened(tmp_path)
    assert [r.time_ns // 1000 for r in deliver_all(spool)] == [1] * 10 + [3] * 10
    account = spool.ledger()
    assert (account.received, account.stored, account.dead, account.gaps) == (30, 20, 10, 1)
    assert account.balances
    (gap,) = spool.untold_gaps().values()
    assert (gap.reason, gap.count) == ("spool-damaged", 10)
    spool.close()


def test_a_lost_write_ahead_log_is_known_by_the_mark(tmp_path: Path) -> None:
    """Batches that vanish with the log, account and all, are missed because of the second file."""
    spool = opened(tmp_path)
    spool.append([batch(1)])
    spool.close()
    shutil.copy(tmp_path / "g.spool", tmp_path / "old")
    spool = opened(tmp_path)
    spool.append([batch(2)])
    spool.append([batch(3)])
    spool.close()
    for name in ("g.spool-wal", "g.spool-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "old").replace(tmp_path / "g.spool")
    spool = opened(tmp_path)
    assert len(deliver_all(spool)) == 10
    account = spool.ledger()
    assert (account.received, account.stored, account.dead, account.gaps) == (30, 10, 20, 1)
    spool.append([batch(4)])
    assert [r.time_ns // 1000 for r in deliver_all(spool)] == [4] * 10
    assert spool.ledger().balances
    spool.close()


@pytest.mark.parametrize("seed", range(12))
def test_garbage_in_the_database_never_prevents_a_start(tmp_path: Path, seed: int) -> None:
    """Overwritten, cut or emptied: the spool opens, says what is missing, and goes on."""
    rng = random.Random(seed)
    spool = opened(tmp_path)
    for n in range(1, 40):
        spool.append([batch(n, 50)])
    spool.close()
    path = tmp_path / "g.spool"
    content = bytearray(path.read_bytes())
    if seed % 4 == 0:
        content = content[: rng.randrange(len(content))]
    elif seed % 4 == 1:
        begin = rng.randrange(len(content))
        content[begin : begin + 9000] = rng.randbytes(min(9000, len(content) - begin))
    elif seed % 4 == 2:
        content[:200] = bytes(200)
    else:
        for _ in range(20):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    spool = opened(tmp_path)
    rows = deliver_all(spool)
    for row in rows:
        assert row.value == float(row.time_ns)
    account = spool.ledger()
    assert account.balances
    assert (account.received, account.stored) == (39 * 50, len(rows))
    assert account.dead == 39 * 50 - len(rows)
    assert (account.gaps > 0) == (account.dead > 0)
    patiently(lambda: spool.append([batch(100)]))
    assert len(deliver_all(spool)) == 10
    spool.close()


def run_and_kill(folder: Path, after_s: float, *how: str) -> None:
    """Run a gateway, and kill it some time after it has begun to take samples."""
    command = [sys.executable, "-m", "tests.ingest.killed_gateway", str(folder), *how]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)  # not to wait for anything: the moment of the kill is what the test varies
        process.kill()


async def test_a_gateway_killed_at_any_time_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Kill -9, again and again; then all that was acknowledged is stored, once, and the account balances."""
    rng = random.Random(7)
    least, acknowledged = 5, []
    while least > 0 or len(acknowledged) <= 5:  # a slow disk takes less between two kills
        least -= 1
        await asyncio.to_thread(run_and_kill, tmp_path, rng.uniform(0.02, 0.6))
        acknowledged = [int(n) for n in (tmp_path / "acknowledged").read_text().split()]
    store = EmbeddedStore(tmp_path / "lab.db", "lab")
    async with Pipeline(small_site(tmp_path), "g", store, now_ns=lambda: 10**18) as pipe:
        assert await pipe.drained(90)
        account = pipe.ledger()
    assert account.balances
    assert (account.dead, account.gaps) == (0, 0)
    (table,) = store.read("raw", "machine")
    values = table.columns["total_count"]
    assert (values == table.time_ns - 1000).all()
    wanted = {n + i for n in acknowledged for i in range(20)}
    assert wanted <= set(values.astype(int).tolist())
    assert account.stored == len(values)
    store.close()
