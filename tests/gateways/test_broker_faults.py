"""Faults of the way to a broker, and of clocks, for both kinds of source: what is lost lies in a gap."""

from __future__ import annotations

import asyncio
import itertools
import json
import time

import pytest

from fieldlab_configs import Signal
from gateways.heard import Heard
from tests import servers
from tests.faults.proxy import SUBACK, Proxy
from tests.gateways.helpers import Collector, Hands, S, running, site, until
from tests.gateways.mqtt_peer import DATA, MqttPeer
from tests.gateways.sparkplug_peer import ByteEdge, SparkplugPeer

pytestmark = pytest.mark.service


@pytest.fixture
async def mqtt(tmp_path):
    peer = MqttPeer(tmp_path / "broker")
    try:
        await peer.start()
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    yield peer
    await peer.stop()


@pytest.fixture
async def lab(tmp_path):
    peer = SparkplugPeer(tmp_path / "broker")
    try:
        peer.start_broker()
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    yield peer
    await peer.stop()


def births(edge: ByteEdge, value: int, time_ns: int | None = None) -> None:
    edge.say("NBIRTH", time_ns=time_ns)
    count = ("count", {"alias": 1, "datatype": 3, "int_value": value})
    edge.say(
        "DBIRTH", count, ("state", {"datatype": 12, "string_value": "RUN"}), device="m1", time_ns=time_ns
    )


async def test_a_broker_that_forgot_while_no_gateway_ran(mqtt, tmp_path):
    """The next process knows when the last one heard the machine: the gap begins there."""
    (tmp_path / "spool").mkdir()
    lab = site(mqtt.config, mqtt.signals(), spool=tmp_path / "spool")
    begin = time.time_ns() - 60 * S
    sink = Collector()
    async with running(lab, sink):
        await until(sink.is_up)
        await mqtt.publish("count", 1.0, begin)
        await until(lambda: sink.values("count"))
    assert sink.gaps == []
    await mqtt.stop()
    mqtt.forget()
    await mqtt.start()
    await mqtt.publish("count", 2.0, begin + S)
    async with running(lab, sink):
        await until(lambda: sink.gaps)
        await mqtt.publish("count", 3.0, begin + 2 * S)
        await until(lambda: 3.0 in sink.values("count"))
    (gap,) = sink.gaps
    assert (gap.machine, gap.reason, gap.start_ns) == ("m1", "session-lost", begin)
    assert sink.values("count") == [1.0, 3.0]


async def test_a_session_that_was_kept_is_no_gap(mqtt, tmp_path):
    """What came while no gateway ran is told to the next."""
    (tmp_path / "spool").mkdir()
    lab = site(mqtt.config, mqtt.signals(), spool=tmp_path / "spool")
    sink = Collector()
    for n in range(1, 4):
        async with running(lab, sink):
            await until(sink.is_up)
            await mqtt.publish("count", float(n), time.time_ns())
            await until(lambda n=n: sink.values("count")[-1:] == [float(n)])
        await mqtt.publish("count", n + 0.5, time.time_ns())
    assert sink.values("count") == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert sink.gaps == []


async def test_nodes_that_spoke_while_no_gateway_ran(lab, tmp_path):
    """From the last message that the process before heard, to the birth that the next one asked for."""
    (tmp_path / "spool").mkdir()
    fieldlab = site(lab.config, lab.signals(), spool=tmp_path / "spool")
    edge = ByteEdge(lab.port)
    begin = time.time_ns() // S * S - 100 * S
    sink = Collector()
    async with running(fieldlab, sink):
        await until(lambda: edge.commands)
        births(edge, 1, begin)
        await until(sink.is_up)
    edge.say("DDATA", (None, {"alias": 1, "int_value": 2}), device="m1", time_ns=begin + 10 * S)
    asked = len(edge.commands)
    async with running(fieldlab, sink):
        await until(lambda: len(edge.commands) > asked)
        births(edge, 3, begin + 20 * S)
        await until(lambda: 3.0 in sink.values("count"))
        await until(lambda: sink.gaps)
    (gap,) = sink.gaps
    assert (gap.reason, gap.start_ns, gap.end_ns) == ("connection-lost", begin, begin + 20 * S)
    assert sink.values("count") == [1.0, 3.0]


