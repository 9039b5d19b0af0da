"""The OPC UA driver against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import math
import resource
import struct
import time
from dataclasses import replace

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.user_managers import UserManager
from asyncua.ua.uaerrors import UaStructParsingError

from fieldlab_configs import Signal
from fieldlab_configs.connections import Secret
from gateways import opcua_watch
from gateways.opcua import OpcUa
from gateways.opcua_client import CappedClient
from tests.gateways.contract import SourceContract
from tests.gateways.helpers import Collector, Hands, S, running, site, until
from tests.gateways.opcua_peer import URI, OpcUaPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server():
    peer = OpcUaPeer()
    await peer.start()
    yield peer
    await peer.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def peer(server):
    await server.reset()
    return server


@pytest.fixture
def quick(monkeypatch):
    """Waits of tests, not of factories."""
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, retry_nodes_s=0.2, longest_wait_s=0.5))


def signals(**nodes: str) -> dict[str, Signal]:
    return {name: Signal(source="src", node=f"nsu={URI};s={node}") for name, node in nodes.items()}


class TestOpcUaContract(SourceContract):
    """OPC UA keeps the contract of sources."""


async def test_values_stay_with_their_node_when_namespaces_are_shuffled(peer, quick):
    """After a restart our namespace has another index, and the old index is somebody else's."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
        old = peer.index
        await peer.stop()
        peer.others = ["urn:somebody:else"]
        await peer.start()
        assert peer.index != old
        decoy = await peer.server.nodes.objects.add_variable(ua.NodeId("Count", old), "Count", 666.0)
        await until(sink.is_up)
        await decoy.write_value(667.0)
        await peer.publish("count", 2.0, time.time_ns())
        await until(lambda: 2.0 in sink.values("count"))
    assert not {666.0, 667.0} & set(sink.values("count"))


async def test_a_bad_node_costs_only_itself_and_comes_back(peer, quick):
    """Its signal is told Bad once; the others flow; when the node appears it is read."""
    await peer.stop()
    peer.hidden = {"State"}
    await peer.start()
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
        assert [(s.value, s.quality, s.clock) for s in sink.of("state")] == [
            (None, "BadNodeIdUnknown", "gateway")
        ]
        await peer.add("State", "RUN")
        await until(lambda: "RUN" in sink.values("state"))
    assert sink.values("state") == [None, "RUN"]


async def test_a_namespace_that_is_not_there_and_an_id_that_is_none(peer, quick, caplog):
    """Both are Bad signals, said in the log; the good one flows."""
    wanted = signals(count="Count") | {
        "power": Signal(source="src", node="nsu=urn:nowhere;s=Power"),
        "energy": Signal(source="src", node="what is this"),
    }
    sink = Collector()
    async with running(site(peer.config, wanted), sink):
        await until(lambda: sink.values("count") and sink.values("power") and sink.values("energy"))
    assert sink.of("power")[0].quality == "BadNodeIdUnknown"
    assert sink.of("energy")[0].quality == "BadNodeIdInvalid"
    assert "m1.energy (what is this)" in caplog.text


