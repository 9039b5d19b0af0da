"""Every panel, said once: which question it answers, with which figure, in which unit, how it is drawn.

The web page and Grafana are both rendered from here, so they cannot tell different stories. The words
are in :mod:`dashboards.wording` under the panel's `id`: ``<id>``, ``<id>.question``, ``<id>.how``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from fieldlab_configs.states import STATE_CLASSES

Convention = Literal["iso22400", "nakajima"]
Unit = Literal["ratio", "parts", "kwh", "kwh_per_unit", "seconds", "state"]
Kind = Literal["figure", "bars", "trend", "timeline"]
Group = Literal["total", "time", "machine"]


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
    """

    over: Sum
    under: Sum
    known: Sum | None = None
    pooled: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which value on a figure has a level."""

    at: float
    level: Literal["low", "fair", "good"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes
    ----------
    id : str
        Stable: the key of its words, the test id on the page, part of its place in Grafana.
    measure : tuple of str
        KPIs of MODEL section 4 or atom fields of section 3, in the order in which they are drawn.
    line_measure : tuple of str
        The same for a whole line, where it differs; empty where it does not.
    unit, kind, group
    low, high : str
        KPIs that bound the figure; empty where it has no bounds.
    thresholds : tuple of Threshold
    """

    id: str
    measure: tuple[str, ...]
    unit: Unit
    kind: Kind
    group: Group = "total"
    line_measure: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    thresholds: tuple[Threshold, ...] = ()

    def of(self, *, line: bool) -> tuple[str, ...]:
        """The measures for a machine, or for a line."""
        return self.line_measure if line and self.line_measure else self.measure


# 85 % is what the trade calls world class, 60 % what a plant that starts to measure often finds.
_OEE_LEVELS = (Threshold(0.0, "low"), Threshold(0.6, "fair"), Threshold(0.85, "good"))
_COVERAGE_LEVELS = (Threshold(0.0, "low"), Threshold(0.9, "fair"), Threshold(0.99, "good"))

PANELS: Final[tuple[Panel, ...]] = (
    Panel(
        "oee_index",
        ("oee_index",),
        "ratio",
        "figure",
        low="oee_index_low",
        high="oee_index_high",
        thresholds=_OEE_LEVELS,
    ),
    Panel("availability", ("availability",), "ratio", "figure"),
    Panel("effectiveness", ("effectiveness",), "ratio", "figure"),
    Panel("quality_ratio", ("quality_ratio",), "ratio", "figure"),
    Panel("coverage", ("coverage",), "ratio", "figure", thresholds=_COVERAGE_LEVELS),
    Panel("oee_by_machine", ("oee_index",), "ratio", "figure", "machine", thresholds=_OEE_LEVELS),
    Panel("states", tuple(f"state_{name}_s" for name in STATE_CLASSES), "state", "timeline", "time"),
    Panel(
        "produced_quantity",
        ("produced_quantity",),
        "parts",
        "figure",
        line_measure=("line_produced_quantity",),
    ),
    Panel("good_quantity", ("good_quantity",), "parts", "figure", line_measure=("line_good_quantity",)),
    Panel("scrap_quantity", ("scrap_quantity",), "parts", "figure"),
    Panel(
        "parts",
        ("good_quantity", "scrap_quantity"),
        "parts",
        "bars",
        "time",
        # What comes off a line is its last machine's; scrap is every machine's and makes no bar with it.
        line_measure=("line_good_quantity",),
    ),
    Panel("energy_per_good_unit_kwh", ("energy_per_good_unit_kwh",), "kwh_per_unit", "figure"),
    Panel("energy_kwh", ("energy_kwh",), "kwh", "figure"),
    Panel("energy_trend", ("energy_per_good_unit_kwh",), "kwh_per_unit", "trend", "time"),
)

BY_ID: Final = {panel.id: panel for panel in PANELS}


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
    planned = Sum(("planned_busy_time_s",))
    known = Sum(("planned_busy_time_s",), ("unknown_time_s",))
    produced_in = Sum(("actual_production_time_s", *minor))
    good = "line_good_quantity" if line else "good_quantity"
    of_machines = Formula(Sum(("ideal_good_time_s",)), Sum(("planned_busy_time_s",), ("count_missing_s",)))
    of_line = Formula(Sum(("line_ideal_good_time_s",)), Sum(("line_planned_busy_time_s",)))
    return {
        "oee_index": of_line if line else of_machines,
        "oee_index_low": Formula(Sum(("ideal_good_low_s",)), planned),
        "oee_index_high": Formula(Sum(("ideal_good_high_s", "count_missing_s")), planned),
        "availability": Formula(produced_in, known),
        "effectiveness": Formula(
            Sum(("ideal_production_time_s",), ("ideal_production_unknown_s",)), produced_in
        ),
        "quality_ratio": Formula(Sum(("ideal_good_time_s",)), Sum(("ideal_production_time_s",))),
        "coverage": Formula(known, planned),
        "energy_per_good_unit_kwh": Formula(
            Sum(("energy_kwh",)),
            Sum((good,)),
            known=Sum(("calendar_time_s",), ("energy_missing_s",)),
            pooled=True,
        ),
    }
