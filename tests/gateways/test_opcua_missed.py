"""What an OPC UA gateway missed: taken over, filled from history, or told as a gap to the nanosecond."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import pytest_asyncio
from asyncua import ua

from fieldlab_configs import Signal
from gateways import opcua_history
from gateways.memory import Memory
from gateways.opcua import OpcUa
from ingest.embedded import EmbeddedStore
from ingest.spool import Spool
from tests.faults.proxy import Proxy
from tests.gateways.helpers import Collector, S, running, site, until
from tests.gateways.opcua_peer import URI, OpcUaPeer, moment

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server():
    peer = OpcUaPeer()
    await peer.start()
    yield peer
    await peer.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def peer(server):
    await server.forget()
    server.port_for_clients = None
    server.more = {}
    for name in server.names.values():
        server.server.iserver.history_manager.storage._datachanges.pop(server.nodes[name].nodeid, None)
        no = ua.DataValue(ua.Variant(Value=False))
        await server.nodes[name].write_attribute(ua.AttributeIds.Historizing, no)
    await server.reset()
    return server


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    timing = replace(OpcUa.timing, retry_nodes_s=0.2, longest_wait_s=0.3)
    monkeypatch.setattr(OpcUa, "timing", timing)


def counted(sink: Collector) -> list[float]:
    return [value for value in sink.values("count") if value]


def remembering(peer: OpcUaPeer, folder, **more: Signal):
    """A site whose gateway keeps what it must know in a folder."""
    plan = site(peer.config, peer.signals() | more)
    edge = plan.gateways["edge"]
    edge = edge.model_copy(update={"spool": edge.spool.model_copy(update={"path": folder})})
    return plan.model_copy(update={"gateways": {"edge": edge}})


async def test_a_cut_costs_nothing_where_the_subscription_can_be_taken_over(peer):
    """Fault 3: the server goes on filling its queues, and the next connection gets them: no loss, no gap."""
    with Proxy(peer.port) as proxy:
        peer.port_for_clients = proxy.port
        sink = Collector()
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            await peer.publish("count", 1.0, time.time_ns())
            await until(lambda: 1.0 in sink.values("count"))
            with proxy.refused():
                await until(lambda: not sink.is_up())
                for n in range(2, 30):
                    await peer.publish("count", float(n), time.time_ns())
            await until(lambda: 29.0 in sink.values("count"))
            await peer.publish("count", 30.0, time.time_ns())
            await until(lambda: 30.0 in sink.values("count"))
    assert counted(sink) == [float(n) for n in range(1, 31)]
    assert sink.gaps == []


async def test_a_gateway_that_is_stopped_and_started_goes_on_where_it_was(peer, tmp_path):
    """It leaves its subscription behind and takes it over again."""
    plan = remembering(peer, tmp_path)
    first, second = Collector(), Collector()
    async with running(plan, first):
        await until(first.is_up)
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in first.values("count"))
    await peer.publish("count", 2.0, time.time_ns())
    async with running(plan, second):
        await until(lambda: 2.0 in second.values("count"))
    assert counted(second) == [2.0]
    assert second.gaps == []


async def test_another_config_does_not_take_over_what_the_old_one_watched(peer, tmp_path):
    """A handle would mean another signal; the old subscription is deleted."""
    first, second = Collector(), Collector()
    async with running(remembering(peer, tmp_path), first):
        await until(first.is_up)
    more = Signal(source="src", node=f"nsu={URI};s=State")
    async with running(remembering(peer, tmp_path, another=more), second):
        await until(lambda: second.values("another") and second.values("count"))
        assert len(peer.server.iserver.subscription_service.subscriptions) == 1


async def test_what_is_lost_comes_from_the_servers_history_in_chunks(peer, monkeypatch):
    """`count` has one and is filled, chunk by chunk; `state` has none, and its gap is the whole time."""
    monkeypatch.setattr(opcua_history, "CHUNK", 7)
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.historize("Count")
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
        await peer.vanish()
        await until(lambda: not sink.is_up())
        down = time.time_ns()
        for n in range(2, 51):
            await peer.publish("count", float(n), time.time_ns())
        up = time.time_ns()
        await peer.reappear()
        await until(lambda: set(range(2, 51)) <= set(sink.values("count")) and sink.gaps)
    (gap,) = sink.gaps
    assert (gap.machine, gap.signal, gap.reason, gap.count) == ("m1", "state", "outage", 0)
    assert down - 5 * S < gap.start_ns < down
    assert gap.end_ns >= up
    told = {(s.time_ns, s.value) for s in sink.of("count") if s.value}
    assert len(told) == 50


async def test_a_history_that_does_not_reach_so_far_leaves_the_time_the_server_was_away(peer):
    """It was restarted meanwhile: from its last value before to its start nobody recorded anything."""
    sink = Collector()
    status = peer.server.get_node(ua.NodeId(ua.Int32(2257)))
    async with running(site(peer.config, {"count": peer.signals()["count"]}), sink):
        await until(lambda: sink.is_up() and sink.values("count"))
        await peer.historize("Count")
        await peer.vanish()
        await until(lambda: not sink.is_up())
        before = time.time_ns()
        await peer.publish("count", 2.0, before)
        start = before + S
        await status.write_value(ua.Variant(moment(start)))
        await asyncio.sleep(1.1)  # the server starts
        await peer.publish("count", 3.0, time.time_ns())
        await peer.reappear()
        await until(lambda: {2.0, 3.0} <= set(sink.values("count")) and sink.gaps)
    (gap,) = sink.gaps
    assert (gap.signal, gap.reason) == ("count", "outage")
    assert abs(gap.start_ns - before) < S // 5
    assert abs(gap.end_ns - start) < S // 5


async def test_notifications_that_are_gone_for_good_come_from_history(peer):
    """Fault 16: three numbers are missing and the server has them no longer."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.historize("Count")
        await peer.historize("State")
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
        subscription = peer.subscription()
        await peer.publish("count", 2.0, time.time_ns())
        subscription._triggered_datachanges.clear()  # as if it had been sent, lost and forgotten
        subscription._notification_seq += 1
        await peer.publish("count", 3.0, time.time_ns())
        await until(lambda: {2.0, 3.0} <= set(sink.values("count")))
        await asyncio.sleep(0.2)
    assert sink.gaps == []


