"""The MQTT publishers, seen by an independent subscriber of a real broker."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import AsyncIterator

import pytest
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig

from simulator.errors import PortBusy
from simulator.mqtt_publisher import MqttMachines, rfc3339
from simulator.readings import Reading
from tests.servers import MosquittoServer
from tests.simulator.listeners import free_port, subscriber, until
from tests.simulator.sites import MONDAY_8, NS, line


def later(signal: str, ms: int, value: object, **more: object) -> Reading:
    return Reading("pack", signal, MONDAY_8 + ms * 1_000_000, value, **more)


@pytest.fixture
async def machines(mosquitto: MosquittoServer, topics: str) -> AsyncIterator[MqttMachines]:
    machines = MqttMachines(line(broker=mosquitto.port, topics=topics), "broker", start_ns=MONDAY_8)
    await machines.start()
    yield machines
    await machines.stop()


@pytest.mark.service
async def test_what_a_topic_tells_of_one_instant_is_one_message(
    mosquitto: MosquittoServer, topics: str, machines: MqttMachines
) -> None:
    """Fields where the configuration says, nested by dots, with the machine's own time."""
    async with subscriber(mosquitto.port, topics, "pack/#") as inbox:
        await machines.give([
            later("good_count", 5, 5001), later("scrap_count", 5, 2000), later("good_count", 9, 5002),
            later("product", 9, "a"), later("link", 0, 1),
        ])  # fmt: skip
        await machines.acknowledged()
        await until(lambda: bool(inbox.of("t/pack/online")) and len(inbox.of("t/pack/count")) == 2)
    assert inbox.of("t/pack/count") == [
        {"n": {"good": 5001, "scrap": 2000}, "ts": "2026-01-05T07:00:00.005Z"},
        {"n": {"good": 5002}, "ts": "2026-01-05T07:00:00.009Z"},
    ]
    assert inbox.of("t/pack/order") == [{"product": "a", "ts": "2026-01-05T07:00:00.009Z"}]
    assert inbox.of("t/pack/online")[-1] == 1


@pytest.mark.service
async def test_the_last_message_of_a_topic_is_kept_but_not_late_or_repeated_ones(
    mosquitto: MosquittoServer, topics: str, machines: MqttMachines
) -> None:
    """Who subscribes afterwards learns the present."""
    await machines.give([later("state", 1, "RUN"), later("state", 5, "STOP")])
    await machines.give([later("state", 3, "ERR", late=True), later("state", 1, "RUN", again=True)])
    await machines.tell_time(MONDAY_8 + NS)
    await machines.acknowledged()
    async with subscriber(mosquitto.port, topics) as inbox:
        await until(lambda: bool(inbox.of("t/pack/state")) and bool(inbox.of("t/clock")))
    assert [message["value"] for message in inbox.of("t/pack/state")] == ["STOP"]
    assert inbox.of("t/clock") == ["2026-01-05T07:00:01Z"]


@pytest.mark.service
async def test_the_clock_comes_after_the_readings_up_to_it(
    mosquitto: MosquittoServer, topics: str, machines: MqttMachines
) -> None:
    """Over another connection, but only once the broker has them all."""
    async with subscriber(mosquitto.port, topics) as inbox:
        await until(lambda: bool(inbox.of("t/clock")))
        for second in range(1, 21):
            await machines.give([later("state", second * 1000 - n, f"S{n}") for n in range(30, -1, -1)])
            await machines.tell_time(MONDAY_8 + second * NS)
        await until(lambda: inbox.of("t/clock")[-1] == rfc3339(MONDAY_8 + 20 * NS))
    now = dt.datetime.min.replace(tzinfo=dt.UTC)
    for topic, content in ((t, _time(text)) for t, text, _ in inbox.messages):
        if topic == "t/clock":
            assert content > now
            now = content
        else:
            assert content > now


def _time(text: str) -> dt.datetime:
    """The time in a message: of a reading, or of the clock itself."""
    return dt.datetime.fromisoformat(json.loads(text)["ts"] if text.startswith("{") else text)


@pytest.mark.service
async def test_a_vanished_machine_is_reported_by_its_last_will(
    mosquitto: MosquittoServer, topics: str, machines: MqttMachines
) -> None:
    """The broker says 0 for it; nothing it has to say gets through; back, it is heard again."""
    await machines.give([later("link", 0, 1)])
    async with subscriber(mosquitto.port, topics, "pack/#") as inbox:
        await machines.vanish("pack")
        await until(lambda: inbox.of("t/pack/online")[-1:] == [0])
        await machines.give([later("state", 1, "STOP")])
        await machines.reappear("pack")
        await machines.give([later("link", 2, 1), later("state", 2, "RUN")])
        await until(lambda: inbox.of("t/pack/online")[-1] == 1 and bool(inbox.of("t/pack/state")))
    assert inbox.of("t/pack/state")[-1]["value"] == "RUN"
    assert "STOP" not in {
        m["value"] for m in inbox.of("t/pack/state") if m["ts"] > "2026-01-05T07:00:00.005Z"
    }


async def test_it_keeps_up_with_the_embedded_broker() -> None:
    """A thousand messages and their clock, all acknowledged, at more than 200 a second."""
    port = free_port()
    broker = Broker(
        BrokerConfig(
            listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
    )
    await broker.start()
    machines = MqttMachines(line(broker=port), "broker", start_ns=MONDAY_8)
    await machines.start()
    began = time.monotonic()
    for tick in range(20):
        await machines.give([later("state", tick * 1000 + n, f"S{n}") for n in range(50)])
        await machines.tell_time(MONDAY_8 + (tick + 1) * NS)
    await machines.acknowledged()
    took_s = time.monotonic() - began
    await machines.stop()
    await broker.shutdown()
    assert 1000 / took_s > 200


async def test_a_broker_that_is_not_there_is_said_with_the_source() -> None:
    """One message that helps, and no thread left behind."""
    port = free_port()
    machines = MqttMachines(line(broker=port), "broker", start_ns=MONDAY_8)
    with pytest.raises(PortBusy, match=f"sources.broker: no MQTT broker answers at 127.0.0.1:{port}"):
        await machines.start()


def test_times_are_written_to_the_last_digit_that_matters() -> None:
    """RFC 3339 in UTC, exact to the nanosecond."""
    assert rfc3339(MONDAY_8) == "2026-01-05T07:00:00Z"
    assert rfc3339(MONDAY_8 + 1_500_000) == "2026-01-05T07:00:00.0015Z"
    assert rfc3339(MONDAY_8 + 1) == "2026-01-05T07:00:00.000000001Z"
