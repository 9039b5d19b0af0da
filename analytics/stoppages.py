"""Stops of machines: each with its reason, those that cost most, how long a machine runs between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.course import Stop
from analytics.fetch import Source
from analytics.schedule import Schedule
from analytics.signals import NS, Floats, Silence, Times
from analytics.written import reasons
from fieldlab_configs import Site

PARETO_KEYS: Final = ("reason", "state", "machine")


@dataclass(frozen=True, slots=True)
class Stoppage:
    """One stop.

    Attributes
    ----------
    machine, line : str
    start_ns, end_ns : int
        Whole, also where it begins before the range or ends after it.
    state : str
        ``stopped`` or ``down``, which it mostly was.
    minor : bool
    reason : str
        Who works there says it, else the machine; ``none`` where nobody did.
    within_s : float
        How much of it lies within the range [s].
    planned_s : float
        How much of that lies within planned time [s].
    """

    machine: str
    line: str
    start_ns: int
    end_ns: int
    state: str
    minor: bool
    reason: str
    within_s: float
    planned_s: float


def stoppages(
    site: Site,
    store: Source,
    machine: str,
    stops: Sequence[Stop],
    calendar: Schedule,
    *,
    start_ns: int,
    end_ns: int,
) -> list[Stoppage]:
    """The stops of one machine that touch a range, with their reasons.

    Parameters
    ----------
    site : Site
    store : Source
        Where reasons are read.
    machine : str
    stops : sequence of Stop
    calendar : Schedule
        Covering the stops.
    start_ns, end_ns : int
    """
    if not stops:
        return []
    begins = np.array([max(s.start_ns, start_ns) for s in stops], np.int64)
    ends = np.array([min(s.end_ns, end_ns) for s in stops], np.int64)
    planned_s = planned_within(site, machine, calendar, begins, ends)
    within_s = (ends - begins) / NS
    found = zip(stops, reasons(store, machine, stops), within_s.tolist(), planned_s.tolist(), strict=True)
    line = site.machine(machine).line
    return [
        Stoppage(machine, line.at(s.start_ns), s.start_ns, s.end_ns, s.state, s.minor, reason, w, p)
        for s, reason, w, p in found
    ]


def planned_within(site: Site, machine: str, calendar: Schedule, begins: Times, ends: Times) -> Floats:
    """How much planned time of a machine lies in each of some ranges [s].

    Parameters
    ----------
    site : Site
    machine : str
    calendar : Schedule
        Covering the ranges.
    begins, ends : ndarray of int64, shape (n,)
        At least one.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    planned = calendar.planned_for(site.machine(machine))
    edges = np.concatenate(([begins.min()], planned.time, [max(ends.max(), begins.min() + 1)]))
    edges = np.unique(np.clip(edges, begins.min(), max(ends.max(), begins.min() + 1)))
    inside = Silence.on_grid(edges, planned.at(edges[:-1]).astype(bool))
    found: Floats = (inside.before(ends) - inside.before(begins)) / NS
    return found


def pareto(stops: Sequence[Stoppage], key: str) -> list[dict[str, str | float]]:
    """Stops by what they have in common, the most costly first.

    Parameters
    ----------
    stops : sequence of Stoppage
    key : str
        One of `PARETO_KEYS`.

    Returns
    -------
    list of dict
        `key`, ``count``, ``minutes`` (within the range and planned time), ``share`` of all of them, and
        ``cumulative_share``.

    Raises
    ------
    ValueError
        If `key` is none of those.
    """
    if key not in PARETO_KEYS:
        raise ValueError(f"key is {key!r}: choose from {', '.join(PARETO_KEYS)}")
    return ranked(key, [getattr(stop, key) for stop in stops], [stop.planned_s for stop in stops])


def ranked(key: str, names: Iterable[str], planned_s: Iterable[float]) -> list[dict[str, str | float]]:
    """The same of what each stop is called and its planned time."""
    sums: dict[str, list[float]] = {}
    for name, seconds in zip(names, planned_s, strict=True):
        sums.setdefault(name, []).append(seconds)
    total = sum(map(sum, sums.values()))
    rows: list[dict[str, str | float]] = []
    so_far = 0.0
    for name, each in sorted(sums.items(), key=lambda item: (-sum(item[1]), item[0])):
        so_far += sum(each)
        rows.append(
            {
                key: name,
                "count": len(each),
                "minutes": sum(each) / 60,
                "share": sum(each) / total if total else 0.0,
                "cumulative_share": so_far / total if total else 0.0,
            }
        )
    return rows


def reliability(
    stops: Sequence[Stoppage], sums: Mapping[str, object], start_ns: int, end_ns: int
) -> dict[str, float | None]:
    """How long a machine produces between breakdowns, and how long one lasts.

    MTBF is actual production time over the breakdowns that begin in the range; MTTR the mean length of
    those, whole. Both are undefined where nothing broke down.

    Parameters
    ----------
    stops : sequence of Stoppage
    sums : mapping
        Atom fields of the range; ``actual_production_time_s`` is used [s].
    start_ns, end_ns : int
        UTC nanoseconds.

    Returns
    -------
    dict
        ``breakdowns``, ``mtbf_h`` [h], ``mttr_min`` [min]; None: undefined.

    Raises
    ------
    ValueError
        If the range is backwards, or a stop ends before it starts: which.
    """
    if end_ns < start_ns:
        raise ValueError(f"the range ends ({end_ns}) before it starts ({start_ns})")
    for number, stop in enumerate(stops):
        if stop.end_ns < stop.start_ns:
            raise ValueError(f"stops[{number}] ends ({stop.end_ns}) before it starts ({stop.start_ns})")
    broken = [s for s in stops if not s.minor and start_ns <= s.start_ns < end_ns]
    ran = sums.get("actual_production_time_s")
    lasted = sum(s.end_ns - s.start_ns for s in broken) / NS
    n = len(broken)
    return {
        "breakdowns": n,
        "mtbf_h": ran / n / 3600 if n and isinstance(ran, int | float) else None,
        "mttr_min": lasted / n / 60 if n else None,
    }
