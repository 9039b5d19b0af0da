"""Atoms: the smallest additive record of what happened (MODEL section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.fields import ATOM_FIELDS
from analytics.grid import STOP_CLASSES, Grid, Ints, Stop, find_stops, make_grid, timeline
from analytics.parts import quantity_columns
from analytics.schedule import Schedule
from analytics.signals import NS, Bools, Floats, Steps, Times, intervals
from analytics.states import PRODUCING, UNKNOWN
from analytics.view import View
from fieldlab_configs import EnergyFactors, Site
from fieldlab_configs.states import STATE_CLASSES

_DELAY = tuple(
    STATE_CLASSES.index(s) for s in ("idle", "starved", "blocked", "stopped", "down", "maintenance", "off")
)


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
    by_cell: bool = True,
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
    by_cell : bool
        Cut at the edges of cells, as atoms are; else the cost does not grow with the range.

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
    cell_ns = site.cell_s * NS if by_cell else None
    show = (start_ns, end_ns)
    grid = make_grid(site, machine, calendar, line_pri, reach=reach, show=show, cell_ns=cell_ns)
    minor, stops = find_stops(grid, machine.machine.minor_stop_s)
    columns = _times(grid, minor)
    columns |= quantity_columns(machine, grid)
    columns |= _energy(site, machine, grid)
    columns |= _line(site, machine, grid, columns)
    shown = (grid.edges[:-1] >= start_ns) & (grid.edges[:-1] < end_ns)
    cell = grid.edges[:-1] // cell_ns * cell_ns if cell_ns else np.full(len(grid.state), start_ns)
    fragments = _reduce(site, machine, calendar, grid, columns, shown, cell)
    visible = [s for s in stops if s.start_ns < end_ns and s.end_ns > start_ns]
    return MachineResult(fragments, visible, timeline(grid, shown))


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
    site: Site,
    m: View,
    calendar: Schedule,
    grid: Grid,
    columns: dict[str, Floats],
    shown: Bools,
    cell: Times,
) -> Fragments:
    """Sum the intervals of each cell, shift, product, order and line."""
    keys = np.stack(
        (cell[shown], grid.shift[shown], grid.product[shown], grid.order[shown], grid.line[shown])
    )
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
        cell_ns=distinct[0],
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
