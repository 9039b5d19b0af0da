"""Shared fixtures: real servers, and the names of the tests that could not run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import servers


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.InfluxServer]:
    """The InfluxDB of FIELDLAB_TEST_INFLUX_URL where it is set, else Debian's, started for this session."""
    url = os.environ.get("FIELDLAB_TEST_INFLUX_URL")
    if url:
        token = os.environ.get("FIELDLAB_TEST_INFLUX_TOKEN")
        yield servers.InfluxServer(url, token, os.environ.get("FIELDLAB_TEST_INFLUX_ORG"))
        return
    try:
        with servers.influxd(tmp_path_factory.mktemp("influxd")) as (server, _process):
            yield server
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def influx_url(influx_server: servers.InfluxServer) -> str:
    """The URL of a real InfluxDB."""
    return influx_server.url


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.MosquittoServer]:
    """A real mosquitto: ``host``, ``port``."""
    try:
        with servers.mosquitto(tmp_path_factory.mktemp("mosquitto")) as (server, _process):
            yield server
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every test that could not run, and why: a skip must not look like a pass."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.write_line("")
    terminalreporter.write_line(f"{len(skipped)} could not run:")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"  {report.nodeid}: {reason.removeprefix('Skipped: ')}")
