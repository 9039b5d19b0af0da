"""The MQTT driver against real brokers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from fieldlab_configs import Signal
from fieldlab_configs.secret import Secret
from gateways import mqtt_link
from gateways.inbox import Inbox, Message
from gateways.life import Life
from gateways.mqtt import Mqtt
from gateways.payload import MOST_BYTES
from gateways.source import Context, points_of
from tests import servers
from tests.gateways.contract import AT_ONCE_S, SourceContract
from tests.gateways.helpers import Collector, Hands, S, running, site, until
from tests.gateways.mqtt_peer import DATA, HOSTILE, LINK, AmqttPeer, MqttPeer, Publisher

service = pytest.mark.service


@pytest.fixture
async def peer(tmp_path):
    peer = MqttPeer(tmp_path / "broker")
    try:
        await peer.start()
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    yield peer
    await peer.stop()


@service
class TestMqttContract(SourceContract):
    """MQTT 5 through mosquitto keeps the contract of sources."""


@service
class TestMqtt311Contract(SourceContract):
    """MQTT 3.1.1 with a persistent session keeps it too."""

    @pytest.fixture
    def peer(self, peer):
        peer.protocol = "3.1.1"
        return peer


class TestAmqttContract(SourceContract):
    """So does the demo's broker: version 5 is tried first and given up quickly."""

    @pytest.fixture
    async def peer(self, tmp_path):
        peer = AmqttPeer(tmp_path)
        await peer.start()
        yield peer
        await peer.stop()


def told(sink: Collector) -> list[float]:
    return [v for v in sink.values("count") if v]


@service
async def test_a_killed_gateway_leaves_what_it_did_not_commit_to_the_next(peer):
    """Kill -9 between receipt and commit: the broker delivers every message again."""
    command = [sys.executable, "-m", "tests.gateways.stuck_gateway", str(peer.port)]
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(*command, cwd=root, stdout=subprocess.PIPE)
    begin = time.time_ns() - 60 * S
    try:
        # Its subscription stands once it is seen to receive something.
        assert process.stdout is not None
        waiting = asyncio.create_task(process.stdout.readline())
        n = 0
        while not waiting.done():
            n += 1
            await peer.publish("count", float(n), begin + n)
            await asyncio.wait({waiting}, timeout=0.2)
        assert waiting.result() == b"got\n"
        for _ in range(10):
            n += 1
            await peer.publish("count", float(n), begin + n)
    finally:
        process.kill()
        await process.wait()
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: float(n) in sink.values("count"))
    values = told(sink)
    assert values == [float(v) for v in range(int(values[0]), n + 1)]
    assert len(values) >= 11


@service
async def test_a_restarted_broker_still_has_what_was_not_acknowledged(peer):
    """Nothing is lost over a restart of the broker; what comes twice has the same time."""
    sink = Collector()
    begin = time.time_ns() - 60 * S
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        sink.available = False
        for n in range(1, 11):
            await peer.publish("count", float(n), begin + n)
        await until(lambda: sink.refused)
        await peer.stop()
        await peer.start()
        await peer.publish("count", 11.0, begin + 11)
        sink.available = True
        await until(lambda: 11.0 in sink.values("count"))
    assert {s.time_ns - begin: s.value for s in sink.of("count")} == {n: float(n) for n in range(1, 12)}
    assert sink.gaps == []


@service
async def test_a_broker_that_forgot_us_makes_a_gap_and_gets_no_stale_acknowledgement(peer, caplog):
    """The session is lost while messages wait for the spool: old and new arrive once, the gap is said."""
    sink = Collector()
    begin = time.time_ns() - 60 * S
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        sink.available = False
        for n in range(1, 6):
            await peer.publish("count", float(n), begin + n)
        await until(lambda: sink.refused)
        await peer.stop()
        peer.forget()
        await peer.start()
        sink.available = True
        await until(lambda: sink.gaps)
        await until(sink.is_up)
        for n in range(6, 11):
            await peer.publish("count", float(n), begin + n)
        await until(lambda: 10.0 in sink.values("count"))
    assert told(sink) == [float(n) for n in range(1, 11)]
    (gap,) = sink.gaps
    assert (gap.machine, gap.signal, gap.reason, gap.count) == ("m1", "none", "session-lost", 0)
    assert gap.start_ns == begin + 5  # the last sample before
    assert time.time_ns() - 30 * S < gap.end_ns < time.time_ns()


@service
async def test_what_waits_is_bounded_and_all_of_it_arrives(peer, monkeypatch):
    """500 messages against a spool that takes nothing: the window holds, the broker keeps the rest."""
    peer.receive_maximum = 100
    inboxes = []

    class Watched(Inbox):
        def __init__(self, loop, most):
            super().__init__(loop, most)
            inboxes.append(self)

    monkeypatch.setattr(mqtt_link, "Inbox", Watched)
    sink = Collector()
    begin = time.time_ns() - 60 * S
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        sink.available = False
        for n in range(1, 501):
            message = json.dumps({"t": begin + n, "v": {"count": n}})
            info = peer.machine.client.publish(DATA, message, qos=1)
        await asyncio.to_thread(info.wait_for_publish, 60)
        await until(lambda: sink.refused > 2)
        assert len(inboxes[0]._items) <= 100
        sink.available = True
        await until(lambda: 500.0 in sink.values("count"))
    assert told(sink) == [float(n) for n in range(1, 501)]


