"""Opening the store that a config names, and how far its data reaches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from analytics.fetch import Row as AnalyticsRow
from fieldlab.errors import WrongUse
from fieldlab.services import by_data, horizon
from fieldlab_configs import Site
from ingest.errors import CannotErase
from ingest.recording import RecordingStore
from ingest.store import Row, Store, Table
from ingest.stores import open_store

_FIRST, _LAST = -(2**62), 2**62
_FIRST_AGAIN_S: Final = 60.0
"""What is older than all there was comes by an import."""


def opened_store(site: Site, otherwise: str = "") -> Store:
    """The store of the config; WrongUse where it names none, with what could be given instead."""
    require_store(site, otherwise)
    return open_store(site)


def require_store(site: Site, otherwise: str = "") -> None:
    """WrongUse where the config names no store."""
    if site.store is None:
        raise WrongUse(f"{site.path}: store: the config names no store; add one{otherwise}")


def extent(store: Store) -> tuple[int | None, int | None]:
    """First and last time of anything a machine said, heartbeats included; None where there is nothing."""
    if isinstance(store, RecordingStore):
        return store.first_ns, store.last_ns
    return _first_ns(store), _last_ns(store)


def _first_ns(store: Store) -> int | None:
    return min((r.time_ns for r in store.first_from("raw", "machine", _FIRST)), default=None)


def _last_ns(store: Store) -> int | None:
    last = (r.time_ns for m in ("machine", "link") for r in store.last_before("raw", m, _LAST))
    return max(last, default=None)


def now_ns(site: Site, store: Store) -> int:
    """The data's now; the store is asked only where it is what tells the time."""
    return horizon(site, _last_ns(store) if by_data(site) else None)


class Reach:
    """How far a store's data reach, for who asks every second: each end is read only where it may have moved.

    Parameters
    ----------
    site : Site
    store : Store
    clock_s : callable
        A clock that only goes forward.
    """

    def __init__(self, site: Site, store: Store, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._site = site
        self._store = store
        self._clock_s = clock_s
        self._first_ns: int | None = None
        self._asked_s = 0.0

    def now(self) -> tuple[int, int] | None:
        """First instant and horizon; None while there is nothing."""
        if self._first_ns is None or self._clock_s() - self._asked_s > _FIRST_AGAIN_S:
            self._first_ns, self._asked_s = _first_ns(self._store), self._clock_s()
        if self._first_ns is None:
            return None
        return self._first_ns, now_ns(self._site, self._store)


class JobStore:
    """A store as the analytics job takes it: analytics knows rows as plain tuples, stores as `Row`.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, bucket: str, rows: Sequence[AnalyticsRow]) -> None:
        """Write rows; what a store rejects of its own atoms is a defect, and is raised."""
        rejected = self._store.write(bucket, [Row(*row) for row in rows])
        if rejected:
            first = rejected[0]
            raise ValueError(
                f"the store refused {len(rejected)} rows, the first: {first.row}: {first.reason}"
            )

    def delete(
        self,
        bucket: str,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
    ) -> bool:
        """Delete a measurement's rows in a range; False where the store has no way to."""
        try:
            self._store.delete(bucket, measurement, start_ns=start_ns, end_ns=end_ns, where=where)
        except CannotErase:
            return False
        return True

    def content(self) -> str:
        """As the store's."""
        return self._store.content()

    def clear(self, bucket: str) -> None:
        """Delete everything in a bucket."""
        self._store.clear(bucket)

    def read(
        self,
        bucket: str,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> Sequence[Table]:
        """As the store's."""
        return self._store.read(
            bucket, measurement, start_ns=start_ns, end_ns=end_ns, where=where, fields=fields
        )

    def last_before(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> Sequence[Row]:
        """As the store's."""
        return self._store.last_before(bucket, measurement, time_ns, where=where)

    def first_from(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> Sequence[Row]:
        """As the store's."""
        return self._store.first_from(bucket, measurement, time_ns, where=where)
