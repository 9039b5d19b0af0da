"""A year of four machines in a store: readings, and the atoms and stops that the job makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import urllib3

from analytics.job import Job
from benchmarks import plants
from fieldlab.stores import JobStore
from fieldlab_configs import Site, load
from ingest.embedded import EmbeddedStore
from ingest.store import Row, Store, Table, Tags

NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * NS
MACHINES: Final = ("m1", "m2", "m3", "m4")
CODES, SHARES = plants.CODES, plants.SHARES
_STATE_S, _COUNT_S, _POWER_S = 240, 60, 60
"""Seconds between two readings, on average."""
_ORDER_S: Final = 6 * 3600
_AT_ONCE: Final = 200_000
_CHUNK_NS: Final = 30 * DAY_NS
_LINES: Final = 5000
_WRITTEN: Final = 204

CONFIG = plants.CONFIG.replace("\nenergy:", "\nlanguage: en\nenergy:") + "store: {STORE}\n"
MACHINE = """      - id: NAME
        ideal_cycle_time_s: 24
        products: {A: {ideal_cycle_time_s: 24}, B: {ideal_cycle_time_s: 30}}
        states: {map: {1: producing, 2: setup, 3: idle, 6: stopped, 7: down}}
        signals:
          {state: {item: s}, good_count: {item: c}, scrap_count: {item: x}, power: {item: p, unit: kW},
           product: {item: a}}
"""


def configured(folder: Path, store: str) -> Site:
    """The plant's config, written to a file."""
    path = folder / "bench.yaml"
    machines = "".join(MACHINE.replace("NAME", name) for name in MACHINES)
    path.write_text(CONFIG.replace("MACHINES", machines).replace("STORE", store), encoding="utf-8")
    return load(path)


def fill(site: Site, store: Store, start_ns: int, end_ns: int, *, seed: int = 1) -> int:
    """Write readings from start to end, and what the job makes of them; how many readings it were."""
    rng, written = np.random.default_rng(seed), 0
    for machine in MACHINES:
        tags: Tags = (("fieldlab", site.fieldlab), ("line", "line"), ("machine", machine))
        rows: list[Row] = []
        for row in _readings(rng, tags, start_ns, end_ns):
            rows.append(row)
            if len(rows) == _AT_ONCE:
                store.write("raw", rows)
                written += len(rows)
                rows = []
        store.write("raw", rows)
        written += len(rows)
    job = Job(site, JobStore(store))
    for begin in range(start_ns, end_ns, _CHUNK_NS):
        job.recompute(begin, min(begin + _CHUNK_NS, end_ns), now_ns=end_ns)
    return written


def _readings(rng: np.random.Generator, tags: Tags, start_ns: int, end_ns: int) -> Iterator[Row]:
    def series(field: str, values: npt.NDArray[np.float64]) -> Iterator[Row]:
        times = _times(rng, start_ns, end_ns, len(values))
        for at, value in zip(times.tolist(), values.tolist(), strict=True):
            yield Row("machine", tags, field, at, value)

    def count(every_s: int) -> int:
        return (end_ns - start_ns) // (every_s * NS)

    n = count(_STATE_S)
    yield from series("state", rng.choice(CODES, n, p=SHARES).astype(float))
    n = count(_COUNT_S)
    yield from series("good_count", np.cumsum(rng.integers(1, 3, n)).astype(float))
    yield from series("scrap_count", np.cumsum(rng.integers(0, 2, n // 10)).astype(float))
    n = count(_POWER_S)
    yield from series("power", np.round(rng.uniform(0.5, 12.0, n), 2))
    times = _times(rng, start_ns, end_ns, max(count(_ORDER_S), 1))
    for at, product in zip(times.tolist(), rng.choice(["A", "B"], len(times)).tolist(), strict=True):
        yield Row("machine", tags, "product_text", at, product)


def _times(rng: np.random.Generator, start_ns: int, end_ns: int, n: int) -> npt.NDArray[np.int64]:
    """Distinct milliseconds, ascending, the first at the very start."""
    ms = np.unique(rng.integers(0, (end_ns - start_ns) // 1_000_000, n))
    while len(ms) < n:
        more = rng.integers(0, (end_ns - start_ns) // 1_000_000, n - len(ms))
        ms = np.unique(np.concatenate((ms, more)))
    ms[0] = 0
    times: npt.NDArray[np.int64] = start_ns + ms * 1_000_000
    return times


def copied(source: EmbeddedStore, url: str, fieldlab: str) -> int:
    """Everything of an embedded store into an InfluxDB, a line for each series and time; how many values."""
    pool, values = urllib3.PoolManager(retries=False), 0
    for bucket in ("raw", "kpi"):
        where = f"{url}/write?db={fieldlab}_{bucket}&precision=ns"
        for measurement in source.measurements(bucket):
            for table in source.read(bucket, measurement):
                head = ",".join((measurement, *(f"{k}={v}" for k, v in sorted(table.tags.items()))))
                for begin in range(0, len(table.time_ns), _LINES):
                    lines, n = _lines(head, table, begin)
                    values += n
                    answer = pool.request("POST", where, body="\n".join(lines).encode())
                    if answer.status != _WRITTEN:
                        raise RuntimeError(answer.data.decode(errors="replace"))
    return values


def _lines(head: str, table: Table, begin: int) -> tuple[list[str], int]:
    part, values = slice(begin, begin + _LINES), 0
    times = table.time_ns[part].tolist()
    told: list[list[str]] = [[] for _ in times]
    for name, column in table.columns.items():
        for fields, value in zip(told, column[part].tolist(), strict=True):
            if isinstance(value, str):
                escaped = value.replace("\\", "\\\\").replace('"', '\\"')
                fields.append(f'{name}="{escaped}"')
            elif isinstance(value, int):
                fields.append(f"{name}={value}i")
            elif value is not None and value == value:  # noqa: PLR0124 - NaN: nothing at that time
                fields.append(f"{name}={value!r}")
    lines = [f"{head} {','.join(fields)} {at}" for fields, at in zip(told, times, strict=True) if fields]
    values += sum(map(len, told))
    return lines, values
