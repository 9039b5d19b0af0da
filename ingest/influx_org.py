"""The organisation of an InfluxDB 2.x, and its buckets, through the client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from influxdb_client.domain.bucket import Bucket
from influxdb_client.rest import ApiException

from ingest.errors import StoreMisconfigured
from ingest.influx_http import InfluxHttp, answer_of
from ingest.store import StoreUnavailable

_NOT_FOUND: Final = 404
_MAY_NOT: Final = frozenset({401, 403})
_ID: Final = re.compile(r"[0-9a-f]{16}")


@contextmanager
def managing(http: InfluxHttp, what: str) -> Iterator[None]:
    """Say what a server refuses, and what it takes, in one message.

    Parameters
    ----------
    http : InfluxHttp
    what : str
        What cannot be done then, after "cannot".

    Raises
    ------
    StoreUnavailable
    StoreMisconfigured
        The server does not know the organisation.
    """
    try:
        with http.unavailable():
            yield
    except ApiException as error:
        said = answer_of(error.status or 0, error.headers or {}, error.body)
        if error.status == _NOT_FOUND and said.message.startswith("organization"):
            raise _no_organisation(http) from error
        hint = "; it takes a token that may manage the organisation" if error.status in _MAY_NOT else ""
        raise StoreUnavailable(
            f"{http.url} cannot {what}: {said.message or error.reason}{hint}", said.retry_after_s
        ) from error


def organisation_id(http: InfluxHttp) -> str:
    """The id of the organisation that the config names.

    Raises
    ------
    StoreMisconfigured
        There is none of that name, or the token may not see it.
    """
    if _ID.fullmatch(http.org):
        return http.org
    with managing(http, "tell its organisations"):
        found = http.client.organizations_api().find_organizations(org=http.org)  # type: ignore[no-untyped-call]  # the library has no types
    if not found:
        raise _no_organisation(http)
    return str(found[0].id)


def find_bucket(http: InfluxHttp, name: str) -> Bucket | None:
    """A bucket of the organisation; None where there is none, or the token may not read it."""
    with managing(http, f"tell whether it has bucket {name}"):
        try:
            found = http.client.buckets_api().find_buckets(name=name, **_of_org(http)).buckets  # type: ignore[no-untyped-call]  # the library has no types
        except ApiException as error:
            if error.status != _NOT_FOUND or "organization" in str(error.body):
                raise
            return None
    return found[0] if found else None


def _of_org(http: InfluxHttp) -> dict[str, str]:
    return {"org_id" if _ID.fullmatch(http.org) else "org": http.org}


def _no_organisation(http: InfluxHttp) -> StoreMisconfigured:
    return StoreMisconfigured(
        f"store: org: {http.url} knows no organisation {http.org!r}, or does not show it to this token;"
        f" InfluxDB 2 needs its name"
    )
