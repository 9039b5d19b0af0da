"""Every panel, said once: which question it answers, with which figure, in which unit, how it is drawn.

The words are in :mod:`dashboards.wording` under the panel's `id`: ``<id>``, ``<id>.question``, ``<id>.how``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from dashboards.formulas import LOSSES
from fieldlab_configs.states import STATE_CLASSES

Unit = Literal[
    "ratio", "parts", "parts_per_h", "kwh", "kwh_per_unit", "kw", "kg", "kg_per_unit", "eur", "eur_per_unit",
    "seconds", "hours", "days", "count", "mb", "state", "text",
]  # fmt: skip
Kind = Literal["figure", "bars", "trend", "timeline", "waterfall", "pareto", "intervals", "table"]
Group = Literal[
    "total", "time", "machine", "line", "shift", "product", "state", "loss", "reason", "kpi", "gateway",
    "source",
]  # fmt: skip
Source = Literal["atom", "stop", "experiment_result", "baseline", "baseline_block", "gateway", "gap", "link"]
"""The measurement of MODEL section 1 that holds it."""


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
        KPIs of MODEL section 4 or atom fields of section 3, in the order in which they are drawn; names
        of losses for a waterfall; fields of its measurement where `source` is no atom.
    line_measure : tuple of str
        The same for a whole line, where it differs; empty where it does not.
    unit, kind, group
    low, high : str
        KPIs or fields that bound the figure; empty where it has no bounds.
    thresholds : tuple of Threshold
    source : str
    term : str
        Which term of a baseline: ``base``, ``saved``; empty for those of products.
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
    source: Source = "atom"
    term: str = ""

    def of(self, *, line: bool) -> tuple[str, ...]:
        """The measures for a machine, or for a line."""
        return self.line_measure if line and self.line_measure else self.measure


# 85 % is what the trade calls world class, 60 % what a plant that starts to measure often finds.
_OEE_LEVELS = (Threshold(0.0, "low"), Threshold(0.6, "fair"), Threshold(0.85, "good"))
_COVERAGE_LEVELS = (Threshold(0.0, "low"), Threshold(0.9, "fair"), Threshold(0.99, "good"))
_AUTONOMY_LEVELS = (Threshold(0.0, "low"), Threshold(6.0, "fair"), Threshold(24.0, "good"))
_CERTIFICATE_LEVELS = (Threshold(0.0, "low"), Threshold(14.0, "fair"), Threshold(30.0, "good"))
_NONE_IS_GOOD = (Threshold(0.0, "good"), Threshold(0.5, "low"))
_LAG_LEVELS = (Threshold(0.0, "good"), Threshold(5.0, "fair"), Threshold(60.0, "low"))
_OEE = ("oee_index",)
_LINE_GOOD = ("line_good_quantity",)
_PER_GOOD = ("energy_per_good_unit_kwh",)
_BY_STATE = tuple(f"energy_{name}_kwh" for name in STATE_CLASSES)

_OF_OEE = (
    Panel(
        "oee_index",
        _OEE,
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
    Panel("oee_by_machine", _OEE, "ratio", "figure", "machine", thresholds=_OEE_LEVELS),
    Panel("oee_by_line", _OEE, "ratio", "figure", "line", thresholds=_OEE_LEVELS),
    Panel("oee_by_shift", _OEE, "ratio", "figure", "shift", thresholds=_OEE_LEVELS),
    Panel("oee_by_product", _OEE, "ratio", "figure", "product", thresholds=_OEE_LEVELS),
    Panel("oee_trend", _OEE, "ratio", "trend", "time"),
    Panel("states", tuple(f"state_{name}_s" for name in STATE_CLASSES), "state", "timeline", "time"),
    Panel("losses", tuple(LOSSES), "seconds", "waterfall", "loss"),
    Panel("stops_by_reason", ("duration_s",), "seconds", "pareto", "reason", source="stop"),
)
_OF_PARTS = (
    Panel(
        "produced_quantity",
        ("produced_quantity",),
        "parts",
        "figure",
        line_measure=("line_produced_quantity",),
    ),
    Panel("good_quantity", ("good_quantity",), "parts", "figure", line_measure=_LINE_GOOD),
    Panel("scrap_quantity", ("scrap_quantity",), "parts", "figure"),
    Panel("scrap_ratio", ("scrap_ratio",), "ratio", "figure"),
    Panel("good_by_line", _LINE_GOOD, "parts", "figure", "line"),
    Panel(
        "parts",
        ("good_quantity", "scrap_quantity"),
        "parts",
        "bars",
        "time",
        # What comes off a line is its last machine's; scrap is every machine's and makes no bar with it.
        line_measure=_LINE_GOOD,
    ),
    Panel("parts_per_hour", ("throughput_rate_per_h", "ideal_rate_per_h"), "parts_per_h", "trend", "time"),
)


def _told_by_baseline(name: str, unit: Unit, group: Group, term: str) -> Panel:
    return Panel(
        name, ("estimate",), unit, "intervals", group, low="low", high="high", source="baseline", term=term
    )


_OF_ENERGY = (
    Panel("energy_kwh", ("energy_kwh",), "kwh", "figure"),
    Panel("energy_per_unit_kwh", ("energy_per_unit_kwh",), "kwh_per_unit", "figure"),
    Panel("energy_per_good_unit_kwh", _PER_GOOD, "kwh_per_unit", "figure"),
    Panel("energy_by_machine", ("energy_kwh",), "kwh", "figure", "machine"),
    Panel("energy_per_good_by_line", _PER_GOOD, "kwh_per_unit", "figure", "line"),
    Panel("energy_trend", _PER_GOOD, "kwh_per_unit", "trend", "time"),
    Panel("energy_by_state", _BY_STATE, "kwh", "bars", "time"),
    Panel("energy_missing", ("energy_missing_s",), "seconds", "figure"),
    Panel("co2_kg", ("co2_kg",), "kg", "figure"),
    Panel("co2_per_good_unit_kg", ("co2_per_good_unit_kg",), "kg_per_unit", "figure"),
    Panel("energy_cost_eur", ("energy_cost_eur",), "eur", "figure"),
    Panel("energy_cost_per_good_unit_eur", ("energy_cost_per_good_unit_eur",), "eur_per_unit", "figure"),
    Panel("material_kg", ("material_kg",), "kg", "figure"),
    Panel("material_per_good_unit_kg", ("material_per_good_unit_kg",), "kg_per_unit", "figure"),
    _told_by_baseline("base_load_kw", "kw", "machine", "base"),
    _told_by_baseline("marginal_kwh", "kwh_per_unit", "product", ""),
    _told_by_baseline("saved_kwh", "kwh", "machine", "saved"),
    Panel("baseline_energy", ("used_kwh", "expected_kwh"), "kwh", "trend", "time", source="baseline_block"),
    Panel("baseline_cusum", ("cusum_kwh",), "kwh", "trend", "time", source="baseline_block"),
)
_OF_EXPERIMENTS = (
    Panel(
        "experiment_effect",
        ("estimate",),
        "ratio",
        "intervals",
        "kpi",
        low="low",
        high="high",
        source="experiment_result",
    ),
    Panel("experiment_arms", ("baseline", "trial"), "text", "table", "kpi", source="experiment_result"),
    Panel("experiment_verdict", ("verdict",), "text", "table", "kpi", source="experiment_result"),
    Panel(
        "experiment_coverage",
        ("coverage",),
        "ratio",
        "figure",
        thresholds=_COVERAGE_LEVELS,
        source="experiment_result",
    ),
)
_OF_GATEWAYS = (
    Panel("gateway_waiting", ("waiting",), "count", "figure", "gateway", source="gateway"),
    Panel(
        "gateway_dead", ("dead",), "count", "figure", "gateway", thresholds=_NONE_IS_GOOD, source="gateway"
    ),
    Panel(
        "gateway_lag", ("lag_s",), "seconds", "figure", "gateway", thresholds=_LAG_LEVELS, source="gateway"
    ),
    Panel(
        "gateway_autonomy",
        ("autonomy_h",),
        "hours",
        "figure",
        "gateway",
        thresholds=_AUTONOMY_LEVELS,
        source="gateway",
    ),
    Panel(
        "gateway_certificate",
        ("certificate_days",),
        "days",
        "figure",
        "gateway",
        thresholds=_CERTIFICATE_LEVELS,
        source="gateway",
    ),
    Panel(
        "gateway_account",
        ("received", "stored", "replaced", "dead", "waiting"),
        "count",
        "table",
        "gateway",
        source="gateway",
    ),
    Panel("gateway_waiting_trend", ("waiting",), "count", "trend", "gateway", source="gateway"),
    Panel("gateway_memory", ("rss_mb",), "mb", "trend", "gateway", source="gateway"),
    Panel("gaps", ("count",), "count", "pareto", "reason", source="gap"),
    Panel("links", ("up",), "state", "timeline", "source", source="link"),
)
PANELS: Final[tuple[Panel, ...]] = (*_OF_OEE, *_OF_PARTS, *_OF_ENERGY, *_OF_EXPERIMENTS, *_OF_GATEWAYS)
BY_ID: Final = {panel.id: panel for panel in PANELS}