@service
async def test_a_fault_in_the_network_thread_ends_that_connection_alone(peer, monkeypatch, caplog):
    """Whatever it was, it is logged, and the message comes again by the next connection."""
    put = Inbox.put
    faults = [RuntimeError("a defect")]

    def faulty(self, messages):
        if faults and any(message.topic == DATA.encode() for message in messages):
            raise faults.pop()
        put(self, messages)

    monkeypatch.setattr(Inbox, "put", faulty)
    sink = Collector()
    begin = time.time_ns() - S
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.publish("count", 1.0, begin + 1)
        await peer.publish("count", 2.0, begin + 2)
        await until(lambda: {1.0, 2.0} <= set(sink.values("count")))
    assert "the network thread failed" in caplog.text
    assert {s.time_ns - begin: s.value for s in sink.of("count")} == {1: 1.0, 2: 2.0}


@service
async def test_a_last_will_ends_life_at_once_and_a_birth_begins_it(peer):
    """The machine vanishes without a word; its broker says so for it."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        peer.machine.die()
        await until(lambda: not sink.is_up(), within_s=AT_ONCE_S)
        peer.machine = Publisher(peer.port, will=(LINK, b"0"))
        peer.machine.publish(LINK, b"1", retain=True)
        await until(sink.is_up)


@service
async def test_without_a_birth_topic_life_is_a_message_within_the_silence_limit(peer):
    """Kept messages prove nothing; a fresh one does, for `max_silence_s`, and 0 stands at its end."""
    sink = Collector()
    wanted = {"count": Signal(source="src", topic=DATA, field="v.count", time_field="t", max_silence_s=1.0)}
    peer.machine.publish(DATA, json.dumps({"v": {"count": 1}}), retain=True)
    async with running(site(peer.config, wanted), sink):
        await until(lambda: 1.0 in sink.values("count"))
        assert sink.life() == []
        await peer.publish("count", 2.0, time.time_ns())
        await until(lambda: len(sink.life()) == 2)
    (first, up), (last, down) = sink.life()
    assert (up, down) == (True, False)
    assert last - first == S


@service
async def test_a_kept_message_proves_life_at_its_own_time(peer):
    """Told 2 s ago with a limit of 4 s: alive, until 4 s after it was told. Told long ago: nothing."""
    sink, hands = Collector(), Hands()
    wanted = {"count": Signal(source="src", topic=DATA, field="v.count", time_field="t", max_silence_s=4.0)}
    then = hands.wall - 2 * S
    peer.machine.publish(DATA, json.dumps({"t": then, "v": {"count": 1}}), retain=True)
    async with running(site(peer.config, wanted), sink, hands.clock()):
        await until(sink.is_up)
        hands.pass_s(2.1)
        await until(lambda: not sink.is_up())
    assert abs(sink.life()[-1][0] - (then + 4 * S)) < 1_000_000


@service
async def test_bare_values_bear_the_gateways_clock(peer):
    """A number on a topic of its own, also at QoS 0."""
    sink = Collector()
    wanted = {
        "count": Signal(source="src", topic="bare/count"),
        "state": Signal(source="src", topic="bare/state"),
        "link": Signal(source="src", topic=LINK),
    }
    before = time.time_ns()
    async with running(site(peer.config, wanted), sink):
        await until(sink.is_up)
        peer.machine.publish("bare/count", "12")
        peer.machine.publish("bare/state", "RUN", qos=0)
        await until(lambda: len(sink.samples) == 2)
    assert [(s.signal, s.value, s.clock) for s in sink.samples] == [
        ("count", 12.0, "gateway"), ("state", "RUN", "gateway"),
    ]  # fmt: skip
    assert before < sink.samples[0].time_ns < sink.samples[1].time_ns < time.time_ns()


@service
async def test_a_kept_message_keeps_its_time_however_old(peer):
    """A counter that has not moved for a month is told with the time it moved."""
    sink = Collector()
    old = (time.time_ns() // S - 30 * 86_400) * S
    peer.machine.publish(DATA, json.dumps({"t": old, "v": {"count": 5}}), retain=True)
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: sink.values("count"))
    assert [(s.value, s.time_ns, s.clock) for s in sink.samples] == [(5.0, old, "source")]


@service
@pytest.mark.parametrize("content", HOSTILE, ids=len)
async def test_what_cannot_be_read_is_kept_aside_raw(peer, content):
    """Whatever comes, the thread lives, and the next message arrives."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        peer.machine.publish(DATA, content)
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
    ((source, origin, payload, reason),) = sink.letters
    assert (source, origin, payload) == ("src", DATA, content[:65_536])
    assert reason


