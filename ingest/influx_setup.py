"""Making an InfluxDB ready: databases or buckets, and how long they keep data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException

from ingest.influx_http import InfluxHttp
from ingest.store import StoreUnavailable

_V2, _V3 = (2, 0), (3, 0)
_SHORT_S, _LONG_S = 2 * 86_400, 180 * 86_400
_SPAN = re.compile(r"(\d+)([hms])")
_UNITS_S = {"h": 3600, "m": 60, "s": 1}


def set_up(http: InfluxHttp, databases: Mapping[str, int | None]) -> None:
    """Make what is missing; run twice, the second changes nothing.

    Parameters
    ----------
    http : InfluxHttp
    databases : mapping of name to seconds
        How long each keeps its data; None: for ever.
    """
    if http.version < _V2:
        for name, keep_s in databases.items():
            _make_database(http, name, keep_s)
    elif http.version < _V3:
        for name, keep_s in databases.items():
            _make_bucket(http, name, keep_s)
    # InfluxDB 3 makes a database at the first write to it.


def kept(http: InfluxHttp) -> dict[str, int | None] | None:
    """How long each database or bucket keeps its data [s], None for ever; None where nobody can tell."""
    if http.version >= _V3:
        return None
    if http.version >= _V2:
        try:
            found = http.client.buckets_api().find_buckets_iter()  # type: ignore[no-untyped-call]  # the library has no types
            return {
                b.name: b.retention_rules[0].every_seconds or None if b.retention_rules else None
                for b in found
            }
        except ApiException as error:
            raise StoreUnavailable(f"{http.url} does not tell its buckets: {error.reason}") from error
    names = [row[0] for series in _answers(http, "SHOW DATABASES") for row in series.get("values", [])]
    return {name: _kept_by_default(http, name) for name in names}


def _kept_by_default(http: InfluxHttp, name: str) -> int | None:
    """Seconds of a database's default retention policy; None for ever."""
    for series in _answers(http, f'SHOW RETENTION POLICIES ON "{name}"'):
        for told in series.get("values", []):
            policy = dict(zip(series["columns"], told, strict=True))
            if policy["default"]:
                return sum(int(n) * _UNITS_S[unit] for n, unit in _SPAN.findall(policy["duration"])) or None
    return None


def _answers(http: InfluxHttp, statement: str) -> Iterator[dict[str, Any]]:
    for result in http.ask(None, statement):
        if "error" in result:
            raise StoreUnavailable(f"{http.url}: {result['error']}")
        yield from result.get("series", [])


def _make_database(http: InfluxHttp, name: str, keep_s: int | None) -> None:
    duration = "INF" if keep_s is None else f"{keep_s}s"
    policy = (
        f'ALTER RETENTION POLICY "autogen" ON "{name}" DURATION {duration} SHARD DURATION {_shard(keep_s)}'
    )
    statements = f'CREATE DATABASE "{name}"; {policy}'
    for result in http.ask(None, statements):
        if "error" in result:
            raise StoreUnavailable(f"{http.url} cannot make database {name}: {result['error']}")


def _shard(keep_s: int | None) -> str:
    """How long a shard: InfluxDB's own choice, which a policy that is altered does not get by itself."""
    if keep_s is None or keep_s >= _LONG_S:
        return "7d"
    return "1d" if keep_s >= _SHORT_S else "1h"


def _make_bucket(http: InfluxHttp, name: str, keep_s: int | None) -> None:
    rules = [BucketRetentionRules(type="expire", every_seconds=keep_s or 0)]  # type: ignore[no-untyped-call]  # the library has no types
    buckets = http.client.buckets_api()
    try:
        found = buckets.find_bucket_by_name(name)  # type: ignore[no-untyped-call]  # the library has no types
        if found is None:
            buckets.create_bucket(bucket_name=name, retention_rules=rules, org=http.org)
        elif found.retention_rules != rules:
            found.retention_rules = rules
            buckets.update_bucket(found)
    except ApiException as error:
        raise StoreUnavailable(f"{http.url} cannot make bucket {name}: {error.reason}") from error
