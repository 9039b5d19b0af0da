"""Making an InfluxDB ready: databases or buckets, and how long they keep data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.patch_bucket_request import PatchBucketRequest
from influxdb_client.domain.patch_retention_rule import PatchRetentionRule
from influxdb_client.domain.post_bucket_request import PostBucketRequest
from influxdb_client.service.buckets_service import BucketsService

from ingest.errors import StoreMisconfigured
from ingest.influx_http import V2, V3, InfluxHttp, answer_of
from ingest.influx_org import find_bucket, managing, organisation_id
from ingest.influx_ql import identifier, values
from ingest.store import StoreUnavailable

_ANSWERS_INFLUXQL = (2, 4)
_MADE, _THERE = frozenset({200, 201, 204}), 409
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
    if V2 <= http.version < _ANSWERS_INFLUXQL:
        raise StoreMisconfigured(
            f"store: {http.url} is an InfluxDB {http.version[0]}.{http.version[1]}, which does not answer"
            f" InfluxQL about a bucket by itself: update it to 2.4 or later"
        )
    make = _make_database if http.version < V2 else _make_bucket if http.version < V3 else _make_database_v3
    for name, keep_s in databases.items():
        make(http, name, keep_s)


def kept(http: InfluxHttp, databases: Iterable[str]) -> dict[str, int | None]:
    """How long databases or buckets keep their data [s], None for ever; only those that are there."""
    if V2 <= http.version < V3:
        # One by one: a list of all comes in pages, and ends at one on which the token may read nothing.
        found = {name: find_bucket(http, name) for name in databases}
        return {name: _kept_by_rule(bucket.retention_rules) for name, bucket in found.items() if bucket}
    there = {row[0] for row in values(http, "SHOW DATABASES")}
    return {name: _kept_by_default(http, name) for name in databases if name in there}


def _kept_by_rule(rules: list[Any]) -> int | None:
    return (rules[0].every_seconds or None) if rules else None


def _kept_by_default(http: InfluxHttp, name: str) -> int | None:
    """Seconds of a database's default retention policy; None for ever."""
    for result in http.ask(name, "SHOW RETENTION POLICIES"):
        if "error" in result:
            raise StoreUnavailable(f"{http.url}: {result['error']}")
        for series in result.get("series", []):
            for told in series.get("values", []):
                policy = dict(zip(series["columns"], told, strict=True))
                if policy["default"]:
                    return sum(int(n) * _UNITS_S[u] for n, u in _SPAN.findall(policy["duration"])) or None
    return None


def _make_database(http: InfluxHttp, name: str, keep_s: int | None) -> None:
    values(http, f"CREATE DATABASE {identifier(name)}")
    duration = "INF" if keep_s is None else f"{keep_s}s"
    values(
        http,
        f'ALTER RETENTION POLICY "autogen" ON {identifier(name)} DURATION {duration}'
        f" SHARD DURATION {_shard_s(keep_s)}s",
    )


def _shard_s(keep_s: int | None) -> int:
    """How long a shard: InfluxDB's own choice, which a policy that is altered does not get by itself."""
    if keep_s is None or keep_s >= _LONG_S:
        return 7 * 86_400
    return 86_400 if keep_s >= _SHORT_S else 3600


def _make_bucket(http: InfluxHttp, name: str, keep_s: int | None) -> None:
    found = find_bucket(http, name)
    times = {"every_seconds": keep_s or 0, "shard_group_duration_seconds": _shard_s(keep_s)}
    service = BucketsService(http.client.api_client)  # type: ignore[no-untyped-call]  # the library has no types
    if found is None:
        rules = [BucketRetentionRules(type="expire", **times)]  # type: ignore[no-untyped-call]  # the library has no types
        wish = PostBucketRequest(org_id=organisation_id(http), name=name, retention_rules=rules)  # type: ignore[no-untyped-call]  # the library has no types
        with managing(http, f"make bucket {name}"):
            service.post_buckets(post_bucket_request=wish)  # type: ignore[no-untyped-call]  # the library has no types
    elif _kept_by_rule(found.retention_rules) != keep_s:
        change = PatchBucketRequest(retention_rules=[PatchRetentionRule(type="expire", **times)])  # type: ignore[no-untyped-call]  # the library has no types
        with managing(http, f"change how long bucket {name} keeps its data"):
            service.patch_buckets_id(found.id, change)  # type: ignore[no-untyped-call]  # the library has no types


def _make_database_v3(http: InfluxHttp, name: str, keep_s: int | None) -> None:
    wish = {"db": name, "retention_period": None if keep_s is None else f"{keep_s}s"}
    for method in ("POST", "PUT"):  # make it; where it is there, say how long it keeps its data
        answer = http.request(method, "/api/v3/configure/database", json=wish)
        if answer.status in _MADE:
            return
        said = answer_of(answer.status, answer.headers, answer.data)
        if answer.status != _THERE or method == "PUT":
            raise StoreUnavailable(f"{http.url} cannot make database {name}: {answer.status} {said.message}")
