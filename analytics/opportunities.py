"""Where the most is to be gained: what half of each loss would be worth in a year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from analytics.atoms import Fragments
from analytics.groups import Row, group
from analytics.losses import GAINS, losses
from analytics.schedule import schedule
from analytics.signals import NS
from fieldlab_configs import Site

YEAR_NS: Final = 365 * 86_400 * NS
LEAST_PLANNED_S: Final = 8 * 3600.0
LEAST_COVERAGE: Final = 0.5
HALF: Final = 0.5


def opportunities(
    site: Site, fragments: Sequence[Fragments], by: Sequence[str] = (), *, end_ns: int
) -> list[Row]:
    """Every machine's losses by what removing half of each would give in a year, the largest first.

    The assumption: the coming year is like the range, its planned time that of the config's calendar, and
    half of a loss can be removed while all else stays. Gained time makes parts at the ideal cycle time
    and with the quality of the range.

    Parameters
    ----------
    site : Site
    fragments : sequence of Fragments
    by : sequence of str
        Parts each machine further, see :data:`analytics.groups.KEYS`; a part keeps its share of the
        machine's year, and has to last long enough by itself to say anything.
    end_ns : int
        The year begins here.

    Returns
    -------
    list of dict
        ``machine``, the other keys of `by`, ``loss``, ``verdict`` (``ok`` or ``not enough data``, with
        ``reason``, ``reason_code``, ``reason_values``), and
        per year ``hours``, ``good_parts``, ``kwh``, ``eur``; None where undefined.
    """
    rows: list[Row] = []
    keys = tuple(dict.fromkeys(("machine", *by)))
    for sums in group(site, fragments, ("machine",)):
        machine = str(sums["machine"])
        own = [f for f in fragments if f.machine == machine]
        parts = {tuple(r[k] for k in keys): r for r in group(site, own, keys)}
        too_little = {key: _too_little(part) for key, part in parts.items()}
        rows += [
            _row(dict(zip(keys, key, strict=True)), None, "not enough data", why, None)
            for key, why in too_little.items()
            if why is not None
        ]
        if None not in too_little.values():
            continue  # of no planned time there is no share either
        factor = HALF * _planned_year_s(site, machine, end_ns) / _number(sums["planned_busy_time_s"])
        for lost in losses(site, own, keys):
            key = tuple(lost[k] for k in keys)
            if lost["loss"] in GAINS and too_little[key] is None:
                share = parts[key]["quality_ratio"]
                named = {k: lost[k] for k in keys}
                rows.append(_gain(named, lost, factor, share if isinstance(share, float) else None))
    return sorted(rows, key=_worth)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _too_little(sums: Row) -> dict[str, Any] | None:
    """Why nothing can be said, in words, and as a code with its values for who has words of their own."""
    planned_s, coverage = _number(sums["planned_busy_time_s"]), _number(sums["coverage"])
    if planned_s < LEAST_PLANNED_S:
        have, need = planned_s / 3600, LEAST_PLANNED_S / 3600
        why = f"{have:.1f} h of planned time; at least {need:.0f} h are needed"
        return {"reason": why, "reason_code": "planned_time", "reason_values": {"have": have, "need": need}}
    if coverage < LEAST_COVERAGE:
        why = f"{coverage:.0%} of planned time is known; at least {LEAST_COVERAGE:.0%} are needed"
        values = {"have": coverage, "need": LEAST_COVERAGE}
        return {"reason": why, "reason_code": "coverage", "reason_values": values}
    return None


def _planned_year_s(site: Site, machine: str, start_ns: int) -> float:
    calendar = schedule(site, start_ns, start_ns + YEAR_NS)
    planned = calendar.planned_for(site.machine(machine))
    begin, end = start_ns, start_ns + YEAR_NS
    edges = np.array([begin, *(t for t in planned.time.tolist() if begin < t < end), end], np.int64)
    return float((np.diff(edges) * planned.at(edges[:-1]).astype(bool)).sum()) / NS


def _gain(named: Row, part: Row, factor: float, quality: float | None) -> Row:
    def yearly(name: str, share: float = 1.0) -> float | None:
        value = part[name]
        return float(f"{value * factor * share:.12g}") if isinstance(value, int | float) else None

    # A reject that is not made is a good part whole; gained time makes parts of the usual quality.
    share = 1.0 if part["loss"] == "quality" else quality
    minutes = yearly("minutes")
    gained = {
        "hours": None if minutes is None else minutes / 60,
        "good_parts": None if share is None else yearly("parts", share),
        "kwh": yearly("kwh"),
        "eur": yearly("eur"),
    }
    return _row(named, str(part["loss"]), "ok", None, gained)


def _row(
    named: Row,
    loss: str | None,
    verdict: str,
    reason: dict[str, Any] | None,
    gained: dict[str, float | None] | None,
) -> Row:
    why = reason or dict.fromkeys(("reason", "reason_code", "reason_values"))
    nothing = dict.fromkeys(("hours", "good_parts", "kwh", "eur"))
    return {**named, "loss": loss, "verdict": verdict, **why, **(gained or nothing)}


def _worth(row: Row) -> tuple[float, str]:
    hours = row["hours"]
    return (-hours if isinstance(hours, float) else float("inf")), str(row["machine"])