async def test_a_history_may_be_left_alone(peer):
    """`history: false`: a gap at once."""
    peer.more = {"history": False}
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.historize("Count")
        await peer.vanish()
        await peer.publish("count", 2.0, time.time_ns())
        await peer.publish("count", 3.0, time.time_ns())
        await peer.reappear()
        await until(lambda: sink.is_up() and sink.gaps and 3.0 in sink.values("count"))
    assert [(gap.signal, gap.reason) for gap in sink.gaps] == [("none", "outage")]
    assert 2.0 not in sink.values("count")


async def test_items_that_the_server_dropped_are_asked_for_again(peer, monkeypatch):
    """It says nothing of it and goes on telling the others."""
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, look_s=0.5))
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await until(lambda: sink.values("count") and sink.values("state"))
        items = peer.subscription().monitored_item_srv
        count = next(
            i for i, m in items._monitored_items.items() if m.read_value_id.NodeId.Identifier == "Count"
        )
        items.delete_monitored_items([count])
        await peer.publish("count", 9.0, time.time_ns())
        await until(lambda: 9.0 in sink.values("count"))
    assert sink.gaps == [] or {gap.reason for gap in sink.gaps} == {"outage"}


async def test_what_was_left_by_a_damaged_memory_is_said(tmp_path, caplog):
    """It starts all the same."""
    path = tmp_path / "edge.src.opcua"
    path.write_text('{"heard_ns": "yesterday"}')
    assert Memory(path).known.heard_ns is None
    assert "cannot be read" in caplog.text
    memory = Memory(path)
    memory.known.heard_ns = 5
    memory.keep()
    assert Memory(path).known.heard_ns == 5


CONFIG = """
fieldlab: lab
timezone: UTC
lines: [{{id: line, machines: [{{id: m1, states: {{map: {{RUN: producing}}}}, signals: {{
  total_count: {{source: src, node: "nsu={uri};s=Count"}},
  state: {{source: src, node: "nsu={uri};s=State"}}}}}}]}}]
sources: {{src: {{kind: opcua, endpoint: "{endpoint}", security: none, publishing_interval_ms: 20}}}}
gateways: {{edge: {{sources: [src], spool: {{path: spool}}}}}}
store: {{kind: embedded, path: lab.db}}
"""


def is_whole(subscription) -> bool:
    """Count, State and the server's namespaces."""
    return len(subscription.monitored_item_srv._monitored_items) == 3


def gateway_process(folder, *before: str) -> subprocess.Popen[str]:
    command = [*before, sys.executable, "-m", "fieldlab", "gateway", str(folder / "lab.yaml")]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(folder / "log").open("a"), text=True)


def in_store(folder) -> list[float]:
    path = folder / "lab.db"
    if not path.exists():
        return []
    store = EmbeddedStore(path)
    try:
        tables = store.read("raw", "machine", fields=["total_count"])
        return [
            v for table in tables for v in table.columns["total_count"].tolist() if v and not math.isnan(v)
        ]
    finally:
        store.close()


@pytest.mark.parametrize("takes_over", [True, False])
async def test_a_gateway_that_is_killed_loses_nothing_or_says_exactly_what(peer, tmp_path, takes_over):
    """Fault 1: with the subscription still there all arrives; without, the time between the two is a gap."""
    (tmp_path / "lab.yaml").write_text(CONFIG.format(uri=URI, endpoint=peer.endpoint))
    subscriptions = peer.server.iserver.subscription_service.subscriptions
    first = gateway_process(tmp_path)
    second = None
    try:
        await until(lambda: any(is_whole(s) for s in subscriptions.values()))
        for n in range(1, 41):
            await peer.publish("count", float(n), time.time_ns())
            await asyncio.sleep(0.005)
        first.send_signal(signal.SIGKILL)  # somewhere on the way of the last ones
        first.wait()
        killed = time.time_ns()
        if not takes_over:
            await peer.forget()
        for n in range(41, 61):
            await peer.publish("count", float(n), time.time_ns())
        second = gateway_process(tmp_path)
        await until(lambda: 60.0 in in_store(tmp_path))
        started = time.time_ns()
    finally:
        for process in (first, second):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)
    values = in_store(tmp_path)
    assert len(values) == len(set(values))
    spool = Spool(tmp_path / "spool", "edge")
    spool.open()
    gaps = spool._connection().execute("SELECT machine, signal, reason, start_ns, end_ns FROM gap").fetchall()
    spool.close()
    if takes_over:
        assert sorted(values) == [float(n) for n in range(1, 61)]
        assert gaps == []
        return
    ((machine, name, reason, start, end),) = gaps
    assert (machine, name, reason) == ("m1", "none", "outage")
    assert killed - 5 * S < start <= killed
    assert killed < end < started
    assert set(range(1, 61)) - set(values) <= set(range(1, 60))
    heard = json.loads((tmp_path / "spool" / "edge.src.opcua").read_text())
    assert heard["owed"] == []
