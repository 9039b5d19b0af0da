"""What was measured, held to what really happened."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

COUNTS: Final = (
    "produced_quantity", "good_quantity", "scrap_quantity", "rework_quantity",
    "line_produced_quantity", "line_good_quantity",
)  # fmt: skip
RATIOS: Final = (
    "availability", "effectiveness", "quality_ratio", "oee_index", "nee_index", "utilization_efficiency",
    "technical_efficiency", "setup_ratio", "scrap_ratio", "rework_ratio", "teep", "coverage",
)  # fmt: skip
ENERGIES: Final = (
    "energy_kwh", "energy_per_unit_kwh", "energy_per_good_unit_kwh", "co2_kg", "co2_per_good_unit_kg",
    "energy_cost_eur", "energy_cost_per_good_unit_eur", "material_kg", "material_per_good_unit_kg",
)  # fmt: skip
RATIO_WITHIN: Final = 0.005
ENERGY_WITHIN: Final = 0.005


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what it should be.

    Attributes
    ----------
    name : str
    measured, truth : float or None
    allowed : str
        How far apart they may be.
    """

    name: str
    measured: float | None
    truth: float | None
    allowed: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.name}: measured {self.measured}, true {self.truth} ({self.allowed})"


def differences(measured: Mapping[str, Any], truth: Mapping[str, Any]) -> list[Difference]:
    """Every figure of one machine that is further from the truth than it may be.

    Counts are exact; ratios lie within 0.005; energy, and what follows from it or from material,
    within 0.5 %. Where a fault made the machine silent (`silent_s` above 0) nobody can know its
    states: then counts are exact, and the true OEE lies within the measured bounds.

    Parameters
    ----------
    measured : mapping
        Fields and KPIs under their names, as `fieldlab kpi` gives them.
    truth : mapping
        As `Simulation.truth` gives them.

    Returns
    -------
    list of Difference
        Empty where all is well.
    """
    found = [d for name in COUNTS if (d := _apart(name, measured, truth, "exactly", 1e-9, 0.0))]
    if truth.get("silent_s"):
        return found + _out_of_bounds(measured, truth)
    found += [d for name in RATIOS if (d := _apart(name, measured, truth, "within 0.005", RATIO_WITHIN, 0.0))]
    found += [
        d for name in ENERGIES if (d := _apart(name, measured, truth, "within 0.5 %", 0.0, ENERGY_WITHIN))
    ]
    return found


def _apart(
    name: str,
    measured: Mapping[str, Any],
    truth: Mapping[str, Any],
    allowed: str,
    absolute: float,
    relative: float,
) -> Difference | None:
    got, true = _number(measured.get(name)), _number(truth.get(name))
    if got is None and true is None:
        return None
    if got is not None and true is not None and abs(got - true) <= absolute + relative * abs(true):
        return None
    return Difference(name, got, true, allowed)


def _out_of_bounds(measured: Mapping[str, Any], truth: Mapping[str, Any]) -> list[Difference]:
    true = _number(truth.get("oee_index"))
    low, high = _number(measured.get("oee_index_low")), _number(measured.get("oee_index_high"))
    if true is None or (low is not None and high is not None and low - 1e-9 <= true <= high + 1e-9):
        return []
    return [Difference("oee_index", _number(measured.get("oee_index")), true, f"within {low} and {high}")]


def _number(value: Any) -> float | None:
    """A figure; nothing where it is undefined."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return float(value)
