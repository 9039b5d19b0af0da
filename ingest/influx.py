"""InfluxDB as a store: 1.x, 2.x, 3. Lines in, InfluxQL out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ingest.columns import Column, Values, array_of, settle, tables
from ingest.errors import StoreMisconfigured
from ingest.frames import Frame
from ingest.influx_access import Given, Keeper, accesses, give
from ingest.influx_company import remove
from ingest.influx_erase import erase
from ingest.influx_http import V2, V3, InfluxHttp
from ingest.influx_ql import literal
from ingest.influx_ranges import TooWide, in_parts, is_too_wide
from ingest.influx_setup import kept, set_up
from ingest.influx_write import InfluxWriter
from ingest.line_protocol import name_problem
from ingest.store import Bucket, Rejected, Row, StoreUnavailable, Table, Tags

Parts = dict[tuple[Tags, str], list[tuple[Values, Values]]]
"""Times and values by series and field."""
_LONGEST_ERROR: Final = 500
_NO_DATABASE: Final = re.compile(r"database .*not found|database not found", re.IGNORECASE)


class InfluxStore:
    """A store in an InfluxDB. See :class:`ingest.store.Store` for its methods.

    Parameters
    ----------
    url : str
    fieldlab : str
        Its buckets are ``<fieldlab>_raw``, ``<fieldlab>_kpi`` and ``<company>_shared``.
    token, org : str or None
        Token for 1.x with accounts ``user:password``.
    retention_s : mapping of bucket to seconds
        Used by :meth:`setup`.
    companies : sequence of str
        Whose buckets :meth:`setup` makes.
    timeout_s : float
    compress : bool, optional
        Whether lines are sent compressed; default: unless the server is on this computer.
    """

    def __init__(
        self,
        url: str,
        fieldlab: str,
        *,
        token: str | None = None,
        org: str | None = None,
        retention_s: Mapping[str, int] | None = None,
        companies: Sequence[str] = (),
        timeout_s: float = 10.0,
        compress: bool | None = None,
    ) -> None:
        self.fieldlab = fieldlab
        self._http = InfluxHttp(url, token, org, timeout_s, compress=compress)
        self._writer = InfluxWriter(self._http)
        self._retention_s = dict(retention_s or {})
        self._companies = tuple(companies)
        self._buckets = ("raw", "kpi", *(f"shared:{company}" for company in companies))

    def database(self, bucket: Bucket) -> str:
        """InfluxDB's name of a bucket."""
        kind, _, company = bucket.partition(":")
        if kind == "shared" and self._http.version >= V3:
            raise StoreMisconfigured(
                f"store: {self._http.url} is an InfluxDB 3 Core, where a token opens every database: company"
                f" {company} could read everybody's; take InfluxDB 2, or the companies out of the config"
            )
        name = f"{company}_shared" if kind == "shared" else f"{self.fieldlab}_{kind}"
        problem = name_problem(name)
        if problem is not None:
            raise ValueError(problem)
        return name

    def setup(self) -> None:
        """Make the databases or buckets that are not there yet, and set how long they keep data."""
        set_up(self._http, {self.database(b): self._retention_s.get(b) for b in self._buckets})

    def give(self, gateways: Sequence[str], keeper: Keeper) -> Iterator[Given] | None:
        """Make the tokens or users that are missing; None where the server has none to give."""
        wanted = accesses(self.database, gateways, self._companies)
        return give(self._http, self.fieldlab, wanted, keeper)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._http.url

    @property
    def server_version(self) -> tuple[int, int]:
        """Major and minor version, as the server tells it."""
        return self._http.version

    def kept_s(self) -> dict[str, int | None]:
        """How long its databases or buckets keep their data [s], None for ever; only those that are there."""
        return kept(self._http, map(self.database, self._buckets))

    def write(self, bucket: Bucket, rows: Sequence[Row]) -> list[Rejected]:
        """Write rows; stored when this returns, but for those that it returns."""
        return self._writer.write(self.database(bucket), rows)

    def write_frames(self, bucket: Bucket, frames: Sequence[Frame], extra: Sequence[Row]) -> list[Rejected]:
        """Write frames of the spool, and some rows, in as few posts as may be."""
        return self._writer.write_frames(self.database(bucket), frames, extra)

    def read(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Table]:
        """Every series of a measurement in ``[start_ns, end_ns)``."""
        return tables(
            self.columns(bucket, measurement, start_ns=start_ns, end_ns=end_ns, where=where, fields=fields)
        )

    def columns(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Column]:
        """Every field of every series of a measurement in ``[start_ns, end_ns)``, with what it has of it."""
        what = "*::field" if fields is None else ", ".join(_name(field) for field in fields)
        parts: Parts = defaultdict(list)

        def ask(start_ns: int | None, end_ns: int | None) -> None:
            among = f"FROM {_name(measurement)}{_where(where, start_ns, end_ns)} GROUP BY *"
            for key, found in self._parts(bucket, f"SELECT {what} {among}").items():
                parts[key] += found

        if what:
            list(in_parts(ask, start_ns, end_ns))
        return _joined(parts)

    def measurements(self, bucket: Bucket) -> list[str]:
        """The measurements that a bucket has."""
        found = self._series(bucket, "SHOW MEASUREMENTS")
        return sorted(row[0] for series in found for row in series.get("values", []))

    def types(self, bucket: Bucket, measurement: str) -> dict[str, set[str]]:
        """Of which types a measurement's fields are; several where they were written before and after."""
        found: dict[str, set[str]] = defaultdict(set)
        for series in self._series(bucket, f"SHOW FIELD KEYS FROM {_name(measurement)}"):
            for name, kind in series.get("values", []):
                found[name].add(kind)
        return found

    def last_before(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its last row strictly before `time_ns`."""
        return self._edge(bucket, measurement, "last", (None, time_ns), where)

    def first_from(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its first row at or after `time_ns`."""
        return self._edge(bucket, measurement, "first", (time_ns, None), where)

    def remove(self, bucket: Bucket) -> list[str]:
        """Delete a bucket, and the users or tokens that open it alone; their names."""
        return remove(self._http, self.database(bucket))

    def clear(self, bucket: Bucket) -> None:
        """Delete everything in a bucket."""
        erase(self._http, self.database(bucket))

    def delete(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a measurement's rows in ``[start_ns, end_ns)``, of series with these tags."""
        _name(measurement)
        erase(self._http, self.database(bucket), measurement, start_ns=start_ns, end_ns=end_ns, where=where)

    def content(self) -> str:
        """Always the same: a backup is written over what there is."""
        return ""

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _edge(
        self,
        bucket: Bucket,
        measurement: str,
        which: str,
        span: tuple[int | None, int | None],
        where: Mapping[str, str] | None,
    ) -> list[Row]:
        fields = self._fields(bucket, measurement)

        def ask(start_ns: int | None, end_ns: int | None) -> list[Row]:
            # One statement per field: only then does each come with its own time.
            among = f"FROM {_name(measurement)}{_where(where, start_ns, end_ns)} GROUP BY *"
            query = ";".join(f"SELECT {which}({_name(f)}) AS {_name(f)} {among}" for f in fields)
            return [c.row(measurement, 0) for c in _joined(self._parts(bucket, query))]

        parts = list(in_parts(ask, *span)) if fields else []
        ordered = parts if which == "last" else reversed(parts)
        found = {(row.tags, row.field): row for rows in ordered for row in rows}
        return sorted(found.values(), key=lambda row: (row.tags, row.field))

    def _fields(self, bucket: Bucket, measurement: str) -> list[str]:
        query = f"SHOW FIELD KEYS FROM {_name(measurement)}"
        return sorted({row[0] for series in self._series(bucket, query) for row in series.get("values", [])})

    def _parts(self, bucket: Bucket, query: str) -> Parts:
        """The answer's series and fields; a long one comes in parts."""
        parts: Parts = defaultdict(list)
        for series in self._series(bucket, query):
            tags = tuple(sorted((k, v) for k, v in series.get("tags", {}).items() if v))
            names, values = series["columns"], list(zip(*series["values"], strict=True))
            time = np.array(values[names.index("time")], np.int64)
            for name, told in zip(names, values, strict=True):
                if name != "time":
                    column = _told(name, time, told)
                    if column is not None:
                        parts[tags, name].append(column)
        return parts

    def _series(self, bucket: Bucket, query: str) -> Iterator[dict[str, Any]]:
        name = self.database(bucket)
        for result in self._http.ask(name, query):
            error = result.get("error")
            if error and is_too_wide(error):
                raise TooWide(f"{self._http.url} cannot answer {query[:200]}: {error[:_LONGEST_ERROR]}")
            if error and not _NO_DATABASE.search(error):
                raise StoreUnavailable(f"{self._http.url} cannot answer {query[:200]}: {error}")
            if error and V2 <= self._http.version < V3 and not bucket.startswith("shared"):
                # To a token that may not read it, 2.x says the same as where there is none.
                raise StoreUnavailable(
                    f"{self._http.url} shows no bucket {name} to this token: make it with fieldlab store"
                    f" setup, or use a token that may read it"
                )
            yield from result.get("series", [])


def _joined(parts: Parts) -> list[Column]:
    """Series and fields, the parts of each joined."""
    return [
        Column(tags, name, *settle(np.concatenate([t for t, _ in p]), np.concatenate([v for _, v in p])))
        for (tags, name), p in parts.items()
    ]


def _told(field: str, time: Values, values: tuple[Any, ...]) -> tuple[Values, Values] | None:
    """A field's times and values where it has any: InfluxDB answers null where another field has one."""
    first = next((v for v in values if v is not None), None)
    if first is None:
        return None
    kind = "s" if isinstance(first, str) else "i" if field.endswith("_ns") else "f"
    if kind == "f":
        numbers = np.array(values, dtype=np.float64)  # null becomes NaN, which InfluxDB cannot hold itself
        has = ~np.isnan(numbers)
        return time[has], numbers[has]
    column = array_of("s", values)
    has = np.array([v is not None for v in values], dtype=bool)
    return time[has], column[has] if kind == "s" else column[has].astype(np.int64)


def _name(name: str) -> str:
    """A name in InfluxQL; only those that can have been written."""
    problem = name_problem(name)
    if problem is not None:
        raise ValueError(problem)
    return f'"{name}"'


def _where(where: Mapping[str, str] | None, start_ns: int | None, end_ns: int | None) -> str:
    conditions = [f"time >= {start_ns}"] if start_ns is not None else []
    conditions += [f"time < {end_ns}"] if end_ns is not None else []
    conditions += [f"{_name(tag)} = {literal(value)}" for tag, value in (where or {}).items()]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
