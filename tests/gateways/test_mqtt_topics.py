"""What topics mean: patterns, wildcards, groups that share, several signals in a message."""

from __future__ import annotations

import json
import time

import pytest

from fieldlab_configs import Signal, parse
from tests import servers
from tests.gateways.helpers import Collector, S, running, site, until
from tests.gateways.mqtt_peer import HOSTILE, LINK, MqttPeer

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
async def test_one_message_feeds_several_signals(peer):
    """Power and energy of one energy meter's message, at one time."""
    sink = Collector()
    wanted = {
        "power": Signal(source="src", topic="meter", field="p", time_field="ts"),
        "energy": Signal(source="src", topic="meter", field="e", time_field="ts"),
        "link": Signal(source="src", topic=LINK),
    }
    now = time.time_ns() // S
    async with running(site(peer.config, wanted), sink):
        await until(sink.is_up)
        peer.machine.publish("meter", json.dumps({"ts": now, "p": 1.5, "e": 100}))
        await until(lambda: len(sink.samples) == 2)
    assert {(s.signal, s.value, s.time_ns) for s in sink.samples} == {
        ("power", 1.5, now * S), ("energy", 100.0, now * S),
    }  # fmt: skip


@service
async def test_a_topic_of_an_older_configuration_is_left(peer):
    """The broker still queues for it; that is counted as a dead letter, and asked for no longer."""
    sink = Collector()
    more = peer.signals() | {"old": Signal(source="src", topic="old/topic")}
    async with running(site(peer.config, more), sink):
        await until(sink.is_up)
        peer.machine.publish("old/topic", "1")
        await until(lambda: sink.values("old"))
    peer.machine.publish("old/topic", "2")
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: sink.letters)
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
        peer.machine.publish("old/topic", "3")
        await peer.publish("count", 2.0, time.time_ns())
        await until(lambda: 2.0 in sink.values("count"))
    assert [(letter[1], letter[2]) for letter in sink.letters] == [("old/topic", b"2")]


@service
async def test_wildcards_in_topics(peer):
    """Whatever stands above it, the machine's messages are found; other topics are not ours."""
    sink = Collector()
    wanted = {
        "count": Signal(source="src", topic="+/m1/data", field="v", time_field="t", time_unit="ms"),
        "spindle": Signal(source="src", topic="hall/m1/#"),
        "link": Signal(source="src", topic=LINK),
    }
    now = time.time_ns() // S * S
    async with running(site(peer.config, wanted), sink):
        await until(sink.is_up)
        for n, hall in enumerate(("hall-1", "hall-2"), 1):
            peer.machine.publish(f"{hall}/m1/data", json.dumps({"t": now // 10**6 + n, "v": n}))
        peer.machine.publish("hall/m2/spindle", "1")
        peer.machine.publish("hall/m1/spindle/x", "7")
        await until(lambda: sink.values("spindle"))
    assert [(s.value, s.time_ns - now) for s in sink.of("count")] == [(1.0, 10**6), (2.0, 2 * 10**6)]
    assert sink.values("spindle") == [7.0]
    assert sink.letters == []


@service
async def test_a_wildcard_of_an_older_configuration_is_left(peer):
    """What the broker still sends for it is counted once, and asked for no longer."""
    sink = Collector()
    old = peer.signals() | {"old": Signal(source="src", topic="old/+/#")}
    async with running(site(peer.config, old), sink):
        await until(sink.is_up)
        peer.machine.publish("old/a/b", "1")
        await until(lambda: sink.values("old"))
    peer.machine.publish("old/a/b", "2")
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: sink.letters)
        await peer.publish("count", 1.0, time.time_ns())
        await until(lambda: 1.0 in sink.values("count"))
        peer.machine.publish("old/c/d/e", "3")
        await peer.publish("count", 2.0, time.time_ns())
        await until(lambda: 2.0 in sink.values("count"))
    assert [letter[1:3] for letter in sink.letters] == [("old/a/b", b"2")]


@service
async def test_several_gateways_share_the_messages_between_them(peer):
    """Each message goes to one of them; when one stops, the other gets all. Births go to both."""
    config = peer.config.model_copy(update={"share": "lab"})
    sinks = [Collector(), Collector()]
    sites = [site(config.model_copy(update={"client_id": f"edge{n}"}), peer.signals()) for n in range(2)]
    begin = time.time_ns() - 60 * S
    async with running(sites[0], sinks[0]), running(sites[1], sinks[1]):
        for sink in sinks:
            await until(sink.is_up)
        for n in range(1, 41):
            await peer.publish("count", float(n), begin + n)
        await until(lambda: sum(len(sink.samples) for sink in sinks) == 40)
        assert all(len(sink.samples) > 5 for sink in sinks)
        # The other's session stays, with its share; only while it is there does it take from it.
    told = sorted(s.value for sink in sinks for s in sink.samples)
    assert told == [float(n) for n in range(1, 41)]


@service
async def test_an_array_of_records_is_as_many_samples(peer):
    """A machine that was away sends what it kept, in one message."""
    sink = Collector()
    wanted = {
        "power": Signal(source="src", topic="meter", field="log.p", time_field="log.ts"),
        "energy": Signal(source="src", topic="meter", field="log.e", time_field="log.ts"),
        "link": Signal(source="src", topic=LINK),
    }
    now = time.time_ns() // S - 10
    log = [{"ts": now + n, "p": n / 2, "e": 100 + n} for n in range(5)]
    async with running(site(peer.config, wanted), sink):
        await until(sink.is_up)
        peer.machine.publish("meter", json.dumps({"log": log}))
        await until(lambda: len(sink.samples) == 10)
    assert [(s.value, s.time_ns // S - now) for s in sink.of("energy")] == [(100.0 + n, n) for n in range(5)]


@service
async def test_many_machines_by_one_pattern(peer):
    """No machine names a topic; one that sends rubbish costs the others nothing."""
    port = peer.port
    lab = parse(f"""
fieldlab: lab
timezone: UTC
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 9
        signals: &all {{total_count: {{source: src}}, link: {{source: src}}}}
      - {{id: m2, ideal_cycle_time_s: 9, signals: *all}}
      - {{id: m3, ideal_cycle_time_s: 9, signals: *all}}
sources:
  src: {{kind: mqtt, host: 127.0.0.1, port: {port}, topics: "plant/{{line}}/{{machine}}/{{signal}}",
    names: {{l1: Halle 1, total_count: Stückzahl}}}}
gateways: {{edge: {{sources: [src]}}}}
""")
    sink = Collector()
    async with running(lab, sink):
        for machine in ("m1", "m2", "m3"):
            peer.machine.publish(f"plant/Halle 1/{machine}/link", "1", retain=True)
            await until(lambda m=machine: sink.is_up(m))
        for content in HOSTILE:
            peer.machine.publish("plant/Halle 1/m2/Stückzahl", content)
        for machine in ("m1", "m3"):
            peer.machine.publish(f"plant/Halle 1/{machine}/Stückzahl", "41")
        await until(lambda: sink.values("total_count", "m1") and sink.values("total_count", "m3"))
        await until(lambda: len(sink.letters) == len(HOSTILE))
    assert {letter[1] for letter in sink.letters} == {"plant/Halle 1/m2/Stückzahl"}
    assert sink.values("total_count", "m2") == []
    assert all(sink.is_up(machine) is False for machine in ("m1", "m2", "m3"))  # stopped, nothing else
