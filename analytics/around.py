"""A machine over a range, seen from far enough back and on that its ends are those of the whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.course import STOP_CLASSES
from analytics.fetch import Source, readings
from analytics.signals import NS
from analytics.states import counts_reach_ns
from analytics.view import View, view
from fieldlab_configs import Machine, Site

_DAY_NS = 86_400 * NS
_FURTHER_NS = (_DAY_NS, 30 * _DAY_NS)


def view_around(
    site: Site,
    store: Source,
    machine: Machine,
    start_ns: int | None,
    end_ns: int | None,
    *,
    known_until_ns: int | None,
) -> View:
    """A machine as the rules see it over a range, with all that bears on the range.

    Parameters
    ----------
    site : Site
    store : Source
    machine : Machine
    start_ns, end_ns : int or None
        The range; None: without end. A stop at either end of it is whole, and a state made from counts is
        made from those on either side.
    known_until_ns : int or None
        The end of the data, for a stop that is not over when the machine said its last.

    Returns
    -------
    View
    """
    around = _Around(site, store, machine, known_until_ns, counts_reach_ns(machine))
    return around.view(start_ns, end_ns)


@dataclass(slots=True)
class _Around:
    """One machine, looked at further and further."""

    site: Site
    store: Source
    machine: Machine
    known_until_ns: int | None
    counts_ns: int
    """How far beyond what is asked for to read, for a state made from counts."""

    def view(self, start_ns: int | None, end_ns: int | None) -> View:
        seen = self._seen(start_ns, end_ns)
        if (start_ns, end_ns) == (None, None):
            return seen
        told_ns = counts_reach_ns(self.machine, seen.pri)
        if told_ns > self.counts_ns:  # by the machine itself
            self.counts_ns = told_ns
            seen = self._seen(start_ns, end_ns)
        back_ns, seen = self._back(seen, start_ns, end_ns)
        return self._ahead(seen, back_ns, end_ns)

    def _seen(self, start_ns: int | None, end_ns: int | None) -> View:
        first_ns = None if start_ns is None else start_ns - self.counts_ns
        last_ns = None if end_ns is None else end_ns + self.counts_ns
        return view(self.machine, readings(self.store, self.site, self.machine, first_ns, last_ns))

    def _back(self, seen: View, start_ns: int | None, end_ns: int | None) -> tuple[int | None, View]:
        """From where no stop crosses into what is read (None: from the beginning), and what is seen so."""
        if start_ns is None:
            return None, seen
        from_ns: int | None = start_ns
        for further_ns in (*_FURTHER_NS, None):
            if not _stop_crosses(seen, from_ns, start_ns):
                break
            from_ns = None if further_ns is None else start_ns - further_ns
            seen = self._seen(from_ns, end_ns)
        return from_ns, seen

    def _ahead(self, seen: View, start_ns: int | None, end_ns: int | None) -> View:
        """Read on until a stop at the end of the range is whole.

        A machine that says nothing more may stand still all the same, as long as its life goes on.
        """
        if end_ns is None or not _stopped(seen, end_ns - 1):
            return seen
        until_ns, where = self.known_until_ns, {"machine": self.machine.id}
        if until_ns is None and not self.store.first_from("raw", "machine", end_ns, where=where):
            return seen  # nothing was said since
        for further_ns in _FURTHER_NS:
            if until_ns is not None and until_ns <= end_ns + further_ns:
                break
            seen = self._seen(start_ns, end_ns + further_ns)
            # What is said near the end of what was read may be for want of readings after it.
            inside = (seen.state.time >= end_ns) & (seen.state.time < end_ns + further_ns // 2)
            if not np.isin(seen.state.at(seen.state.time[inside]).astype(np.int64), STOP_CLASSES).all():
                return seen
        return seen if until_ns is not None and until_ns <= end_ns else self._seen(start_ns, until_ns)


def _stopped(seen: View, time_ns: int) -> bool:
    return bool(np.isin(seen.state.at(np.array([time_ns], np.int64)).astype(np.int64), STOP_CLASSES).all())


def _stop_crosses(seen: View, from_ns: int | None, start_ns: int) -> bool:
    """Whether one stop lasts from the beginning of what was read into the range."""
    if from_ns is None:
        return False
    inside = seen.state.time[(seen.state.time > from_ns) & (seen.state.time <= start_ns)]
    states = seen.state.at(np.concatenate(([from_ns], inside)).astype(np.int64))
    return bool(np.isin(states, STOP_CLASSES).all())