async def test_bad_quality_is_no_value_and_uncertain_keeps_it(peer):
    """The last good value is never told again under Bad."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        now = time.time_ns() // S * S
        await peer.publish("count", 1.0, now)
        await peer.publish("count", 1.0, now + 1000, status=ua.StatusCodes.BadSensorFailure)
        await peer.publish("count", 2.0, now + 2000, status=ua.StatusCodes.UncertainLastUsableValue)
        await peer.publish("count", 3.0, now + 3000)
        await until(lambda: 3.0 in sink.values("count"))
    assert [(s.value, s.quality) for s in sink.of("count")[-4:]] == [
        (1.0, "good"),
        (None, "BadSensorFailure"),
        (2.0, "UncertainLastUsableValue"),
        (3.0, "good"),
    ]


async def test_every_scalar_type_and_nothing_else(peer):
    """Numbers, truths, texts, times and enumerations arrive; arrays and bytes are dead letters."""
    moment = dt.datetime(2026, 11, 23, 10, 0, 0, 500_000, tzinfo=dt.UTC)
    kinds = {
        "a": (ua.Variant(-7, ua.VariantType.Int64), -7.0),
        "b": (ua.Variant(Value=True, VariantType=ua.VariantType.Boolean), 1.0),
        "c": (ua.Variant(1.5, ua.VariantType.Float), 1.5),
        "d": (ua.Variant("text", ua.VariantType.String), "text"),
        "e": (ua.Variant(ua.LocalizedText("draait", "nl"), ua.VariantType.LocalizedText), "draait"),
        "f": (ua.Variant(moment, ua.VariantType.DateTime), "2026-11-23T10:00:00.500000+00:00"),
        "g": (ua.Variant(int(ua.ServerState.Running), ua.VariantType.Int32), 0.0),
        "h": (ua.Variant([1, 2], ua.VariantType.Int32), None),
        "i": (ua.Variant(b"\x00\x01", ua.VariantType.ByteString), None),
    }
    for name, (variant, _) in kinds.items():
        if f"Kind{name}" not in peer.nodes:
            await peer.add(f"Kind{name}", variant.Value, variant.VariantType)
        await peer.write(f"Kind{name}", variant, time.time_ns())
    sink = Collector()
    async with running(site(peer.config, signals(**{name: f"Kind{name}" for name in kinds})), sink):
        await until(lambda: len(sink.samples) == 7 and len(sink.letters) == 2)
    assert {s.signal: s.value for s in sink.samples} == {n: v for n, (_, v) in kinds.items() if v is not None}
    assert sorted(letter[1][-5:] for letter in sink.letters) == ["Kindh", "Kindi"]


async def test_not_a_number_reaches_the_pipeline_as_such(peer):
    """The pipeline decides what becomes of NaN; the driver hides nothing."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.publish("count", math.nan, time.time_ns())
        await until(lambda: any(isinstance(v, float) and math.isnan(v) for v in sink.values("count")))


async def test_a_node_without_a_value_yet_is_told_as_bad(peer):
    """Good with nothing in it is no value."""
    sink = Collector()
    await peer.add("Empty", None, ua.VariantType.Null)
    async with running(site(peer.config, signals(count="Empty")), sink):
        await until(lambda: sink.values("count"))
    assert sink.of("count")[-1].value is None
    assert sink.of("count")[-1].quality == "BadWaitingForInitialData"


async def test_the_overflow_bit_is_a_gap(peer):
    """The server's queue overflowed: what lies between the value before and the marked one is a gap."""
    sink = Collector()
    now = time.time_ns() // S * S
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.publish("count", 1.0, now)
        await until(lambda: 1.0 in sink.values("count"))
        await peer.publish("count", 2.0, now + S, status=0x480)
        await until(lambda: 2.0 in sink.values("count"))
    assert sink.of("count")[-1].quality == "good"
    (gap,) = sink.gaps
    assert (gap.machine, gap.signal, gap.reason, gap.start_ns, gap.end_ns, gap.count) == (
        "m1", "count", "overflow", now, now + S, 1,
    )  # fmt: skip


async def test_an_outage_is_a_gap_from_the_last_word_to_the_reconnect(peer, quick):
    """The time nobody listened is written, per machine, for all its signals."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        assert sink.gaps == []
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
        before = time.time_ns()
        await peer.stop()
        await until(lambda: not sink.is_up())
        down = time.time_ns()
        await peer.start()
        up = time.time_ns()
        await until(lambda: sink.is_up() and sink.gaps)
    (gap,) = sink.gaps
    assert (gap.machine, gap.signal, gap.reason) == ("m1", "none", "outage")
    assert before - 5 * S < gap.start_ns < down
    assert up - S < gap.end_ns <= sink.life()[-2][0]


async def test_messages_that_never_came_are_a_gap_with_their_number(peer, caplog):
    """The server counts on by three: three notifications are missing and it has none of them."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
        peer.subscription()._notification_seq += 3
        await peer.publish("count", 2.0, time.time_ns())
        await until(lambda: 2.0 in sink.values("count") and sink.gaps)
    (gap,) = sink.gaps
    assert (gap.machine, gap.signal, gap.reason, gap.count) == ("m1", "none", "sequence", 3)


