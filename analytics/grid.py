"""The elementary intervals of one machine: within each nothing changes but counts and the known state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.course import Course
from analytics.schedule import Schedule
from analytics.signals import NO_TIMES, Bools, Floats, Steps, Times, merged
from analytics.view import View
from fieldlab_configs import Site

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grid:
    """The elementary intervals of one machine: within each, nothing changes but counts and the known state.

    They are few beside the readings: what changes with every reading, the state, is cut by
    :meth:`analytics.course.Course.pieces`, and only where something depends on it.

    Attributes
    ----------
    edges : ndarray of int64, shape (n + 1,)
    shift, product, order, line : ndarray of int64, shape (n,)
    unknown, planned : ndarray of bool, shape (n,)
        Whether the state is unknown; planned busy time.
    pri, line_pri : ndarray of float64, shape (n,)
        [s]; of the machine, and of its line's bottleneck.
    """

    edges: Times
    unknown: Bools
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
        """First interval of each stretch in which all that parts depend on stays as it is, and `keys` too.

        A part counted at an instant of a stretch may be laid into its first interval.
        """
        new = np.zeros(len(self.planned), dtype=bool)
        new[:1] = True
        held = (self.shift, self.product, self.order, self.line, self.planned)
        for key in (*held, self.pri.view(np.int64), self.line_pri.view(np.int64), *keys):
            new[1:] |= key[1:] != key[:-1]
        return np.flatnonzero(new)


def make_grid(
    site: Site,
    m: View,
    calendar: Schedule,
    line_pri: Steps,
    course: Course,
    *,
    show: tuple[int, int],
    cell_ns: int | None,
) -> Grid:
    """The elementary intervals over a course, cut at the edges of `show` and of every cell within it.

    Parameters
    ----------
    site : Site
    m : View
    calendar : Schedule
    line_pri : Steps of float64
        PRI at the bottleneck of the machine's line [s].
    course : Course
        Of the state, over all that is known.
    show : (int, int)
        The range that is asked for; UTC nanoseconds.
    cell_ns : int or None
        None: no cells.
    """
    planned = calendar.planned_for(m.machine)
    line = _line_steps(site, m)
    unknown = course.unknown()
    low, high = int(course.edges[0]), int(course.edges[-1])
    cells = NO_TIMES
    if cell_ns is not None:
        cells = np.arange(-(-show[0] // cell_ns) * cell_ns, show[1], cell_ns, dtype=np.int64)
    parts = [unknown, m.product, m.order, m.pri, line_pri, line, calendar.current, planned, *m.live.values()]
    times = [np.array([low, high, *show], np.int64), cells, *(s.time for s in parts)]
    for inc in m.counters.values():
        reset = np.flatnonzero(inc.reset)
        times += [inc.before[reset], inc.at[reset], np.array([inc.first or low], np.int64)]
    if m.energy is not None:
        times += [*m.energy.known]
    if site.energy is not None:
        times.append(np.array(site.energy.edges, np.int64))
    for of_line in site.lines:
        times += [np.array(named.edges, np.int64) for named in (of_line.outputs, of_line.bottlenecks)]
    more = merged(*(t if (t[1:] >= t[:-1]).all() else np.sort(t) for t in times))
    edges = more[(more >= low) & (more <= high)]
    at = edges[:-1]
    return Grid(
        edges=edges,
        unknown=unknown.along(at).astype(bool, copy=False),
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
