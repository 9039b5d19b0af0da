"""Faults 13 and 14: a broker that is stopped, killed, or loses its sessions."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import pytest

from ingest.embedded import EmbeddedStore
from tests.faults.faults import gateway_killed
from tests.faults.generator import MACHINES
from tests.faults.proof import proof, proven
from tests.faults.proxy import PUBACK, SUBACK, Kinds, Way
from tests.faults.world import World

pytestmark = pytest.mark.service
S = 1_000_000_000


def gaps(world: World) -> list[tuple[str, str, int, int]]:
    """Machine, reason, start and end of every gap in the store."""
    with closing(EmbeddedStore(world.folder / "lab.db", "lab")) as store:
        return [
            (table.tags["machine"], table.tags["reason"], int(start), int(end))
            for table in store.read("raw", "gap")
            for start, end in zip(table.time_ns, table.columns["to_ns"], strict=True)
        ]


def dropped(way: Way, kinds: Kinds, lost: list[bool]) -> bool:
    """Whether a piece is acknowledgements, which are dropped; each is noted."""
    if way == "up" and PUBACK in kinds:
        lost.append(True)
        return True
    return False


def test_a_broker_that_is_stopped_and_started(make_world: Any) -> None:
    """With messages on their way, unacknowledged, and a gateway that is killed meanwhile: nothing is lost."""
    world = make_world("embedded")
    world.tell("rate", 300)
    world.moved(time.time_ns())
    # What the gateway acknowledges does not get there: the broker sends all of it again.
    lost: list[bool] = []
    with world.broker.switched(watch=lambda way, kinds: not dropped(way, kinds, lost)):
        world.tell("burst", 500)
        world.until(lambda: lost, "acknowledgements on their way")
        world.stop_broker()
    with gateway_killed(world):
        world.start_broker()
    world.moved(time.time_ns())
    assert proven(world).account["replaced"] > 0


def test_a_broker_that_is_killed(make_world: Any) -> None:
    """What it had acknowledged to the machines in its last seconds may be gone, and nothing else."""
    world = make_world("embedded", save_at_once=True)
    world.tell("rate", 100)
    world.moved(time.time_ns())
    with world.gateway_stopped():  # so that it holds messages when it dies
        time.sleep(0.5)
        killed_ns = time.time_ns()
        world.kill_broker()
        world.start_broker()
    world.moved(time.time_ns())
    world.tell("stop")
    world.until(lambda: world.books().ledger.waiting == 0, "all is delivered")
    world.stop_gateway()
    outcome = proof(world).outcome
    assert (outcome.twice, outcome.changed, outcome.strange) == (0, 0, 0)
    assert all(killed_ns - 2 * S <= time_ns <= killed_ns + S for _, _, time_ns in outcome.missing)


def test_a_broker_that_forgets_its_sessions_while_acknowledgements_wait(make_world: Any) -> None:
    """What it held is lost with it, each sample in a gap; no stale acknowledgement, nothing double."""
    world = make_world("embedded")
    world.tell("rate", 300)
    world.moved(time.time_ns())
    again = world.broker.seen["down", SUBACK]
    with world.broker.switched(watch=lambda way, kinds: not (way == "up" and PUBACK in kinds)):
        with world.gateway_stopped():
            world.tell("burst", 3000)  # more than can be on its way unacknowledged
            time.sleep(0.3)
            world.stop_broker(forgets=True)
            world.start_broker()
        world.until(lambda: world.broker.seen["down", SUBACK] > again, "the gateway subscribes anew")
    world.moved(time.time_ns())
    world.tell("stop")
    world.until(lambda: world.books().ledger.waiting == 0, "all is delivered")
    world.stop_gateway()
    found, told = proof(world).outcome, gaps(world)
    assert (found.twice, found.changed, found.strange) == (0, 0, 0)
    assert found.missing
    for machine, _, time_ns in found.missing:
        assert any(machine == m and start <= time_ns < end for m, _, start, end in told), time_ns
    assert {(m, reason) for m, reason, _, _ in told} == {(m, "session-lost") for m in MACHINES}
    assert all(end - start < 30 * S for _, _, start, end in told)


def test_reconnecting_again_and_again_under_load(make_world: Any) -> None:
    """Each time with messages that wait for their acknowledgement: old numbers never acknowledge new ones."""
    world = make_world("embedded")
    world.tell("rate", 500)
    for _ in range(5):
        world.until(lambda: world.broker.seen["up", PUBACK], "acknowledgements")
        world.broker.seen.clear()
        world.broker.reset()
    world.moved(time.time_ns())
    proven(world)