async def test_a_message_that_was_lost_on_the_way_is_fetched_again(peer, monkeypatch):
    """A response that cannot be read is asked for once more, in its order."""
    lose = asyncio.Event()
    publish = CappedClient.publish

    async def lossy(self, done):
        result = await publish(self, done)
        if lose.is_set() and result.NotificationMessage.NotificationData:
            lose.clear()
            raise UaStructParsingError
        return result

    monkeypatch.setattr(CappedClient, "publish", lossy)
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await until(lambda: sink.values("count"))
        lose.set()
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: not lose.is_set())
        await peer.publish("count", 2.0, time.time_ns())
        await until(lambda: 2.0 in sink.values("count"))
    assert sink.values("count")[-2:] == [1.0, 2.0]
    assert sink.gaps == []


async def test_answers_that_overtake_each_other_are_taken_in_order(peer, monkeypatch):
    """With two requests open the second may be answered first; nothing is lost or asked for again."""
    armed, overtaken = asyncio.Event(), asyncio.Event()
    publish = CappedClient.publish

    async def late(self, done):
        result = await publish(self, done)
        if result.NotificationMessage.NotificationData:
            if armed.is_set():
                armed.clear()
                await overtaken.wait()
            else:
                overtaken.set()
        return result

    monkeypatch.setattr(CappedClient, "publish", late)
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: sink.values("count"))
        overtaken.clear()
        armed.set()
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: not armed.is_set())
        await peer.publish("count", 2.0, time.time_ns())
        await until(lambda: 2.0 in sink.values("count"))
    assert sink.values("count")[-2:] == [1.0, 2.0]
    assert sink.gaps == []


