"""What was delivered since the last step: the job's cursors, kept in the store for the next job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from analytics.fetch import Row, Source
from analytics.signals import NS
from analytics.touched import Span, merged_spans
from fieldlab_configs import Site

_DAY_NS: Final = 86_400 * NS
_OVERLAP_NS: Final = 900 * NS
"""How far behind its own cursor the job looks for deliveries: some are seen later than they were noted."""
_EVER: Final = 2**62

Note = tuple[str, str, int]
"""Gateway, machine and time of a delivery note."""


class Store(Source, Protocol):
    """What the job asks of a store."""

    def write(self, bucket: str, rows: Sequence[Row]) -> object:
        """Write rows; the later of two with one series, field and time wins."""
        ...

    def delete(
        self,
        bucket: str,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
    ) -> object:
        """Delete a measurement's rows in ``[start_ns, end_ns)``; False where the store has no way to."""
        ...

    def content(self) -> str:
        """Which content the store has: another name since a backup took its place."""
        ...


class Deliveries:
    """The delivery notes that were not dealt with yet.

    Parameters
    ----------
    site : Site
    store : Store
    clock_ns : callable
        The wall clock, which dates the rows of the cursors.

    Attributes
    ----------
    resumed : bool
        Whether an earlier job left cursors; known after the first :meth:`new`.
    """

    def __init__(self, site: Site, store: Store, clock_ns: Callable[[], int]) -> None:
        self._fieldlab = site.fieldlab
        self._store = store
        self._clock_ns = clock_ns
        self._cursors: dict[str, int] | None = None
        self._seen: set[Note] = set()
        self.resumed = False

    def new(self) -> dict[Note, Span]:
        """Notes since the last time; again, until they are dealt with."""
        cursors = self._known()
        begin = min(cursors.values()) - _OVERLAP_NS if cursors else None
        tables = list(self._store.read("raw", "delivery", start_ns=begin))
        if begin is not None:
            heard = {dict(row[1])["gateway"] for row in self._store.last_before("raw", "delivery", begin)}
            for gateway in sorted(heard - set(cursors)):  # new, and its clock behind the others'
                tables += self._store.read("raw", "delivery", end_ns=begin, where={"gateway": gateway})
        found: dict[Note, Span] = {}
        for table in tables:
            gateway, machine = table.tags["gateway"], table.tags["machine"]
            floor = cursors[gateway] - _OVERLAP_NS if gateway in cursors else -_EVER
            columns = (table.time_ns, table.columns["from_ns"], table.columns["to_ns"])
            for at, from_ns, to_ns in zip(*(c.tolist() for c in columns), strict=True):
                note = (gateway, machine, at)
                if at >= floor and note not in self._seen:
                    found[note] = Span(from_ns, max(to_ns, from_ns + 1))
        return found

    def dealt_with(self, notes: Iterable[Note]) -> None:
        """Move the cursors on and keep them, now that all up to them is written."""
        cursors = self._known()
        moved = dict(cursors)
        for gateway, _, at in notes:
            moved[gateway] = max(moved.get(gateway, at), at)
        self._seen = {n for n in (*self._seen, *notes) if n[2] >= moved[n[0]] - _OVERLAP_NS}
        self._cursors = moved
        # One row per gateway and day: written over and over, it does not pile up.
        day_ns = self._clock_ns() // _DAY_NS * _DAY_NS
        rows: list[Row] = [
            ("job", (("fieldlab", self._fieldlab), ("gateway", gateway)), "cursor_ns", day_ns, at)
            for gateway, at in moved.items()
            if cursors.get(gateway) != at
        ]
        if rows:
            self._store.write("kpi", rows)

    def _known(self) -> dict[str, int]:
        """Up to which delivery of each gateway all is worked out."""
        if self._cursors is None:
            rows = self._store.last_before("kpi", "job", _EVER)
            self._cursors = {dict(r[1])["gateway"]: int(r[4]) for r in rows if r[2] == "cursor_ns"}
            self.resumed = bool(self._cursors)
        return self._cursors


def by_machine(notes: Mapping[Note, Span]) -> dict[str, list[Span]]:
    """What notes tell of each machine."""
    found: dict[str, list[Span]] = defaultdict(list)
    for (_, machine, _), span in notes.items():
        found[machine].append(span)
    return {machine: merged_spans(spans) for machine, spans in found.items()}
