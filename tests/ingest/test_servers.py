"""The servers that other tests stand on."""

from __future__ import annotations

import urllib.request

import pytest

from tests.servers import MosquittoServer, listens

pytestmark = pytest.mark.service


def test_influxd_answers_its_version(influx_url: str) -> None:
    """The fixture gives a real InfluxDB that tells its version."""
    with urllib.request.urlopen(f"{influx_url}/ping", timeout=5) as answer:  # noqa: S310 - our own server
        assert answer.headers["X-Influxdb-Version"]


def test_mosquitto_listens(mosquitto: MosquittoServer) -> None:
    """The fixture gives a broker that listens."""
    assert listens(mosquitto.port)
