"""What one view shows at one moment, fetched in as few questions as it takes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from dashboards.parts import parts
from dashboards.screens import Interval, Row, Screens
from dashboards.view import NS, Span, View, machines_of, scoped, span
from dashboards.wall_facts import WallNow
from dashboards.wall_facts import take as take_wall

_JUST_NOW_NS = NS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a page shows of a view.

    Attributes
    ----------
    view : View
    span : Span or None
        None while there is no data.
    total : Row or None
        The machine's or the line's figures; None where there is nothing in the range.
    machines : dict of str to Row
        The same per machine of the line.
    buckets : dict of str to Row
        The figures per cell, hour or day, by its begin (local date for days).
    timelines : dict of str to sequence of Interval
        Per machine that is drawn; none where states over time are not told.
    latest : dict of str to str
        The last known state per machine of the line, where it is told.
    parts : dict of str to sequence of Row
        The rows of every table of the page; see :mod:`dashboards.parts`.
    wall : WallNow or None
        What stands on the wall, where the view is of that.
    """

    view: View
    span: Span | None = None
    total: Row | None = None
    machines: dict[str, Row] = field(default_factory=dict)
    buckets: dict[str, Row] = field(default_factory=dict)
    timelines: dict[str, Sequence[Interval]] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Sequence[Row]] = field(default_factory=dict)
    wall: WallNow | None = None


class Answers:
    """Answers of one moment: views that ask the same question share it."""

    def __init__(self, screens: Screens) -> None:
        self.screens = screens
        self._kpis: dict[object, Sequence[Row]] = {}
        self._timelines: dict[object, Sequence[Interval] | None] = {}

    def kpis(self, at: Span, by: tuple[str, ...], machines: Collection[str]) -> Sequence[Row]:
        """As :meth:`Screens.kpis`."""
        key = (at.start_ns, at.end_ns, by, tuple(machines))
        if key not in self._kpis:
            self._kpis[key] = self.screens.kpis(at.start_ns, at.end_ns, by, machines)
        return self._kpis[key]

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> Sequence[Interval] | None:
        """As :meth:`Screens.timeline`."""
        key = (machine, start_ns, end_ns)
        if key not in self._timelines:
            self._timelines[key] = self.screens.timeline(machine, start_ns, end_ns)
        return self._timelines[key]


def take(view: View, answers: Answers) -> Snapshot:
    """Everything a page shows of a view, now."""
    screens = answers.screens
    if view.screen == "wall":
        return Snapshot(view, wall=take_wall(view, answers))
    at = span(screens, view)
    if at is None:
        return Snapshot(view)
    told = parts(screens, view, at, scoped(screens.site, view))
    if view.screen not in ("line", "energy") or not screens.site.lines:
        return Snapshot(view, at, parts=told)
    machines = [m.id for m in machines_of(screens.site, view)]
    by_machine = {str(row["machine"]): row for row in answers.kpis(at, ("machine",), machines)}
    timelines: dict[str, Sequence[Interval]] = {}
    if view.machine is not None:
        total = by_machine.get(view.machine)
        shown = [view.machine]
        buckets = answers.kpis(at, ("machine", at.bucket), shown)
    else:
        rows = answers.kpis(at, ("line",), machines)
        total = next((row for row in rows if row["line"] == view.line), None)
        shown = machines
        found = answers.kpis(at, ("line", at.bucket), machines)
        buckets = [row for row in found if row["line"] == view.line]
    for machine in shown if view.screen == "line" and at.bucket != "day" else ():
        drawn = answers.timeline(machine, at.start_ns, at.end_ns)
        if drawn is not None:
            timelines[machine] = drawn
    return Snapshot(
        view,
        at,
        total,
        by_machine,
        {str(row[at.bucket]): row for row in buckets},
        timelines,
        {m: state for m in machines if (state := _latest(answers, m, at, timelines.get(m)))},
        told,
    )


def _latest(answers: Answers, machine: str, at: Span, drawn: Sequence[Interval] | None) -> str:
    """The last state; empty where states are not told."""
    end = drawn or answers.timeline(machine, max(at.start_ns, at.end_ns - _JUST_NOW_NS), at.end_ns)
    return "" if end is None else end[-1][2] if end else "unknown"
