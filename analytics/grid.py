"""The elementary intervals of one machine, and its stops and timeline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.schedule import Schedule
from analytics.signals import NO_TIMES, NS, Bools, Floats, Steps, Times, merged
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

    def stretches(self, *keys: npt.NDArray[np.generic]) -> Ints:
        """First interval of each stretch in which all but the state stays as it is, and `keys` too.

        A part counted at an instant of a stretch may be laid into its first interval.
        """
        new = np.zeros(len(self.state), dtype=bool)
        new[:1] = True
        held = (self.shift, self.product, self.order, self.line, self.planned)
        for key in (*held, self.pri.view(np.int64), self.line_pri.view(np.int64), *keys):
            new[1:] |= key[1:] != key[:-1]
        return np.flatnonzero(new)


@dataclass(frozen=True, slots=True)
class Runs:
    """Unbroken stretches of one thing, one after the other.

    Attributes
    ----------
    start_ns, end_ns : ndarray of int64, shape (n,)
        Disjoint and ascending.
    state : ndarray of int64, shape (n,)
        Index into STATE_CLASSES.
    minor : ndarray of bool, shape (n,)
        Of a stop: whether it is a minor one.
    """

    start_ns: Times
    end_ns: Times
    state: Ints
    minor: Bools

    def touching(self, start_ns: int, end_ns: int) -> Runs:
        """Those that lie in a range, or reach into it."""
        some = (self.start_ns < end_ns) & (self.end_ns > start_ns)
        return Runs(self.start_ns[some], self.end_ns[some], self.state[some], self.minor[some])

    def stops(self) -> list[Stop]:
        """Each as a stop."""
        columns = self.start_ns.tolist(), self.end_ns.tolist(), self.state.tolist(), self.minor.tolist()
        return [Stop(s, e, STATE_CLASSES[c], m) for s, e, c, m in zip(*columns, strict=True)]

    def states(self) -> list[tuple[int, int, str]]:
        """Each as ``(start_ns, end_ns, class)``."""
        columns = self.start_ns.tolist(), self.end_ns.tolist(), self.state.tolist()
        return [(s, e, STATE_CLASSES[c]) for s, e, c in zip(*columns, strict=True)]


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
    parts = [m.product, m.order, m.pri, line_pri, line, calendar.current, planned, *m.live.values()]
    times = [np.array([low, high, *show], np.int64), cells, *(s.time for s in parts)]
    for inc in m.counters.values():
        times += [inc.before[inc.reset], inc.at[inc.reset], np.array([inc.first or low], np.int64)]
    if m.energy is not None:
        times += [*m.energy.known]
    if site.energy is not None:
        times.append(np.array(site.energy.edges, np.int64))
    for of_line in site.lines:
        times += [np.array(named.edges, np.int64) for named in (of_line.outputs, of_line.bottlenecks)]
    more = merged(*(t if (t[1:] >= t[:-1]).all() else np.sort(t) for t in times))
    edges, state = m.state.cut(low, high, more[(more >= low) & (more <= high)])
    if len(edges) == 1:  # nothing was ever read, and nothing is asked
        edges, state = np.array([edges[0], edges[0] + 1]), state.repeat(2)
    at = edges[:-1]
    return Grid(
        edges=edges,
        state=state[:-1].astype(np.int64, copy=False),
        shift=calendar.current.along(at).astype(np.int64, copy=False),
        product=m.product.along(at).astype(np.int64, copy=False),
        order=m.order.along(at).astype(np.int64, copy=False),
        line=line.along(at).astype(np.int64, copy=False),
        planned=planned.along(at).astype(bool, copy=False),
        pri=m.pri.along(at).astype(float, copy=False),
        line_pri=line_pri.along(at).astype(float, copy=False),
    )


def _line_steps(site: Site, m: View) -> Steps:
    """Which line the machine stands in, as an index into `site.lines`."""
    index = {line.id: i for i, line in enumerate(site.lines)}
    entries = m.machine.line.entries
    values = np.array([index[line] for _, line in entries], np.int64)
    return Steps(np.array(m.machine.line.edges, np.int64), values[1:], before=values[0])


def find_stops(grid: Grid, minor_stop_s: float) -> tuple[Bools, Runs]:
    """Which intervals belong to a minor stop, and every stop."""
    stopping = (grid.state == STOP_CLASSES[0]) | (grid.state == STOP_CLASSES[1])
    change = np.flatnonzero(np.diff(stopping.view(np.int8), prepend=0, append=0))
    first, after = change[0::2], change[1::2]
    start, end = grid.edges[first], grid.edges[after]
    is_minor = (end - start) < minor_stop_s * NS
    minor = np.zeros(len(stopping), dtype=bool)
    minor[stopping] = np.repeat(is_minor, after - first)
    down_ns = np.concatenate(([0], np.cumsum(grid.length_ns * (grid.state == STOP_CLASSES[1]))))
    mostly = np.where(2 * (down_ns[after] - down_ns[first]) > end - start, STOP_CLASSES[1], STOP_CLASSES[0])
    return minor, Runs(start, end, mostly, is_minor)


def timeline(grid: Grid, shown: Bools) -> Runs:
    """The state classes of the intervals shown; equal neighbours merged."""
    state = grid.state[shown]
    start, end = grid.edges[:-1][shown], grid.edges[1:][shown]
    first = np.flatnonzero(np.concatenate(([True], state[1:] != state[:-1]))) if len(state) else NO_TIMES
    last = np.append(first[1:], len(state)) - 1
    return Runs(start[first], end[last[: len(first)]], state[first], np.zeros(len(first), dtype=bool))
