"""Taking a company's database, and whoever could read nothing else, out of an InfluxDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from influxdb_client.rest import ApiException

from ingest.influx_http import InfluxHttp
from ingest.store import StoreUnavailable

_V2: Final = (2, 0)


def remove(http: InfluxHttp, database: str) -> list[str]:
    """Delete a database or bucket, and the users or tokens that open it alone.

    Parameters
    ----------
    http : InfluxHttp
        Its token may manage the server.
    database : str

    Returns
    -------
    list of str
        Names of the users, descriptions of the tokens.

    Raises
    ------
    StoreUnavailable
    """
    return _remove_v2(http, database) if http.version >= _V2 else _remove_v1(http, database)


def _remove_v1(http: InfluxHttp, database: str) -> list[str]:
    gone = []
    for user, *_ in list(_values(http, "SHOW USERS")):
        grants = {row[0] for row in _values(http, f"SHOW GRANTS FOR {_name(user)}")}
        if grants == {database}:
            list(_values(http, f"DROP USER {_name(user)}"))
            gone.append(str(user))
        elif database in grants:
            list(_values(http, f"REVOKE ALL PRIVILEGES ON {_name(database)} FROM {_name(user)}"))
    list(_values(http, f"DROP DATABASE {_name(database)}"))
    return gone


def _values(http: InfluxHttp, statement: str) -> Iterator[list[Any]]:
    for result in http.ask(None, statement):
        if "error" in result:
            raise StoreUnavailable(f"{http.url}: {result['error']}")
        for series in result.get("series", []):
            yield from series.get("values", [])


def _name(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _remove_v2(http: InfluxHttp, database: str) -> list[str]:
    buckets, tokens = http.client.buckets_api(), http.client.authorizations_api()
    try:
        bucket = buckets.find_bucket_by_name(database)  # type: ignore[no-untyped-call]  # the library has no types
        if bucket is None:
            return []
        gone = []
        for token in tokens.find_authorizations():  # type: ignore[no-untyped-call]  # the library has no types
            if {p.resource.id for p in token.permissions or ()} == {bucket.id}:
                tokens.delete_authorization(token)  # type: ignore[no-untyped-call]  # the library has no types
                gone.append(str(token.description or token.id))
        buckets.delete_bucket(bucket)  # type: ignore[no-untyped-call]  # the library has no types
    except ApiException as error:
        raise StoreUnavailable(f"{http.url} cannot remove {database}: {error.reason}") from error
    return gone