async def test_nothing_is_acknowledged_before_the_spool_has_it(peer):
    """While the spool takes nothing the server keeps the message; then it may let it go."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: len(sink.samples) == 2)
        await until(lambda: not peer.subscription()._not_acknowledged_results)
        sink.available = False
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: sink.refused > 3)
        assert peer.subscription()._not_acknowledged_results
        sink.available = True
        await until(lambda: not peer.subscription()._not_acknowledged_results)
    assert sink.values("count")[-1] == 1.0


async def test_one_node_may_feed_several_signals(peer):
    """One item on the server, two signals in the store."""
    sink = Collector()
    async with running(site(peer.config, signals(count="Count", spindle="Count")), sink):
        await until(sink.is_up)
        await peer.publish("count", 5.0, time.time_ns())
        await until(lambda: 5.0 in sink.values("count") and 5.0 in sink.values("spindle"))


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_deadband_is_the_servers_or_none(peer, monkeypatch, refuses):
    """Steps of 1 under a deadband of 5 are not sent; a server that knows no deadband sends them all."""
    create = opcua_watch.create_items

    async def without(client, subscription, items):
        refused = ua.MonitoredItemCreateResult()
        refused.StatusCode = ua.StatusCode(ua.StatusCodes.BadMonitoredItemFilterUnsupported)
        plain = [item for item in items if not refuses or item.plain or not item.how.filtered]
        results = iter(await create(client, subscription, plain))
        return [next(results) if item in plain else refused for item in items]

    monkeypatch.setattr(opcua_watch, "create_items", without)
    wanted = {name: s.model_copy(update={"deadband": 5.0}) for name, s in signals(count="Count").items()}
    sink = Collector()
    now = time.time_ns()
    async with running(site(peer.config, wanted), sink):
        await until(lambda: sink.values("count") == [0.0])
        for n in range(1, 11):
            await peer.publish("count", float(n), now + n)
        await peer.publish("count", 100.0, now + 100)
        await until(lambda: 100.0 in sink.values("count"))
    assert (1.0 in sink.values("count")) is refuses
    assert all(s.quality == "good" for s in sink.samples)


@pytest.mark.parametrize("trigger", ["status_value", "status_value_timestamp"])
async def test_a_counter_that_confirms_itself_is_told_where_asked(peer, trigger):
    """The same value at a later time is a reading only with the trigger that says so."""
    wanted = {name: s.model_copy(update={"trigger": trigger}) for name, s in signals(count="Count").items()}
    sink = Collector()
    now = time.time_ns()
    async with running(site(peer.config, wanted), sink):
        await until(lambda: sink.values("count") == [0.0])
        for n, value in enumerate((7.0, 7.0, 7.0, 8.0)):
            await peer.publish("count", value, now + n * 1_000_000)
        await until(lambda: 8.0 in sink.values("count"))
    assert sink.values("count").count(7.0) == (3 if trigger == "status_value_timestamp" else 1)


async def test_following_the_servers_clock(peer, quick):
    """Samples of 2016 keep their times, heartbeats fill each leap of the clock, an outage has none."""
    start = 1_463_115_600 * S
    clock = Hands().clock("source")
    sink = Collector()
    await peer.tell_time(start)
    await peer.publish("count", 1.0, start)
    await peer.publish("state", "RUN", start)
    async with running(site(peer.config, peer.signals(), clock="source"), sink, clock):
        await until(lambda: len(sink.samples) == 2 and sink.life())
        assert sink.life() == [(start, True)]
        await peer.publish("count", 2.0, start + 24 * S)
        await peer.tell_time(start + 25 * S)
        await until(lambda: clock.now_ns() == start + 25 * S and len(sink.life()) == 3)
        assert sink.life()[1:] == [(start + t * S, True) for t in (10, 20)]
        await peer.stop()
        await until(lambda: not sink.is_up())
        assert sink.life()[-1] == (start + 25 * S, False)
        await peer.start()
        peer.own_time = True
        await peer.tell_time(start + 3600 * S)
        await peer.publish("count", 3.0, start + 3600 * S)
        await until(
            lambda: sink.is_up() and 3.0 in sink.values("count") and sink.gaps,
            what=lambda: (sink, clock.now_ns()),
        )
    assert [(s.value, s.time_ns - start, s.clock) for s in sink.of("count") if s.value][:2] == [
        (1.0, 0, "source"), (2.0, 24 * S, "source"),
    ]  # fmt: skip
    (gap,) = sink.gaps
    assert gap.start_ns == start + 25 * S


class _Gatekeeper(UserManager):
    def get_user(self, *_args, **_more):
        return None


async def test_a_wrong_password_is_said_and_tried_again(peer, quick, caplog, tmp_path):
    """One line names the user and the keys to look at; no traceback."""
    await peer.stop()
    peer.user_manager = _Gatekeeper()
    await peer.start()
    secret = tmp_path / "password"
    secret.write_text("wrong")
    config = peer.config.model_copy(
        update={"user": "gw", "password": Secret(file=secret), "password_in_clear": True}
    )
    async with running(site(config, peer.signals()), Collector()):
        await until(lambda: "refuses user gw: wrong user name or password" in caplog.text)
    assert "sources.src.user" in caplog.text
    assert not [r for r in caplog.records if r.name.startswith("gateways") and r.exc_info]


def one_large_chunk():
    """A header that announces 2 GiB, and then as much as is taken."""
    yield b"MSGF" + struct.pack("<I", 2**31 - 1)
    while True:
        yield bytes(60_000)


def chunks_without_end():
    """Pieces of one message, each of an honest size; the last never comes."""
    body = bytes(60_000)
    for number in itertools.count(1):
        yield b"MSGC" + struct.pack("<IIIII", 24 + len(body), 0, 0, number, 1) + body


@pytest.mark.parametrize("pieces", [one_large_chunk, chunks_without_end])
async def test_a_server_that_sends_without_end_is_hung_up_on(peer, caplog, quick, pieces):
    """Fault 17: memory stays bounded, whatever a server nobody knows sends; the machine beside it flows."""
    hung_up = asyncio.Event()

    async def hostile(reader, writer):
        await reader.read(8)
        with contextlib.suppress(ConnectionError):
            for piece in pieces():
                writer.write(piece)
                await writer.drain()
        hung_up.set()
        writer.close()

    listener = await asyncio.start_server(hostile, "127.0.0.1", 0)
    bad = OpcUaPeer()
    bad.port = listener.sockets[0].getsockname()[1]
    power = peer.signals()["count"].model_copy(update={"source": "bad"})
    both = site(peer.config, peer.signals() | {"power": power})
    edge = both.gateways["edge"].model_copy(update={"sources": ("src", "bad")})
    both = both.model_copy(update={"sources": both.sources | {"bad": bad.config}, "gateways": {"edge": edge}})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sink = Collector()
    async with running(both, sink):
        await until(hung_up.is_set)
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
    listener.close()
    if pieces is one_large_chunk:
        assert "announced a chunk of 2147483647 bytes" in caplog.text
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB
