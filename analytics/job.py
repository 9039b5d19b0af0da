"""The job: learns from deliveries what changed, and rewrites those atoms and stops."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from analytics.atoms import MachineResult
from analytics.closing import Days
from analytics.deliveries import Deliveries, Store, by_machine
from analytics.query import DAY_NS, compute
from analytics.signals import NS
from analytics.touched import Span, depending, depending_on_cycle, merged_spans
from analytics.wall import wall
from analytics.written import atom_rows, atom_values, stop_rows, stored_stops, undefined, zeros
from fieldlab_configs import Site

log = logging.getLogger(__name__)

_LONGEST_STOP_NS: Final = 31 * DAY_NS
_FURTHER_NS: Final = (3600 * NS, DAY_NS, 31 * DAY_NS)
_EVER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What was asked to be rewritten, and what could not be.

    Attributes
    ----------
    spans : dict of str to list of Span
        Per machine, what was rewritten.
    walls : dict of str to int
        Per machine of which a part was left as it is: from when on its atoms can be worked out.
    """

    spans: dict[str, list[Span]] = field(default_factory=dict)
    walls: dict[str, int] = field(default_factory=dict)


class Job:
    """The analytics of one fieldlab: raw in, atoms and stops out.

    Parameters
    ----------
    site : Site
    store : Store
    clock_ns : callable
        The wall clock, by which the store lets raw data go.
    """

    def __init__(self, site: Site, store: Store, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.site = site
        self.store = store
        self._clock_ns = clock_ns
        self._until: dict[str, int] = {}
        self._oldest: dict[str, int] = {}
        self._deliveries = Deliveries(site, store, clock_ns)
        self._days = Days(site, store)
        self._warned: set[str] = set()
        self._unfollowed: dict[str, list[Span]] = {}

    @property
    def unfollowed(self) -> dict[str, list[Span]]:
        """Per machine what may have been rewritten, and was not followed: of a step that did not end."""
        return dict(self._unfollowed)

    def step(
        self, now_ns: int, follow: Callable[[dict[str, list[Span]]], None] | None = None
    ) -> dict[str, list[Span]]:
        """Recompute what deliveries since the last step touched, and what has passed since, up to `now_ns`.

        Parameters
        ----------
        now_ns : int
            The data's now: nothing is said of time after it.
        follow : callable, optional
            What is to follow what was rewritten. Deliveries are dealt with when it has: a step that ends
            before is done again, and `follow` is told of what that step rewrote too.

        Returns
        -------
        dict of str to list of Span
            What was rewritten, per machine.
        """
        notes = self._deliveries.new()
        delivered = by_machine(notes)
        if self._deliveries.resumed and not self._until:
            self._go_on()
        for machine in [m.id for m in self.site.machines()]:
            spans = self._spans(machine, delivered, now_ns)
            if spans:
                self._owe(machine, spans)
                done, clipped = self._rewrite(machine, spans, now_ns)
                self._owe(machine, done)
                if clipped:
                    self._warn(machine)
                self._until[machine] = max(now_ns, self._until.get(machine, now_ns))
                self._oldest[machine] = min(self._oldest[machine], spans[0].start_ns)
        rewritten = self.unfollowed
        if follow is not None:
            follow(rewritten)
        self._deliveries.dealt_with(notes)
        self._unfollowed = {}
        self._days.close(now_ns)
        return rewritten

    def _owe(self, machine: str, spans: list[Span]) -> None:
        self._unfollowed[machine] = merged_spans([*self._unfollowed.get(machine, []), *spans])

    def recompute(
        self,
        start_ns: int,
        end_ns: int,
        *,
        machines: Iterable[str] | None = None,
        now_ns: int | None = None,
    ) -> Recomputed:
        """Rewrite every atom and stop of ``[start_ns, end_ns)``, cells and stops whole.

        Parameters
        ----------
        start_ns, end_ns : int
            UTC nanoseconds.
        machines : iterable of str, optional
            Default: all.
        now_ns : int, optional
            The end of what is known; default: `end_ns`.

        Returns
        -------
        Recomputed
        """
        done = Recomputed()
        for machine in machines or [m.id for m in self.site.machines()]:
            asked, until_ns = [Span(start_ns, end_ns)], max(end_ns, now_ns or end_ns)
            done.spans[machine], edge = self._rewrite(machine, asked, until_ns)
            if edge is not None:
                done.walls[machine] = edge
            self._days.close(until_ns, all_at_once=True)
        return done

    def _spans(self, machine: str, delivered: Mapping[str, list[Span]], now_ns: int) -> list[Span]:
        """What to rewrite: what deliveries bear upon, and the time that has passed since the last step."""
        own = delivered.get(machine, [])
        spans = [depending(self.store, self.site, machine, span, now_ns) for span in own]
        until = self._until.get(machine)
        if until is None and spans:
            until = min(span.start_ns for span in spans)
        if until is not None and until < now_ns:
            spans.append(Span(until, now_ns))
        if until is not None:
            oldest = self._oldest_ns(machine, until)
            # Samples older than the first atom: from them on the machine has atoms without a hole.
            first = min((span.start_ns for span in spans), default=oldest)
            if first < oldest:
                spans.append(Span(first, oldest))
                oldest = first
            # A machine has no atoms before its own first sample, whatever others said by then.
            theirs = self._cycle_spans(machine, delivered, now_ns)
            spans += [Span(max(s.start_ns, oldest), s.end_ns) for s in theirs if s.end_ns > oldest]
        clipped = [Span(s.start_ns, min(s.end_ns, now_ns)) for s in spans if s.start_ns < now_ns]
        return merged_spans(clipped)

    def _go_on(self) -> None:
        """Begin where the last job was: at the last atom of each machine."""
        for row in self.store.last_before("kpi", "atom", _EVER):
            machine = dict(row[1])["machine"]
            self._until[machine] = max(self._until.get(machine, row[3]), row[3])

    def _oldest_ns(self, machine: str, otherwise: int) -> int:
        """The beginning of a machine's first atom."""
        if machine not in self._oldest:
            stored = self.store.first_from("kpi", "atom", -_EVER, where={"machine": machine})
            self._oldest[machine] = min((row[3] for row in stored), default=otherwise)
        return self._oldest[machine]

    def _cycle_spans(self, machine: str, delivered: Mapping[str, list[Span]], now_ns: int) -> Iterator[Span]:
        """Where the cycle time of the bottleneck changed whose line's parts come off this machine."""
        for line in self.site.lines:
            if machine not in {name for _, name in line.outputs.entries}:
                continue
            for bottleneck in {name for _, name in line.bottlenecks.entries} - {machine}:
                for span in delivered.get(bottleneck, []):
                    found = depending_on_cycle(self.store, self.site, bottleneck, span, now_ns)
                    if found is not None:
                        yield found

    # -- rewriting

    def _rewrite(self, machine: str, spans: list[Span], now_ns: int) -> tuple[list[Span], int | None]:
        """Rewrite spans of a machine, cells and stops whole; what was, and the wall where a part was not."""
        edge = wall(self.site, self.store, machine, self._clock_ns())
        done, clipped = [], False
        for span in merged_spans([self._whole(machine, span, now_ns) for span in spans]):
            first = span.start_ns if edge is None else max(span.start_ns, edge)
            clipped |= first > span.start_ns
            if first < span.end_ns:
                self._write(machine, Span(first, span.end_ns))
                done.append(Span(first, span.end_ns))
        return done, edge if clipped else None

    def _cells(self, span: Span, now_ns: int) -> Span:
        cell_ns = self.site.cell_s * NS
        return Span(span.start_ns // cell_ns * cell_ns, min(-(-span.end_ns // cell_ns) * cell_ns, now_ns))

    def _whole(self, machine: str, span: Span, now_ns: int) -> Span:
        """Widened to whole cells and to every stop that touches them, as it was stored and as it is now."""
        while True:
            cells = self._cells(span, now_ns)
            span = self._with_stops(machine, cells, now_ns)
            if span == cells:
                return span

    def _with_stops(self, machine: str, span: Span, now_ns: int) -> Span:
        end_ns = span.end_ns
        for further_ns in (*_FURTHER_NS, None):
            result = self._computed(machine, Span(span.start_ns, end_ns))
            last = max((s.end_ns for s in result.stops), default=span.start_ns)
            if last < end_ns or end_ns >= now_ns:
                break
            # It reaches on into what was not asked for: look where it ends.
            end_ns = now_ns if further_ns is None else min(max(end_ns, last) + further_ns, now_ns)
        found = span
        for stop in sorted(result.stops, key=lambda s: s.start_ns):
            if stop.start_ns <= found.end_ns and stop.end_ns >= span.start_ns:
                found = found.hull(stop.start_ns, min(stop.end_ns, now_ns))
        reach = Span(found.start_ns - _LONGEST_STOP_NS, found.end_ns)
        for _, start_ns, stop_ns in stored_stops(self.store, machine, reach):
            if stop_ns >= found.start_ns:
                found = found.hull(start_ns, min(stop_ns, now_ns))
        return found

    def _computed(self, machine: str, span: Span) -> MachineResult:
        computed = compute(
            self.site, self.store, start_ns=span.start_ns, end_ns=span.end_ns, machines={machine}
        )
        return computed.results[machine]

    def _write(self, machine: str, span: Span) -> None:
        result = self._computed(machine, span)
        atoms = atom_values(self.site, result.fragments)
        cell_ns = self.site.cell_s * NS
        last_ns = -(-span.end_ns // cell_ns) * cell_ns
        where = {"machine": machine}
        stored = self.store.read("kpi", "atom", start_ns=span.start_ns, end_ns=last_ns, where=where)
        rows = self._days.open(machine, Span(span.start_ns, last_ns))
        rows += zeros(self.site, atoms, stored)
        stale, range_of_stale = undefined(self.site, atoms, stored)
        if range_of_stale is not None:
            # No store of lines can take one field back: the atoms go, and are written as they are now.
            reach = range_of_stale.start_ns, range_of_stale.end_ns
            if self.store.delete("kpi", "atom", start_ns=reach[0], end_ns=reach[1], where=where) is False:
                rows += stale
        rows += atom_rows(atoms)
        rows += stop_rows(self.site, self.store, machine, result, span)
        self.store.write("kpi", rows)

    def _warn(self, machine: str) -> None:
        if machine not in self._warned:
            self._warned.add(machine)
            log.warning(
                "machine %s: late data lie where raw data may have expired (retention): its atoms there stay"
                " as they are",
                machine,
            )
