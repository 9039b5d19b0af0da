"""Atoms: the smallest additive record of what happened (MODEL section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.course import CODES, DOWN, MINOR_DOWN, MINOR_STOPPED, STOPPED, Course, Pieces, Runs, Stop
from analytics.fields import ATOM_FIELDS
from analytics.grid import Grid, Ints, make_grid
from analytics.grouping import Groups
from analytics.parts import quantity_columns
from analytics.schedule import Schedule
from analytics.signals import NS, Bools, Floats, Steps, Times, intervals
from analytics.states import PRODUCING, UNKNOWN
from analytics.view import View
from fieldlab_configs import Dated, EnergyFactors, Site
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


def pick(f: Fragments, rows: Bools | Ints) -> Fragments:
    """Some of a machine's atoms."""
    return Fragments(
        f.machine,
        f.cell_ns[rows],
        f.line[rows],
        f.shift[rows],
        f.shift_date[rows],
        f.product[rows],
        f.order[rows],
        f.values[rows],
    )


@dataclass(frozen=True, slots=True)
class MachineResult:
    """What the kernel says of one machine over one range.

    Attributes
    ----------
    fragments : Fragments
    begins_ns : ndarray of int64, shape (r,)
        The moments of the range at which another atom goes on, ascending.
    row : ndarray of int64, shape (r,)
        Which of the fragments that is.
    course : Course
        Of the state, over all that is known.
    start_ns, end_ns : int
        The range.
    """

    fragments: Fragments
    begins_ns: Times
    row: Ints
    course: Course
    start_ns: int
    end_ns: int

    def rows_at(self, time_ns: Times) -> Ints:
        """Which of the fragments each of some moments of the range lies in; an empty range has no moments."""
        return self.row[np.searchsorted(self.begins_ns, time_ns, side="right") - 1]

    @property
    def stop_runs(self) -> Runs:
        """Every stop that touches the range, whole."""
        return self.course.stops(self.start_ns, self.end_ns)

    @property
    def stops(self) -> list[Stop]:
        """Every stop that touches the range, whole."""
        return self.stop_runs.stops()

    @property
    def timeline(self) -> list[tuple[int, int, str]]:
        """The state timeline, as ``(start_ns, end_ns, class)``."""
        return self.course.timeline(self.start_ns, self.end_ns).states()


@np.errstate(over="ignore", invalid="ignore")  # what overflows is undefined, and said so as a figure
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
    low, high = min(start_ns, span[0]), max(end_ns, span[1], known_until_ns or end_ns)
    course = Course.of(machine.state, low, high, minor_stop_s=machine.machine.minor_stop_s)
    cell_ns = site.cell_s * NS if by_cell else None
    grid = make_grid(site, machine, calendar, line_pri, course, show=(start_ns, end_ns), cell_ns=cell_ns)
    shown = (grid.edges[:-1] >= start_ns) & (grid.edges[:-1] < end_ns)
    cell = grid.edges[:-1] // cell_ns * cell_ns if cell_ns else np.full(len(shown), start_ns)
    groups = Groups.of(shown, cell, grid.shift, grid.product, grid.order, grid.line)
    pieces = course.pieces(grid.edges[groups.shown.start : groups.shown.stop + 1])
    keys = pieces.of_each(groups.keys(CODES * grid.planned, 2 * CODES))
    keys += pieces.code
    columns = _times(groups, pieces, keys)
    is_output = _stands_as([line.outputs for line in site.lines], machine.machine.id, grid)
    quantities = quantity_columns(machine, grid, grid.stretches(shown, cell, is_output))
    columns |= {name: groups.sum(column) for name, column in quantities.items()}
    columns |= _energy(site, machine, grid, groups, pieces, keys)
    columns |= _line(site, machine, grid, groups, quantities, is_output)
    fragments = _fragments(site, machine, calendar, groups, columns)
    begins_ns = grid.edges[groups.shown.start + groups.begins]
    return MachineResult(fragments, begins_ns, groups.group, course, start_ns, end_ns)


def _by_code(groups: Groups, keys: Ints, values: npt.NDArray[np.generic]) -> tuple[Floats, Floats]:
    """The sums of pieces outside and inside planned busy time, by code; each of shape (CODES, groups)."""
    sums = groups.table(keys, values, 2 * CODES)
    return sums[:CODES], sums[CODES:]


def _by_class(by_code: Floats) -> Floats:
    """Minor stops counted with the others; shape (len(STATE_CLASSES), groups)."""
    by_class = by_code[: len(STATE_CLASSES)].copy()
    by_class[STOPPED] += by_code[MINOR_STOPPED]
    by_class[DOWN] += by_code[MINOR_DOWN]
    return by_class


