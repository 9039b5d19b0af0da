"""A row's numbers as a page shows them: text, exact value, bounds, and why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dashboards import amounts
from dashboards.catalogue import BY_ID, Panel
from dashboards.screens import Row
from dashboards.wording import Language, has, say

_SAME: Final = 1e-9  # float dust between a bound and its figure


@dataclass(frozen=True, slots=True)
class Figure:
    """One number on a page.

    Attributes
    ----------
    text, unit : str
        What is read; a dash where it cannot be told.
    value : float or None
        The exact number; None: undefined.
    how : str
        How it is made, and where it is undefined why.
    level : str
        ``low``, ``fair``, ``good``, or empty.
    why : str
        In words why it is undefined; empty where it is not.
    """

    text: str
    unit: str
    value: float | None
    how: str
    level: str = ""
    why: str = ""

    @property
    def exact(self) -> str:
        """The exact number as text for tests and scripts; empty where there is none."""
        return "" if self.value is None else repr(float(self.value))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between what and what a figure lies; ratios."""

    low: float
    high: float
    point: float | None
    why: str


def title(panel: Panel, language: Language, *, line: bool) -> str:
    """What a figure is called; for a line, where it is another thing than for a machine, by another name."""
    key = f"{panel.id}.line"
    return say(key if line and has(key) else panel.id, language)


def figure(panel: Panel, row: Row | None, language: Language, *, line: bool) -> Figure:
    """A panel's number out of a row."""
    measure = panel.of(line=line)[0]
    value = _number(row, measure)
    text, unit = _spelled(panel, value, language)
    if line and has(f"{panel.id}.unit_line"):
        unit = say(f"{panel.id}.unit_line", language)
    key = f"{panel.id}.how_line" if line and has(f"{panel.id}.how_line") else f"{panel.id}.how"
    how = say(key, language)
    why = ""
    if value is None:
        why = say("undefined", language, why=say(why_undefined(measure, row), language))
        how = f"{why} {how}"
    return Figure(text, unit, value, how, level(panel, value), why)


def _number(row: Row | None, measure: str) -> float | None:
    value = None if row is None else row.get(measure)
    return None if value is None else float(value)


def _spelled(panel: Panel, value: float | None, language: Language) -> tuple[str, str]:
    if panel.unit == "ratio":
        return amounts.percent(value, language), ""
    if panel.unit in ("kwh", "kwh_per_unit"):
        return amounts.energy(value, language, per_unit=panel.unit == "kwh_per_unit")
    if panel.unit in ("kg", "kg_per_unit"):
        return amounts.mass(value, language, per_unit=panel.unit == "kg_per_unit")
    if panel.unit in ("eur", "eur_per_unit"):
        each = panel.unit == "eur_per_unit" and value is not None
        return amounts.money(value, language), say("unit.eur_per_unit", language) if each else ""
    if panel.unit == "seconds" and value is not None:
        return amounts.duration(value, language), ""
    return amounts.count(value, language), say("unit.parts", language)


def level(panel: Panel, value: float | None) -> str:
    """The level of a value by a panel's thresholds; empty where it has none."""
    if value is None:
        return ""
    reached = [threshold.level for threshold in panel.thresholds if value >= threshold.at]
    return reached[-1] if reached else ""


def why_undefined(measure: str, row: Row | None) -> str:
    """The key of the words that say why a measure has no value."""
    if row is None:
        return "why.no_data"

    def nothing(*fields: str) -> bool:
        plus, *minus = (row.get(name) or 0.0 for name in fields)
        return plus - sum(minus) <= _SAME

    reasons = {
        "oee_index": [
            (nothing("planned_busy_time_s"), "why.no_plan"),
            (None in (row.get("ideal_good_time_s"), row.get("produced_quantity", 0.0)), "why.no_counter"),
            (nothing("planned_busy_time_s", "count_missing_s"), "why.no_counts"),
        ],
        "availability": [
            (nothing("planned_busy_time_s"), "why.no_plan"),
            (nothing("planned_busy_time_s", "unknown_time_s"), "why.all_unknown"),
        ],
        "effectiveness": [
            (row.get("ideal_production_time_s") is None, "why.no_counter"),
            (nothing("actual_production_time_s"), "why.not_producing"),
        ],
        "quality_ratio": [
            (row.get("ideal_good_time_s") is None, "why.no_counter"),
            (nothing("ideal_production_time_s"), "why.no_parts"),
        ],
        "coverage": [(True, "why.no_plan")],
        "energy_per_good_unit_kwh": [
            (row.get("energy_kwh") is None, "why.no_meter"),
            (nothing("calendar_time_s", "energy_missing_s"), "why.no_meter"),
            (row.get("good_quantity") is None, "why.no_counter"),
            (True, "why.no_good"),
        ],
        "energy_kwh": [(True, "why.no_meter")],
    }
    default = [(measure.endswith("_quantity"), "why.no_counter"), (True, "why.undefined")]
    return next(why for true, why in [*reasons.get(measure, []), *default] if true)


def oee_bounds(row: Row | None, language: Language, *, line: bool) -> Bounds | None:
    """The bounds of the machines' OEE; None where they do not differ from it.

    For a line these are of its machines together: `oee_index_low` and `oee_index_high` are always pooled.
    """
    if row is None:
        return None
    panel = BY_ID["oee_index"]
    low, high = _number(row, panel.low), _number(row, panel.high)
    point = _number(row, "machines_oee_index" if line else "oee_index")
    if low is None or high is None:
        return None
    if point is not None and high - low < _SAME and abs(point - low) < _SAME:
        return None
    planned, unknown = row["planned_busy_time_s"], row["unknown_time_s"]
    said = {"low": amounts.percent(low, language), "high": amounts.percent(high, language)}
    if unknown > 0:
        why = say("bounds", language, **said, unknown=amounts.percent(unknown / planned, language))
    elif row["count_missing_s"] > 0:
        missing = amounts.duration(row["count_missing_s"], language)
        why = say("bounds.counts", language, **said, missing=missing)
    else:
        why = say("bounds.edge", language, **said)
    return Bounds(low, high, point, why)


def coverage_note(row: Row | None, language: Language) -> str:
    """In words what was not seen; empty where nothing was planned."""
    planned = (row or {}).get("planned_busy_time_s") or 0.0
    unknown = (row or {}).get("unknown_time_s") or 0.0
    if planned <= 0:
        return ""
    if unknown <= 0:
        return say("coverage.all", language)
    return say(
        "coverage.some",
        language,
        unknown=amounts.duration(unknown, language),
        planned=amounts.duration(planned, language),
    )
