"""The Sparkplug B driver: the contract with an edge node from PyPI, and what a bad one may say."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from fieldlab_configs import Signal
from gateways.sparkplug_owed import Owed
from tests import servers
from tests.gateways.contract import SourceContract
from tests.gateways.helpers import Collector, S, running, site, until
from tests.gateways.mqtt_peer import Publisher
from tests.gateways.sparkplug_peer import ByteEdge, SparkplugPeer

pytestmark = pytest.mark.service


@pytest.fixture
async def peer(tmp_path):
    peer = SparkplugPeer(tmp_path / "broker")
    try:
        await peer.start()
    except servers.ServerMissingError as missing:
        await peer.stop()
        pytest.skip(str(missing))
    yield peer
    await peer.stop()


class TestSparkplugContract(SourceContract):
    """A host application of pysparkplug's nodes keeps the contract of sources."""


async def test_signs_of_whole_numbers_survive(peer):
    """-12 is -12, as Int8 and as Int64, from births and from data."""
    wanted = {name: Signal(source="src", device="lab/edge/m1", metric=name) for name in ("small", "long")}
    sink = Collector()
    async with running(site(peer.config, wanted), sink):
        await until(lambda: sink.values("small") and sink.values("long"))
        await peer.publish("small", -7, time.time_ns())
        await peer.publish("long", -(2**40), time.time_ns())
        await until(lambda: -7.0 in sink.values("small") and -float(2**40) in sink.values("long"))
    assert set(sink.values("small")) == {-12.0, -7.0}
    assert set(sink.values("long")) == {-12.0, -float(2**40)}


async def test_a_device_that_goes_is_not_alive_and_comes_back(peer):
    """By its own death and birth; by the node's last will; by the node's clean end."""
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        peer.tell(device=False)
        await until(lambda: not sink.is_up())
        peer.tell(device=True)
        await until(sink.is_up)
        await asyncio.to_thread(peer.kill_edge)
        await until(lambda: not sink.is_up())
        await asyncio.to_thread(peer.start_edge)
        await until(sink.is_up)
        peer.tell(stop=True)
        await until(lambda: not sink.is_up())


