"""The names of MODEL section 3, in its order: what an atom holds."""

from __future__ import annotations

from typing import Final

from fieldlab_configs.states import STATE_CLASSES

TIME_FIELDS: Final = (
    "calendar_time_s",
    *(f"state_{name}_s" for name in STATE_CLASSES),
    "planned_busy_time_s",
    "actual_production_time_s",
    "actual_unit_setup_time_s",
    "actual_unit_delay_time_s",
    "minor_stop_s",
    "breakdown_s",
    "starved_s",
    "blocked_s",
    "idle_s",
    "unknown_time_s",
    "overtime_production_s",
)
QUANTITY_FIELDS: Final = ("produced_quantity", "good_quantity", "scrap_quantity", "rework_quantity")
IDEAL_FIELDS: Final = (
    "ideal_production_time_s",
    "ideal_good_time_s",
    "ideal_production_unknown_s",
    "ideal_good_low_s",
    "ideal_good_high_s",
)
ENERGY_FIELDS: Final = (
    "energy_kwh",
    *(f"energy_{name}_kwh" for name in STATE_CLASSES),
    "energy_missing_s",
    "co2_kg",
    "energy_cost_eur",
    "material_kg",
)
LINE_FIELDS: Final = (
    "line_produced_quantity",
    "line_good_quantity",
    "line_ideal_good_time_s",
    "line_planned_busy_time_s",
)
ATOM_FIELDS: Final[tuple[str, ...]] = (
    *TIME_FIELDS,
    *QUANTITY_FIELDS,
    *IDEAL_FIELDS,
    "count_missing_s",
    *ENERGY_FIELDS,
    *LINE_FIELDS,
)

MEASURED_FIELDS: Final = frozenset(
    {"rework_quantity", "energy_kwh", "co2_kg", "energy_cost_eur", "material_kg"}
    | {f"energy_{name}_kwh" for name in STATE_CLASSES}
)
"""Summed over the machines that measure them; every other undefined field makes its sum undefined."""
