"""The InfluxDBs that the tests of stores run against: every one that this machine has, or is told of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests import servers
from tests.fronts.influx2 import influx2
from tests.fronts.influx3 import influx3

GIVEN = "given"
FRONTS = {"front2": influx2, "front3": partial(influx3, most_files=12)}
"""By kind: servers that speak as others do before a real InfluxDB 1, see `tests.fronts`."""
_URL = "FIELDLAB_TEST_INFLUX_URL"
Influxes = Callable[[str], servers.InfluxServer]


def missing() -> dict[str, str]:
    """Versions that no test can run against here, and why."""
    found = {}
    for major in servers.INFLUX_PROGRAMS:
        try:
            servers.influx_program(major)
        except servers.ServerMissingError as error:
            found[f"influx{major}"] = str(error)
    return found


def kinds() -> list[str]:
    """``influx1``, ``influx2``, ``influx3``, ``given``: those that are here; and FRONTS before the first.

    Where there is none, the first: what asks for it is skipped and says what is missing.
    """
    absent = missing()
    here = [f"influx{major}" for major in servers.INFLUX_PROGRAMS if f"influx{major}" not in absent]
    here += list(FRONTS) if "influx1" in here else []
    return [*here, *([GIVEN] if os.environ.get(_URL) else [])] or ["influx1"]


def kinds_of(major: int) -> list[str]:
    """Those of one major version that are here, the one given by its address perhaps among them."""
    return [kind for kind in kinds() if kind in {f"influx{major}", f"front{major}", GIVEN}]


@contextmanager
def started(folder: Callable[[str], Path]) -> Iterator[Influxes]:
    """Servers by kind, each started when it is first asked for, ended with the block."""
    running: dict[str, servers.InfluxServer] = {}
    with ExitStack() as stack:

        def server(kind: str) -> servers.InfluxServer:
            if kind not in running:
                running[kind] = (
                    stack.enter_context(FRONTS[kind](server("influx1").url, folder(kind)))
                    if kind in FRONTS
                    else _start(kind, folder(kind), stack)
                )
            return running[kind]

        yield server


def _start(kind: str, folder: Path, stack: ExitStack) -> servers.InfluxServer:
    if kind == GIVEN:
        token, org = (os.environ.get(f"FIELDLAB_TEST_INFLUX_{name}") for name in ("TOKEN", "ORG"))
        return servers.given_influx(os.environ[_URL], token, org, folder)
    return stack.enter_context(servers.influxd(folder, major=int(kind.removeprefix("influx"))))[0]
