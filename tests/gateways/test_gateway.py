"""The supervised run, and the way through the real pipeline into a store."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from fieldlab_configs import Gateway, Spool
from gateways import source
from gateways.errors import SourceRefused
from gateways.rollup import Rollup
from gateways.sink import PatientSink
from gateways.source import Source
from ingest.embedded import EmbeddedStore
from ingest.pipeline import Pipeline
from ingest.samples import Sample
from tests import servers
from tests.gateways.helpers import Collector, S, running, site, until
from tests.gateways.mqtt_peer import MqttPeer
from tests.gateways.opcua_peer import OpcUaPeer


class Flaky(Source):
    """A driver with a defect: its first life ends in an exception."""

    kind = "opcua"
    lives = 0

    async def run(self, stop: asyncio.Event) -> None:
        type(self).lives += 1
        self.context.life.rise(self.name, "m1")
        await self.context.life.flush()
        if self.lives == 1:
            raise ZeroDivisionError("a defect")
        await self.context.sink.accept([Sample("m1", "count", 1, float(self.lives))])
        await stop.wait()


class Refusing(Source):
    """A driver whose configuration cannot work."""

    kind = "opcua"

    async def run(self, stop: asyncio.Event) -> None:  # noqa: ARG002 - it never gets that far
        raise SourceRefused("its key belongs to another door")


@pytest.fixture
def fieldlab():
    peer = OpcUaPeer()
    return site(peer.config, peer.signals(), heartbeat_s=0.1)


async def test_a_driver_that_fails_is_started_anew_and_said_whole(fieldlab, monkeypatch, caplog):
    """The traceback is in the log, life ends at once, and the source comes back."""
    monkeypatch.setitem(source.DRIVERS, "opcua", f"{__name__}:Flaky")
    Flaky.lives = 0
    sink = Collector()
    async with running(fieldlab, sink):
        await until(lambda: sink.values("count") == [2.0])
    assert [up for _, up in sink.life()][:3] == [True, False, True]
    assert "ZeroDivisionError: a defect" in caplog.text


async def test_a_source_that_cannot_work_is_said_once_and_left(fieldlab, monkeypatch, caplog):
    """No retry can help it, and no traceback is the user's business."""
    monkeypatch.setitem(source.DRIVERS, "opcua", f"{__name__}:Refusing")
    sink = Collector()
    async with running(fieldlab, sink):
        await until(lambda: "its key belongs to another door" in caplog.text)
        await until(sink.life)
    assert [up for _, up in sink.life()] == [False]
    assert "Traceback" not in caplog.text


async def test_heartbeats_come_in_real_time_and_the_last_one_is_0(fieldlab, monkeypatch):
    """With an interval of 0.1 s: never more ones than there were intervals, then the end."""
    monkeypatch.setitem(source.DRIVERS, "opcua", f"{__name__}:Flaky")
    Flaky.lives = 1
    sink = Collector()
    began = time.time_ns()
    async with running(fieldlab, sink):
        await until(lambda: len(sink.life()) >= 5)
    times, ups = zip(*sink.life(), strict=True)
    assert ups == (*[True] * (len(ups) - 1), False)
    # The first stands at the beginning of life, the last at its end; a late one does not put off the next.
    assert all(at - began >= 0.099 * S * number for number, at in enumerate(times[:-1]))


async def test_a_patient_sink_hands_over_once_and_says_so_once(caplog):
    """Ten refusals, one line; then the samples, once."""
    sink = Collector(available=False)
    waiting = asyncio.create_task(PatientSink(sink).accept([Sample("m1", "count", 1, 1.0)]))
    await until(lambda: sink.refused >= 3)
    sink.available = True
    await waiting
    assert len(sink.samples) == 1
    assert caplog.text.count("the spool takes nothing") == 1


def test_a_trouble_is_said_once_then_rolled_up(caplog):
    """One line at first, one with the number of times after five minutes, at once for another trouble."""
    now = [0.0]
    rollup = Rollup(logging.getLogger("trouble"), clock=lambda: now[0])
    for _ in range(301):
        rollup.failed("nobody listens")
        now[0] += 1
    rollup.failed("refused")
    assert [r.getMessage() for r in caplog.records] == [
        "nobody listens", "nobody listens (301 times in 300 s)", "refused",
    ]  # fmt: skip


def stored(store: EmbeddedStore, field: str) -> list[tuple[int, object]]:
    tables = store.read("raw", "machine", fields=[field])
    return [(int(t), v) for table in tables for t, v in zip(table.time_ns, table.columns[field], strict=True)]


async def through(peer, tmp_path) -> None:
    """What the machine says is in the store, the account balances, and the link is there."""
    plan = site(peer.config, peer.signals())
    gateway = Gateway(sources=("src",), spool=Spool(path=tmp_path / "spool"))
    plan = plan.model_copy(update={"gateways": {"edge": gateway}})
    store = EmbeddedStore(tmp_path / "store.db")
    begin = time.time_ns() // S * S - 60 * S
    async with Pipeline(plan, "edge", store, now_ns=time.time_ns) as pipeline:
        async with running(plan, pipeline):
            await until(lambda: store.read("raw", "link"))
            for n in range(1, 51):
                await peer.publish("total_count", float(n), begin + n * S)
            await peer.publish("state", "RUN", begin + S)
            await until(lambda: (begin + 50 * S, 50.0) in stored(store, "total_count"))
            await until(lambda: (begin + S, "RUN") in stored(store, "state_text"))
        assert await pipeline.drained(60)
        ledger = pipeline.ledger()
    assert ledger.balances
    assert ledger.waiting == 0
    assert ledger.dead == 0
    assert [v for v in stored(store, "total_count") if v[1]] == [
        (begin + n * S, float(n)) for n in range(1, 51)
    ]
    assert (begin + S, "RUN") in stored(store, "state_text")
    (link,) = store.read("raw", "link")
    assert dict(link.tags) == {"fieldlab": "lab", "gateway": "edge", "machine": "m1", "source": "src"}
    assert link.columns["up"][-1] == 0.0
    store.close()


async def test_opc_ua_through_the_pipeline_into_a_store(tmp_path):
    """A real server, the real spool, the embedded store."""
    peer = OpcUaPeer()
    peer.names["total_count"] = "Count"
    await peer.start()
    try:
        await through(peer, tmp_path)
    finally:
        await peer.stop()


@pytest.mark.service
async def test_mqtt_through_the_pipeline_into_a_store(tmp_path):
    """A real broker, the real spool, the embedded store."""
    peer = MqttPeer(tmp_path / "broker")
    peer.names.append("total_count")
    try:
        await peer.start()
    except servers.ServerMissing as missing:
        pytest.skip(str(missing))
    try:
        await through(peer, tmp_path)
    finally:
        await peer.stop()
