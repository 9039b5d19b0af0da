"""A step of the analytics job after a small delivery: on a month of history, and on a year."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from analytics.job import Job
from benchmarks.rows import Budget, Row
from fieldlab.stores import JobStore
from fieldlab_configs import Site, parse
from ingest.embedded import EmbeddedStore
from ingest.store import Row as Stored
from ingest.store import Tags

NS = 1_000_000_000
DAY_NS = 86_400 * NS
START_NS = 1_767_222_000 * NS
STEPS = 30
WRITTEN = 200_000
CONFIG = """
fieldlab: bench
timezone: Europe/Amsterdam
shifts: [{name: day, days: [mon, tue, wed, thu, fri, sat, sun], start: "06:00", end: "22:00"}]
lines:
  - id: line
    machines:
      - id: m1
        ideal_cycle_time_s: 25
        states: {map: {1: producing, 6: stopped}}
        signals:
          {state: {item: s}, total_count: {item: c}, scrap_count: {item: x}, power: {item: p, unit: kW}}
"""
MACHINE: Tags = (("fieldlab", "bench"), ("line", "line"), ("machine", "m1"))
NOTE: Tags = (("fieldlab", "bench"), ("gateway", "edge"), ("machine", "m1"))


def measure() -> list[Row]:
    """The median step, in a store of each size."""
    site = parse(CONFIG)
    month, year = _step_ms(site, 30), _step_ms(site, 365)
    return [
        Row("live step, a month of history", month, "ms", budget=Budget("value", "most", 50)),
        Row(
            "live step, a year of history",
            year,
            "ms",
            "the same with a month",
            year / month,
            Budget("value", "most", 50),
        ),
    ]


def _step_ms(site: Site, days: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder) / "bench.db", site.fieldlab)
        try:
            end_ns = START_NS + days * DAY_NS
            _fill(store, START_NS, end_ns)
            _deliver(store, START_NS, end_ns, end_ns)
            job = Job(site, JobStore(store))
            job.step(end_ns)
            took = []
            for n in range(STEPS):
                begin, now = end_ns + n * 10 * NS, end_ns + (n + 1) * 10 * NS
                _fill(store, begin, now)
                _deliver(store, begin, now, now)
                began = time.perf_counter()
                if not job.step(now):
                    raise RuntimeError("the job saw no delivery")
                took.append(time.perf_counter() - began)
            return statistics.median(took) * 1000
        finally:
            store.close()


def _fill(store: EmbeddedStore, start_ns: int, end_ns: int) -> None:
    """Ten minutes running, one stopped; a part each 30 s; power each minute."""
    rows: list[Stored] = []

    def put(field: str, every_s: int, make: object) -> None:
        first = -(-start_ns // (every_s * NS))
        last = -(-end_ns // (every_s * NS))
        for n in np.arange(first, last).tolist():
            rows.append(Stored("machine", MACHINE, field, n * every_s * NS, float(make(n))))  # type: ignore[operator]
            if len(rows) >= WRITTEN:
                store.write("raw", rows)
                rows.clear()

    put("state", 60, lambda n: 6 if n % 11 == 10 else 1)
    put("total_count", 30, lambda n: n)
    put("scrap_count", 30, lambda n: n // 20)
    put("power", 60, lambda n: 2 + n % 7)
    store.write("raw", rows)


def _deliver(store: EmbeddedStore, start_ns: int, end_ns: int, at_ns: int) -> None:
    note = {"from_ns": start_ns, "to_ns": end_ns, "samples": 1.0}
    store.write("raw", [Stored("delivery", NOTE, name, at_ns, value) for name, value in note.items()])
