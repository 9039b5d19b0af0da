"""Opening the store that a config names, and how far its data reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analytics.fetch import Row as AnalyticsRow
from fieldlab.errors import WrongUse
from fieldlab_configs import Site
from ingest.errors import CannotErase
from ingest.recording import RecordingStore
from ingest.store import Row, Store, Table
from ingest.stores import open_store

_FIRST, _LAST = -(2**62), 2**62


def opened_store(site: Site) -> Store:
    """The store of the config; WrongUse where it names none."""
    require_store(site, ", or give recordings with --input")
    return open_store(site)


def require_store(site: Site, otherwise: str = "") -> None:
    """WrongUse where the config names no store."""
    if site.store is None:
        raise WrongUse(f"{site.path}: store: the config names no store; add one{otherwise}")


def extent(store: Store) -> tuple[int | None, int | None]:
    """First and last time of anything a machine said, heartbeats included; None where there is nothing."""
    if isinstance(store, RecordingStore):
        return store.first_ns, store.last_ns
    first = [r.time_ns for r in store.first_from("raw", "machine", _FIRST)]
    last = [r.time_ns for m in ("machine", "link") for r in store.last_before("raw", m, _LAST)]
    return min(first, default=None), max(last, default=None)


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
