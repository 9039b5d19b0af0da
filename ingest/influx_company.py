"""Taking a company's database, and whoever could read nothing else, out of an InfluxDB."""

from __future__ import annotations

from ingest.influx_http import V2, InfluxHttp
from ingest.influx_org import find_bucket, managing
from ingest.influx_ql import identifier, values


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
    return _remove_v2(http, database) if http.version >= V2 else _remove_v1(http, database)


def _remove_v1(http: InfluxHttp, database: str) -> list[str]:
    gone = []
    for user, *_ in values(http, "SHOW USERS"):
        grants = {row[0] for row in values(http, f"SHOW GRANTS FOR {identifier(user)}")}
        if grants == {database}:
            values(http, f"DROP USER {identifier(user)}")
            gone.append(str(user))
        elif database in grants:
            values(http, f"REVOKE ALL PRIVILEGES ON {identifier(database)} FROM {identifier(user)}")
    values(http, f"DROP DATABASE {identifier(database)}")
    return gone


def _remove_v2(http: InfluxHttp, database: str) -> list[str]:
    bucket = find_bucket(http, database)
    if bucket is None:
        return []
    gone = []
    with managing(http, f"remove {database}"):
        tokens = http.client.authorizations_api()
        for token in tokens.find_authorizations(org_id=bucket.org_id):  # type: ignore[no-untyped-call]  # the library has no types
            if {p.resource.id for p in token.permissions or ()} == {bucket.id}:
                tokens.delete_authorization(token)  # type: ignore[no-untyped-call]  # the library has no types
                gone.append(str(token.description or token.id))
        http.client.buckets_api().delete_bucket(bucket)  # type: ignore[no-untyped-call]  # the library has no types
    return gone
