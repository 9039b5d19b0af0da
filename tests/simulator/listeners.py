"""Independent listeners: an asyncua client and a paho subscriber that write down what they are told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
from asyncua import Client, ua
from paho.mqtt.enums import CallbackAPIVersion

from fieldlab_configs import Site
from tests.servers import free_port


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait for a condition; a deadline that is not met is a failure."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


@dataclass
class Heard:
    """What an OPC UA client was told: signal, value, status name, source time."""

    rows: list[tuple[str, Any, str, Any]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        told = data.monitored_item.Value
        name = self.names[node.nodeid.to_string()]
        self.rows.append((name, value, told.StatusCode.name, told.SourceTimestamp))

    def of(self, name: str) -> list[tuple[Any, str, Any]]:
        return [(value, status, stamp) for n, value, status, stamp in self.rows if n == name]


async def listen(client: Client, site: Site, machine: str, heard: Heard, *, source: str = "plc") -> None:
    """Subscribe to every node of a machine, and to the clock, with queues long enough."""
    subscription = await client.create_subscription(50, heard)
    wanted = {f"{name}": s.node for name, s in site.machine(machine).signals.items() if s.source == source}
    nodes = []
    for name, text in {**wanted, "clock": "i=2258"}.items():
        uri, _, rest = text.removeprefix("nsu=").partition(";")
        index = await client.get_namespace_index(uri) if rest else 0
        nodes.append(client.get_node(f"ns={index};{rest}" if rest else text))
        heard.names[nodes[-1].nodeid.to_string()] = name
    await subscription.subscribe_data_change(nodes, queuesize=5000)


@dataclass
class Inbox:
    """What a subscriber was sent: topic, payload, retained."""

    messages: list[tuple[str, str, bool]] = field(default_factory=list)

    def of(self, topic: str) -> list[Any]:
        return [_content(text) for told, text, _ in self.messages if told == topic]


def _content(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@asynccontextmanager
async def subscriber(port: int, topics: str, below: str = "#") -> AsyncIterator[Inbox]:
    """A subscriber of its own, QoS 1, to what is below a topic; it writes down what is below as `t/...`."""
    inbox = Inbox()
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)

    def write_down(_client: Any, _userdata: Any, message: Any) -> None:
        topic = message.topic.replace(topics, "t", 1)
        inbox.messages.append((topic, message.payload.decode(), message.retain))

    client.on_message = write_down
    client.on_subscribe = lambda *_: loop.call_soon_threadsafe(ready.set)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe(f"{topics}/{below}", qos=1)
    await asyncio.wait_for(ready.wait(), 60)
    try:
        yield inbox
    finally:
        client.disconnect()
        client.loop_stop()


__all__ = ["Heard", "Inbox", "free_port", "listen", "subscriber", "ua", "until"]
