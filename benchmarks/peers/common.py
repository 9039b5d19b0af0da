"""What both peers are given besides the readings, and what they owe."""

from __future__ import annotations

import numpy as np

from analytics.schedule import schedule
from analytics.signals import merged
from benchmarks.plants import NS, Plant

CELL_NS = 300 * NS
CLASSES = {1: "producing", 2: "setup", 3: "idle", 6: "stopped", 7: "down"}
IDEAL_S = 5.0
PRICE, CO2 = 0.21, 0.27
MINOR_NS = 300 * NS
MAX_HOLD_NS = 900 * NS

FIELDS = (
    "calendar_time_s",
    *(f"state_{name}_s" for name in CLASSES.values()),
    "planned_busy_time_s",
    "actual_production_time_s",
    "actual_unit_setup_time_s",
    "actual_unit_delay_time_s",
    "minor_stop_s",
    "breakdown_s",
    "idle_s",
    "overtime_production_s",
    "produced_quantity",
    "good_quantity",
    "scrap_quantity",
    "ideal_production_time_s",
    "ideal_good_time_s",
    "energy_kwh",
    *(f"energy_{name}_kwh" for name in CLASSES.values()),
    "energy_cost_eur",
    "co2_kg",
)
"""The fields that differ from 0 in this plant, or from others: the rest follow from them for nothing."""


def calendar(plant: Plant) -> dict[str, np.ndarray]:
    """Every edge of cells, shifts and planned time, with what holds from it on.

    The peers get the calendar for nothing: it is no work on samples.
    """
    day = 86_400 * NS
    known = schedule(plant.site, plant.start_ns - day, plant.end_ns + day)
    planned = known.planned_for(next(iter(plant.site.machines())))
    cells = np.arange(plant.start_ns, plant.end_ns + 1, CELL_NS, dtype=np.int64)
    edges = merged(cells, known.current.time, planned.time)
    edges = edges[(edges >= plant.start_ns) & (edges <= plant.end_ns)]
    return {
        "time": edges,
        "cell": edges // CELL_NS * CELL_NS,
        "shift": known.current.at(edges).astype(np.int32),
        "planned": planned.at(edges).astype(bool),
    }
