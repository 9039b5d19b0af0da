"""Faults 5 and 7: a disk that is full, a spool that is damaged."""

from __future__ import annotations

import random
import re
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.faults.faults import disk_full, gateway_killed, lasting, small_disk
from tests.faults.proof import proof, proven
from tests.faults.proxy import PUBACK
from tests.faults.world import World

pytestmark = pytest.mark.service


def acknowledges_nothing(world: World, since: int) -> None:
    """Wait until the gateway says why, and acknowledges nothing, though there is plenty to do.

    `since`: how long its log was before.
    """
    world.until(lambda: "the spool takes nothing" in world.said()[since:], "that the spool takes nothing")

    def silent() -> bool:
        before = world.broker.seen["up", PUBACK]
        time.sleep(0.7)
        return world.broker.seen["up", PUBACK] == before

    world.until(silent, "no more acknowledgements")


def test_a_spool_at_its_bound(make_world) -> None:
    """Nothing is acknowledged and nothing thrown away: the machines' broker keeps it meanwhile."""
    world = make_world(max_bytes="200kB")
    world.tell("rate", 500)
    with world.store.refused():
        world.tell("burst", 8000)
        acknowledges_nothing(world, 0)
        world.until(lambda: re.search(r"its spool is \d+ % full", world.said()), "an alarm before it is full")
        received, said = world.received(), len(world.said())
        lasting(0, gateway_killed(world))
        acknowledges_nothing(world, said)
        assert world.received() - received < 0.1 * received
    world.moved(time.time_ns())
    proven(world)


def test_a_disk_that_is_full_and_freed(make_world, tmp_path: Path) -> None:
    """With the store away as well; killed in the midst of it. It resumes by itself."""
    disk = tmp_path / "disk"
    with ExitStack() as mounted:
        try:
            mounted.enter_context(small_disk(disk, 12))
        except OSError as error:
            pytest.skip(str(error))
        world = make_world(spool=disk / "spool")
        world.tell("rate", 2000)
        world.moved(time.time_ns())
        said = len(world.said())
        with world.store.refused(), disk_full(disk):
            acknowledges_nothing(world, said)
            said = len(world.said())
            lasting(0, gateway_killed(world))
            acknowledges_nothing(world, said)
        world.moved(time.time_ns())
        with world.store.refused():
            said = len(world.said())
            with disk_full(disk):
                acknowledges_nothing(world, said)
            received = world.received()
            world.until(lambda: world.received() > received, "samples taken in on the freed disk")
        world.moved(time.time_ns())
        proven(world)


def cut(content: bytearray, chance: random.Random) -> bytearray:
    """The file ends too early."""
    return content[: chance.randrange(len(content) // 4, len(content) * 3 // 4)]


def flip(content: bytearray, chance: random.Random) -> bytearray:
    """Single bits are wrong."""
    for _ in range(12):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


@pytest.mark.parametrize("part", ["g.spool", "g.spool-wal"])
@pytest.mark.parametrize("damage", [cut, flip])
def test_a_damaged_spool_hides_nothing(make_world, damage, part: str) -> None:
    """Killed with a backlog, its file damaged, started: what is gone is dead and a gap, to the sample."""
    chance = random.Random(f"{damage.__name__} {part}")
    world = make_world(keep_alive_s=20)  # no reconnecting on a busy machine: each is acknowledged once
    with world.store.refused():
        world.tell("rate", 1000)
        time.sleep(1.5)
        messages = int(world.tell("stop"))
        # Else the broker would send some again, and what was damaged would be less than what was lost.
        world.until(lambda: world.broker.seen["up", PUBACK] == messages, "all is acknowledged")
        world.kill_gateway()
        file = world.spool / part
        if part == "g.spool":
            with closing(sqlite3.connect(file)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or all would still be in its log
        file.write_bytes(damage(bytearray(file.read_bytes()), chance))
        world.start_gateway()
    world.until(world.settled, "every sample is somewhere")
    world.stop_gateway()
    found = proof(world)
    outcome, account = found.outcome, found.account
    assert (outcome.twice, outcome.changed, outcome.strange) == (0, 0, 0)
    assert account["received"] == outcome.given
    assert account["stored"] == outcome.stored
    assert account["dead"] == len(outcome.missing) > 0
    assert account["gaps"] > 0
