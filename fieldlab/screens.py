"""What the screens are given: the same questions that ``fieldlab kpi`` asks, over one store."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Final

from analytics import losses, opportunities, query
from analytics.atoms import Fragments
from analytics.days import KEYS_OF_SUMS, DaySums
from analytics.groups import Row, group
from analytics.stoppages import ranked
from analytics.stopped import Stopped, stopped
from analytics.stored import stored_fragments
from dashboards.errors import ReasonRefused
from fieldlab.times import NS
from fieldlab_configs import Site
from ingest import store as stored
from ingest.store import Store

_EVER: Final = 2**62
_FRESH_S: Final = 0.5
"""For so long atoms that were read answer further questions of the same range."""
OPERATORS: Final = "operators"
"""Whose delivery notes tell the job of reasons that people gave."""


class StoreScreens:
    """The figures of a store, for screens.

    Parameters
    ----------
    site : Site
    store : Store
    """

    def __init__(self, site: Site, store: Store) -> None:
        self.site = site
        self._store = store
        self._first_ns: int | None = None
        self._now_ns: int | None = None
        self._lock = threading.Lock()
        self._sums = DaySums(site)
        self._read: tuple[object, float, list[Fragments]] | None = None
        self._stops: tuple[object, float, list[Stopped]] | None = None

    def refresh(self, first_ns: int, now_ns: int) -> None:
        """Say how far the data reaches; the job has written its atoms up to there."""
        self._first_ns = first_ns
        self._now_ns = max(self._now_ns or now_ns, now_ns)

    def first_ns(self) -> int | None:
        """The beginning of the data; UTC nanoseconds, None while there is none."""
        return self._first_ns

    def now_ns(self) -> int | None:
        """The end of the data; UTC nanoseconds, None while there is none."""
        return self._now_ns

    def kpis(
        self,
        start_ns: int,
        end_ns: int,
        by: Sequence[str] = (),
        machines: Collection[str] | None = None,
    ) -> list[Row]:
        """Rows as ``fieldlab kpi --format json`` prints them, from the atoms of whole cells."""
        with self._lock:
            return group(self.site, self._fragments(start_ns, end_ns, machines, by), by)

    def losses(self, start_ns: int, end_ns: int, by: Sequence[str], machines: Collection[str]) -> list[Row]:
        """Where planned time went: what ``fieldlab losses --format json`` prints."""
        with self._lock:
            return losses.losses(self.site, self._fragments(start_ns, end_ns, machines, by), by)

    def opportunities(self, start_ns: int, end_ns: int, machines: Collection[str]) -> list[Row]:
        """What half of each loss would be worth: what ``fieldlab opportunities --format json`` prints."""
        with self._lock:
            fragments = self._fragments(start_ns, end_ns, machines)
            return opportunities.opportunities(self.site, fragments, end_ns=end_ns)

    def stops(
        self, start_ns: int, end_ns: int, machines: Collection[str], most: int | None = None
    ) -> list[dict[str, Any]]:
        """The stops that the job wrote, with the reasons that hold now; the latest `most` of each machine."""
        with self._lock:
            found = self._stopped(start_ns, end_ns, machines)
        return [row for each in found for row in each.rows(most)]

    def pareto(self, start_ns: int, end_ns: int, machines: Collection[str]) -> list[dict[str, Any]]:
        """What those stops have in common: what ``fieldlab stops --pareto reason --format json`` prints."""
        with self._lock:
            found = self._stopped(start_ns, end_ns, machines)
        names = (name for each in found for name in each.reason.tolist())
        return ranked("reason", names, (s for each in found for s in each.planned_s.tolist()))

    def _stopped(self, start_ns: int, end_ns: int, machines: Collection[str]) -> list[Stopped]:
        """The stops of each machine, in the order of the config; questions of one moment share them."""
        key = (start_ns, end_ns, frozenset(machines))
        if self._stops is None or self._stops[0] != key or time.monotonic() - self._stops[1] > _FRESH_S:
            names = [m.id for m in self.site.machines() if m.id in machines]
            found = [self._stopped_of(name, start_ns, end_ns) for name in names]
            self._stops = (key, time.monotonic(), found)
        return self._stops[2]

    def _stopped_of(self, machine: str, start_ns: int, end_ns: int) -> Stopped:
        return stopped(self.site, self._store, machine, start_ns, end_ns)

    def latest(self, bucket: str, measurement: str) -> list[dict[str, Any]]:
        """The last value of every field of each series."""
        found: dict[object, dict[str, Any]] = {}
        with self._lock:
            for row in self._store.last_before(bucket, measurement, _EVER):
                series = found.setdefault(row.tags, {**dict(row.tags), "time_ns": row.time_ns})
                series[row.field] = row.value
                series["time_ns"] = max(series["time_ns"], row.time_ns)
        return list(found.values())

    def records(self, bucket: str, measurement: str, start_ns: int, end_ns: int) -> list[dict[str, Any]]:
        """Rows of a measurement in a range."""
        found = []
        with self._lock:
            tables = self._store.read(bucket, measurement, start_ns=start_ns, end_ns=end_ns)
        for table in tables:
            columns = {name: column.tolist() for name, column in table.columns.items()}
            for i, at in enumerate(table.time_ns.tolist()):
                values = {name: column[i] for name, column in columns.items()}
                found.append({**table.tags, "time_ns": at, **values})
        return found

    def assign(self, machine: str, start_ns: int, reason: str, by: str) -> None:
        """Write an operator's reason, then a delivery note: so the job tells it wherever the stop is told."""
        tags = (("fieldlab", self.site.fieldlab), ("machine", machine))
        of_note = (("fieldlab", self.site.fieldlab), ("gateway", OPERATORS), ("machine", machine))
        now_ns = time.time_ns()
        given = [
            stored.Row("reason", tags, "reason_text", start_ns, reason),
            stored.Row("reason", tags, "by", start_ns, by),
        ]
        note = [
            stored.Row("delivery", of_note, "from_ns", now_ns, start_ns),
            stored.Row("delivery", of_note, "to_ns", now_ns, start_ns + 1),
            stored.Row("delivery", of_note, "samples", now_ns, 1.0),
        ]
        with self._lock:
            rejected = self._store.write("raw", given) or self._store.write("raw", note)
            self._stops = None
        if rejected:
            raise ReasonRefused(f"a reason for {machine} at {start_ns}: {rejected[0].reason}")

    def _fragments(
        self, start_ns: int, end_ns: int, machines: Collection[str] | None, by: Sequence[str] = ()
    ) -> list[Fragments]:
        """The atoms of whole cells; questions of one moment and range share what was read."""
        cell_ns = self.site.cell_s * NS
        start_ns, end_ns = start_ns // cell_ns * cell_ns, -(-end_ns // cell_ns) * cell_ns
        summed = KEYS_OF_SUMS.issuperset(by)
        key = (start_ns, end_ns, summed)
        if self._read is None or self._read[0] != key or time.monotonic() - self._read[1] > _FRESH_S:
            every = [m.id for m in self.site.machines()]
            read = self._sums.fragments if summed else partial(stored_fragments, self.site)
            self._read = (key, time.monotonic(), read(self._store, start_ns, end_ns, every))
        return [f for f in self._read[2] if machines is None or f.machine in machines]

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]] | None:
        """State classes of one machine, as ``(start_ns, end_ns, class)``."""
        until_ns = end_ns if self._now_ns is None else min(end_ns, self._now_ns)
        with self._lock:
            return query.timeline(self.site, self._store, machine, start_ns, until_ns)
