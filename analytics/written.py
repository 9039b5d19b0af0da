"""What the job writes: atoms and stops as rows, and zeros over what no longer holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from analytics.atoms import Fragments, MachineResult
from analytics.course import Stop
from analytics.fetch import Row, Source, Table
from analytics.fields import ATOM_FIELDS
from analytics.signals import NS, Times
from analytics.touched import Span, values_of
from fieldlab_configs import Site

CELL_TAGS = ("machine", "line", "shift", "product")
NO_REASON = "none"
_RANKED = ("reason", "machine")
"""An operator's word outranks the machine's."""

Tags = tuple[tuple[str, str], ...]
Key = tuple[Tags, int]


def tags_of(site: Site, **tags: str) -> Tags:
    """The tags of a row, sorted, the fieldlab's among them."""
    return tuple(sorted({"fieldlab": site.fieldlab, **tags}.items()))


def atom_values(site: Site, made: Fragments) -> dict[Key, npt.NDArray[np.float64]]:
    """Atoms by their tags and cell; fragments that differ in what no atom is tagged with are added up."""
    atoms: dict[Key, npt.NDArray[np.float64]] = {}
    for i in range(len(made.cell_ns)):
        tags = tags_of(
            site, machine=made.machine, line=made.line[i], shift=made.shift[i], product=made.product[i]
        )
        key = (tags, int(made.cell_ns[i]))
        atoms[key] = atoms[key] + made.values[i] if key in atoms else made.values[i]
    return atoms


def atom_rows(atoms: dict[Key, npt.NDArray[np.float64]]) -> Iterator[Row]:
    """Every field that is defined."""
    for (tags, time), values in atoms.items():
        for name, value in zip(ATOM_FIELDS, values.tolist(), strict=True):
            if value == value:  # noqa: PLR0124 - NaN: an undefined field is not written
                yield "atom", tags, name, time, value


def zeros(site: Site, atoms: dict[Key, npt.NDArray[np.float64]], stored: Sequence[Table]) -> Iterator[Row]:
    """Zeros over the fields of stored atoms that no longer hold; undefined ones stay undefined."""
    for table in stored:
        tags = tags_of(site, **{name: table.tags[name] for name in CELL_TAGS})
        for i, time in enumerate(table.time_ns.tolist()):
            if (tags, time) in atoms:
                continue
            for name, column in table.columns.items():
                value = float(column[i])
                if value == value and value != 0:  # noqa: PLR0124 - NaN
                    yield "atom", tags, name, time, 0.0


def undefined(
    site: Site, atoms: dict[Key, npt.NDArray[np.float64]], stored: Sequence[Table]
) -> tuple[list[Row], Span | None]:
    """Fields that stored atoms have and new ones of that key do not: a zero over each, and their range."""
    rows: list[Row] = []
    for table in stored:
        tags = tags_of(site, **{name: table.tags[name] for name in CELL_TAGS})
        for index, name in enumerate(ATOM_FIELDS):
            if name not in table.columns:
                continue
            for time, _ in values_of(table.time_ns, table.columns[name]):
                new = atoms.get((tags, time))
                if new is not None and np.isnan(new[index]):
                    rows.append(("atom", tags, name, time, 0.0))
    times = [row[3] for row in rows]
    return rows, Span(min(times), max(times) + 1) if times else None


def stop_rows(site: Site, store: Source, machine: str, result: MachineResult, span: Span) -> Iterator[Row]:
    """The stops that touch a range, whole, with their reasons; zeros over those that no longer hold."""
    stops = [s for s in result.stops if s.end_ns > span.start_ns and s.start_ns < span.end_ns]
    held: set[tuple[Tags, int]] = set()
    line = site.machine(machine).line
    for stop, reason in zip(stops, reasons(store, machine, stops), strict=True):
        tags = tags_of(site, machine=machine, line=line.at(stop.start_ns), state=stop.state)
        held.add((tags, stop.start_ns))
        yield "stop", tags, "duration_s", stop.start_ns, (stop.end_ns - stop.start_ns) / NS
        yield "stop", tags, "reason_text", stop.start_ns, reason
    reach = span.hull(*(s.start_ns for s in stops))
    for tags, start_ns, _ in stored_stops(store, machine, reach):
        if (tags, start_ns) not in held:
            yield "stop", tags, "duration_s", start_ns, 0.0


def stored_stops(store: Source, machine: str, span: Span) -> Iterator[tuple[Tags, int, int]]:
    """Tags, start and end of the stored stops that begin in a range."""
    where = {"machine": machine}
    for table in store.read("kpi", "stop", start_ns=span.start_ns, end_ns=span.end_ns, where=where):
        tags = tuple(sorted(table.tags.items()))
        durations = table.columns["duration_s"].astype(float)
        for time, duration in zip(table.time_ns.tolist(), durations.tolist(), strict=True):
            if duration > 0:
                yield tags, time, time + round(duration * NS)


def reason_within(store: Source, machine: str, span: Span) -> str:
    """The last reason that anybody gave in a range; `none` where nobody did."""
    told = [sorted(_told(store, measurement, machine, span)) for measurement in _RANKED]
    return next((texts[-1][1] for texts in told if texts), NO_REASON)


def reasons(store: Source, machine: str, stops: Sequence[Stop]) -> list[str]:
    """The reason that falls into each stop; `none` where nobody gave one."""
    begins = np.array([s.start_ns for s in stops], np.int64)
    ends = np.array([s.end_ns for s in stops], np.int64)
    found: list[str] = reasons_within(store, machine, begins, ends).tolist()
    return found


def reasons_within(
    store: Source, machine: str, begins: Times, ends: Times
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """The last reason that falls into each of many ranges of time; `none` where nobody gave one."""
    found = np.full(len(begins), NO_REASON, dtype=object)
    if not len(begins):
        return found
    span = Span(int(begins.min()), int(ends.max()))
    for measurement in reversed(_RANKED):
        told = sorted(_told(store, measurement, machine, span))
        if not told:
            continue
        times, texts = np.array([t for t, _ in told], np.int64), np.array([v for _, v in told], dtype=object)
        at = np.searchsorted(times, ends) - 1
        inside = (at >= 0) & (times[at] >= begins)
        found[inside] = texts[at[inside]]
    return found


def _told(store: Source, measurement: str, machine: str, span: Span) -> list[tuple[int, str]]:
    """Reasons with their times."""
    told: list[tuple[int, str]] = []
    tables = store.read(
        "raw",
        measurement,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        where={"machine": machine},
        fields=["reason_text"],
    )
    for table in tables:
        if "reason_text" in table.columns:
            told += [(t, str(v)) for t, v in values_of(table.time_ns, table.columns["reason_text"]) if v]
    return told
