"""What a company is shown: its own bucket alone, by a config that names nobody and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from analytics.shares import shares
from analytics.stopped import Stopped
from dashboards.errors import ReasonRefused
from fieldlab.screens import StoreScreens
from fieldlab_configs import Line, Site
from ingest.errors import CannotErase
from ingest.store import Rejected, Row, Store, Table


class OwnBucket:
    """A store of which one company's bucket is all there is, and nothing can be written.

    Parameters
    ----------
    store : Store
    company : str
    """

    def __init__(self, store: Store, company: str) -> None:
        self._store, self._bucket = store, f"shared:{company}"

    def read(
        self,
        bucket: str,  # noqa: ARG002 - there is one only
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Table]:
        """As the store's, of the company's bucket."""
        return self._store.read(
            self._bucket, measurement, start_ns=start_ns, end_ns=end_ns, where=where, fields=fields
        )

    def last_before(
        self,
        bucket: str,  # noqa: ARG002
        measurement: str,
        time_ns: int,
        *,
        where: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """As the store's, of the company's bucket."""
        return self._store.last_before(self._bucket, measurement, time_ns, where=where)

    def first_from(
        self,
        bucket: str,  # noqa: ARG002
        measurement: str,
        time_ns: int,
        *,
        where: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """As the store's, of the company's bucket."""
        return self._store.first_from(self._bucket, measurement, time_ns, where=where)

    def write(self, bucket: str, rows: Sequence[Row]) -> list[Rejected]:
        """Refused."""
        raise PermissionError(f"a company's view writes nothing, not {len(rows)} rows to {bucket}")

    def clear(self, bucket: str) -> None:
        """Refused."""
        raise CannotErase(f"a company's view deletes nothing, {bucket} neither")

    def delete(
        self,
        bucket: str,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
    ) -> None:
        """Refused."""
        raise CannotErase(
            f"a company's view deletes nothing: {bucket} {measurement} {start_ns} {end_ns} {where}"
        )

    def content(self) -> str:
        """As the store's."""
        return self._store.content()

    def close(self) -> None:
        """Whose store it is closes it."""


class CompanyScreens(StoreScreens):
    """The figures of one company's windows.

    Parameters
    ----------
    site : Site
        Whole.
    store : Store
    company : str
    """

    def __init__(self, site: Site, store: Store, company: str) -> None:
        super().__init__(own_site(site, company), OwnBucket(store, company))
        spans = [share.span for share in shares(site) if share.company == company]
        self._windows = (min(s.start_ns for s in spans), max(s.end_ns for s in spans)) if spans else None

    def refresh(self, first_ns: int, now_ns: int) -> None:
        """Time begins and ends with the company's windows."""
        if self._windows is not None and self._windows[0] < now_ns:
            super().refresh(max(first_ns, self._windows[0]), min(now_ns, self._windows[1]))

    def _stopped_of(self, machine: str, start_ns: int, end_ns: int) -> Stopped:
        """The stops in the company's bucket, with the reasons that are kept there."""
        found = super()._stopped_of(machine, start_ns, end_ns)
        told: dict[int, str] = {}
        first_ns = int(found.start_ns[0]) if len(found.start_ns) else start_ns
        where = {"machine": machine}
        for table in self._store.read("kpi", "stop", start_ns=first_ns, end_ns=end_ns, where=where):
            texts = table.columns.get("reason_text")
            told |= zip(table.time_ns.tolist(), texts.tolist(), strict=True) if texts is not None else ()
        reason = np.array([told.get(t) or "none" for t in found.start_ns.tolist()], dtype=object)
        return replace(found, reason=reason)

    def timeline(
        self,
        machine: str,
        start_ns: int,
        end_ns: int,
    ) -> None:
        """Not told: the bucket holds how long each state lasted, and not every sign of life."""

    def assign(self, machine: str, start_ns: int, reason: str, by: str) -> None:  # noqa: ARG002
        """Refused: reasons are given by those who work there."""
        raise ReasonRefused(f"a reason for {machine} at {start_ns}: a company gives none")


def own_site(site: Site, company: str) -> Site:
    """The config as far as it is a company's business: its machines, its experiments, itself."""
    experiments = tuple(e for e in site.experiments if e.company == company)
    machines = {m for e in experiments for m in e.machines}
    lines = (_own_line(line, machines) for line in site.lines)
    return site.model_copy(
        update={
            "lines": tuple(line for line in lines if line.machines),
            "companies": tuple(c for c in site.companies if c.id == company),
            "experiments": experiments,
            "sources": {},
            "gateways": {},
            "app": None,
            "reports": None,
        }
    )


def _own_line(line: Line, machines: Collection[str]) -> Line:
    return line.model_copy(update={"machines": tuple(m for m in line.machines if m.id in machines)})
