"""Atoms that the job wrote, read back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from analytics.atoms import Fragments
from analytics.fetch import Source, Table
from analytics.fields import ATOM_FIELDS
from analytics.schedule import Schedule, schedule
from analytics.signals import NS, Times
from fieldlab_configs import Site

_DAY_NS: Final = 86_400 * NS
_WHOSE: Final = ("machine", "line", "shift", "product")


def stored_fragments(
    site: Site,
    store: Source,
    start_ns: int,
    end_ns: int,
    machines: Collection[str] | None = None,
    *,
    bucket: str = "kpi",
) -> list[Fragments]:
    """The atoms in the store, of cells that start in ``[start_ns, end_ns)``, each once."""
    calendar = schedule(site, start_ns - _DAY_NS, end_ns + _DAY_NS)
    where = {"machine": next(iter(machines))} if machines is not None and len(machines) == 1 else None
    found = []
    told: dict[tuple[str, ...], Times] = {}
    for table in store.read(bucket, "atom", start_ns=start_ns, end_ns=end_ns, where=where):
        if machines is not None and table.tags["machine"] not in machines:
            continue
        # A company's bucket holds an atom for each of its experiments in whose windows it lies.
        whose = tuple(table.tags[name] for name in _WHOSE)
        before = told.get(whose, np.empty(0, np.int64))
        new = np.flatnonzero(~np.isin(table.time_ns, before)) if len(before) else slice(None)
        told[whose] = np.concatenate((before, table.time_ns[new]))
        found.append(_fragments(calendar, table, new))
    return found


def _fragments(calendar: Schedule, table: Table, rows: Times | slice) -> Fragments:
    """Some atoms of one machine, line, shift and product."""
    tags, cells = table.tags, table.time_ns[rows]
    n = len(cells)
    values = np.full((n, len(ATOM_FIELDS)), np.nan)
    for i, name in enumerate(ATOM_FIELDS):
        if name in table.columns:
            values[:, i] = table.columns[name][rows].astype(float)
    return Fragments(
        machine=tags["machine"],
        cell_ns=cells,
        line=np.full(n, tags["line"], dtype=object),
        shift=np.full(n, tags["shift"], dtype=object),
        shift_date=shift_dates(calendar, tags["shift"], cells),
        product=np.full(n, tags["product"], dtype=object),
        order=np.full(n, "none", dtype=object),
        values=values,
    )


def shift_dates(calendar: Schedule, shift: str, cells: Times) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """The date on which the shift of that name began, of which each cell is a part."""
    named = [o for o in calendar.occurrences if o.name == shift]
    if not named:
        return np.full(len(cells), "none", dtype=object)
    ends = np.array([o.end_ns for o in named], np.int64)
    index = np.minimum(np.searchsorted(ends, cells, side="right"), len(named) - 1)
    dates = np.array([o.date.isoformat() for o in named], dtype=object)
    return dates[index]
