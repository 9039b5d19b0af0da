"""The servers that other tests stand on."""

from __future__ import annotations

import urllib.request

import pytest

from tests.servers import InfluxServer, MosquittoServer, listens

pytestmark = pytest.mark.service


def test_influxd_answers_its_version(influx_server: InfluxServer) -> None:
    """The fixture gives an InfluxDB that tells its version to who may ask: 3 asks for a token here too."""
    ping = urllib.request.Request(f"{influx_server.url}/ping")  # noqa: S310 - our own server
    if influx_server.token:
        ping.add_header("Authorization", f"Token {influx_server.token}")
    with urllib.request.urlopen(ping, timeout=5) as answer:  # noqa: S310 - our own server
        assert answer.headers["X-Influxdb-Version"]


def test_mosquitto_listens(mosquitto: MosquittoServer) -> None:
    """The fixture gives a broker that listens."""
    assert listens(mosquitto.port)
