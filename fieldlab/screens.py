"""What the screens are given: the same questions that ``fieldlab kpi`` asks, over one store."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from analytics import query
from analytics.groups import Row
from fieldlab.times import NS
from fieldlab_configs import Site
from ingest.store import Store


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
        cell_ns = self.site.cell_s * NS
        start_ns = start_ns // cell_ns * cell_ns
        end_ns = -(-end_ns // cell_ns) * cell_ns
        with self._lock:
            return query.kpis(
                self.site,
                self._store,
                start_ns=start_ns,
                end_ns=end_ns,
                by=by,
                machines=machines,
                from_atoms=True,
            )

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        """State classes of one machine, as ``(start_ns, end_ns, class)``."""
        until_ns = end_ns if self._now_ns is None else min(end_ns, self._now_ns)
        with self._lock:
            return query.timeline(self.site, self._store, machine, start_ns, until_ns)
