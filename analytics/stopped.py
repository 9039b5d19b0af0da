"""Stored stops in columns: a year has tens of thousands, of which a page shows few and counts the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.fetch import Source
from analytics.query import DAY_NS
from analytics.schedule import schedule
from analytics.signals import NS, Bools, Floats, Times
from analytics.stoppages import planned_within
from analytics.touched import Span
from analytics.written import reasons_within
from fieldlab_configs import Site

_LONGEST_STOP_NS: Final = 31 * DAY_NS
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Stopped:
    """The stops of one machine that touch a range, in the order of time; see `Stoppage` for each.

    Attributes
    ----------
    machine : str
    line, state, reason : ndarray of object, shape (n,)
    start_ns, end_ns : ndarray of int64, shape (n,)
    minor : ndarray of bool, shape (n,)
    within_s, planned_s : ndarray of float64, shape (n,)
    """

    machine: str
    line: Texts
    start_ns: Times
    end_ns: Times
    state: Texts
    minor: Bools
    reason: Texts
    within_s: Floats
    planned_s: Floats

    def rows(self, most: int | None = None) -> Iterator[dict[str, Any]]:
        """Each as a row, the fields of `Stoppage`; the latest of them where not all are wanted."""
        last = slice(None) if most is None else slice(max(len(self.start_ns) - most, 0), None)
        names = ("line", "start_ns", "end_ns", "state", "minor", "reason", "within_s", "planned_s")
        for values in zip(*(getattr(self, name)[last].tolist() for name in names), strict=True):
            yield {"machine": self.machine, **dict(zip(names, values, strict=True))}


def stopped(site: Site, store: Source, machine: str, start_ns: int, end_ns: int) -> Stopped:
    """What the job wrote of a machine's stops, with the reasons that hold now.

    Parameters
    ----------
    site : Site
    store : Source
    machine : str
    start_ns, end_ns : int
        UTC nanoseconds.
    """
    begins, ends, states = _stored(store, machine, Span(start_ns - _LONGEST_STOP_NS, end_ns), start_ns)
    lines = site.machine(machine).line
    names = np.array([name for _, name in lines.entries], dtype=object)
    line: Texts = names[np.searchsorted(np.array(lines.edges, np.int64), begins, side="right")]
    within, until = np.maximum(begins, start_ns), np.minimum(ends, end_ns)
    planned_s = np.empty(0)
    if len(begins):
        calendar = schedule(site, int(begins[0]) - DAY_NS, end_ns + DAY_NS)
        planned_s = planned_within(site, machine, calendar, within, until)
    return Stopped(
        machine,
        line,
        begins,
        ends,
        states,
        ends - begins < round(site.machine(machine).minor_stop_s * NS),
        reasons_within(store, machine, begins, ends),
        (until - within) / NS,
        planned_s,
    )


def _stored(store: Source, machine: str, reach: Span, after_ns: int) -> tuple[Times, Times, Texts]:
    """Begins, ends and states of the stored stops that end after an instant, in the order of time."""
    begins, ends, states = [], [], []
    tables = store.read(
        "kpi",
        "stop",
        start_ns=reach.start_ns,
        end_ns=reach.end_ns,
        where={"machine": machine},
        fields=["duration_s"],
    )
    for table in tables:
        duration = table.columns["duration_s"].astype(float)
        end = table.time_ns + np.round(duration * NS).astype(np.int64)
        holds = (duration > 0) & (end > after_ns)
        begins.append(table.time_ns[holds])
        ends.append(end[holds])
        states.append(np.full(int(holds.sum()), table.tags["state"], dtype=object))
    if not begins:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, dtype=object)
    begin = np.concatenate(begins)
    order = np.argsort(begin, kind="stable")
    return _each_once(begin[order], np.concatenate(ends)[order], np.concatenate(states)[order])


def _each_once(begin: Times, end: Times, state: Texts) -> tuple[Times, Times, Texts]:
    """Stops that lie over one another are one: a company's bucket has its part in each of its experiments."""
    if not len(begin):
        return begin, end, state
    until = np.maximum.accumulate(end)
    first = np.flatnonzero(np.concatenate(([True], begin[1:] >= until[:-1])))
    return begin[first], np.maximum.reduceat(end, first), state[first]
