"""From planned time down to good parts: what each loss took, so that all of them add up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from analytics.atoms import Fragments, pick
from analytics.fields import ATOM_FIELDS
from analytics.groups import Row, group
from fieldlab_configs import Site

CATEGORIES: Final[dict[str, str]] = {
    "unknown": "unknown",
    "breakdown": "availability",
    "setup": "availability",
    "minor_stop": "performance",
    "starved": "availability",
    "blocked": "availability",
    "idle": "availability",
    "other_delay": "availability",
    "speed": "performance",
    "quality": "quality",
    "productive": "productive",
}
"""Every part of planned time, in the order of the waterfall, and which of the six big losses' kinds it is.

Breakdown and setup, minor stops and speed, quality: the six of Nakajima, whose two kinds of rejects
(at start-up and in production) no counter tells apart. Starved, blocked and idle stand by themselves, for
they are not the machine's own; other delay is maintenance and time switched off.
"""
GAINS: Final = tuple(name for name in CATEGORIES if name not in {"unknown", "productive"})
"""Those that somebody can do something about."""
_DELAYS: Final = ("minor_stop_s", "breakdown_s", "starved_s", "blocked_s", "idle_s")


def losses(site: Site, fragments: Sequence[Fragments], by: Sequence[str]) -> list[Row]:
    """The waterfall of every group.

    Parameters
    ----------
    site : Site
    fragments : sequence of Fragments
    by : sequence of str
        See :data:`analytics.groups.KEYS`.

    Returns
    -------
    list of dict
        Per group and part of planned time: the keys of `by`, ``loss``, ``category``, ``minutes``, ``share``
        (of planned time), ``parts`` (at the mean ideal cycle time), ``kwh`` and ``eur``. Within a group
        the minutes add up to planned time, and kWh to all energy used; undefined is None.
    """
    planned = [_planned(f) for f in fragments]
    cycles = {tuple(r[k] for k in by): _cycle_s(r) for r in group(site, planned, by)}
    rows: list[Row] = []
    for sums in group(site, fragments, by):
        keys: Row = {key: sums[key] for key in by}
        rows += [keys | part for part in waterfall(sums, cycles.get(tuple(keys.values())))]
    return rows


def waterfall(sums: Mapping[str, object], cycle_s: float | None) -> list[Row]:
    """The parts of planned time of one group.

    Parameters
    ----------
    sums : mapping
        Atom fields, summed; None where undefined.
    cycle_s : float or None
        Mean ideal cycle time, to tell parts [s].
    """
    seconds, energy = _seconds(sums), _energy(sums)
    planned, used, cost = (_number(sums, n) for n in ("planned_busy_time_s", "energy_kwh", "energy_cost_eur"))
    rows: list[Row] = []
    for name, category in CATEGORIES.items():
        s, kwh = seconds[name], energy[name]
        rows.append(
            {
                "loss": name,
                "category": category,
                "minutes": _told(s / 60),
                "share": _told(s / planned) if planned > 0 else None,
                "parts": _told(s / cycle_s) if cycle_s else None,
                "kwh": _told(kwh),
                "eur": _told(kwh * cost / used) if used != 0 else None,  # below 0 where energy is given back
            }
        )
    return rows


def _seconds(sums: Mapping[str, object]) -> dict[str, float]:
    """Seconds of planned time by loss; they add up to it."""
    get = {name: _number(sums, name) for name in ATOM_FIELDS}
    delays = sum(get[name] for name in _DELAYS)
    ideal, unseen, good = (
        get[n] for n in ("ideal_production_time_s", "ideal_production_unknown_s", "ideal_good_time_s")
    )
    return {
        # What was made while nobody looked is known all the same: it is no part of what is unknown.
        "unknown": get["unknown_time_s"] - (0.0 if math.isnan(unseen) else unseen),
        "breakdown": get["breakdown_s"],
        "setup": get["actual_unit_setup_time_s"],
        "minor_stop": get["minor_stop_s"],
        "starved": get["starved_s"],
        "blocked": get["blocked_s"],
        "idle": get["idle_s"],
        "other_delay": get["actual_unit_delay_time_s"] - delays,
        # Below 0 where the machine is faster than its ideal cycle time says: shown, never clipped.
        "speed": get["actual_production_time_s"] - (ideal - unseen),
        "quality": ideal - good,
        "productive": good,
    }


def _energy(sums: Mapping[str, object]) -> dict[str, float]:
    """KWh by loss, of the whole range, planned or not; they add up to all that was used.

    A state's energy belongs to its loss. That of stops is shared by the time of minor ones and breakdowns,
    that of production by good parts and rejects; going slow has none of its own.
    """

    def of(*states: str) -> float:
        return sum(_number(sums, f"energy_{state}_kwh") for state in states)

    minor, breakdown = _number(sums, "minor_stop_s"), _number(sums, "breakdown_s")
    ideal, good = _number(sums, "ideal_production_time_s"), _number(sums, "ideal_good_time_s")
    stops, made = of("stopped", "down"), of("producing")
    minor_share = minor / (minor + breakdown) if minor + breakdown > 0 else 0.0
    rejected = (ideal - good) / ideal if ideal > 0 else 0.0
    return {
        "unknown": of("unknown"),
        "breakdown": stops * (1 - minor_share),
        "setup": of("setup"),
        "minor_stop": stops * minor_share,
        "starved": of("starved"),
        "blocked": of("blocked"),
        "idle": of("idle"),
        "other_delay": of("maintenance", "off"),
        "speed": 0.0 * abs(made),
        "quality": made * rejected,
        # Where no counter tells good parts from rejects, it is all that production used.
        "productive": made if math.isnan(rejected) else made * (1 - rejected),
    }


def _planned(f: Fragments) -> Fragments:
    """Only what has planned time: parts of overtime have no ideal time to be held against."""
    some = f.values[:, ATOM_FIELDS.index("planned_busy_time_s")] > 0
    return pick(f, some)


def _cycle_s(sums: Mapping[str, object]) -> float | None:
    """Mean ideal cycle time of what was made in planned time [s]."""
    ideal, parts = _number(sums, "ideal_production_time_s"), _number(sums, "produced_quantity")
    return ideal / parts if ideal > 0 and parts > 0 else None


def _number(sums: Mapping[str, object], name: str) -> float:
    value = sums[name]
    return float(value) if isinstance(value, int | float) else math.nan


def _told(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.12g}")
