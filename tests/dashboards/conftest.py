"""The InfluxDBs that dashboards are held against: real ones, that know companies."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from tests import servers
from tests.influxes import GIVEN, Influxes, kinds
from tests.servers import InfluxServer, ServerMissingError

# InfluxDB 3 Core has no tokens per database, so no companies; a front before a 1.x answers as that does.
REAL = [kind for kind in kinds() if kind in {"influx1", "influx2", GIVEN}]


def started(influxes: Influxes, kind: str) -> InfluxServer:
    """A server, or a skip that says what is missing."""
    try:
        return influxes(kind)
    except ServerMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def influx_with_accounts(tmp_path_factory) -> Iterator[InfluxServer]:
    """A real InfluxDB 1 that asks who one is, with its first user."""
    folder = tmp_path_factory.mktemp("accounts")
    try:
        with servers.influxd(folder, auth=True) as (server, _process):
            query = urllib.parse.urlencode(
                {"q": "CREATE USER admin WITH PASSWORD 'first' WITH ALL PRIVILEGES"}
            )
            urllib.request.urlopen(f"{server.url}/query?{query}", data=b"", timeout=10).close()  # noqa: S310 - ours
            yield servers.given_influx(server.url, "admin:first", None, folder)
    except ServerMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session", params=REAL)
def real_influx(request, influxes) -> InfluxServer:
    """Each real InfluxDB that is here; one of 1.x asks for a user and a password."""
    if request.param == "influx1":
        return request.getfixturevalue("influx_with_accounts")
    return started(influxes, request.param)


@pytest.fixture(scope="session")
def influx_one(influxes) -> InfluxServer:
    """A real InfluxDB 1."""
    return started(influxes, "influx1")
