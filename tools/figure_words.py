"""What each figure means, in a sentence or a formula; `tools/reference.py` fails where one is missing."""

from __future__ import annotations

from typing import Final

from fieldlab_configs.states import STATE_CLASSES

INTRODUCTION: Final = """`fieldlab kpi --format json` prints all of these under exactly these names; undefined is `null`.
How each is computed to the letter stands in [rules.md](rules.md).
"""
ABOUT_ATOMS: Final = """An atom is one machine, one time cell, one shift, one product. Everything in it adds up, nothing in it is a
ratio. Times are in seconds.
"""
ABOUT_KPIS: Final = """Atoms are summed first, then divided. Nothing divided by nothing is undefined, never 0 or 1.

For a group that is coarser than a machine, figures per unit divide by the line's quantities, `oee_index` is
line_ideal_good / line_PBT, and every KPI also stands there as `machines_...`, pooled over the machines.
"""

ATOMS: Final[dict[str, str]] = {
    "calendar_time_s": "all time of the cell, inside and outside shifts",
    **{f"state_{name}_s": f"time in the state `{name}`, inside and outside shifts" for name in STATE_CLASSES},
    "planned_busy_time_s": "PBT: shift time minus breaks, planned downtime and holidays; all time without shifts",
    "actual_production_time_s": "APT: producing, within PBT",
    "actual_unit_setup_time_s": "AUST: setup, within PBT",
    "actual_unit_delay_time_s": "ADET: idle, starved, blocked, stopped, down, maintenance, off, within PBT",
    "minor_stop_s": "part of ADET: stops shorter than `minor_stop_s` of the config",
    "breakdown_s": "part of ADET: longer stops",
    "starved_s": "part of ADET: starved",
    "blocked_s": "part of ADET: blocked",
    "idle_s": "part of ADET: idle",
    "unknown_time_s": "unknown, within PBT; PBT = APT + AUST + ADET + unknown",
    "overtime_production_s": "producing outside PBT",
    "produced_quantity": "all parts, at any time",
    "good_quantity": "good parts; any two of produced, good and scrap give the third",
    "scrap_quantity": "scrapped parts",
    "rework_quantity": "reworked parts",
    "ideal_production_time_s": "sum of PRI x produced within PBT; PRI is the planned run time per item",
    "ideal_good_time_s": "sum of PRI x good within PBT",
    "ideal_production_unknown_s": "part of `ideal_production_time_s` that was made in unknown time",
    "ideal_good_low_s": "as `ideal_good_time_s`, the least that can be true across a silence at an edge of PBT",
    "ideal_good_high_s": "the same, the most that can be true",
    "count_missing_s": "time within PBT whose counts cannot be known",
    "energy_kwh": "energy",
    **{f"energy_{name}_kwh": f"energy in the state `{name}`" for name in STATE_CLASSES},
    "energy_missing_s": "time without a reading of energy or power",
    "co2_kg": "emission, with the factor valid then",
    "energy_cost_eur": "cost, with the price valid then",
    "material_kg": "material used",
    "line_produced_quantity": "produced, on the line's output machine; 0 on others",
    "line_good_quantity": "good, on the line's output machine; 0 on others",
    "line_ideal_good_time_s": "on the output machine: its good parts x the bottleneck's PRI",
    "line_planned_busy_time_s": "on the bottleneck machine: its PBT",
}
"""Field of an atom to its meaning."""

KPIS: Final[dict[str, tuple[str, str]]] = {
    "availability": ("APT / (PBT - unknown)", "Nakajima: (APT + minor stops) / (PBT - unknown)"),
    "effectiveness": (
        "(ideal_production - ideal_production_unknown) / APT",
        "Nakajima: over APT + minor stops. Above 1 is shown and flagged: the ideal cycle time is too long",
    ),
    "quality_ratio": ("ideal_good / ideal_production", ""),
    "oee_index": (
        "ideal_good / (PBT - count_missing)",
        "Where nothing is unknown or missing: availability x effectiveness x quality, exactly",
    ),
    "oee_index_low": ("ideal_good_low / PBT", "As if nothing was made while nobody saw"),
    "oee_index_high": ("(ideal_good_high + count_missing) / PBT", "As if all was perfect while nobody saw"),
    "nee_index": (
        "(APT + AUST) / (PBT - unknown) x effectiveness x quality_ratio",
        "Setup counts as production",
    ),
    "utilization_efficiency": ("APT / AUBT", "AUBT = APT + AUST + ADET"),
    "technical_efficiency": ("APT / (APT + ADET)", ""),
    "setup_ratio": ("AUST / (APT + AUST)", ""),
    "scrap_ratio": ("scrap / produced", ""),
    "rework_ratio": ("rework / produced", ""),
    "throughput_rate_per_h": ("produced / AUBT", "Per hour"),
    "teep": ("oee_index x PBT / calendar time", ""),
    "energy_per_unit_kwh": ("energy / produced", "As ISO 22400 has it"),
    "energy_per_good_unit_kwh": ("energy / good", ""),
    "co2_per_good_unit_kg": ("co2 / good", ""),
    "material_per_good_unit_kg": ("material / good", ""),
    "energy_cost_per_good_unit_eur": ("energy cost / good", ""),
    "coverage": ("1 - unknown / PBT", "How much of the planned time was seen"),
}
"""KPI to its formula and a remark."""
