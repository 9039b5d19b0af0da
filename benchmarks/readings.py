"""Readings as a machine gives them: counts, power, temperatures; the same in every run."""

from __future__ import annotations

import random

from ingest.store import Row

NS = 1_000_000_000
START_NS = 1_767_596_400 * NS
FIELDS = (
    "total_count",
    "good_count",
    "power",
    "energy",
    "spindle_c",
    "feed",
    "load",
    "vibration",
    "pressure",
)


def rows(n: int, *, machines: int = 4, seed: int = 1) -> list[Row]:
    """`n` rows of some machines, nine fields each, a reading per second."""
    draw = random.Random(seed)
    tags = [(("fieldlab", "bench"), ("line", "line1"), ("machine", f"m{i}")) for i in range(machines)]
    level = {(m, f): draw.uniform(1.0, 100.0) for m in range(machines) for f in FIELDS}
    made: list[Row] = []
    second = 0
    while len(made) < n:
        for m in range(machines):
            for field in FIELDS:
                level[m, field] += 1.0 if field.endswith("count") else draw.gauss(0.0, 0.1)
                value = round(level[m, field], 3)
                made.append(Row("machine", tags[m], field, START_NS + second * NS, value))
        second += 1
    return made[:n]
