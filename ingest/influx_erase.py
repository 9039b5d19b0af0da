"""Deleting from an InfluxDB: InfluxQL on 1.x, the delete API on 2.x; 3 Core cannot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

from influxdb_client.domain.delete_predicate_request import DeletePredicateRequest
from influxdb_client.rest import ApiException
from influxdb_client.service.delete_service import DeleteService

from ingest.errors import CannotErase
from ingest.influx_http import V2, V3, InfluxHttp
from ingest.influx_org import managing
from ingest.influx_ql import literal
from ingest.line_protocol import MAX_NS, MIN_NS
from ingest.store import StoreUnavailable

_NOT_FOUND: Final = 404
_NS: Final = 1_000_000_000


def erase(
    http: InfluxHttp,
    database: str,
    measurement: str | None = None,
    *,
    start_ns: int | None = None,
    end_ns: int | None = None,
    where: Mapping[str, str] | None = None,
) -> None:
    """Delete what lies in a range; nothing where there is no such database.

    Parameters
    ----------
    http : InfluxHttp
    database : str
    measurement : str, optional
        A name that can have been written; None: all of the database.
    start_ns, end_ns : int, optional
        Half-open.
    where : dict, optional
        Tags that a series must have.

    Raises
    ------
    CannotErase
        InfluxDB 3 Core has no way to.
    StoreUnavailable
    """
    if start_ns is not None and end_ns is not None and start_ns >= end_ns:
        return
    if http.version >= V3:
        raise CannotErase(f"{http.url} is an InfluxDB 3, which cannot delete single values")
    if http.version >= V2:
        _erase_v2(http, database, measurement, start_ns, end_ns, where or {})
        return
    if measurement is None:
        statement = "DROP SERIES FROM /.*/"  # unlike dropping the database it leaves grants and retention
    else:
        bounds = [f"time >= {start_ns}"] if start_ns is not None else []
        bounds += [f"time < {end_ns}"] if end_ns is not None else []
        bounds += [f'"{tag}" = {literal(value)}' for tag, value in (where or {}).items()]
        within = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        statement = f'DELETE FROM "{measurement}"{within}'  # noqa: S608 - quoted
    for result in http.ask(database, statement):
        error = result.get("error", "")
        if error and "database not found" not in error:
            raise StoreUnavailable(f"{http.url} cannot empty {database}: {error}")


def _erase_v2(
    http: InfluxHttp,
    database: str,
    measurement: str | None,
    start_ns: int | None,
    end_ns: int | None,
    where: Mapping[str, str],
) -> None:
    conditions = [f'_measurement="{measurement}"'] if measurement is not None else []
    conditions += [f'{tag}="{_escaped(value)}"' for tag, value in where.items()]
    request = DeletePredicateRequest(  # type: ignore[no-untyped-call]  # the library has no types
        start=_rfc3339(MIN_NS if start_ns is None else start_ns),
        stop=_rfc3339(MAX_NS if end_ns is None else end_ns - 1),  # the server takes the stop as inside
        predicate=" AND ".join(conditions),
    )
    service = DeleteService(http.client.api_client)  # type: ignore[no-untyped-call]  # the library has no types
    with managing(http, f"empty {database}"):
        try:
            service.post_delete(request, org=http.org, bucket=database)  # type: ignore[no-untyped-call]  # the library has no types
        except ApiException as error:
            if error.status != _NOT_FOUND or "organization" in str(error.body):
                raise


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _rfc3339(time_ns: int) -> str:
    whole = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=time_ns // _NS)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{time_ns % _NS:09d}Z"
