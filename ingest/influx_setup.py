"""Making an InfluxDB ready: databases or buckets, and how long they keep data."""

from __future__ import annotations

from collections.abc import Mapping

from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException

from ingest.influx_http import InfluxHttp
from ingest.store import StoreUnavailable

_V2, _V3 = (2, 0), (3, 0)


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


def _make_database(http: InfluxHttp, name: str, keep_s: int | None) -> None:
    duration = "INF" if keep_s is None else f"{keep_s}s"
    statements = f'CREATE DATABASE "{name}"; ALTER RETENTION POLICY "autogen" ON "{name}" DURATION {duration}'
    for result in http.ask(None, statements):
        if "error" in result:
            raise StoreUnavailable(f"{http.url} cannot make database {name}: {result['error']}")


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
