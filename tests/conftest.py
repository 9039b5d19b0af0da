"""Shared fixtures: real servers, and the names of the tests that could not run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import influxes as here
from tests import servers

# How long an example takes, and making it, depends on what else the machine does. The same examples each
# time: whether a change passes must not be a matter of luck. `FIELDLAB_TEST_SEARCH=1` looks for new ones.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fieldlab", _patient, derandomize=True)
settings.register_profile("search", _patient)
settings.load_profile("search" if os.environ.get("FIELDLAB_TEST_SEARCH") == "1" else "fieldlab")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What needs an InfluxDB runs once for each that is here."""
    if "influx_server" in metafunc.fixturenames:
        metafunc.parametrize("influx_server", here.kinds(), indirect=True, scope="session")


@pytest.fixture(scope="session")
def influxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[here.Influxes]:
    """Real InfluxDBs by kind (`tests.influxes.kinds`), for fixtures that have kinds of their own."""
    with here.started(tmp_path_factory.mktemp) as server:
        yield server


@pytest.fixture(scope="session")
def influx_server(request: pytest.FixtureRequest, influxes: here.Influxes) -> servers.InfluxServer:
    """A real InfluxDB: each that is on the PATH, and that of FIELDLAB_TEST_INFLUX_URL."""
    try:
        return influxes(request.param)
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))


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
    _name_skipped(terminalreporter)
    reports = [r for outcome in ("passed", "failed", "error") for r in terminalreporter.getreports(outcome)]
    asked = any("influx" in r.nodeid for r in reports)
    absent = here.missing() if asked and here.GIVEN not in here.kinds() else {}
    if absent:
        terminalreporter.write_line("")
        terminalreporter.write_line("the suite of stores did not run against these:")
        for kind, reason in absent.items():
            terminalreporter.write_line(f"  {kind}: {reason}")


def _name_skipped(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.write_line("")
    terminalreporter.write_line(f"{len(skipped)} could not run:")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"  {report.nodeid}: {reason.removeprefix('Skipped: ')}")
