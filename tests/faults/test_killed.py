"""Faults 1, 2 and 19: processes that are killed, or stand still."""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.faults import gateway_killed, influxd_killed, lasting, store_swallowed
from tests.faults.proof import proven
from tests.faults.proxy import PUBACK, PUBLISH, Kinds, Proxy, Way
from tests.faults.world import World

pytestmark = pytest.mark.service


@pytest.mark.parametrize("store", ["influxdb", "embedded"])
def test_a_gateway_killed_again_and_again(make_world, store: str) -> None:
    """At moments that nobody chose, under load."""
    world = make_world(store)
    world.tell("rate", 300)
    moments = random.Random(3)
    for _ in range(6):
        time.sleep(moments.uniform(0.1, 1.0))
        lasting(0, gateway_killed(world))
    world.moved(time.time_ns())
    proven(world)


MARKS = {
    "before the commit": ("broker", "down", PUBLISH, "before"),
    "after the commit, before the acknowledgement": ("broker", "up", PUBACK, "before"),
    "at the acknowledgement": ("broker", "up", PUBACK, "at"),
    "before the post": ("store", "up", None, "before"),
    "after the post, before its answer": ("store", "down", 204, "before"),
    "after the answer, before or in the commit of the cursor": ("store", "down", 204, "after"),
}
"""On which way, in which direction, what passes, and whether it still does (at, after) or not (before)."""


def killed_at(world: World, mark: str) -> None:
    """The gateway is killed at the next moment of a kind."""
    where, way, kind, when = MARKS[mark]
    proxy: Proxy = getattr(world, where)
    done: list[bool] = []

    def kill(passing: Way, kinds: Kinds) -> bool:
        if passing == way and (kind is None or kind in kinds) and not done:
            done.append(True)
            world.kill_gateway()
            return when != "before"
        return True

    setattr(proxy, "after" if when == "after" else "watch", kill)
    world.tell("burst", 500)  # so that a step takes its time, and the next cannot be done yet
    world.until(lambda: done, mark)
    proxy.watch = proxy.after = None


def test_a_gateway_killed_at_every_step(make_world) -> None:
    """Each of the moments at which a step is done and the next is not."""
    world = make_world()
    world.tell("rate", 300)
    for mark in MARKS:
        killed_at(world, mark)
        world.start_gateway()
        world.moved(time.time_ns())
    again = proven(world).account["replaced"]
    assert again > 0  # what was committed, but not acknowledged, came twice, and once into the store


def test_influxd_killed_in_mid_write(make_world) -> None:
    """A write is on its way into it each time."""
    world = make_world()
    world.tell("rate", 300)
    for _ in range(3):
        posts: list[Way] = []
        world.store.after = lambda way, _, seen=posts: seen.append(way) or True
        world.until(lambda seen=posts: "up" in seen, "a write")
        lasting(0.1, influxd_killed(world))
        world.moved(time.time_ns())
    proven(world)


def test_answers_of_influxd_that_get_lost(make_world) -> None:
    """It has written, and nobody hears of it: written again, nothing is there twice."""
    world = make_world()
    world.tell("rate", 300)
    before = world.store.seen["down", 204]
    lasting(1.5, store_swallowed(world))
    world.moved(time.time_ns())
    assert world.store.seen["down", 204] > before
    proven(world)


@pytest.mark.parametrize("store", ["influxdb", "embedded"])
def test_a_gateway_that_stands_still_for_longer_than_every_time_out(make_world, store: str) -> None:
    """Ctrl-Z in mid-work: broker and store have given it up when it goes on."""
    world = make_world(store, keep_alive_s=1)
    world.tell("rate", 300)
    lasting(3.5, world.gateway_stopped())
    world.moved(time.time_ns())
    proven(world)
