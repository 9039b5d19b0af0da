"""What the screens are given: the same questions that ``fieldlab kpi`` asks, over one store."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Collection, Sequence
from typing import Any, Final

from analytics import losses, opportunities, query
from analytics.atoms import Fragments
from analytics.course import Stop
from analytics.groups import Row, group
from analytics.schedule import schedule
from analytics.stoppages import stoppages
from analytics.touched import Span
from analytics.written import stored_stops
from fieldlab.times import NS
from fieldlab_configs import Site
from ingest import store as stored
from ingest.store import Store

_EVER: Final = 2**62
_LONGEST_STOP_NS: Final = 31 * query.DAY_NS
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
        self._read: tuple[tuple[int, int], float, list[Fragments]] | None = None

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
            return group(self.site, self._fragments(start_ns, end_ns, machines), by)

    def losses(self, start_ns: int, end_ns: int, by: Sequence[str], machines: Collection[str]) -> list[Row]:
        """Where planned time went: what ``fieldlab losses --format json`` prints."""
        with self._lock:
            return losses.losses(self.site, self._fragments(start_ns, end_ns, machines), by)

    def opportunities(self, start_ns: int, end_ns: int, machines: Collection[str]) -> list[Row]:
        """What half of each loss would be worth: what ``fieldlab opportunities --format json`` prints."""
        with self._lock:
            fragments = self._fragments(start_ns, end_ns, machines)
            return opportunities.opportunities(self.site, fragments, end_ns=end_ns)

    def stops(self, start_ns: int, end_ns: int, machines: Collection[str]) -> list[dict[str, Any]]:
        """The stops that the job wrote, with the reasons that hold now."""
        found: list[dict[str, Any]] = []
        with self._lock:
            for machine in self.site.machines():
                if machine.id in machines:
                    found += self._stops_of(machine.id, start_ns, end_ns)
        return found

    def _stops_of(self, machine: str, start_ns: int, end_ns: int) -> list[dict[str, Any]]:
        minor_ns = round(self.site.machine(machine).minor_stop_s * NS)
        reach = Span(start_ns - _LONGEST_STOP_NS, end_ns)
        stops = [
            Stop(begin, end, dict(tags)["state"], minor=end - begin < minor_ns)
            for tags, begin, end in stored_stops(self._store, machine, reach)
            if end > start_ns
        ]
        stops.sort(key=lambda s: s.start_ns)
        if not stops:
            return []
        calendar = schedule(self.site, stops[0].start_ns - query.DAY_NS, end_ns + query.DAY_NS)
        told = stoppages(self.site, self._store, machine, stops, calendar, start_ns=start_ns, end_ns=end_ns)
        return [dataclasses.asdict(each) for each in told]

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
        """Write an operator's reason, and a delivery note: so the job tells it wherever the stop is told."""
        tags = (("fieldlab", self.site.fieldlab), ("machine", machine))
        note = (("fieldlab", self.site.fieldlab), ("gateway", OPERATORS), ("machine", machine))
        now_ns = time.time_ns()
        rows = [
            stored.Row("reason", tags, "reason_text", start_ns, reason),
            stored.Row("reason", tags, "by", start_ns, by),
            stored.Row("delivery", note, "from_ns", now_ns, start_ns),
            stored.Row("delivery", note, "to_ns", now_ns, start_ns + 1),
            stored.Row("delivery", note, "samples", now_ns, 1.0),
        ]
        with self._lock:
            self._store.write("raw", rows)

    def _fragments(self, start_ns: int, end_ns: int, machines: Collection[str] | None) -> list[Fragments]:
        """The atoms of whole cells; questions of one moment and range share what was read."""
        cell_ns = self.site.cell_s * NS
        key = (start_ns // cell_ns * cell_ns, -(-end_ns // cell_ns) * cell_ns)
        if self._read is None or self._read[0] != key or time.monotonic() - self._read[1] > _FRESH_S:
            found = query.stored_fragments(self.site, self._store, *key)
            self._read = (key, time.monotonic(), found)
        return [f for f in self._read[2] if machines is None or f.machine in machines]

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        """State classes of one machine, as ``(start_ns, end_ns, class)``."""
        until_ns = end_ns if self._now_ns is None else min(end_ns, self._now_ns)
        with self._lock:
            return query.timeline(self.site, self._store, machine, start_ns, until_ns)
