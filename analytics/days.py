"""Sums of whole days: what a year is made of on a screen, where its atoms are too many to read each time.

A day (UTC) of a machine has one row, and in it one text with all sums of that day. The job empties the text
before it writes an atom of the day, and fills it once the day is at rest: a text that is there is the sum of
the atoms that are there. Where there is none, atoms are read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.atoms import Fragments
from analytics.fetch import Source
from analytics.fields import ATOM_FIELDS
from analytics.groups import KEYS, add, local_days
from analytics.query import DAY_NS
from analytics.schedule import Schedule, schedule
from analytics.signals import Bools
from analytics.stored import shift_dates, stored_fragments
from analytics.touched import Span
from fieldlab_configs import Site

DAY: Final = "day"
SUMS: Final = "sums_text"
KEYS_OF_SUMS: Final = frozenset(KEYS) - {"cell", "hour", "experiment", "arm"}
"""What sums of days can be grouped by; the others need the cells themselves."""
_PLANNED: Final = ATOM_FIELDS.index("planned_busy_time_s")
_CALENDAR: Final = ATOM_FIELDS.index("calendar_time_s")
_MOST_KEPT: Final = 16

Texts = npt.NDArray[np.object_]
Closed = Mapping[int, str]
"""The text of each closed day, by its start."""


def calendar_mark(site: Site) -> str:
    """What a day's sums depend on besides its atoms: which local day and which shift a cell is of."""
    rests_on = site.model_dump_json(include={"timezone", "shifts"}) + ",".join(ATOM_FIELDS)
    return hashlib.sha256(rests_on.encode()).hexdigest()[:12]


def summed(site: Site, calendar: Schedule, atoms: Fragments) -> Fragments:
    """Atoms of one machine, line, shift and product, added up by day.

    Kept apart is whatever figures keep apart: the UTC day that is summed, the local day, the date of the
    shift, and time that was planned from time that was not. A sum stands in the first of its cells, which
    tells the local day and the date as an atom would.
    """
    holds = atoms.values[:, _CALENDAR] > 0  # overwritten with zeros: no longer holds
    cells, values = atoms.cell_ns[holds], atoms.values[holds]
    shift = str(atoms.shift[0]) if len(atoms.shift) else ""
    codes = [
        cells // DAY_NS,
        np.unique(local_days(site, cells), return_inverse=True)[1],
        np.unique(shift_dates(calendar, shift, cells), return_inverse=True)[1],
        values[:, _PLANNED] > 0,
    ]
    _, first, index = np.unique(np.stack(codes), axis=1, return_index=True, return_inverse=True)
    n = len(first)

    def label(
        column: Texts,
    ) -> Texts:
        return column[holds][first]

    return Fragments(
        atoms.machine,
        cells[first],
        label(atoms.line),
        label(atoms.shift),
        label(atoms.shift_date),
        label(atoms.product),
        label(atoms.order),
        add(index.reshape(-1), values, n),
    )


