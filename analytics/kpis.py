"""KPIs: sums of atoms, then divided (MODEL section 4). Nothing here is ever averaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, Literal

Sums = Mapping[str, float]
Convention = Literal["iso22400", "nakajima"]

NAN: Final = float("nan")
_NOTHING_S = 1e-6  # what is left of a difference of equal sums of seconds


def ratio(numerator: float, denominator: float) -> float:
    """A quotient; undefined (NaN) over nothing.

    Parameters
    ----------
    numerator, denominator : float

    Returns
    -------
    float

    Examples
    --------
    >>> ratio(1.0, 4.0), ratio(0.0, 0.0)
    (0.25, nan)
    """
    return numerator / denominator if abs(denominator) > 1e-12 else NAN  # noqa: PLR2004 - float dust


def _seconds(numerator: float, denominator_s: float) -> float:
    return numerator / denominator_s if abs(denominator_s) > _NOTHING_S else NAN


def _made(s: Sums, convention: Convention) -> float:
    """Time that counts as production: APT, and by Nakajima's convention minor stops too [s]."""
    minor = s["minor_stop_s"] if convention == "nakajima" else 0.0
    return s["actual_production_time_s"] + minor


def _known(s: Sums) -> float:
    return s["planned_busy_time_s"] - s["unknown_time_s"]


def _worked(s: Sums) -> float:
    """Actual unit busy time: production, setup and delay [s]."""
    return s["actual_production_time_s"] + s["actual_unit_setup_time_s"] + s["actual_unit_delay_time_s"]


def _two_counters(produced: float, oee: float) -> float:
    """OEE, where produced parts are known as well as good ones (MODEL section 3)."""
    return NAN if math.isnan(produced) else oee


def availability(s: Sums, convention: Convention) -> float:
    """Share of the known planned time in which the machine produced (ISO 22400-2: APT/PBT).

    Parameters
    ----------
    s : mapping of str to float
        Sums of atom fields; NaN: undefined.
    convention : str
        ``iso22400`` or ``nakajima``, by which minor stops count as production.

    Returns
    -------
    float
        [1]; undefined without known planned time.
    """
    return _seconds(_made(s, convention), _known(s))


def effectiveness(s: Sums, convention: Convention) -> float:
    """Ideal time of what was produced over the time it took (ISO 22400-2: PRI x PQ/APT).

    Parameters
    ----------
    s : mapping of str to float
        Sums of atom fields; NaN: undefined.
    convention : str
        ``iso22400`` or ``nakajima``, by which minor stops count as production.

    Returns
    -------
    float
        [1]; above 1 where the ideal cycle time is too generous: never clipped.
    """
    return _seconds(s["ideal_production_time_s"] - s["ideal_production_unknown_s"], _made(s, convention))


def quality_ratio(s: Sums, convention: Convention) -> float:  # noqa: ARG001 - one signature for all
    """Ideal time of good parts over that of all (ISO 22400-2: GQ/PQ, weighted by ideal time).

    Parameters
    ----------
    s : mapping of str to float
        Sums of atom fields; NaN: undefined.
    convention : str
        ``iso22400`` or ``nakajima``, by which minor stops count as production.

    Returns
    -------
    float
        [1]; undefined without a part that has an ideal cycle time.
    """
    return _seconds(s["ideal_good_time_s"], s["ideal_production_time_s"])


def oee_index(s: Sums, convention: Convention) -> float:  # noqa: ARG001
    """Ideal time of good parts over the planned time whose counts are known; no OEE of one counter only.

    Parameters
    ----------
    s : mapping of str to float
        Sums of atom fields; NaN: undefined.
    convention : str
        ``iso22400`` or ``nakajima``, by which minor stops count as production.

    Returns
    -------
    float
        [1]; where nothing is unknown or missing, the product of the other three.
    """
    return _two_counters(
        s["produced_quantity"],
        _seconds(s["ideal_good_time_s"], s["planned_busy_time_s"] - s["count_missing_s"]),
    )


def nee_index(s: Sums, convention: Convention) -> float:
    """Net equipment effectiveness: setup counts as production.

    Parameters
    ----------
    s : mapping of str to float
        Sums of atom fields; NaN: undefined.
    convention : str
        ``iso22400`` or ``nakajima``, by which minor stops count as production.

    Returns
    -------
    float
        [1]
    """
    used = s["actual_production_time_s"] + s["actual_unit_setup_time_s"]
    return _seconds(used, _known(s)) * effectiveness(s, convention) * quality_ratio(s, convention)


def _coverage(s: Sums) -> float:
    return 1.0 - _seconds(s["unknown_time_s"], s["planned_busy_time_s"])


def _per_unit(what: str, units: str) -> Callable[[Sums, Convention], float]:
    """Energy and the like over parts; undefined where none of it could be read."""

    def kpi(s: Sums, _: Convention) -> float:
        energetic = what != "material_kg"
        if energetic and s["energy_missing_s"] >= s["calendar_time_s"] - _NOTHING_S:
            return NAN
        return ratio(s[what], s[units])

    return kpi


