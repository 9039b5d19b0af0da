"""Another configuration while a gateway runs: what is the same in it goes on, nothing is lost in silence."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from fieldlab_configs import ConfigError, Gateway, OpcUaSource, Signal, Spool
from gateways import gateway, source
from gateways.clock import GatewayClock
from gateways.gateway import Running
from gateways.reload import check_change
from gateways.source import Source
from ingest.samples import Sample
from tests.gateways.helpers import Collector, site, until

SERVER = OpcUaSource(kind="opcua", endpoint="opc.tcp://127.0.0.1:4840", security="none")
OTHER = SERVER.model_copy(update={"queue_size": 7})
UNREACHABLE = SERVER.model_copy(update={"endpoint": "opc.tcp://192.0.2.1:4840"})


class Steady(Source):
    """A driver that counts its lives and notes when each begins and ends."""

    kind = "opcua"
    diary: list[str] = []  # noqa: RUF012 - of the class, on purpose

    async def run(self, stop):
        self.diary.append(f"begin {self.config.queue_size}")
        if self.config.endpoint != UNREACHABLE.endpoint:
            for machine in self.machines:
                self.context.life.rise(self.name, machine)
            await self.context.sink.accept([Sample("m1", "count", 1, 1.0)])
        await stop.wait()
        self.context.life.fall(self.name)
        self.diary.append(f"end {self.config.queue_size}")


@pytest.fixture
def drivers(monkeypatch):
    Steady.diary.clear()
    monkeypatch.setitem(source.DRIVERS, "opcua", f"{__name__}:Steady")
    return monkeypatch


def plan(config=SERVER, names=("count",), **more):
    return site(config, {name: Signal(source="src", node=f"i={len(name)}") for name in names}, **more)


@asynccontextmanager
async def started(config, sink):
    running, stop = Running(config, "edge", sink, GatewayClock("system")), asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    try:
        yield running
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def test_a_source_that_is_the_same_goes_on_undisturbed(drivers):
    """Though heartbeat and everything around it differ."""
    sink = Collector()
    async with started(plan(), sink) as running:
        await until(sink.is_up)
        await running.change(plan(heartbeat_s=0.05))
        assert Steady.diary == ["begin 1000"]
        await until(lambda: len(sink.life()) > 3)
    assert [up for _, up in sink.life()].count(False) == 1


async def test_a_changed_source_is_connected_anew_and_life_does_not_end_for_that(drivers):
    """One after the other; what it brought before still counts."""
    sink = Collector()
    async with started(plan(), sink) as running:
        await until(sink.is_up)
        await running.change(plan(OTHER, names=("count", "more")))
        assert Steady.diary == ["begin 1000", "end 1000", "begin 7"]
        assert sink.is_up()
        assert running.figures["src"].samples == 2
    assert [up for _, up in sink.life()].count(False) == 1


async def test_life_ends_where_the_changed_one_shows_none(drivers, monkeypatch):
    """What the one before knew is out of date then."""
    monkeypatch.setattr(gateway, "HANDOVER_S", 0.1)
    sink = Collector()
    async with started(plan(), sink) as running:
        await until(sink.is_up)
        await running.change(plan(UNREACHABLE))
        assert not sink.is_up()


async def test_a_source_or_machine_that_is_gone_is_told_down_and_then_no_more(drivers):
    """Its last heartbeat is a 0; a new source begins."""
    sink = Collector()
    before = plan()
    after = before.model_copy(
        update={"sources": {"new": OTHER}, "gateways": {"edge": Gateway(sources=("new",))}}
    )
    async with started(before, sink) as running:
        await until(sink.is_up)
        await running.change(after)
        assert not sink.is_up()
        assert running.life.all_up() == {}
        await until(lambda: set(Steady.diary) == {"begin 1000", "end 1000", "begin 7"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fieldlab": "other"}, "fieldlab: is another one"),
        ({"gateways": {"other": Gateway(sources=("src",))}}, "edge is no longer there"),
        (
            {"gateways": {"edge": Gateway(sources=("src",), spool=Spool(max_bytes=1_000_000))}},
            "gateways.edge.spool, store: cannot change while the gateway runs",
        ),
        ({"gateways": {"edge": Gateway(sources=("src",), clock="source")}}, "gateways.edge.clock, store"),
    ],
)
def test_what_cannot_change_is_refused_by_its_key(change, said):
    """With what to do: restart."""
    before = plan()
    with pytest.raises(ConfigError, match=said):
        check_change(before, before.model_copy(update=change), "edge")
