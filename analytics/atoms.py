"""Atoms: the smallest additive record of what happened (MODEL section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.counters import Spread, lay_out
from analytics.fields import ATOM_FIELDS
from analytics.schedule import Schedule
from analytics.signals import NS, Bools, Floats, Silence, Steps, Times, intervals
from analytics.view import PRODUCING, UNKNOWN, View
from fieldlab_configs import EnergyFactors, Site
from fieldlab_configs.states import STATE_CLASSES

Ints = npt.NDArray[np.int64]
_DELAY = tuple(
    STATE_CLASSES.index(s) for s in ("idle", "starved", "blocked", "stopped", "down", "maintenance", "off")
)
STOP_CLASSES = tuple(STATE_CLASSES.index(s) for s in ("stopped", "down"))
_QUALITY_COUNTERS = ("total_count", "good_count", "scrap_count")


@dataclass(frozen=True, slots=True)
class Grid:
    """The elementary intervals of one machine: within each, nothing changes but the counts.

    Attributes
    ----------
    edges : ndarray of int64, shape (n + 1,)
    state, shift, product, order, line : ndarray of int64, shape (n,)
    planned : ndarray of bool, shape (n,)
        Planned busy time.
    pri, line_pri : ndarray of float64, shape (n,)
        [s]; of the machine, and of its line's bottleneck.
    """

    edges: Times
    state: Ints
    shift: Ints
    product: Ints
    order: Ints
    line: Ints
    planned: Bools
    pri: Floats
    line_pri: Floats

    @property
    def length_ns(self) -> Ints:
        """Length of each interval [ns]."""
        return np.diff(self.edges)


@dataclass(frozen=True, slots=True)
class Stop:
    """An unbroken run of `stopped` and `down`; `state` is the class it mostly was."""

    start_ns: int
    end_ns: int
    state: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Fragments:
    """Atoms of one machine, with the keys that no atom carries as a tag (shift date, order).

    Attributes
    ----------
    machine : str
    cell_ns : ndarray of int64, shape (n,)
        Start of the cell.
    line, shift, shift_date, product, order : ndarray of object, shape (n,)
    values : ndarray of float64, shape (n, len(ATOM_FIELDS))
        NaN: undefined.
    """

    machine: str
    cell_ns: Times
    line: npt.NDArray[np.object_]
    shift: npt.NDArray[np.object_]
    shift_date: npt.NDArray[np.object_]
    product: npt.NDArray[np.object_]
    order: npt.NDArray[np.object_]
    values: Floats


@dataclass(frozen=True, slots=True)
class MachineResult:
    """What the kernel says of one machine over one range."""

    fragments: Fragments
    stops: list[Stop]
    timeline: list[tuple[int, int, str]]


def analyse(
    site: Site,
    machine: View,
    calendar: Schedule,
    line_pri: Steps,
    *,
    start_ns: int,
    end_ns: int,
    known_until_ns: int | None = None,
) -> MachineResult:
    """Atoms, stops and the state timeline of one machine over ``[start_ns, end_ns)``.

    Parameters
    ----------
    site : Site
    machine : View
        Readings before and after the range are used: the range only clips what is returned.
    calendar : Schedule
        Covering the range and all readings.
    line_pri : Steps of float64
        PRI at the bottleneck of the machine's line [s].
    start_ns, end_ns : int
        UTC nanoseconds.
    known_until_ns : int, optional
        The end of the data, for a stop that is not over; default `end_ns`.

    Returns
    -------
    MachineResult

    Raises
    ------
    ValueError
        If the range is backwards.
    """
    if end_ns < start_ns:
        raise ValueError(f"the range ends ({end_ns}) before it starts ({start_ns})")
    span = machine.span or (start_ns, end_ns)
    reach = min(start_ns, span[0]), max(end_ns, span[1], known_until_ns or end_ns)
    grid = _grid(site, machine, calendar, line_pri, reach, (start_ns, end_ns))
    minor, stops = _stops(grid, machine.machine.minor_stop_s)
    columns = _times(grid, minor)
    columns |= _quantities(machine, grid)
    columns |= _energy(site, machine, grid)
    columns |= _line(site, machine, grid, columns)
    shown = (grid.edges[:-1] >= start_ns) & (grid.edges[:-1] < end_ns)
    fragments = _reduce(site, machine, calendar, grid, columns, shown)
    visible = [s for s in stops if s.start_ns < end_ns and s.end_ns > start_ns]
    return MachineResult(fragments, visible, _timeline(grid, shown))


def _grid(
    site: Site, m: View, calendar: Schedule, line_pri: Steps, reach: tuple[int, int], show: tuple[int, int]
) -> Grid:
    planned = calendar.planned_for(m.machine)
    line = _line_steps(site, m)
    low, high = reach
    cell = site.cell_s * NS
    cells = np.arange(-(-show[0] // cell) * cell, show[1] + cell, cell, dtype=np.int64)
    parts = [m.state, m.product, m.order, m.pri, line_pri, line, calendar.current, planned, *m.live.values()]
    times = [np.array([low, high, *show], np.int64), cells, *(s.time for s in parts)]
    for inc in m.counters.values():
        times += [inc.before[inc.reset], inc.at[inc.reset], np.array([inc.first or low], np.int64)]
    if m.energy is not None:
        times += [*m.energy.known]
    if site.energy is not None:
        times.append(np.array(site.energy.edges, np.int64))
    edges = np.unique(np.concatenate(times))
    edges = edges[(edges >= low) & (edges <= high)]
    if len(edges) == 1:  # nothing was ever read, and nothing is asked
        edges = np.array([edges[0], edges[0] + 1])
    at = edges[:-1]
    return Grid(
        edges=edges,
        state=m.state.at(at).astype(np.int64),
        shift=calendar.current.at(at).astype(np.int64),
        product=m.product.at(at).astype(np.int64),
        order=m.order.at(at).astype(np.int64),
        line=line.at(at).astype(np.int64),
        planned=planned.at(at).astype(bool),
        pri=m.pri.at(at).astype(float),
        line_pri=line_pri.at(at).astype(float),
    )


def _line_steps(site: Site, m: View) -> Steps:
    """Which line the machine stands in, as an index into `site.lines`."""
    index = {line.id: i for i, line in enumerate(site.lines)}
    entries = m.machine.line.entries
    values = np.array([index[line] for _, line in entries], np.int64)
    return Steps(np.array(m.machine.line.edges, np.int64), values[1:], before=values[0])


def _stops(grid: Grid, minor_stop_s: float) -> tuple[Bools, list[Stop]]:
    """Which intervals belong to a minor stop, and every stop."""
    stopping = np.isin(grid.state, STOP_CLASSES)
    change = np.flatnonzero(np.diff(np.concatenate(([False], stopping, [False])).astype(np.int8)))
    first, after = change[0::2], change[1::2]
    start, end = grid.edges[first], grid.edges[after]
    is_minor = (end - start) < minor_stop_s * NS
    minor = np.zeros(len(stopping), dtype=bool)
    run = np.cumsum(np.isin(np.arange(len(stopping)), first)) - 1
    minor[stopping] = is_minor[run[stopping]]
    down = np.bincount(
        run[stopping],
        weights=grid.length_ns[stopping] * (grid.state[stopping] == STOP_CLASSES[1]),
        minlength=len(first),
    )
    mostly = np.where(2 * down > end - start, "down", "stopped")
    stops = [
        Stop(int(s), int(e), str(c), bool(x)) for s, e, c, x in zip(start, end, mostly, is_minor, strict=True)
    ]
    return minor, stops


def _times(grid: Grid, minor: Bools) -> dict[str, Floats]:
    """The fields that are durations [s], per interval."""
    seconds = grid.length_ns / NS
    busy = seconds * grid.planned
    columns = {"calendar_time_s": seconds, "planned_busy_time_s": busy}
    for index, name in enumerate(STATE_CLASSES):
        columns[f"state_{name}_s"] = seconds * (grid.state == index)
    stopping = np.isin(grid.state, STOP_CLASSES)
    columns |= {
        "actual_production_time_s": busy * (grid.state == PRODUCING),
        "actual_unit_setup_time_s": busy * (grid.state == STATE_CLASSES.index("setup")),
        "actual_unit_delay_time_s": busy * np.isin(grid.state, _DELAY),
        "minor_stop_s": busy * (stopping & minor),
        "breakdown_s": busy * (stopping & ~minor),
        "unknown_time_s": busy * (grid.state == UNKNOWN),
        "overtime_production_s": (seconds - busy) * (grid.state == PRODUCING),
    }
    for name in ("starved", "blocked", "idle"):
        columns[f"{name}_s"] = busy * (grid.state == STATE_CLASSES.index(name))
    return columns


@dataclass(frozen=True, slots=True)
class _Laid:
    """One counter on the grid: parts per interval, and the ideal seconds of its bounds."""

    parts: Floats
    unknown_parts: Floats
    low_s: Floats
    high_s: Floats
    missing: Bools


def _lay(m: View, role: str, grid: Grid) -> _Laid:
    inc, at = m.counters[role], grid.edges[:-1]
    silent = (grid.state == UNKNOWN) | ~m.live[role].at(at).astype(bool)
    silence = Silence.on_grid(grid.edges, silent)
    between = silence.before(inc.at) - silence.before(inc.before)
    spread = lay_out(inc, grid.edges, silent, between)
    size = len(at)
    parts = np.bincount(spread.segment, weights=spread.amount, minlength=size).astype(float)
    unseen = grid.state[spread.segment] == UNKNOWN
    unknown_parts = np.bincount(spread.segment[unseen], weights=spread.amount[unseen], minlength=size).astype(
        float
    )
    low_s, high_s = _bounds(inc.amount, between, spread, grid)
    missing = at < inc.first if inc.first is not None else np.ones(size, dtype=bool)
    lost = inc.reset & (between > 0)
    # Several resets may share one silence's edges: intervals are merged before they are laid out.
    for begin, finish in zip(inc.before[lost], inc.at[lost], strict=True):
        missing |= silent & (at >= begin) & (at < finish)
    return _Laid(parts, unknown_parts, low_s, high_s, missing)


def _bounds(amount: Floats, between: Ints, spread: Spread, grid: Grid) -> tuple[Floats, Floats]:
    """Ideal seconds in PBT if none, and if all, of what crossed an edge of PBT in silence was made inside.

    Per increment: it crosses if its silence has time on both sides of an edge. The high bound lets in
    all of it, up to the ideal time that fills the silence's part of PBT, spread evenly over that part.
    """
    size, pairs = len(grid.state), len(amount)
    planned = grid.planned[spread.segment]
    pri = grid.pri[spread.segment]
    inside_ns = np.bincount(spread.pair[planned], weights=spread.silent_ns[planned], minlength=pairs)
    crossing = (inside_ns > 0) & (inside_ns < between)
    plain = planned & ~crossing[spread.pair]
    # An interval without a cycle time and without parts has no ideal time: 0 x NaN is not wanted here.
    ideal = np.where(spread.amount == 0, 0.0, spread.amount * pri)
    low = np.bincount(spread.segment[plain], weights=ideal[plain], minlength=size).astype(float)
    part = planned & crossing[spread.pair]
    pair, segment = spread.pair[part], spread.segment[part]
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
    total = np.zeros(size)
    for role, weight in mix.items():
        total += weight * getattr(laid[role], name)
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


def _quantities(m: View, grid: Grid) -> dict[str, Floats]:
    laid = {role: _lay(m, role, grid) for role in m.counters}
    size = len(grid.state)
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
    columns["ideal_production_time_s"] = _ideal(columns["produced_quantity"], grid.pri, grid.planned)
    columns["ideal_good_time_s"] = _ideal(columns["good_quantity"], grid.pri, grid.planned)
    unseen = _mix(laid, produced, "unknown_parts", size)
    columns["ideal_production_unknown_s"] = _ideal(unseen, grid.pri, grid.planned)
    tells = [laid[role].missing for role in _QUALITY_COUNTERS if role in laid]
    missing = np.logical_or.reduce(tells) if tells else np.ones(size, dtype=bool)
    columns["count_missing_s"] = grid.length_ns / NS * (missing & grid.planned)
    return columns


def _alone(laid: dict[str, _Laid], role: str) -> Mix:
    return {role: 1.0} if role in laid else None


def _ideal(parts: Floats, pri: Floats, within: Bools) -> Floats:
    """PRI x parts; no parts need no time, whatever the cycle time."""
    counted = np.where(within, parts, np.where(np.isnan(parts), np.nan, 0.0))
    return np.where(counted == 0, 0.0, counted * pri)


def _energy(site: Site, m: View, grid: Grid) -> dict[str, Floats]:
    size, seconds = len(grid.state), grid.length_ns / NS
    if m.energy is None:
        used, missing = np.full(size, np.nan), np.ones(size, dtype=bool)
    else:
        used = np.diff(m.energy.before(grid.edges))
        missing = ~intervals(*m.energy.known).at(grid.edges[:-1]).astype(bool)
    columns = {"energy_kwh": used, "energy_missing_s": seconds * missing}
    for index, name in enumerate(STATE_CLASSES):
        columns[f"energy_{name}_kwh"] = np.where(grid.state == index, used, used * 0.0)
    price, co2 = _factors(site, grid)
    columns["energy_cost_eur"] = used * price
    columns["co2_kg"] = used * co2
    return columns


def _factors(site: Site, grid: Grid) -> tuple[Floats, Floats]:
    entries: tuple[tuple[int, EnergyFactors], ...] = ((0, EnergyFactors()),)
    if site.energy is not None:
        entries = site.energy.entries
    starts = np.array([t for t, _ in entries[1:]], np.int64)
    era = np.searchsorted(starts, grid.edges[:-1], side="right")
    price = np.array([e.price_eur_per_kwh for _, e in entries], dtype=float)
    co2 = np.array([e.co2_kg_per_kwh for _, e in entries], dtype=float)
    return price[era], co2[era]


def _line(site: Site, m: View, grid: Grid, columns: dict[str, Floats]) -> dict[str, Floats]:
    is_output = np.array([line.output == m.machine.id for line in site.lines])[grid.line]
    is_bottleneck = np.array([line.bottleneck == m.machine.id for line in site.lines])[grid.line]
    good = np.where(is_output, columns["good_quantity"], 0.0)
    return {
        "line_produced_quantity": np.where(is_output, columns["produced_quantity"], 0.0),
        "line_good_quantity": good,
        "line_ideal_good_time_s": np.where(good == 0, 0.0, good * grid.line_pri),
        "line_planned_busy_time_s": columns["planned_busy_time_s"] * is_bottleneck,
    }


def _reduce(
    site: Site, m: View, calendar: Schedule, grid: Grid, columns: dict[str, Floats], shown: Bools
) -> Fragments:
    """Sum the intervals of each cell, shift, product, order and line."""
    cell_ns = site.cell_s * NS
    cell = grid.edges[:-1][shown] // cell_ns
    keys = np.stack((cell, grid.shift[shown], grid.product[shown], grid.order[shown], grid.line[shown]))
    distinct, group = np.unique(keys, axis=1, return_inverse=True)
    group = np.asarray(group).reshape(-1)
    size = distinct.shape[1]
    values = np.empty((size, len(ATOM_FIELDS)))
    for i, name in enumerate(ATOM_FIELDS):
        values[:, i] = np.bincount(group, weights=columns[name][shown], minlength=size)
    shifts = [*((o.name, o.date.isoformat()) for o in calendar.occurrences), ("none", "none")]
    named = set(m.machine.products)
    products = [*(p if p in named else "unlisted" for p in m.products), "none"]
    return Fragments(
        machine=m.machine.id,
        cell_ns=distinct[0] * cell_ns,
        line=_names([line.id for line in site.lines], distinct[4]),
        shift=_names([s for s, _ in shifts], distinct[1]),
        shift_date=_names([d for _, d in shifts], distinct[1]),
        product=_names(products, distinct[2]),
        order=_names([*m.orders, "none"], distinct[3]),
        values=values,
    )


def _names(names: list[str], index: Ints) -> npt.NDArray[np.object_]:
    """Names by index; -1 finds the last."""
    return np.array(names, dtype=object)[index]


def _timeline(grid: Grid, shown: Bools) -> list[tuple[int, int, str]]:
    state = grid.state[shown]
    if len(state) == 0:
        return []
    start, end = grid.edges[:-1][shown], grid.edges[1:][shown]
    first = np.flatnonzero(np.concatenate(([True], state[1:] != state[:-1])))
    last = np.append(first[1:], len(state)) - 1
    return [(int(start[a]), int(end[b]), STATE_CLASSES[state[a]]) for a, b in zip(first, last, strict=True)]
