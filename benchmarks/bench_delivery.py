"""Samples in memory through spool to InfluxDB, beside the same InfluxDB fed with lines encoded before.

Lines like ours, several values of one machine and time in each, which is what the budget is of; and lines of
one value each, which are what others write.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import urllib3

from benchmarks.readings import FIELDS, NS, START_NS
from benchmarks.rows import Budget, Row, SkipError
from fieldlab_configs import Site, parse
from ingest.delivery import resident_mb
from ingest.frame_lines import body_of
from ingest.frames import SAMPLE, decode
from ingest.frames import encode as frame_of
from ingest.influx import InfluxStore
from ingest.line_protocol import encode
from ingest.pipeline import Pipeline
from ingest.samples import Sample
from ingest.store import Row as Stored
from tests.servers import ServerMissingError, influxd

VALUES = int(os.environ.get("FIELDLAB_BENCH_DELIVERY", "1000000"))
BACKLOG = int(os.environ.get("FIELDLAB_BENCH_BACKLOG", "10000000"))
MACHINES = 4
HERE = Path(__file__).resolve().parent  # a real disk, not the memory that a folder for temporary files may be
SENT = 5000
ENOUGH_S = 1200.0
ROUNDS = 5
LOOK_EVERY_S = 0.05


def measure() -> list[Row]:
    """All ways in turn on the same server, the round whose ratio is the median; then a backlog."""
    try:
        with tempfile.TemporaryDirectory() as folder, influxd(Path(folder)) as (server, _):
            rounds = []
            for n in range(ROUNDS):
                single = _preencoded(server.url, f"single{n}", [_one_by_one(rows) for rows in _parts()])
                peer = _preencoded(server.url, f"same{n}", [_as_we_do(rows) for rows in _parts()])
                rounds.append((asyncio.run(_through(server.url, f"ours{n}", VALUES))[0], peer, single))
            ours, peer, single = sorted(rounds, key=lambda each: each[0] / each[1])[ROUNDS // 2]
            drained, grown_mb = asyncio.run(_through(server.url, "backlog", BACKLOG, wait=True))
    except ServerMissingError as error:
        raise SkipError(str(error)) from error
    return [
        Row(
            f"samples through spool to InfluxDB 1.6, {VALUES:,} values",
            ours,
            "values/s",
            f"the same lines encoded before: {peer:,.0f}",
            ours / peer,
            Budget("ratio", "least", 0.9),
        ),
        Row(
            "the same, beside lines of one value each",
            ours,
            "values/s",
            f"lines encoded before: {single:,.0f}",
            ours / single,
        ),
        Row(f"a backlog of {BACKLOG:,} values, drained", drained, "values/s"),
        Row("the same, growth of memory at its highest", grown_mb, "MB", budget=Budget("value", "most", 100)),
    ]


def _site(url: str, name: str, folder: Path) -> Site:
    signals = "".join(f"          {f}: {{source: b, topic: x/{f}}}\n" for f in FIELDS)
    machines = "".join(
        f"      - id: m{i}\n        ideal_cycle_time_s: 10\n        signals:\n{signals}"
        for i in range(MACHINES)
    )
    text = (
        f"fieldlab: {name}\ntimezone: UTC\nlines:\n  - id: line1\n    machines:\n{machines}"
        "sources: {b: {kind: mqtt, host: 127.0.0.1}}\n"
        "gateways: {g: {sources: [b], spool: {path: spool, max_bytes: 8GB}}}\n"
        f"store: {{kind: influxdb, url: '{url}'}}\n"
    )
    return parse(text, folder / "bench.yaml")


def _values(n: int) -> Iterator[tuple[int, str, int, float]]:
    """Machine, signal, time, value: a reading of every signal each second."""
    draw = random.Random(1)
    level = {(m, f): draw.uniform(1, 100) for m in range(MACHINES) for f in FIELDS}
    keys = list(level)
    for place in range(n):
        second, which = divmod(place, len(keys))
        m, f = key = keys[which]
        level[key] += 1.0 if f.endswith("count") else draw.gauss(0.0, 0.1)
        yield m, f, START_NS + second * NS, round(level[key], 3)


def _parts() -> Iterator[list[Stored]]:
    """All values as rows, as many at a time as are posted at once."""
    tags = [(("fieldlab", "bench"), ("line", "line1"), ("machine", f"m{i}")) for i in range(MACHINES)]
    values = _values(VALUES)
    while some := [Stored("machine", tags[m], f, t, v) for m, f, t, v in islice(values, SENT)]:
        yield some


def _one_by_one(rows: list[Stored]) -> bytes:
    return "\n".join(encode(rows)[0]).encode()


def _as_we_do(rows: list[Stored]) -> bytes:
    return body_of(decode(frame_of(rows, [SAMPLE] * len(rows))))[0]


def _preencoded(url: str, name: str, bodies: list[bytes]) -> float:
    """Values per second of plain posts."""
    store = InfluxStore(url, name)
    store.setup()
    store.close()
    pool = urllib3.PoolManager()
    began = time.perf_counter()
    for body in bodies:
        answer = pool.request("POST", f"{url}/write?db={name}_raw&precision=ns", body=body)
        if answer.status != 204:
            raise RuntimeError(f"the server answers {answer.status}")
    return VALUES / (time.perf_counter() - began)


async def _through(url: str, name: str, n: int, *, wait: bool = False) -> tuple[float, float]:
    """Values per second from memory to the store, and growth of memory; `wait`: of the delivery alone."""
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        site = _site(url, name, Path(folder))
        store = InfluxStore(url, name)
        store.setup()
        if wait:
            async with Pipeline(
                site, "g", InfluxStore("http://127.0.0.1:1", name), now_ns=time.time_ns
            ) as full:
                await _give(full, n)
                full._tasks[1].cancel()  # noqa: SLF001 - what is left waits for the next one
        else:
            samples = [Sample(f"m{m}", f, t, v) for m, f, t, v in _values(n)]
        # As `fieldlab gateway` does; and samples that wait in memory are the benchmark's alone.
        gc.freeze()
        gc.set_threshold(100_000, 20, 50)
        before_mb, began = resident_mb(), time.perf_counter()
        async with Pipeline(site, "g", store, now_ns=time.time_ns) as pipe:
            if not wait:
                await asyncio.gather(*(pipe.accept(samples[i : i + SENT]) for i in range(0, n, SENT)))
            most_mb = await _highest_mb(pipe)
            took = time.perf_counter() - began
            account = pipe.ledger()
        if account.stored != n or not account.balances:
            raise RuntimeError(f"the account is wrong: {account}")
        store.close()
        return n / took, most_mb - before_mb


async def _highest_mb(pipe: Pipeline) -> float:
    """Wait until all is delivered; the most memory that was in use meanwhile."""
    most_mb, until = resident_mb(), time.monotonic() + ENOUGH_S
    while not await pipe.drained(LOOK_EVERY_S):
        most_mb = max(most_mb, resident_mb())
        if time.monotonic() > until:
            raise RuntimeError("it was not delivered in time")
    return max(most_mb, resident_mb())


async def _give(pipe: Pipeline, n: int) -> None:
    some: list[Sample] = []
    for m, f, t, v in _values(n):
        some.append(Sample(f"m{m}", f, t, v))
        if len(some) == SENT:
            await pipe.accept(some)
            some = []
    if some:
        await pipe.accept(some)
