"""The questions every screen and command asks: KPIs by any group, stops, the timeline; one answer each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.around import view_around
from analytics.atoms import MachineResult, analyse
from analytics.course import Course, Stop
from analytics.fetch import Source, state_readings
from analytics.groups import CELL_KEYS, Row, group
from analytics.readings import combine
from analytics.schedule import schedule
from analytics.signals import NS, Steps
from analytics.stored import stored_fragments
from analytics.view import View, view
from fieldlab_configs import Dated, Machine, Site

DAY_NS = 86_400 * NS


@dataclass(frozen=True, slots=True)
class Computed:
    """What raw data says over a range, per machine."""

    results: dict[str, MachineResult]
    unknown_codes: dict[str, Counter[str]]


def compute(
    site: Site,
    store: Source,
    *,
    start_ns: int,
    end_ns: int,
    machines: Collection[str] | None = None,
    whole: bool = False,
    known_until_ns: int | None = None,
    by: Sequence[str] | None = None,
) -> Computed:
    """Raw data to atoms, stops and timelines.

    Parameters
    ----------
    site : Site
    store : Source
    start_ns, end_ns : int
        UTC nanoseconds; only clip what is returned.
    machines : collection of str, optional
        Default: all.
    whole : bool
        Read everything there is instead of the range and its neighbours (for recordings).
    known_until_ns : int, optional
        The end of the data, for a stop that is not over when a machine said its last.
    by : sequence of str, optional
        What it will be grouped by, where that is all it is for: without a key that needs cells the
        cost does not grow with the length of the range.

    Returns
    -------
    Computed
    """
    wanted = [m for m in site.machines() if machines is None or m.id in machines]
    needed = {m.id: m for m in wanted} | {m.id: m for m in _bottlenecks(site, wanted)}
    first_ns, last_ns = (None, None) if whole else (start_ns, end_ns)
    views = {
        m.id: view_around(site, store, m, first_ns, last_ns, known_until_ns=known_until_ns)
        for m in needed.values()
    }
    reach = [start_ns, end_ns, *(t for v in views.values() if v.span for t in v.span)]
    known_until_ns = max(*reach, known_until_ns or end_ns)
    calendar = schedule(site, min(reach) - DAY_NS, max(reach) + DAY_NS)
    line_pri = {m.id: _line_pri(site, m, views) for m in wanted}
    unknown_codes = {m.id: views[m.id].unknown_codes for m in wanted}

    def result(machine: Machine) -> MachineResult:
        return analyse(
            site,
            views.pop(machine.id),  # seen for the last time: a view is as large as its readings
            calendar,
            line_pri[machine.id],
            start_ns=start_ns,
            end_ns=end_ns,
            known_until_ns=known_until_ns,
            by_cell=by is None or not CELL_KEYS.isdisjoint(by),
        )

    return Computed({m.id: result(m) for m in wanted}, unknown_codes)


def grouped(site: Site, computed: Computed, by: Sequence[str] = ()) -> list[Row]:
    """KPIs by group of what was computed."""
    return group(site, [r.fragments for r in computed.results.values()], by)


def kpis(
    site: Site,
    store: Source,
    *,
    start_ns: int,
    end_ns: int,
    by: Sequence[str] = (),
    machines: Collection[str] | None = None,
    from_atoms: bool = False,
    whole: bool = False,
    known_until_ns: int | None = None,
) -> list[Row]:
    """KPIs by group: what ``fieldlab kpi --format json`` prints.

    Parameters
    ----------
    site : Site
    store : Source
    start_ns, end_ns : int
        UTC nanoseconds.
    by : sequence of str
        See :data:`analytics.groups.KEYS`.
    machines : collection of str, optional
        Default: all.
    from_atoms : bool
        Sum the atoms that the job wrote (a range of whole cells, without `order`), which is quick over
        any range; else work from raw data.
    whole, known_until_ns
        See :func:`compute`.

    Returns
    -------
    list of dict
    """
    if from_atoms:
        fragments = stored_fragments(site, store, start_ns, end_ns, machines)
    else:
        computed = compute(
            site,
            store,
            start_ns=start_ns,
            end_ns=end_ns,
            machines=machines,
            whole=whole,
            known_until_ns=known_until_ns,
            by=by,
        )
        fragments = [r.fragments for r in computed.results.values()]
    return group(site, fragments, by)


def timeline(
    site: Site, store: Source, machine: str, start_ns: int, end_ns: int
) -> list[tuple[int, int, str]]:
    """The state classes of one machine over a range, as ``(start_ns, end_ns, class)``."""
    told = site.machine(machine)
    if start_ns < end_ns and told.states and not any(rule.made for _, rule in told.states.entries):
        # It tells its state itself: what else is known of it says nothing of that.
        state = view(told, state_readings(store, site, told, start_ns, end_ns)).state
        course = Course.of(state, start_ns, end_ns, minor_stop_s=told.minor_stop_s)
        return course.timeline(start_ns, end_ns).states()
    computed = compute(site, store, start_ns=start_ns, end_ns=end_ns, machines={machine})
    return computed.results[machine].timeline


def stops(site: Site, store: Source, machine: str, start_ns: int, end_ns: int) -> list[Stop]:
    """The stops of one machine that touch a range, whole."""
    computed = compute(site, store, start_ns=start_ns, end_ns=end_ns, machines={machine})
    return computed.results[machine].stops


def _bottlenecks(site: Site, machines: Sequence[Machine]) -> list[Machine]:
    lines = {line for m in machines for _, line in m.line.entries}
    return [
        site.machine(name) for line in site.lines if line.id in lines for _, name in line.bottlenecks.entries
    ]


def _line_pri(site: Site, machine: Machine, views: dict[str, View]) -> Steps:
    """PRI at the bottleneck of the line that the machine stands in at each moment."""
    lines = {line.id: line for line in site.lines}
    return _by_era(machine.line, lambda line: _by_era(lines[line].bottlenecks, lambda name: views[name].pri))


def _by_era(dated: Dated[str], steps_of: Callable[[str], Steps]) -> Steps:
    """Of each entry the step function that goes with it, as long as the entry holds."""
    steps = [steps_of(name) for _, name in dated.entries]
    if len(steps) == 1:
        return steps[0]
    eras = Steps(np.array(dated.edges, np.int64), np.arange(1, len(steps)), before=0)
    return combine(lambda era, *values: np.choose(era.astype(int), values), eras, *steps)
