"""What new data changes: from the range of a delivery to the range whose atoms depend on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.fetch import BEATS_A_HEARTBEAT_LASTS, Row, Source, Table, latest, level_edge
from analytics.signals import NS
from analytics.view import COUNTERS
from fieldlab_configs import Site
from fieldlab_configs.states import code_text

_HELD: Final = ("state", "product", "order", "ideal_cycle_time")
_CYCLE: Final = ("product", "ideal_cycle_time")
_AMOUNTS: Final = (*COUNTERS, "energy", "power")
_TEXT: Final = "_text"
_EVER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time, half-open; UTC nanoseconds."""

    start_ns: int
    end_ns: int

    def hull(self, *times: int) -> Span:
        """The least span with these times in it, or at its end."""
        return Span(min(self.start_ns, *times), max(self.end_ns, *times)) if times else self


def merged_spans(spans: list[Span]) -> list[Span]:
    """The same time in as few spans as may be, ascending."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda s: s.start_ns):
        if found and span.start_ns <= found[-1].end_ns:
            found[-1] = found[-1].hull(span.end_ns)
        else:
            found.append(span)
    return found


def depending(store: Source, site: Site, machine: str, delivered: Span, now_ns: int) -> Span:
    """The range of one machine's time that samples within a range bear upon.

    Parameters
    ----------
    store : Source
        With the samples in it.
    site : Site
    machine : str
    delivered : Span
        Every new or changed sample lies in it.
    now_ns : int
        What holds for ever holds until then.

    Returns
    -------
    Span
        Stops are not looked at: whoever rewrites the range widens it to whole ones.

    Notes
    -----
    A held value bears on the time up to its successor, an amount on the time between readings of different
    levels, a heartbeat on as long as it lasts. Whatever bears on silence bears on every counter whose
    increment may be spread over it.
    """
    return _Reach(store, site, machine, delivered, now_ns).span()


def depending_on_cycle(store: Source, site: Site, machine: str, delivered: Span, now_ns: int) -> Span | None:
    """The range in which samples may have changed a machine's ideal cycle time; None where they did not.

    What comes off a line is weighed with the cycle time of its bottleneck: so this machine's samples bear
    on the atoms of another. Parameters as of :func:`depending`.
    """
    return _Reach(store, site, machine, delivered, now_ns).cycle_span()


class _Reach:
    def __init__(self, store: Source, site: Site, machine: str, delivered: Span, now_ns: int) -> None:
        self.store, self.site = store, site
        self.machine = site.machine(machine)
        self.delivered, self.now_ns = delivered, now_ns
        self.where = {"machine": machine}
        self.before = latest(store.last_before("raw", "machine", delivered.start_ns, where=self.where))
        self.after = latest(
            store.first_from("raw", "machine", delivered.end_ns, where=self.where), first=True
        )

    def span(self) -> Span:
        inside = self._inside("machine")
        if self._begins(inside):
            return Span(self._first_ns(), self.now_ns)
        found = self.delivered.hull(*self._held(inside, _HELD), *self._quality(None), *self._links())
        for field in _AMOUNTS:
            if field in inside:
                found = found.hull(*self._amount(field, inside[field]))
        return self._with_spread_counts(found)

    def cycle_span(self) -> Span | None:
        """The range in which the ideal cycle time may have changed."""
        inside = self._inside("machine")
        ends = [*self._held(inside, _CYCLE), *self._quality(_CYCLE)]
        return self.delivered.hull(*ends) if ends else None

    def _with_spread_counts(self, span: Span) -> Span:
        """Widened by the counts that may be spread over a silence within the span."""
        if span.end_ns >= self.now_ns:
            after: dict[str, Row] = {}
        else:
            after = latest(self.store.first_from("raw", "machine", span.end_ns, where=self.where), first=True)
        before = latest(self.store.last_before("raw", "machine", span.start_ns, where=self.where))
        # Where nothing is counted after the range's beginning, nothing is spread over it.
        spread = [f for f in COUNTERS if f in after or f in self.after]
        ends = [level_edge(self.store, after[f], span.end_ns, +1) + 1 for f in spread if f in after]
        starts = [level_edge(self.store, before[f], span.start_ns, -1) for f in spread if f in before]
        return span.hull(*starts, *ends)

    def _inside(self, measurement: str) -> dict[str, list[tuple[int, float | str]]]:
        """Per field, what lies in the range, in order of time."""
        told: dict[str, list[tuple[int, float | str]]] = {}
        for table in self._tables(measurement):
            for name, column in table.columns.items():
                told.setdefault(name, []).extend(values_of(table.time_ns, column))
        return {name: sorted(values, key=lambda v: v[0]) for name, values in told.items() if values}

    def _tables(self, measurement: str) -> Iterator[Table]:
        span = self.delivered
        yield from self.store.read(
            "raw", measurement, start_ns=span.start_ns, end_ns=span.end_ns, where=self.where
        )

    def _first_ns(self) -> int:
        rows = self.store.first_from("raw", "machine", -_EVER, where=self.where)
        return min([self.delivered.start_ns, *(row[3] for row in rows)])

    def _begins(self, inside: Mapping[str, object]) -> bool:
        """Whether something is told for the first time that decides how all of time is read."""
        register = "energy" in inside and "energy" not in self.before and "energy" not in self.after
        if register and "power" in self.machine.signals:
            return True
        span = self.delivered
        if not any(True for _ in self._tables("link")):
            return False
        outside = self.store.last_before("raw", "link", span.start_ns, where=self.where)
        return not (outside or self.store.first_from("raw", "link", span.end_ns, where=self.where))

    def _held(
        self, inside: Mapping[str, list[tuple[int, float | str]]], roles: Collection[str]
    ) -> Iterator[int]:
        for role in roles:
            names = (role, role + _TEXT)
            told = sorted((v for n in names for v in inside.get(n, ())), key=lambda v: v[0])
            if not told:
                continue
            earlier = [self.before[n] for n in names if n in self.before]
            if earlier:
                held = code_text(max(earlier, key=lambda row: row[3])[4])
                if all(code_text(value) == held for _, value in told):
                    continue  # whichever of them is new, it said nothing new
            yield min((self.after[n][3] for n in names if n in self.after), default=self.now_ns)

    def _quality(self, signals: Collection[str] | None) -> Iterator[int]:
        touched: dict[str, list[str]] = {}
        for table in self._tables("quality"):
            column = table.columns.get("code")
            if column is not None and (signals is None or table.tags["signal"] in signals):
                touched.setdefault(table.tags["signal"], []).extend(str(c) for c in column if c is not None)
        if not touched:
            return
        span = self.delivered
        before = self.store.last_before("raw", "quality", span.start_ns, where=self.where)
        after = self.store.first_from("raw", "quality", span.end_ns, where=self.where)
        for signal, codes in touched.items():
            held = _of_signal(before, signal)
            was_bad = bool(held) and _is_bad(str(max(held, key=lambda row: row[3])[4]))
            if any(_is_bad(code) != was_bad for code in codes):
                yield min((row[3] for row in _of_signal(after, signal)), default=self.now_ns)

    def _links(self) -> Iterator[int]:
        lasts_ns = round(self.site.heartbeat_s * BEATS_A_HEARTBEAT_LASTS * NS)
        for table in self._tables("link"):
            yield int(table.time_ns[-1]) + lasts_ns

    def _amount(self, field: str, told: list[tuple[int, float | str]]) -> Iterator[int]:
        """Back and on to the readings that decide what lies between."""
        before, after = self.before.get(field), self.after.get(field)
        if before is not None:
            same = all(value == before[4] for _, value in told)
            yield before[3] if same else level_edge(self.store, before, self.delivered.start_ns, -1)
        if after is not None:
            yield level_edge(self.store, after, self.delivered.end_ns, +1) + 1
        elif field == "power" or before is None:
            yield self.now_ns


def _of_signal(rows: Sequence[Row], signal: str) -> list[Row]:
    return [row for row in rows if row[2] == "code" and dict(row[1])["signal"] == signal]


def _is_bad(code: str) -> bool:
    return code[:3].lower() == "bad"


def values_of(
    time_ns: npt.NDArray[np.int64], column: npt.NDArray[np.generic]
) -> Iterator[tuple[int, float | str]]:
    """Time and value wherever a column has one."""
    for time, value in zip(time_ns.tolist(), column.tolist(), strict=True):
        if value is not None and value == value:  # noqa: PLR0124 - NaN: nothing there
            yield time, value
