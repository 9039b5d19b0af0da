"""Fault 8: what can never be stored becomes a dead letter; all that came with it arrives."""

from __future__ import annotations

import time

import pytest

from ingest.store import Row
from tests.faults.faults import poisoned
from tests.faults.generator import POISON
from tests.faults.proof import proven
from tests.faults.world import World

pytestmark = pytest.mark.service
CALM_S = 20
"""No reconnecting on a busy machine: a message that comes twice would be two dead letters."""


def conflicting(world: World) -> None:
    """The store has texts where a signal is a number."""
    tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "some-other"))
    world.seed([Row("machine", tags, "torque", time.time_ns(), "a text")])


@pytest.mark.parametrize("store", ["influxdb", "embedded"])
def test_one_in_five_thousand(make_world, store: str) -> None:
    """Of every kind, in the stream of the others."""
    world = make_world(store, keep_alive_s=CALM_S)
    conflicting(world)
    for kind in POISON:
        with poisoned(world, kind, 5000):
            world.tell("burst", 5000)
    found = proven(world)
    assert found.letters.total() == len(found.outcome.poison) == 3 + 3
    assert found.account["reasons"].keys() >= {"nan is not a number"}


@pytest.mark.parametrize("store", ["influxdb", "embedded"])
def test_nothing_but_poison(make_world, store: str) -> None:
    """Every message is; then good ones arrive as ever."""
    world = make_world(store, keep_alive_s=CALM_S)
    conflicting(world)
    for kind in POISON:
        with poisoned(world, kind, 1):
            world.tell("burst", 100)
    world.tell("burst", 100)
    found = proven(world)
    assert found.letters.total() == len(found.outcome.poison) == 100 * (1 + 1 + 1 + 3)
