"""The job: learns from deliveries what changed, and rewrites those atoms and stops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from analytics.atoms import Fragments, MachineResult
from analytics.fetch import Row, Source, Table, neighbourhood
from analytics.fields import ATOM_FIELDS
from analytics.grid import Stop
from analytics.query import compute
from analytics.signals import NS
from fieldlab_configs import Site

_CELL_TAGS = ("machine", "line", "shift", "product")
_OVERLAP_NS = 900 * NS
"""How far behind its own cursor the job looks for deliveries: gateways' clocks differ a little."""

Key = tuple[tuple[tuple[str, str], ...], int]


class Store(Source, Protocol):
    """What the job asks of a store."""

    def write(self, bucket: str, rows: Sequence[Row]) -> object:
        """Write rows; the later of two with one series, field and time wins."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time of one machine that has to be computed again."""

    start_ns: int
    end_ns: int


class Job:
    """The analytics of one fieldlab: raw in, atoms and stops out.

    Parameters
    ----------
    site : Site
    store : Store
    """

    def __init__(self, site: Site, store: Store) -> None:
        self.site = site
        self.store = store
        self._computed_until: dict[str, int] = {}
        self._cursor_ns: int | None = None
        self._seen: set[tuple[str, str, int]] = set()

    def step(self, now_ns: int) -> dict[str, Span]:
        """Recompute what deliveries since the last step touched, up to `now_ns`.

        Parameters
        ----------
        now_ns : int
            The data's now: nothing is said of time after it.

        Returns
        -------
        dict of str to Span
            What was rewritten, per machine.
        """
        touched = self._touched(now_ns)
        for machine, span in touched.items():
            self.recompute(span.start_ns, span.end_ns, machines=[machine])
            self._computed_until[machine] = span.end_ns
        return touched

    def recompute(self, start_ns: int, end_ns: int, *, machines: Iterable[str] | None = None) -> None:
        """Rewrite every atom and stop of ``[start_ns, end_ns)``, cells whole at its start.

        Parameters
        ----------
        start_ns, end_ns : int
            UTC nanoseconds; the start is taken back to the beginning of its cell.
        machines : iterable of str, optional
            Default: all.
        """
        cell_ns = self.site.cell_s * NS
        start_ns = start_ns // cell_ns * cell_ns
        for machine in machines or [m.id for m in self.site.machines()]:
            computed = compute(self.site, self.store, start_ns=start_ns, end_ns=end_ns, machines={machine})
            result = computed.results[machine]
            rows = [*self._atom_rows(result.fragments, machine, start_ns, end_ns)]
            rows += self._stop_rows(machine, result, start_ns, end_ns)
            self.store.write("kpi", rows)

    def _touched(self, now_ns: int) -> dict[str, Span]:
        """Per machine the range that new data touched, widened to what depends on it."""
        start: dict[str, int] = {}
        begin = None if self._cursor_ns is None else self._cursor_ns - _OVERLAP_NS
        latest = self._cursor_ns or 0
        for table in self.store.read("raw", "delivery", start_ns=begin):
            gateway, machine = table.tags["gateway"], table.tags["machine"]
            for time, from_ns in zip(table.time_ns.tolist(), table.columns["from_ns"].tolist(), strict=True):
                latest = max(latest, time)
                if (gateway, machine, time) not in self._seen:
                    self._seen.add((gateway, machine, time))
                    start[machine] = min(start.get(machine, from_ns), from_ns)
        self._seen = {s for s in self._seen if s[2] >= latest - _OVERLAP_NS}
        self._cursor_ns = latest or None
        spans = {}
        for machine in [m.id for m in self.site.machines()]:
            until = self._computed_until.get(machine)
            begins = [t for t in (start.get(machine), until) if t is not None]
            if begins and min(begins) < now_ns:
                spans[machine] = Span(self._widened(machine, min(begins)), now_ns)
        return spans

    def _widened(self, machine: str, time_ns: int) -> int:
        """Back to the neighbouring samples, and to the beginning of a stop."""
        depends, _ = neighbourhood(self.store, {"machine": machine}, time_ns, None)
        stops = [
            start
            for start, end in self._stored_stops(machine, time_ns - _LONGEST_STOP_NS, time_ns)
            if end >= time_ns - self.site.cell_s * NS
        ]
        return min([time_ns if depends is None else depends, *stops])

    def _stored_stops(self, machine: str, start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
        where = {"machine": machine}
        for table in self.store.read("kpi", "stop", start_ns=start_ns, end_ns=end_ns, where=where):
            durations = table.columns["duration_s"].astype(float)
            for time, duration in zip(table.time_ns.tolist(), durations.tolist(), strict=True):
                if duration > 0:
                    yield time, time + round(duration * NS)

    def _atom_rows(self, made: Fragments, machine: str, start_ns: int, end_ns: int) -> Iterator[Row]:
        """Atoms as rows, and zeros over those in the store that no longer hold."""
        atoms: dict[Key, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
        for i in range(len(made.cell_ns)):
            tags = self._tags(
                machine=machine, line=made.line[i], shift=made.shift[i], product=made.product[i]
            )
            key = (tags, int(made.cell_ns[i]))
            atoms[key] = atoms[key] + made.values[i] if key in atoms else made.values[i]
        cell_ns = self.site.cell_s * NS
        last = -(-end_ns // cell_ns) * cell_ns
        for table in self.store.read(
            "kpi", "atom", start_ns=start_ns, end_ns=last, where={"machine": machine}
        ):
            tags = self._tags(**{name: table.tags[name] for name in _CELL_TAGS})
            for i, time in enumerate(table.time_ns.tolist()):
                if (tags, time) not in atoms:
                    yield from _zeros(table, tags, i)
        for (tags, time), values in atoms.items():
            for name, value in zip(ATOM_FIELDS, values.tolist(), strict=True):
                if value == value:  # noqa: PLR0124 - NaN: an undefined field is not written
                    yield "atom", tags, name, time, value

    def _stop_rows(self, machine: str, result: MachineResult, start_ns: int, end_ns: int) -> Iterator[Row]:
        held: set[tuple[str, int]] = set()
        reasons = self._reasons(machine, result.stops)
        for stop, reason in zip(result.stops, reasons, strict=True):
            held.add((stop.state, stop.start_ns))
            tags = self._tags(machine=machine, line=self._line_at(machine, stop.start_ns), state=stop.state)
            yield "stop", tags, "duration_s", stop.start_ns, (stop.end_ns - stop.start_ns) / NS
            yield "stop", tags, "reason_text", stop.start_ns, reason
        where = {"machine": machine}
        earliest = min([start_ns, *(s.start_ns for s in result.stops)])
        for table in self.store.read("kpi", "stop", start_ns=earliest, end_ns=end_ns, where=where):
            tags = tuple(sorted(table.tags.items()))
            durations = table.columns["duration_s"].astype(float)
            for time in table.time_ns[durations > 0].tolist():
                if (table.tags["state"], time) not in held:
                    yield "stop", tags, "duration_s", time, 0.0

    def _reasons(self, machine: str, stops: Sequence[Stop]) -> list[str]:
        """The operator's reason that falls into each stop; `none` where nobody gave one."""
        if not stops:
            return []
        told: list[tuple[int, str]] = []
        span = {"start_ns": stops[0].start_ns, "end_ns": stops[-1].end_ns, "where": {"machine": machine}}
        for measurement in ("machine", "reason"):  # an operator's word outranks the machine's: it is last
            for table in self.store.read("raw", measurement, fields=["reason_text"], **span):  # type: ignore[arg-type]
                if "reason_text" in table.columns:
                    told += [
                        (t, str(text))
                        for t, text in zip(table.time_ns.tolist(), table.columns["reason_text"], strict=True)
                        if text
                    ]
        found = []
        for stop in stops:
            inside = [text for t, text in told if stop.start_ns <= t < stop.end_ns]
            found.append(inside[-1] if inside else "none")
        return found

    def _line_at(self, machine: str, time_ns: int) -> str:
        return self.site.machine(machine).line.at(time_ns)

    def _tags(self, **tags: str) -> tuple[tuple[str, str], ...]:
        return tuple(sorted({"fieldlab": self.site.fieldlab, **tags}.items()))


def _zeros(atoms: Table, tags: tuple[tuple[str, str], ...], i: int) -> Iterator[Row]:
    """Zeros over the fields of a stored atom that no longer holds; undefined ones stay undefined."""
    for name, column in atoms.columns.items():
        value = float(column[i])
        if value == value and value != 0:  # noqa: PLR0124 - NaN
            yield "atom", tags, name, int(atoms.time_ns[i]), 0.0


_LONGEST_STOP_NS = 31 * 86_400 * NS
