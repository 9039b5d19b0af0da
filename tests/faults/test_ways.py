"""Faults 3, 4 and 9: the ways to broker and store, and what a store, or something before it, may answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.faults import ANSWERS, Block, gateway_killed, lasting, store_answers, store_drips
from tests.faults.proof import proven
from tests.faults.proxy import PUBACK, Proxy
from tests.faults.stored import EmbeddedReader, compare

pytestmark = pytest.mark.service
RATE = 300
MANY = 5000

CUTS: dict[str, Callable[[Proxy], Block]] = {
    "refused": lambda way: way.refused(),
    "cable out": lambda way: way.held(),
    "half-open": lambda way: way.half_open(),
    "late": lambda way: way.switched(delay_s=0.3),
}


def test_both_ways_cut(make_world) -> None:
    """For a second, in each manner."""
    world = make_world()
    world.tell("rate", RATE)
    for cut in CUTS.values():
        lasting(1, cut(world.broker), cut(world.store))
        world.moved(time.time_ns())
    proven(world)


def test_a_dead_connection_that_looks_open_is_noticed(make_world) -> None:
    """Nothing comes through any more and nobody says so: the gateway connects anew, by itself."""
    world = make_world(keep_alive_s=1)
    world.tell("rate", RATE)
    world.moved(time.time_ns())
    # What stands now stays dead for good; what is connected from now on is well.
    world.broker.strand()
    world.store.strand()
    world.moved(time.time_ns())
    proven(world)


def test_a_backlog_is_drained_faster_than_it_grows(make_world) -> None:
    """Once the store is back: at three times the rate of the machines or better."""
    world = make_world()
    world.tell("rate", RATE)
    lasting(8, world.store.refused())
    behind_s = world.behind_s()
    world.moved(time.time_ns() - round(behind_s * 1e9))  # the first of the backlog is there
    began, behind_s = time.monotonic(), world.behind_s()
    world.until(lambda: world.behind_s() < 2, "the backlog is drained")
    took_s = time.monotonic() - began
    assert behind_s + took_s >= 3 * took_s  # 12 times as measured, 4 times where eight others are at work
    proven(world)


@pytest.mark.parametrize("slow", ["drips", "503 with Retry-After"])
def test_a_slow_store_does_not_hold_up_the_machines(make_world, slow: str) -> None:
    """They are taken in and acknowledged all along; what waits lies on disk and not in memory."""
    world = make_world()
    world.tell("rate", 100)
    world.moved(time.time_ns())
    before_mb = world.resident_mb()
    fault = store_drips(world, 0.2) if slow == "drips" else store_answers(world, slow)
    with fault:
        acknowledged = world.broker.seen["up", PUBACK]
        world.tell("burst", MANY)
        world.until(
            lambda: world.broker.seen["up", PUBACK] >= acknowledged + MANY, "all of them acknowledged"
        )
        more_mb, waiting = world.resident_mb() - before_mb, world.books().ledger.waiting
    assert waiting > 0.8 * 3 * MANY
    assert more_mb < 30
    proven(world)


def test_answers_that_are_no_success_lose_nothing(make_world) -> None:
    """Neither a login page nor a detour nor a refusal counts as written; the log says what is wrong."""
    world = make_world()
    world.tell("rate", RATE)
    for name in ANSWERS:
        said = len(world.said())
        with store_answers(world, name):
            if name.startswith("413"):
                time.sleep(0.5)  # smaller bodies get through, so there is nothing to alarm anybody
            else:
                world.until(lambda since=said: "cannot deliver" in world.said()[since:], f"an alarm: {name}")
        if not name.startswith("413"):
            world.until(lambda since=said: "delivers again" in world.said()[since:], f"the end of {name}")
    proven(world)


def test_a_store_that_is_made_ready_late(make_world) -> None:
    """404 by the real server until somebody runs `fieldlab store setup`, as the alarm says."""
    world = make_world(setup=False)
    world.tell("rate", RATE)
    world.until(lambda: "fieldlab store setup" in world.said(), "an alarm that says what to do")
    world.setup_store()
    world.moved(time.time_ns())
    proven(world)


def test_a_second_store_does_not_wait_for_the_first(make_world) -> None:
    """The first refuses, the gateway is killed: the second goes on; in the end both have all of it, once."""
    world = make_world(also=True)
    second = EmbeddedReader(world.folder / "copy.db")
    world.tell("rate", RATE)
    world.moved(time.time_ns())
    with world.store.refused():
        for _ in range(3):
            since_ns = time.time_ns()
            world.until(lambda since=since_ns: second.newest_ns() > since, "new samples in the second store")
            lasting(0, gateway_killed(world))
    world.moved(time.time_ns())
    proven(world)
    copied = compare(world.ledger, second.samples())
    assert copied.clean
    assert copied.stored == copied.given
    accounts = world.ledger_says()["stores"]
    assert accounts["copy"]["stored"] == accounts["store"]["stored"] == copied.stored
