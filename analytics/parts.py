"""Parts on the grid: produced, good and scrap, their ideal time and its bounds (MODEL sections 3 and 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.counters import Increments, Spread, lay_out
from analytics.grid import Grid, Ints
from analytics.signals import NS, Bools, Floats, Silence, Times
from analytics.view import View

_QUALITY_COUNTERS = ("total_count", "good_count", "scrap_count")


@dataclass(frozen=True, slots=True)
class _Laid:
    """One counter on the grid: parts per interval, and the ideal seconds of its bounds."""

    parts: Floats
    unknown_parts: Floats
    low_s: Floats
    high_s: Floats
    missing: Bools


def _lay(m: View, role: str, grid: Grid, stretches: Ints) -> _Laid:
    inc, at = m.counters[role], grid.edges[:-1]
    size, live = len(at), m.live[role]
    silent = grid.unknown
    if len(live.time) or not live.before:
        silent = silent | ~live.along(at).astype(bool)
    over, over_ns = Silence.on_grid(grid.edges, silent).touching(inc.before, inc.at)
    counted = _at_once(inc, grid.edges, stretches, over)
    within_s = _ideal(counted, grid)
    missing = at < inc.first if inc.first is not None else np.ones(size, dtype=bool)
    if len(over) == 0:
        return _Laid(counted, np.zeros(size), within_s, within_s, missing)
    spread = lay_out(inc, grid.edges, silent, over, over_ns)
    parts = counted + np.bincount(spread.segment, weights=spread.amount, minlength=size)
    unseen = grid.unknown[spread.segment]
    hidden = np.bincount(spread.segment[unseen], weights=spread.amount[unseen], minlength=size)
    low_s, high_s = _bounds(inc.amount[over], over_ns, np.searchsorted(over, spread.pair), spread, grid)
    # Several resets may share one silence's edges: intervals are merged before they are laid out.
    lost = over[inc.reset[over]]
    for begin, finish in zip(inc.before[lost], inc.at[lost], strict=True):
        missing |= silent & (at >= begin) & (at < finish)
    return _Laid(parts, hidden.astype(float), within_s + low_s, within_s + high_s, missing)


def _at_once(inc: Increments, edges: Times, stretches: Ints, over: Ints) -> Floats:
    """What was counted at an instant, just before its reading; in the first interval of its stretch."""
    at, amount = inc.at, inc.amount
    if len(over):
        at, amount = np.delete(at, over), np.delete(amount, over)
    # Of a stretch that begins as a part is counted, the part is not: it belongs to the one before.
    first = np.searchsorted(at, edges[stretches], side="right")
    some = np.diff(first, append=len(at)) > 0
    counted = np.zeros(len(edges) - 1)
    if some.any():
        counted[stretches[some]] = np.add.reduceat(amount, first[some])
    return counted


def _bounds(amount: Floats, between: Ints, pair: Ints, spread: Spread, grid: Grid) -> tuple[Floats, Floats]:
    """Ideal seconds in PBT if none, and if all, of what crossed an edge of PBT in silence was made inside.

    Per increment: it crosses if its silence has time on both sides of an edge. The high bound lets in
    all of it, up to the ideal time that fills the silence's part of PBT, spread evenly over that part.
    `amount` and `between` are of those with silence in them, and `pair` tells whose each piece is.
    """
    size, pairs = len(grid.planned), len(amount)
    planned = grid.planned[spread.segment]
    pri = grid.pri[spread.segment]
    inside_ns = np.bincount(pair[planned], weights=spread.silent_ns[planned], minlength=pairs)
    crossing = (inside_ns > 0) & (inside_ns < between)
    plain = planned & ~crossing[pair]
    # An interval without a cycle time and without parts has no ideal time: 0 x NaN is not wanted here.
    ideal = np.where(spread.amount == 0, 0.0, spread.amount * pri)
    low = np.bincount(spread.segment[plain], weights=ideal[plain], minlength=size).astype(float)
    part = planned & (crossing & (amount != 0))[pair]
    pair, segment = pair[part], spread.segment[part]
    weight = pri[part] * spread.silent_ns[part]
    ideal_ns = np.bincount(pair, weights=weight, minlength=pairs)
    with np.errstate(divide="ignore", invalid="ignore"):
        most_s = np.minimum(amount * ideal_ns / inside_ns, inside_ns / NS)
        share = most_s[pair] * weight / ideal_ns[pair]
    high: Floats = low + np.bincount(segment, weights=share, minlength=size)
    return low, high


def _mix(laid: dict[str, _Laid], mix: dict[str, float] | None, name: str, size: int) -> Floats:
    """A weighted sum of counters; NaN where they cannot tell."""
    if mix is None:
        return np.full(size, np.nan)
    parts: list[tuple[float, Floats]] = [(w, getattr(laid[role], name)) for role, w in mix.items()]
    weight, total = parts[0]
    total = total if weight == 1 else weight * total
    for weight, more in parts[1:]:
        total = total + (more if weight == 1 else weight * more)
    return total


Mix = dict[str, float] | None


def quantities(roles: frozenset[str], assume_quality: float | None) -> tuple[Mix, Mix, Mix]:
    """How produced, good and scrap are made from the counters there are; None where they cannot be.

    Any two of produced, good and scrap give the third (MODEL section 3).

    Parameters
    ----------
    roles : frozenset of str
        The counters of the machine.
    assume_quality : float or None
        Share of produced parts taken to be good, where a single counter tells.

    Returns
    -------
    produced, good, scrap : dict of str to float, or None
        Weight of each counter.
    """
    total, good, scrap = ("total_count" in roles, "good_count" in roles, "scrap_count" in roles)
    produced_mix: Mix = {"total_count": 1.0} if total else None
    good_mix: Mix = {"good_count": 1.0} if good else None
    scrap_mix: Mix = {"scrap_count": 1.0} if scrap else None
    if good and scrap and not total:
        produced_mix = {"good_count": 1.0, "scrap_count": 1.0}
    if total and scrap and not good:
        good_mix = {"total_count": 1.0, "scrap_count": -1.0}
    if total and good and not scrap:
        scrap_mix = {"total_count": 1.0, "good_count": -1.0}
    if assume_quality is not None and total + good + scrap == 1:
        if total:
            good_mix = {"total_count": assume_quality}
            scrap_mix = {"total_count": 1.0 - assume_quality}
        elif good and assume_quality > 0:
            produced_mix = {"good_count": 1.0 / assume_quality}
            scrap_mix = {"good_count": 1.0 / assume_quality - 1.0}
    return produced_mix, good_mix, scrap_mix


def quantity_columns(m: View, grid: Grid, stretches: Ints) -> dict[str, Floats]:
    """Every field of parts, material and their ideal time, per interval of the grid; NaN: undefined.

    Parameters
    ----------
    m : View
    grid : Grid, of n intervals
    stretches : ndarray of int64
        See :meth:`Grid.stretches`; within one it does not matter to which interval a part belongs.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
    """
    laid = {role: _lay(m, role, grid, stretches) for role in m.counters}
    size = len(grid.planned)
    produced, good, scrap = quantities(
        frozenset(laid) & frozenset(_QUALITY_COUNTERS), m.machine.assume_quality
    )
    columns = {
        "produced_quantity": _mix(laid, produced, "parts", size),
        "good_quantity": _mix(laid, good, "parts", size),
        "scrap_quantity": _mix(laid, scrap, "parts", size),
        "rework_quantity": _mix(laid, _alone(laid, "rework_count"), "parts", size),
        "material_kg": _mix(laid, _alone(laid, "material"), "parts", size),
        "ideal_good_low_s": _mix(laid, good, "low_s", size),
        "ideal_good_high_s": _mix(laid, good, "high_s", size),
    }
    unseen = _mix(laid, produced, "unknown_parts", size)
    columns["ideal_production_time_s"] = _ideal(columns["produced_quantity"], grid)
    columns["ideal_good_time_s"] = _ideal(columns["good_quantity"], grid)
    columns["ideal_production_unknown_s"] = _ideal(unseen, grid)
    tells = [laid[role].missing for role in _QUALITY_COUNTERS if role in laid]
    missing = np.logical_or.reduce(tells) if tells else np.ones(size, dtype=bool)
    columns["count_missing_s"] = grid.length_ns / NS * (missing & grid.planned)
    return columns


def _alone(laid: dict[str, _Laid], role: str) -> Mix:
    return {role: 1.0} if role in laid else None


def _ideal(parts: Floats, grid: Grid) -> Floats:
    """PRI x parts within planned time; no parts need no time, whatever the cycle time.

    A counter that is not there is NaN all along, and so is its ideal time.
    """
    if len(parts) and parts[0] != parts[0]:
        return parts
    return np.where(grid.planned & (parts != 0), parts * grid.pri, 0.0)
