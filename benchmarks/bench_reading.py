"""Reading values back into numpy: from the embedded store and from InfluxDB, and what the server takes of it.

FIELDLAB_BENCH_READING says how many values (5,000,000), FIELDLAB_BENCH_WRITES how many small writes come
before reading what they left (86,400: one a second for a day).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import urllib3

from benchmarks.rows import Row, SkipError
from ingest.embedded import EmbeddedStore
from ingest.influx import InfluxStore
from ingest.store import Row as Stored
from ingest.store import Table, Tags
from tests.servers import ServerMissingError, influxd

VALUES = int(os.environ.get("FIELDLAB_BENCH_READING", "5000000"))
WRITES = int(os.environ.get("FIELDLAB_BENCH_WRITES", "86400"))
FIELDS = 10
LINES = 5000
START_NS, STEP_NS = 1_795_392_000_000_000_000, 100_000_000
TAGS: Tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
HERE = Path(__file__).resolve().parent  # a real disk, not the memory that a folder for temporary files may be
Numbers = npt.NDArray[np.float64]


def measure() -> list[Row]:
    """The same values from both stores, the embedded one beside numpy's own file of them."""
    times = START_NS + STEP_NS * np.arange(VALUES // FIELDS, dtype=np.int64)
    walk = np.random.default_rng(7).normal(0, 0.1, (FIELDS, len(times))).cumsum(axis=1)
    values = np.round(20 + walk, 3)
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        rows = [*_embedded(Path(folder), times, values), *_after_small_writes(Path(folder))]
    try:
        with tempfile.TemporaryDirectory() as folder, influxd(Path(folder)) as (server, _):
            rows += _influx(server.url, times, values)
    except ServerMissingError as error:
        raise SkipError(str(error)) from error
    return rows


def _best(work: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of the best of some rounds; what else the machine does can only make it slower."""
    found = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found)


def _checked(tables: list[Table], values: Numbers) -> None:
    (table,) = tables
    read = [table.columns[f"f{n}"] for n in range(FIELDS)]
    if not all(np.array_equal(column, want) for column, want in zip(read, values, strict=True)):
        raise AssertionError("what was read is not what was written")


def _embedded(folder: Path, times: npt.NDArray[np.int64], values: Numbers) -> list[Row]:
    store = EmbeddedStore(folder / "lab.db", "lab")
    for begin in range(0, len(times), LINES):
        part = slice(begin, begin + LINES)
        store.write("raw", _rows(times[part], values[:, part]))
    _checked(store.read("raw", "machine"), values)
    ours = _best(lambda: store.read("raw", "machine"))
    store.close()
    np.savez(folder / "plain.npz", time=times, **{f"f{n}": column for n, column in enumerate(values)})

    def plainly() -> None:
        with np.load(folder / "plain.npz") as file:
            _ = {name: file[name] for name in file.files}

    peer = _best(plainly)
    return [
        Row(
            f"embedded store to numpy, {values.size:,} values",
            values.size / ours,
            "values/s",
            "the same arrays from numpy's .npz",
            peer / ours,
        )
    ]


def _rows(times: npt.NDArray[np.int64], values: Numbers) -> list[Stored]:
    return [
        Stored("machine", TAGS, f"f{n}", at, value)
        for n, column in enumerate(values)
        for at, value in zip(times.tolist(), column.tolist(), strict=True)
    ]


def _after_small_writes(folder: Path) -> list[Row]:
    """Many small writes, one after the other: what they leave to read, and how long one takes."""
    store = EmbeddedStore(folder / "small.db", "lab")
    took = np.empty(WRITES)
    for n in range(WRITES):
        rows = [Stored("machine", TAGS, f"f{f}", START_NS + n * STEP_NS, n / 8) for f in range(FIELDS)]
        begin = time.perf_counter()
        store.write("raw", rows)
        took[n] = time.perf_counter() - begin
    after = _best(lambda: store.read("raw", "machine"))
    times, columns = store.read("raw", "machine")[0].time_ns, store.read("raw", "machine")[0].columns
    store.close()
    large = EmbeddedStore(folder / "large.db", "lab")
    large.write("raw", _rows(times, np.array([columns[f"f{f}"] for f in range(FIELDS)], np.float64)))
    at_once = _best(lambda: large.read("raw", "machine"))
    large.close()
    what = f"embedded store after {WRITES:,} writes of {FIELDS} values"
    return [
        Row(f"{what}, read", 1000 * after, "ms", "the same, written at once", after / at_once),
        Row("the same, a write, median", 1000 * float(np.median(took)), "ms"),
        Row("the same, a write, 99.9th percentile", 1000 * float(np.quantile(took, 0.999)), "ms"),
        Row("the same, a write, longest", 1000 * float(took.max()), "ms"),
    ]


def _influx(url: str, times: npt.NDArray[np.int64], values: Numbers) -> list[Row]:
    store = InfluxStore(url, "lab", timeout_s=120.0)
    store.setup()
    pool = urllib3.PoolManager(retries=False)
    tags = ",".join(f"{name}={value}" for name, value in TAGS)
    for begin in range(0, len(times), LINES):
        part = slice(begin, begin + LINES)
        lines = [
            f"machine,{tags} {','.join(f'f{n}={value!r}' for n, value in enumerate(row))} {at}"
            for at, row in zip(times[part].tolist(), values[:, part].T.tolist(), strict=True)
        ]
        answer = pool.request("POST", f"{url}/write?db=lab_raw&precision=ns", body="\n".join(lines).encode())
        if answer.status != 204:
            raise RuntimeError(answer.data.decode(errors="replace"))
    _checked(store.read("raw", "machine"), values)
    ours = _best(lambda: store.read("raw", "machine"), rounds=2)

    def unread() -> None:
        """The same answer, thrown away as it comes: what of the time is the server's."""
        asked = {"q": 'SELECT *::field FROM "machine" GROUP BY *', "db": "lab_raw", "epoch": "ns"}
        asked |= {"chunked": "true", "chunk_size": "50000"}
        answer = pool.request(
            "POST", f"{url}/query", fields=asked, encode_multipart=False, preload_content=False
        )
        for _ in answer.stream(1 << 20):
            pass
        answer.release_conn()

    server = _best(unread, rounds=2)
    store.close()
    return [
        Row(
            f"InfluxDB 1.6 to numpy, {values.size:,} values",
            values.size / ours,
            "values/s",
            "its answer, thrown away unread",
            server / ours,
        ),
        Row("the same, the server's share of the time", 100 * server / ours, "%"),
    ]
