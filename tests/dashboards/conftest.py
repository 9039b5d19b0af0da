"""The InfluxDBs that dashboards are held against: real ones, that know companies."""

from __future__ import annotations

import pytest

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


@pytest.fixture(scope="session", params=REAL)
def real_influx(request, influxes) -> InfluxServer:
    """Each real InfluxDB that is here."""
    return started(influxes, request.param)


@pytest.fixture(scope="session")
def influx_one(influxes) -> InfluxServer:
    """A real InfluxDB 1."""
    return started(influxes, "influx1")