async def test_history_keeps_its_time_however_old(peer):
    """What a node kept while it was alone: months ago, and marked so."""
    sink = Collector()
    old = (time.time_ns() // S - 90 * 86_400) * S
    async with running(site(peer.config, peer.signals()), sink):
        await until(sink.is_up)
        await peer.publish("count", 5.0, old, historical=True)
        await until(lambda: 5.0 in sink.values("count"))
    (sample,) = [s for s in sink.of("count") if s.value == 5.0]
    assert (sample.time_ns, sample.clock) == (old, "source")


# -- an edge node that says what it is told


@pytest.fixture
async def lab(tmp_path):
    """A broker alone."""
    peer = SparkplugPeer(tmp_path / "broker")
    try:
        peer.start_broker()
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    yield peer
    await peer.stop()


COUNT = ("count", {"alias": 1, "datatype": 3, "int_value": 0})
STATE = ("state", {"alias": 2, "datatype": 12, "string_value": "IDLE"})


def count(value: int, alias: int = 1) -> tuple[None, dict[str, int]]:
    """A value by alias alone, as data messages have it."""
    return None, {"alias": alias, "int_value": value & 0xFFFFFFFF}


async def born(edge: ByteEdge, *metrics: object) -> None:
    """Both births, once the host listens."""
    await until(lambda: edge.commands)
    edge.say("NBIRTH")
    edge.say("DBIRTH", *(metrics or (COUNT, STATE)), device="m1")


async def test_aliases_and_the_rebirth_that_names_them(lab):
    """Data that come before any birth are not decoded; the node is asked, and from its birth on they are."""
    edge = ByteEdge(lab.port)
    sink = Collector()
    async with running(site(lab.config, lab.signals()), sink):
        await until(lambda: edge.commands)  # asked at once, for we do not know what it said before
        edge.say("DDATA", count(-5), device="m1")
        await until(lambda: sink.letters)
        await born(edge)
        await until(sink.is_up)
        edge.say("DDATA", count(-12), device="m1")
        await until(lambda: -12.0 in sink.values("count"))
    assert "no birth has been heard" in sink.letters[0][3]
    assert sink.values("count") == [0.0, -12.0]
    assert b"Node Control/Rebirth" in edge.commands[0]


async def test_a_gap_in_the_sequence_is_counted_and_healed(lab):
    """Messages are missing: what is known by alias alone is not believed until the births come again."""
    edge = ByteEdge(lab.port)
    sink = Collector()
    begin = time.time_ns() // S * S - 100 * S
    async with running(site(lab.config, lab.signals()), sink):
        await born(edge)
        await until(sink.is_up)
        edge.say("DDATA", count(1), device="m1", time_ns=begin)
        await until(lambda: 1.0 in sink.values("count"))
        asked = len(edge.commands)
        edge.say("DDATA", count(2), device="m1", time_ns=begin + 10 * S, skip=3)
        await until(lambda: len(edge.commands) > asked)
        edge.say("NBIRTH", time_ns=begin + 20 * S)
        # The device's aliases were dealt anew: the value of the message in between would have been wrong.
        state = ("state", {"alias": 1, "datatype": 12, "string_value": "RUN"})
        new = ("count", {"alias": 2, "datatype": 3, "int_value": 4})
        edge.say("DBIRTH", state, new, device="m1", time_ns=begin + 21 * S)
        edge.say("DDATA", count(5, alias=2), device="m1", time_ns=begin + 22 * S)
        await until(lambda: 5.0 in sink.values("count"))
        await until(lambda: sink.gaps)
    assert sink.values("count") == [0.0, 1.0, 4.0, 5.0]
    assert sink.values("state") == ["IDLE", "RUN"]
    (gap,) = sink.gaps
    assert (gap.reason, gap.count) == ("sequence", 3)
    assert (gap.start_ns, gap.end_ns) == (begin, begin + 20 * S)
    assert len(sink.letters) == 1
    assert [up for _, up in sink.life()] == [True, False]  # a rebirth of the same session is no death


async def test_the_sequence_goes_round(lab):
    """After 255 comes 0, and nothing is missing."""
    edge = ByteEdge(lab.port)
    sink = Collector()
    async with running(site(lab.config, lab.signals()), sink):
        await born(edge)
        await until(sink.is_up)
        for n in range(1, 301):
            edge.say("DDATA", count(n), device="m1")
        await until(lambda: 300.0 in sink.values("count"))
    assert sink.values("count") == [float(n) for n in range(301)]
    assert (sink.gaps, sink.letters) == ([], [])


async def test_requests_for_births_are_limited(lab):
    """A node that talks and never answers is asked again after the time that is allowed, not before."""
    edge = ByteEdge(lab.port)
    sink = Collector()
    lab.rebirth_s = 2.0
    async with running(site(lab.config, lab.signals()), sink):
        deadline = time.monotonic() + 60
        while len(edge.commands) < 2 and time.monotonic() < deadline:
            await asyncio.to_thread(edge.say, "DDATA", count(1), device="m1")
    first, second = edge.asked_s[:2]
    assert second - first > 0.7 * lab.rebirth_s  # as heard: the first may have been late on its way
    assert len(sink.letters) > 10


async def test_a_node_that_was_long_silent_is_asked_as_soon_as_it_talks(lab):
    """It was asked ever more seldom; its first data show that it is there, and its birth was missed."""
    edge = ByteEdge(lab.port)
    sink = Collector()
    async with running(site(lab.config, lab.signals()), sink):
        await until(lambda: len(edge.commands) > 2)
        edge.say("DDATA", count(1), device="m1")
        await until(lambda: sink.letters)
        await until(lambda: len(edge.commands) > 3)
    silent, talked = (b - a for a, b in zip(edge.asked_s[1:], edge.asked_s[2:], strict=False))
    # As heard, and each may be late on its way: twice the time where it is silent, else four times.
    assert silent > 1.5 * lab.rebirth_s
    assert 0.5 * lab.rebirth_s < talked < 3.5 * lab.rebirth_s


def test_a_node_that_talks_and_never_answers_is_asked_ever_more_seldom():
    """Talking brings one request forward, not all of them; a birth ends it."""
    now = [0.0]
    owed, asked_at = Owed(10.0, clock_s=lambda: now[0]), []
    owed.begin(["lab/edge"])
    for second in range(400):
        now[0] = float(second)
        if second > 130:
            owed.talks("lab/edge")
        asked_at += [second for _ in owed.to_ask()]
    assert asked_at == [0, 10, 30, 70, 131, 151, 191, 271]
    owed.born("lab/edge")
    owed.talks("lab/edge")
    assert owed.to_ask() == ["lab/edge"]


async def test_a_death_of_an_earlier_session_is_not_ours(lab):
    """A broker may tell a last will late, when the node is long back."""
    edge = ByteEdge(lab.port, session=7)
    sink = Collector()
    async with running(site(lab.config, lab.signals()), sink):
        await born(edge)
        await until(sink.is_up)
        edge.session = 6
        edge.say("NDEATH")
        edge.session = 7
        edge.say("DDATA", count(1), device="m1")
        await until(lambda: 1.0 in sink.values("count"))
        assert sink.is_up()
        edge.machine.die()
        await until(lambda: not sink.is_up())


async def test_templates_and_data_sets_are_counted_and_passed_over(lab, caplog):
    """What no signal can hold: said at the birth; a signal that is one becomes a dead letter."""
    caplog.set_level("INFO")
    edge = ByteEdge(lab.port)
    sink = Collector()
    wanted = lab.signals() | {"recipe": Signal(source="src", device="lab/edge/m1", metric="recipe")}
    odd = [
        ("recipe", {"datatype": 19, "template_value": b"\xff\xff\xff"}),
        ("table", {"datatype": 16, "dataset_value": b"\x01\x02"}),
        ("table2", {"datatype": 16, "dataset_value": b""}),
        ("curve", {"datatype": 31, "bytes_value": b"\x00" * 16}),
    ]
    async with running(site(lab.config, wanted), sink):
        await born(edge, COUNT, STATE, *odd)
        await until(lambda: sink.letters)
        await until(lambda: 0.0 in sink.values("count"))
    assert "metrics that are not read: 2 DataSet, 1 Template, 1 an array" in caplog.text
    assert [letter[3] for letter in sink.letters] == [
        "m1.recipe: Template where a value belongs; a metric that is one can be read"
    ]


async def test_hostile_payloads_cost_nobody_anything(lab):
    """Lying lengths, cut messages, other types than the birth said, 10 MB: dead letters; the thread lives."""
    edge, other = ByteEdge(lab.port), ByteEdge(lab.port, node="edge2")
    sink = Collector()
    wanted = lab.signals() | {"other": Signal(source="src", device="lab/edge2/m1", metric="count")}
    hostile = [
        b"\x12\xff\xff\xff\xff\x0f" + b"x" * 10,  # a metric of 4 GB
        b"\x12\x05\x0a\x7fabc",  # a name that is longer than its metric
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",  # a number without an end
        b"\x12\x05\x0a\x03\xff\xfe\xfd",  # a name that is no UTF-8
        b"\x0b" * 5_000,  # groups in groups
        b"\x12\x00" * 100_000,  # far too many metrics
        b"x" * 10_000_000,
        b"",
    ]
    async with running(site(lab.config, wanted), sink):
        for node in (edge, other):
            await born(node)
        await until(sink.is_up)
        for content in hostile[:-1]:
            edge.raw("DDATA", content, device="m1")
        for name, content in (
            ("count", {"datatype": 3, "string_value": "x"}),
            ("count", {"datatype": 1, "int_value": 700}),
            ("count", {"datatype": 99, "int_value": 1}),
        ):
            edge.say("DDATA", (name, content), device="m1")
        other.say("DDATA", count(8), device="m1")
        edge.say("DDATA", count(9), device="m1")
        await until(lambda: 9.0 in sink.values("count") and 8.0 in sink.values("other"))
    assert sink.values("count") == [0.0, 9.0]
    assert sink.values("other") == [0.0, 8.0]
    assert len(sink.letters) == len(hostile) - 1 + 3
    assert all(letter[3] for letter in sink.letters)


async def test_null_and_the_quality_of_a_metric(lab):
    """No value is bad; the property Quality says the rest: 192 is good, 0 and 500 (stale) are bad."""
    edge = ByteEdge(lab.port)
    sink = Collector()
    async with running(site(lab.config, lab.signals()), sink):
        await born(edge)
        await until(sink.is_up)
        edge.say("DDATA", (None, {"alias": 1, "is_null": True}), device="m1")
        for code in (192, 0, 500, 64):
            quality = {"keys": ["Quality"], "values": [{"type": 3, "int_value": code}]}
            edge.say("DDATA", (None, {"alias": 1, "int_value": code, "properties": quality}), device="m1")
        await until(lambda: len(sink.of("count")) == 6)
    assert [(s.value, s.quality) for s in sink.of("count")][1:] == [
        (None, "bad"), (192.0, "good"), (0.0, "bad"), (500.0, "bad"), (64.0, "uncertain"),
    ]  # fmt: skip


@pytest.mark.parametrize("version", ["3.0", "2.2"])
async def test_the_host_says_that_it_is_there(lab, version):
    """STATE: retained, by birth, by a clean end, by last will; as either version of Sparkplug has it."""
    seen = []
    listener = Publisher(lab.port, name="listener")
    listener.client.on_message = lambda _c, _d, m: seen.append((m.topic, m.payload, m.retain))
    topic = "spBv1.0/STATE/lab-host" if version == "3.0" else "STATE/lab-host"
    listener.client.subscribe(topic, qos=1)

    def online() -> list[bool]:
        said = [json.loads(p)["online"] if version == "3.0" else p == b"ONLINE" for _, p, _ in seen]
        return [bool(word) for word in said]

    config = lab.config.model_copy(update={"state": version})
    async with running(site(config, lab.signals()), Collector()):
        await until(lambda: online() == [True])
        # Somebody else, or the last will of a connection before, says that we are gone: we are not.
        listener.publish(topic, b'{"online": false, "timestamp": 1}' if version == "3.0" else b"OFFLINE")
        await until(lambda: online() == [True, False, True])
    await until(lambda: online()[-1] is False)
    if version == "3.0":
        stamps = {json.loads(payload)["timestamp"] for _, payload, _ in seen} - {1}
        assert len(stamps) == 1  # birth and will of one connection have one time
    listener.close()


async def test_what_came_while_the_broker_was_away_is_a_gap(lab):
    """From the last message before to the birth after; nothing is double."""
    edge = ByteEdge(lab.port)
    sink = Collector()
    begin = time.time_ns() // S * S - 50 * S
    async with running(site(lab.config, lab.signals()), sink):
        await born(edge)
        await until(sink.is_up)
        edge.say("DDATA", count(1), device="m1", time_ns=begin)
        await until(lambda: 1.0 in sink.values("count"))
        edge.leave()
        await lab.stop()
        await until(lambda: not sink.is_up())
        lab.start_broker()
        edge = ByteEdge(lab.port, session=1)
        await until(lambda: edge.commands)
        edge.say("NBIRTH", time_ns=begin + 30 * S)
        edge.say("DBIRTH", ("count", {"alias": 1, "datatype": 3, "int_value": 9}), STATE, device="m1")
        await until(lambda: 9.0 in sink.values("count"))
        await until(lambda: sink.gaps)
    (gap,) = sink.gaps
    assert (gap.reason, gap.start_ns, gap.end_ns) == ("connection-lost", begin, begin + 30 * S)
    assert sink.values("count") == [0.0, 1.0, 9.0]
