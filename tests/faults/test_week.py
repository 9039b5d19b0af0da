"""A week without a store, two kills and an upgrade lose nothing; `make week` is the same at a real rate."""

from __future__ import annotations

import pytest

from tests import servers, wheels
from tests.faults.proof import proven
from tests.faults.week import NEW, Box, Week

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(900)]
EVERY_S = 240.0


def test_a_week_without_a_store_two_kills_and_an_upgrade_lose_nothing(tmp_path) -> None:
    """Each sample is in the store once, with the value that the machine gave; the account agrees."""
    old, new = wheels.build(tmp_path / "old"), wheels.build(tmp_path / "new", NEW)
    box = Box(tmp_path, old)
    try:
        with box.world as world:
            story = Week(box, EVERY_S).run(new)
            found = proven(world)
    except servers.ServerMissingError as absent:
        pytest.skip(str(absent))
    assert story.samples == found.outcome.given == found.account["stored"] == 4 * 3 * 7 * 86400 // EVERY_S
    assert story.versions == (story.versions[0], f"fieldlab {NEW}")
    assert story.versions[0] != story.versions[1]
    assert story.most_mb < 150
    assert found.account["dead"] == 0