def _times(groups: Groups, pieces: Pieces, keys: Ints) -> dict[str, Floats]:
    """The fields that are durations [s], per group."""
    # Whole nanoseconds are summed without an error, and divided once.
    outside, within = (sums / NS for sums in _by_code(groups, keys, np.diff(pieces.edges)))
    inside, spent = _by_class(within), _by_class(outside + within)
    columns = {"calendar_time_s": spent.sum(axis=0), "planned_busy_time_s": inside.sum(axis=0)}
    columns |= {f"state_{name}_s": spent[index] for index, name in enumerate(STATE_CLASSES)}
    columns |= {
        "actual_production_time_s": inside[PRODUCING],
        "actual_unit_setup_time_s": inside[STATE_CLASSES.index("setup")],
        "actual_unit_delay_time_s": inside[_DELAY, :].sum(axis=0),
        "minor_stop_s": within[MINOR_STOPPED] + within[MINOR_DOWN],
        "breakdown_s": within[STOPPED] + within[DOWN],
        "unknown_time_s": inside[UNKNOWN],
        "overtime_production_s": outside[PRODUCING],
    }
    for name in ("starved", "blocked", "idle"):
        columns[f"{name}_s"] = inside[STATE_CLASSES.index(name)]
    return columns


def _energy(site: Site, m: View, grid: Grid, groups: Groups, pieces: Pieces, keys: Ints) -> dict[str, Floats]:
    """Energy, by class, and what follows from it, per group."""
    seconds = grid.length_ns / NS
    names = [f"energy_{name}_kwh" for name in STATE_CLASSES]
    if m.energy is None or len(groups) == 0:
        nothing = np.full(len(groups), np.nan)
        columns = dict.fromkeys(["energy_kwh", "energy_cost_eur", "co2_kg", *names], nothing)
        return columns | {"energy_missing_s": groups.sum(seconds)}
    used = np.diff(m.energy.before(pieces.edges))
    outside, inside = _by_code(groups, keys, used)
    by_class = _by_class(outside + inside)
    columns = dict(zip(names, by_class, strict=True))
    # The whole is the sum of its parts: by class it adds up exactly.
    columns["energy_kwh"] = by_class.sum(axis=0)
    missing = ~intervals(*m.energy.known).along(grid.edges[:-1]).astype(bool)
    columns["energy_missing_s"] = groups.sum(seconds * missing)
    of_intervals = np.add.reduceat(used, pieces.begins)
    price, co2 = (factor[groups.shown] for factor in _factors(site, grid))
    columns["energy_cost_eur"] = groups.sum_shown(of_intervals * price)
    columns["co2_kg"] = groups.sum_shown(of_intervals * co2)
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


def _line(
    site: Site, m: View, grid: Grid, groups: Groups, quantities: dict[str, Floats], is_output: Bools
) -> dict[str, Floats]:
    """The line's figures, on its output and its bottleneck, per group."""
    none = np.zeros(len(groups))
    columns = dict.fromkeys(
        (
            "line_produced_quantity",
            "line_good_quantity",
            "line_ideal_good_time_s",
            "line_planned_busy_time_s",
        ),
        none,
    )
    if is_output.any():
        produced, good = (np.where(is_output, quantities[f"{n}_quantity"], 0.0) for n in ("produced", "good"))
        columns["line_produced_quantity"] = groups.sum(produced)
        columns["line_good_quantity"] = groups.sum(good)
        columns["line_ideal_good_time_s"] = groups.sum(np.where(good == 0, 0.0, good * grid.line_pri))
    is_bottleneck = _stands_as([line.bottlenecks for line in site.lines], m.machine.id, grid)
    if is_bottleneck.any():
        columns["line_planned_busy_time_s"] = groups.sum(grid.length_ns / NS * (grid.planned & is_bottleneck))
    return columns


def _stands_as(of_lines: list[Dated[str]], machine: str, grid: Grid) -> Bools:
    """Whether the machine is the one named for the line it stands in, per interval."""
    is_it = np.array([named.entries[0][1] == machine for named in of_lines])[grid.line]
    for index, named in enumerate(of_lines):
        for start_ns, name in named.entries[1:]:
            is_it[(grid.line == index) & (grid.edges[:-1] >= start_ns)] = name == machine
    return is_it


def _fragments(
    site: Site, m: View, calendar: Schedule, groups: Groups, columns: dict[str, Floats]
) -> Fragments:
    values = np.empty((len(ATOM_FIELDS), len(groups)))
    for i, name in enumerate(ATOM_FIELDS):
        values[i] = columns[name]
    shifts = [*((o.name, o.date.isoformat()) for o in calendar.occurrences), ("none", "none")]
    named = set(m.machine.products)
    products = [*(p if p in named else "unlisted" for p in m.products), "none"]
    return Fragments(
        machine=m.machine.id,
        cell_ns=groups.cell_ns,
        line=_names([line.id for line in site.lines], groups.line),
        shift=_names([s for s, _ in shifts], groups.shift),
        shift_date=_names([d for _, d in shifts], groups.shift),
        product=_names(products, groups.product),
        order=_names([*m.orders, "none"], groups.order),
        values=values.T,
    )


def _names(names: list[str], index: Ints) -> npt.NDArray[np.object_]:
    """Names by index; -1 finds the last."""
    return np.array(names, dtype=object)[index]
