"""The quotient behind every figure, in sums of atom fields: sum first, then divide (MODEL section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Convention = Literal["iso22400", "nakajima"]


@dataclass(frozen=True, slots=True)
class Sum:
    """Sums of atom fields, added and taken away."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every atom field in it."""
        return self.plus + self.minus


@dataclass(frozen=True, slots=True)
class Formula:
    """Sum first, then divide (MODEL section 4).

    Attributes
    ----------
    over, under : Sum
        Undefined where `under` is nothing.
    known : Sum or None
        The time in which what is divided could be read: where there is none, it is undefined too.
    pooled : bool
        Whether `over` is summed over the machines that measure it (energy and material), so that an
        atom without it does not make the sum undefined (rule 27).
    factor : float
        What the quotient is multiplied by: seconds to hours.
    """

    over: Sum
    under: Sum
    known: Sum | None = None
    pooled: bool = False
    factor: float = 1.0


_PLANNED: Final = Sum(("planned_busy_time_s",))
_KNOWN: Final = Sum(("planned_busy_time_s",), ("unknown_time_s",))
_WORKED: Final = Sum(("actual_production_time_s", "actual_unit_setup_time_s", "actual_unit_delay_time_s"))
_METERED: Final = Sum(("calendar_time_s",), ("energy_missing_s",))
LOSSES: Final[dict[str, Sum]] = {
    "productive": Sum(("ideal_good_time_s",)),
    "quality": Sum(("ideal_production_time_s",), ("ideal_good_time_s",)),
    "speed": Sum(("actual_production_time_s", "ideal_production_unknown_s"), ("ideal_production_time_s",)),
    "minor_stop": Sum(("minor_stop_s",)),
    "other_delay": Sum(
        ("actual_unit_delay_time_s",),
        ("minor_stop_s", "breakdown_s", "starved_s", "blocked_s", "idle_s"),
    ),
    "idle": Sum(("idle_s",)),
    "blocked": Sum(("blocked_s",)),
    "starved": Sum(("starved_s",)),
    "setup": Sum(("actual_unit_setup_time_s",)),
    "breakdown": Sum(("breakdown_s",)),
    "unknown": Sum(("unknown_time_s",), ("ideal_production_unknown_s",)),
}
"""Seconds of planned time, from what was good up to all of it: they add up to it exactly."""


def formulas(convention: Convention, *, line: bool) -> dict[str, Formula]:
    """The quotient behind every KPI that a panel shows, in sums of atom fields.

    Parameters
    ----------
    convention : str
        By Nakajima's, minor stops count as production: they are a loss of speed.
    line : bool
        The figures of a whole line where they differ from those of its machines.

    Returns
    -------
    dict of str to Formula
    """
    minor = ("minor_stop_s",) if convention == "nakajima" else ()
    produced_in = Sum(("actual_production_time_s", *minor))
    return {
        **_effectiveness(produced_in, line=line),
        "scrap_ratio": Formula(Sum(("scrap_quantity",)), Sum(("produced_quantity",))),
        "setup_ratio": Formula(
            Sum(("actual_unit_setup_time_s",)), Sum(("actual_production_time_s", "actual_unit_setup_time_s"))
        ),
        "throughput_rate_per_h": Formula(Sum(("produced_quantity",)), _WORKED, factor=3600.0),
        "ideal_rate_per_h": Formula(
            Sum(("produced_quantity",)), Sum(("ideal_production_time_s",)), factor=3600.0
        ),
        **_per_part(line=line),
    }


def _effectiveness(produced_in: Sum, *, line: bool) -> dict[str, Formula]:
    of_machines = Formula(
        _with("produced_quantity", "ideal_good_time_s"), Sum(("planned_busy_time_s",), ("count_missing_s",))
    )
    of_line = Formula(
        _with("line_produced_quantity", "line_ideal_good_time_s"), Sum(("line_planned_busy_time_s",))
    )
    return {
        "oee_index": of_line if line else of_machines,
        "oee_index_low": Formula(Sum(("ideal_good_low_s",)), _PLANNED),
        "oee_index_high": Formula(Sum(("ideal_good_high_s", "count_missing_s")), _PLANNED),
        "availability": Formula(produced_in, _KNOWN),
        "effectiveness": Formula(
            Sum(("ideal_production_time_s",), ("ideal_production_unknown_s",)), produced_in
        ),
        "quality_ratio": Formula(Sum(("ideal_good_time_s",)), Sum(("ideal_production_time_s",))),
        "coverage": Formula(_KNOWN, _PLANNED),
    }


def _with(known: str, field: str) -> Sum:
    """A field, undefined where another is: one counter only tells no OEE."""
    return Sum((field, known), (known,))


def _per_part(*, line: bool) -> dict[str, Formula]:
    good = Sum(("line_good_quantity" if line else "good_quantity",))
    produced = Sum(("line_produced_quantity" if line else "produced_quantity",))

    def per(what: str, parts: Sum) -> Formula:
        known = None if what == "material_kg" else _METERED
        return Formula(Sum((what,)), parts, known=known, pooled=True)

    return {
        "energy_per_unit_kwh": per("energy_kwh", produced),
        "energy_per_good_unit_kwh": per("energy_kwh", good),
        "co2_per_good_unit_kg": per("co2_kg", good),
        "energy_cost_per_good_unit_eur": per("energy_cost_eur", good),
        "material_per_good_unit_kg": per("material_kg", good),
    }