async def test_cuts_of_the_way_to_a_sparkplug_broker(lab):
    """Reset, half-open, dead: each value that a node said is there once, or lies in a gap."""
    edge = ByteEdge(lab.port)
    sink, said = Collector(), {}
    with Proxy(lab.port) as way:
        config = lab.config.model_copy(update={"port": way.port, "keep_alive_s": 1})
        stop = asyncio.Event()

        async def speak() -> None:
            answered = 0
            for n in itertools.count(1):
                if stop.is_set():
                    return
                now = time.time_ns() // 1_000_000 * 1_000_000
                said[now] = float(n)
                if len(edge.commands) > answered:
                    answered = len(edge.commands)
                    await asyncio.to_thread(births, edge, n, now)
                else:
                    told = (None, {"alias": 1, "int_value": n})
                    await asyncio.to_thread(edge.say, "DDATA", told, device="m1", time_ns=now)
                await asyncio.sleep(0.004)

        speaking = asyncio.create_task(speak())
        async with running(site(config, lab.signals()), sink):
            for cut in (way.reset, way.strand, way.reset):
                await until(sink.is_up)
                before = len(sink.of("count"))
                await until(lambda n=before: len(sink.of("count")) > n + 20)
                subscribed = way.seen["down", SUBACK]
                await asyncio.to_thread(cut)
                await until(lambda n=subscribed: way.seen["down", SUBACK] > n)
            await until(sink.is_up)
            after = len(sink.of("count"))
            await until(lambda: len(sink.of("count")) > after + 20)
            stop.set()
            await speaking
            await until(lambda: sink.values("count")[-1] == max(said.values()))
    told = {s.time_ns: s.value for s in sink.of("count")}
    assert len(sink.gaps) >= 3
    first = min(told)  # before it nobody listened
    for time_ns, value in said.items():
        inside = any(gap.start_ns <= time_ns < gap.end_ns for gap in sink.gaps)
        assert told.get(time_ns) == value or inside or time_ns < first, value
    assert len(told) == len(sink.of("count"))  # nothing double


async def test_a_clock_that_begins_in_1970_and_is_set_while_running(mqtt):
    """Times are believed once they can be; order is that of receipt; life runs on the steady clock."""
    hands = Hands(wall=3 * S)
    sink = Collector()
    wanted = {"count": Signal(source="src", topic=DATA, field="v.count", time_field="t", max_silence_s=2)}
    now = 1_800_000_000 * S
    async with running(site(mqtt.config, wanted), sink, hands.clock()):

        def publish(n: int, time_ns: int) -> None:
            mqtt.machine.publish(DATA, json.dumps({"t": time_ns, "v": {"count": n}}))

        async def say(n: int, time_ns: int) -> None:
            publish(n, time_ns)
            await until(lambda: float(n) in sink.values("count"))

        def subscribed() -> bool:
            publish(1, now)
            return bool(sink.values("count"))

        await until(subscribed)
        hands.wall = now + S  # NTP
        await say(2, now + S)
        hands.wall = now - 3600 * S  # an hour off, the other way
        await say(3, now + 2 * S)
        hands.wall = now + 3 * S
        await say(4, now + 3 * S)
        assert sink.is_up()
        hands.pass_s(3)
        await until(lambda: not sink.is_up())
    found = {s.value: (s.clock, s.time_ns) for s in reversed(sink.of("count"))}  # the first of each
    assert found[1.0] == ("gateway", 3 * S)
    assert found[2.0] == ("source", now + S)
    assert found[3.0] == ("gateway", now - 3600 * S)
    assert found[4.0] == ("source", now + 3 * S)
    assert list(dict.fromkeys(s.value for s in sink.of("count"))) == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"m1": "x"}', b'{"m1": null}', b"[" * 5000])
def test_a_file_of_times_that_cannot_be_read_is_begun_anew(tmp_path, content, caplog):
    """Nothing refuses to start for it; it is said."""
    path = tmp_path / "edge.src.mqtt"
    path.write_bytes(content)
    heard = Heard(path)
    assert heard.times == {}
    assert "what was missed before is not told" in caplog.text
    heard.times["m1"] = 5
    heard.keep(now=True)
    assert Heard(path).times == {"m1": 5}