KPIS: Final[dict[str, Callable[[Sums, Convention], float]]] = {
    "availability": availability,
    "effectiveness": effectiveness,
    "quality_ratio": quality_ratio,
    "oee_index": oee_index,
    "oee_index_low": lambda s, _: _seconds(s["ideal_good_low_s"], s["planned_busy_time_s"]),
    "oee_index_high": lambda s, _: _seconds(
        s["ideal_good_high_s"] + s["count_missing_s"], s["planned_busy_time_s"]
    ),
    "nee_index": nee_index,
    "utilization_efficiency": lambda s, _: _seconds(s["actual_production_time_s"], _worked(s)),
    "technical_efficiency": lambda s, _: _seconds(
        s["actual_production_time_s"], s["actual_production_time_s"] + s["actual_unit_delay_time_s"]
    ),
    "setup_ratio": lambda s, _: _seconds(
        s["actual_unit_setup_time_s"], s["actual_production_time_s"] + s["actual_unit_setup_time_s"]
    ),
    "scrap_ratio": lambda s, _: ratio(s["scrap_quantity"], s["produced_quantity"]),
    "rework_ratio": lambda s, _: ratio(s["rework_quantity"], s["produced_quantity"]),
    "throughput_rate_per_h": lambda s, _: _seconds(s["produced_quantity"] * 3600.0, _worked(s)),
    "teep": lambda s, c: oee_index(s, c) * _seconds(s["planned_busy_time_s"], s["calendar_time_s"]),
    "energy_per_unit_kwh": _per_unit("energy_kwh", "produced_quantity"),
    "energy_per_good_unit_kwh": _per_unit("energy_kwh", "good_quantity"),
    "co2_per_good_unit_kg": _per_unit("co2_kg", "good_quantity"),
    "material_per_good_unit_kg": _per_unit("material_kg", "good_quantity"),
    "energy_cost_per_good_unit_eur": _per_unit("energy_cost_eur", "good_quantity"),
    "coverage": lambda s, _: _coverage(s),
}
"""Every KPI of MODEL section 4 by its name: sums of atom fields and the convention in, a number out."""

_LINE_UNITS = {"produced_quantity": "line_produced_quantity", "good_quantity": "line_good_quantity"}


def of_machine(sums: Sums, convention: Convention) -> dict[str, float]:
    """Every KPI of a group within one machine.

    Parameters
    ----------
    sums : mapping of str to float
        Every atom field, summed; seconds, parts, kWh, kg, euro as their names say; NaN: undefined.
    convention : str

    Returns
    -------
    dict of str to float
        By the names of MODEL section 4; NaN: undefined.

    Examples
    --------
    A shift of the worked example of oee.com: 420 min planned, 47 min down, ideal cycle 1.0 s.

    >>> from analytics.fields import ATOM_FIELDS
    >>> s = dict.fromkeys(ATOM_FIELDS, 0.0) | {
    ...     "planned_busy_time_s": 25200.0, "actual_production_time_s": 22380.0,
    ...     "ideal_production_time_s": 19271.0, "ideal_good_time_s": 18848.0,
    ... }
    >>> k = of_machine(s, "iso22400")
    >>> [round(100 * k[name], 2) for name in ("availability", "effectiveness", "quality_ratio", "oee_index")]
    [88.81, 86.11, 97.8, 74.79]
    """
    return {name: kpi(sums, convention) for name, kpi in KPIS.items()}


def of_group(sums: Sums, convention: Convention) -> dict[str, float]:
    """Every KPI of a group coarser than a machine, by the line's figures, and pooled as ``machines_...``.

    The line's OEE is its good parts times the bottleneck's cycle over the line's planned time; per-unit
    figures divide by what came off the line.

    Parameters
    ----------
    sums : mapping of str to float
        As for :func:`of_machine`, over all machines of the group.
    convention : str

    Returns
    -------
    dict of str to float
        As of :func:`of_machine`, and each of those pooled as ``machines_<name>``.
    """
    pooled = of_machine(sums, convention)
    line = dict(pooled)
    line["oee_index"] = _two_counters(
        sums["line_produced_quantity"],
        _seconds(sums["line_ideal_good_time_s"], sums["line_planned_busy_time_s"]),
    )
    line["teep"] = line["oee_index"] * _seconds(sums["planned_busy_time_s"], sums["calendar_time_s"])
    off_the_line = {**sums, **{plain: sums[at_end] for plain, at_end in _LINE_UNITS.items()}}
    for name in KPIS:
        if "_per_" in name and "unit" in name:
            line[name] = KPIS[name](off_the_line, convention)
    return line | {f"machines_{name}": value for name, value in pooled.items()}