def texts(site: Site, store: Source, machine: str, span: Span, *, bucket: str = "kpi") -> dict[int, str]:
    """The text of each day of a machine in a range of whole days, out of its atoms in a bucket."""
    calendar = schedule(site, span.start_ns - DAY_NS, span.end_ns + DAY_NS)
    atoms = stored_fragments(site, store, span.start_ns, span.end_ns, {machine}, bucket=bucket)
    parts = [summed(site, calendar, each) for each in atoms]
    mark = calendar_mark(site)
    return {
        day: _packed(mark, [(p, p.cell_ns // DAY_NS * DAY_NS == day) for p in parts])
        for day in range(span.start_ns, span.end_ns, DAY_NS)
    }


def _packed(mark: str, parts: Sequence[tuple[Fragments, Bools]]) -> str:
    keys, values = [], []
    for part, inside in parts:
        columns = (part.cell_ns, part.line, part.shift, part.product)
        keys += [list(key) for key in zip(*(c[inside].tolist() for c in columns), strict=True)]
        values.append(part.values[inside])
    sums = np.concatenate(values) if values else np.empty((0, len(ATOM_FIELDS)))
    data = base64.b64encode(zlib.compress(sums.astype("<f8").tobytes())).decode("ascii")
    return json.dumps([mark, keys, data], ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of some days of a machine, and the texts that they came from."""

    texts: Closed
    fragments: Fragments | None


class DaySums:
    """Atoms of a range, those of closed days as their sums.

    What was read is kept by the text it was read from: the text is read each time, and another text is
    another day.

    Parameters
    ----------
    site : Site
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._mark = calendar_mark(site)
        self._kept: dict[tuple[str, int, int], _Sums] = {}

    def fragments(
        self, store: Source, start_ns: int, end_ns: int, machines: Collection[str]
    ) -> list[Fragments]:
        """As :func:`analytics.stored.stored_fragments`, for a grouping by any of `KEYS_OF_SUMS`.

        Parameters
        ----------
        store : Source
        start_ns, end_ns : int
            Edges of cells; UTC nanoseconds.
        machines : collection of str

        Returns
        -------
        list of Fragments
        """
        days = Span(-(-start_ns // DAY_NS) * DAY_NS, end_ns // DAY_NS * DAY_NS)
        told = self._closed(store, days) if days.start_ns < days.end_ns else {}
        found: list[Fragments] = []
        unsummed: dict[tuple[Span, ...], set[str]] = {}
        for machine in machines:
            closed = told.get(machine, {})
            sums = self._sums(machine, days, closed)
            if sums is not None:
                found.append(sums)
            unsummed.setdefault(tuple(_rest(start_ns, end_ns, closed)), set()).add(machine)
        for spans, of in unsummed.items():
            for span in spans:
                found += stored_fragments(self._site, store, span.start_ns, span.end_ns, of)
        return found

    def _closed(self, store: Source, days: Span) -> dict[str, dict[int, str]]:
        """The texts of closed days by machine."""
        begin = f'["{self._mark}"'
        found: dict[str, dict[int, str]] = {}
        for table in store.read("kpi", DAY, start_ns=days.start_ns, end_ns=days.end_ns, fields=[SUMS]):
            closed = found.setdefault(table.tags["machine"], {})
            for day, text in zip(table.time_ns.tolist(), table.columns[SUMS].tolist(), strict=True):
                if text and text.startswith(begin):
                    closed[day] = text
        return found

    def _sums(self, machine: str, days: Span, closed: Closed) -> Fragments | None:
        key = (machine, days.start_ns, days.end_ns)
        kept = self._kept.pop(key, None)
        if kept is None or kept.texts != closed:
            kept = _Sums(closed, self._unpacked(machine, closed))
        self._kept[key] = kept  # the one asked for last stands last
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept.fragments

    def _unpacked(self, machine: str, closed: Closed) -> Fragments | None:
        keys: list[tuple[int, str, str, str]] = []
        values = []
        for text in closed.values():
            _, of_day, data = json.loads(text)
            keys += map(tuple, of_day)
            values.append(np.frombuffer(zlib.decompress(binascii.a2b_base64(data)), "<f8"))
        if not keys:
            return None
        cells = np.array([key[0] for key in keys], np.int64)
        line, shift, product = (_objects(column) for column in list(zip(*keys, strict=True))[1:])
        calendar = schedule(self._site, int(cells.min()) - DAY_NS, int(cells.max()) + DAY_NS)
        date = np.full(len(keys), "none", dtype=object)
        for name in set(shift.tolist()):
            date[shift == name] = shift_dates(calendar, name, cells[shift == name])
        order = np.full(len(keys), "none", dtype=object)
        sums = np.concatenate(values).reshape(len(keys), len(ATOM_FIELDS))
        return Fragments(machine, cells, line, shift, date, product, order, sums)


def _objects(values: Sequence[object]) -> Texts:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _rest(start_ns: int, end_ns: int, closed: Closed) -> list[Span]:
    """What of a range no closed day covers."""
    edges = [start_ns, *(t for day in sorted(closed) for t in (day, day + DAY_NS)), end_ns]
    return [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
