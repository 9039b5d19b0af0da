"""A world for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.faults.world import World
from tests.influxes import missing

MAJORS = [major for major in (1, 2) if f"influx{major}" not in missing()] or [1]


@pytest.fixture(params=MAJORS)
def make_world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., World]]:
    """Machines, broker, gateway and store, up and connected; skipped where a server is missing."""
    with ExitStack() as running:

        def make(store: str = "influxdb", **settings: Any) -> World:
            if store == "embedded" and request.param != MAJORS[0]:
                pytest.skip("with the embedded store once is enough")
            try:
                return running.enter_context(World(tmp_path, store, major=request.param, **settings))
            except servers.ServerMissingError as absent:
                pytest.skip(str(absent))

        yield make
