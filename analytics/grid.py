"""The elementary intervals of one machine, and its stops and timeline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.schedule import Schedule
from analytics.signals import NO_TIMES, NS, Bools, Floats, Steps, Times
from analytics.view import View
from fieldlab_configs import Site
from fieldlab_configs.states import STATE_CLASSES

Ints = npt.NDArray[np.int64]
STOP_CLASSES = tuple(STATE_CLASSES.index(s) for s in ("stopped", "down"))


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


def make_grid(
    site: Site,
    m: View,
    calendar: Schedule,
    line_pri: Steps,
    *,
    reach: tuple[int, int],
    show: tuple[int, int],
    cell_ns: int | None,
) -> Grid:
    """The elementary intervals over `reach`, cut at the edges of `show` and of every cell within it.

    Parameters
    ----------
    site : Site
    m : View
    calendar : Schedule
    line_pri : Steps of float64
        PRI at the bottleneck of the machine's line [s].
    reach, show : (int, int)
        All that is known, and the range that is asked for; UTC nanoseconds.
    cell_ns : int or None
        None: no cells.
    """
    planned = calendar.planned_for(m.machine)
    line = _line_steps(site, m)
    low, high = reach
    cells = NO_TIMES
    if cell_ns is not None:
        cells = np.arange(-(-show[0] // cell_ns) * cell_ns, show[1], cell_ns, dtype=np.int64)
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


def find_stops(grid: Grid, minor_stop_s: float) -> tuple[Bools, list[Stop]]:
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


def timeline(grid: Grid, shown: Bools) -> list[tuple[int, int, str]]:
    """The state classes of the intervals shown, as ``(start_ns, end_ns, class)``; equal neighbours merged."""
    state = grid.state[shown]
    if len(state) == 0:
        return []
    start, end = grid.edges[:-1][shown], grid.edges[1:][shown]
    first = np.flatnonzero(np.concatenate(([True], state[1:] != state[:-1])))
    last = np.append(first[1:], len(state)) - 1
    return [(int(start[a]), int(end[b]), STATE_CLASSES[state[a]]) for a, b in zip(first, last, strict=True)]
