"""A world for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.faults.world import World


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Machines, broker, gateway and store, up and connected; skipped where a server is missing."""
    with ExitStack() as running:

        def make(store: str = "influxdb", **settings: Any) -> World:
            try:
                return running.enter_context(World(tmp_path, store, **settings))
            except servers.ServerMissingError as missing:
                pytest.skip(str(missing))

        yield make
