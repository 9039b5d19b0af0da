"""Atoms by DuckDB: states cut at the calendar, energy and counters joined to them as of a time; on all cores.

Tried to make it fast: tables in memory instead of reading the arrays in place; one window for all that is
carried forward; as-of joins instead of windows over the union of all events.
"""

from __future__ import annotations

import duckdb
import numpy as np

from benchmarks.peers.common import CLASSES, CO2, IDEAL_S, MINOR_NS, PRICE, calendar
from benchmarks.plants import Plant

SIGNALS = ("state", "power", "good_count", "scrap_count")


def database(plant: Plant) -> duckdb.DuckDBPyConnection:
    """The readings in memory, a table per signal, in order; and the calendar."""
    db = duckdb.connect()
    for signal in SIGNALS:
        time = np.concatenate([plant.raw[name][signal][0] for name in plant.names])
        value = np.concatenate([plant.raw[name][signal][1] for name in plant.names])
        sizes = [len(plant.raw[name][signal][0]) for name in plant.names]
        machine = np.repeat(np.arange(len(plant.names), dtype=np.uint16), sizes)
        rows = {"machine": machine, "time": time, "value": value}
        db.register("rows", rows)
        db.execute(f"CREATE TABLE {signal} AS SELECT * FROM rows")
        db.unregister("rows")
    edges = calendar(plant)
    db.register("edges", edges)
    db.execute(
        "CREATE TABLE calendar AS SELECT m::USMALLINT AS machine, edges.* "
        f"FROM edges, range({len(plant.names)}) t(m)"
    )
    db.unregister("edges")
    return db


def _gains(counter: str) -> str:
    return f"""
    {counter}_gains AS (
        SELECT machine, time - 1 AS time, CASE WHEN step < 0 THEN value ELSE coalesce(step, 0) END AS gain
        FROM (SELECT *, value - lag(value) OVER (PARTITION BY machine ORDER BY time) AS step FROM {counter})
    ),
    {counter}_made AS (
        SELECT g.machine, c.cell, c.shift, sum(gain) AS parts, sum(gain * c.planned::INT) AS pbt
        FROM {counter}_gains g ASOF JOIN calendar c ON g.machine = c.machine AND g.time >= c.time
        GROUP BY ALL
    )"""


def _plan(end_ns: int) -> str:
    states = ",\n".join(
        f"sum(s) FILTER (state = {code}) AS state_{name}_s, "
        f"sum(kwh) FILTER (state = {code}) AS energy_{name}_kwh"
        for code, name in CLASSES.items()
    )
    return f"""
WITH {_gains("good_count")}, {_gains("scrap_count")},
used AS (
    SELECT machine, time, value, coalesce(sum(value * hours) OVER (
        PARTITION BY machine ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS used
    FROM (
        SELECT *, (lead(time) OVER (PARTITION BY machine ORDER BY time) - time) / 3.6e12 AS hours FROM power
    )
),
edges AS (
    SELECT machine, time, 0 AS rank, NULL::DOUBLE AS state, cell, shift, planned FROM calendar
    UNION ALL SELECT machine, time, 1, value, NULL, NULL, NULL FROM state
),
held AS (
    SELECT machine, time, lead(time) OVER w - time AS ns,
        last_value(state IGNORE NULLS) OVER w AS state, last_value(cell IGNORE NULLS) OVER w AS cell,
        last_value(shift IGNORE NULLS) OVER w AS shift, last_value(planned IGNORE NULLS) OVER w AS planned
    FROM edges WINDOW w AS (PARTITION BY machine ORDER BY time, rank)
),
known AS (
    SELECT h.*, u.used + u.value * (h.time - u.time) / 3.6e12 AS before
    FROM held h ASOF JOIN used u ON h.machine = u.machine AND h.time >= u.time
),
stretches AS (
    SELECT *, lead(before) OVER w - before AS kwh, state >= 6 AS stopping,
        state >= 6 AND coalesce(lag(state) OVER w, 0) < 6 AS begins
    FROM known WINDOW w AS (PARTITION BY machine ORDER BY time)
),
numbered AS (
    SELECT *, count(*) FILTER (begins OR NOT stopping) OVER (PARTITION BY machine ORDER BY time) AS run
    FROM stretches WHERE ns > 0 AND time < {end_ns}
),
intervals AS (
    SELECT *, ns / 1e9 AS s, sum(ns) OVER (PARTITION BY machine, run) < {MINOR_NS} AS minor FROM numbered
),
spent AS (
    SELECT machine, cell, shift, {states},
        sum(s) AS calendar_time_s,
        sum(s) FILTER (planned) AS planned_busy_time_s,
        sum(s) FILTER (planned AND state = 1) AS actual_production_time_s,
        sum(s) FILTER (planned AND state = 2) AS actual_unit_setup_time_s,
        sum(s) FILTER (planned AND state > 2) AS actual_unit_delay_time_s,
        sum(s) FILTER (planned AND stopping AND minor) AS minor_stop_s,
        sum(s) FILTER (planned AND stopping AND NOT minor) AS breakdown_s,
        sum(s) FILTER (planned AND state = 3) AS idle_s,
        sum(s) FILTER (NOT planned AND state = 1) AS overtime_production_s,
        sum(kwh) AS energy_kwh, sum(kwh) * {PRICE} AS energy_cost_eur, sum(kwh) * {CO2} AS co2_kg
    FROM intervals GROUP BY machine, cell, shift
)
SELECT s.*, coalesce(g.parts, 0) AS good_quantity, coalesce(x.parts, 0) AS scrap_quantity,
    coalesce(g.parts, 0) + coalesce(x.parts, 0) AS produced_quantity,
    (coalesce(g.pbt, 0) + coalesce(x.pbt, 0)) * {IDEAL_S} AS ideal_production_time_s,
    coalesce(g.pbt, 0) * {IDEAL_S} AS ideal_good_time_s
FROM spent s LEFT JOIN good_count_made g USING (machine, cell, shift)
    LEFT JOIN scrap_count_made x USING (machine, cell, shift)
ORDER BY machine, cell, shift
"""


def atoms(db: duckdb.DuckDBPyConnection, end_ns: int) -> dict[str, np.ndarray]:
    """Every field of common.FIELDS per machine, cell and shift, sorted by them; nothing is 0."""
    found = db.execute(_plan(end_ns)).fetchnumpy()
    return {name: np.ma.filled(column, 0) for name, column in found.items()}