async def test_a_topic_that_is_not_utf_8_is_kept_aside_raw():
    """Real brokers would not pass one on; a broker that does costs us nothing."""
    sink = Collector()
    fieldlab = site(MqttPeer(Path()).config, MqttPeer(Path()).signals())
    clock = Hands().clock()
    context = Context("lab", "edge", sink, clock, Life(sink, clock, 10))
    driver = Mqtt(context, "src", fieldlab.sources["src"], points_of(fieldlab, "src"))
    await driver._hand_over([Message(b"\xff\x00", b"12", 1, 1, False, 0)], None)  # noqa: FBT003
    assert sink.letters == [("src", r"b'\xff\x00'", b"12", "its topic is not UTF-8")]


@service
async def test_following_a_clock_topic(peer):
    """Times of 2016: bare values bear the clock's last reading, heartbeats fill its leaps."""
    start = 1_463_115_600 * S
    clock = Hands().clock("source")
    sink = Collector()
    config = peer.config.model_copy(update={"clock_topic": "clock"})
    wanted = peer.signals() | {"spindle": Signal(source="src", topic="bare")}
    peer.machine.publish("clock", str(start), retain=True)
    async with running(site(config, wanted, clock="source"), sink, clock):
        await until(sink.is_up)
        assert sink.life() == [(start, True)]
        await peer.publish("count", 2.0, start + 24 * S)
        peer.machine.publish("clock", "2016-05-13T05:00:25Z")
        peer.machine.publish("bare", "7")
        await until(lambda: sink.values("spindle") and len(sink.life()) == 3)
    assert sink.life() == [(start + t * S, up) for t, up in ((0, True), (10, True), (20, True), (25, False))]
    assert [(s.signal, s.value, s.time_ns - start, s.clock) for s in sink.samples] == [
        ("count", 2.0, 24 * S, "source"), ("spindle", 7.0, 25 * S, "gateway"),
    ]  # fmt: skip


_GUARDED = """
listener {port} 127.0.0.1
allow_anonymous false
"""


@service
async def test_a_wrong_password_is_said(tmp_path, caplog):
    """One line names the user and the keys to look at; no traceback."""
    port = servers.free_port()
    (tmp_path / "mosquitto.conf").write_text(_GUARDED.format(port=port))
    try:
        command = [servers.find_program("mosquitto"), "-c", str(tmp_path / "mosquitto.conf")]
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    (tmp_path / "password").write_text("wrong")
    (tmp_path / "password").chmod(0o600)
    with servers.running(command, tmp_path, lambda: servers.listens(port)):
        for protocol in ("5", "3.1.1"):
            caplog.clear()
            peer = MqttPeer(tmp_path)
            peer.port, peer.protocol = port, protocol
            config = peer.config.model_copy(
                update={"user": "gw", "password": Secret(file=tmp_path / "password")}
            )
            async with running(site(config, peer.signals()), Collector()):
                await until(lambda: "refuses user gw" in caplog.text)
            assert "sources.src.user" in caplog.text
            assert "Traceback" not in caplog.text


@service
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_message_that_is_far_too_long_is_not_held_in_memory(peer, protocol):
    """10 MB: its beginning is kept aside, its end passed over, and what follows is read."""
    peer.protocol = protocol
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        for n in range(1, 4):
            peer.machine.publish(DATA, b'{"v": {"count": ' + b" " * 10_000_000 + b"1}}")
            await peer.publish("count", float(n), time.time_ns())
        await until(lambda: 3.0 in sink.values("count"))
    assert told(sink) == [1.0, 2.0, 3.0]
    assert [letter[3] for letter in sink.letters] == [
        f"more than {MOST_BYTES} bytes; at most so many are read"
    ] * 3
    assert all(len(letter[2]) == 65_536 for letter in sink.letters)


@service
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_messages_at_qos_2_of_a_session_that_was_there_arrive(peer, protocol):
    """Somebody subscribed so under our name: each is taken once, and its handshake finished."""
    peer.protocol = protocol
    version = MQTTProtocolVersion.MQTTv5 if protocol == "5" else MQTTProtocolVersion.MQTTv311
    before = paho.Client(CallbackAPIVersion.VERSION2, client_id="fieldlab-lab-edge-src", protocol=version)
    keep = Properties(PacketTypes.CONNECT)
    keep.SessionExpiryInterval = 600
    if protocol == "5":
        before.connect("127.0.0.1", peer.port, clean_start=True, properties=keep)
    else:
        before._clean_session = False
        before.connect("127.0.0.1", peer.port)
    before.loop_start()
    await until(before.is_connected)
    granted = []
    before.on_subscribe = lambda *_: granted.append(True)
    before.subscribe(DATA, qos=2)
    await until(lambda: granted)
    before.disconnect()
    before.loop_stop()
    begin = time.time_ns() - S
    for n in range(1, 4):
        peer.machine.publish(DATA, json.dumps({"t": begin + n, "v": {"count": n}}), qos=2)
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: 3.0 in sink.values("count"))
        await peer.publish("count", 4.0, begin + 4)
        await until(lambda: 4.0 in sink.values("count"))
    assert told(sink) == [1.0, 2.0, 3.0, 4.0]
