"""A real broker with one machine behind it, for tests."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from amqtt.broker import Broker

from fieldlab_configs import MqttSource, Signal
from tests import servers

LINK = "lab/line/m1/link"
DATA = "lab/line/m1/data"
HOSTILE = (b"", b"\xff\xff", b"[" * 10_000 + b"]" * 10_000, b'{"v": [1]}', b"x" * 10_000_000)


class Publisher:
    """A machine's own MQTT client, with a last will; it publishes at QoS 1 and waits for the broker."""

    def __init__(self, port: int, *, name: str = "machine", will: tuple[str, bytes] | None = None) -> None:
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name, clean_session=True)
        if will:
            self.client.will_set(*will, qos=1, retain=True)
        connected = threading.Event()
        self.client.on_connect = lambda *_: connected.set()
        self.client.connect("127.0.0.1", port, keepalive=30)
        self.client.loop_start()
        assert connected.wait(60)

    def publish(self, topic: str, payload: bytes | str, *, retain: bool = False, qos: int = 1) -> None:
        told = self.client.publish(topic, payload, qos=qos, retain=retain)
        told.wait_for_publish(60)
        assert told.is_published(), f"the broker does not take {topic}"

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def die(self) -> None:
        """Vanish without a goodbye, so that the broker publishes the last will."""
        sock = self.client.socket()
        self.client.on_disconnect = None
        self.client._reconnect_on_failure = False
        assert sock is not None
        sock.shutdown(2)
        self.client.loop_stop()


class MqttPeer:
    """Debian's mosquitto on a port of its own, and one machine that publishes JSON with its own time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = ["count", "state"]
        self.port = servers.free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.machine: Publisher | None = None
        self.protocol: Any = "auto"
        self.receive_maximum = 1000
        self._running = ExitStack()

    @property
    def config(self) -> MqttSource:
        return MqttSource(
            kind="mqtt",
            host="127.0.0.1",
            port=self.port,
            protocol=self.protocol,
            receive_maximum=self.receive_maximum,
        )

    def signals(self) -> dict[str, Signal]:
        data = {n: Signal(source="src", topic=DATA, field=f"v.{n}", time_field="t") for n in self.names}
        return data | {"link": Signal(source="src", topic=LINK)}

    async def start(self) -> None:
        if self.process is None:
            await asyncio.to_thread(self.start_broker)
        self.machine = Publisher(self.port, will=(LINK, b"0"))
        self.machine.publish(LINK, b"1", retain=True)

    def start_broker(self) -> None:
        context = servers.mosquitto(self.folder, self.port)
        _, self.process = self._running.enter_context(context)

    async def stop(self) -> None:
        if self.machine is not None:
            self.machine.close()
            self.machine = None
        await asyncio.to_thread(self.stop_broker)

    def stop_broker(self) -> None:
        self._running.close()
        self.process = None

    def forget(self) -> None:
        """The broker, stopped, loses all that it kept."""
        shutil.rmtree(self.folder)

    async def publish(self, signal: str, value: object, time_ns: int) -> None:
        assert self.machine is not None
        self.machine.publish(DATA, json.dumps({"t": time_ns, "v": {signal: value}}))

    async def publish_garbage(self) -> None:
        assert self.machine is not None
        self.machine.publish(DATA, b'{"v": {"count": ')


class AmqttPeer(MqttPeer):
    """The broker of the demo: amqtt, in this process; it speaks MQTT 3.1.1 alone."""

    broker: Any = None

    async def start(self) -> None:
        if self.broker is None:
            listener = {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}
            plugin = "amqtt.plugins.authentication.AnonymousAuthPlugin"
            self.broker = Broker(
                {"listeners": {"default": listener}, "plugins": {plugin: {"allow_anonymous": True}}}
            )
            await self.broker.start()
        self.machine = await asyncio.to_thread(Publisher, self.port, will=(LINK, b"0"))
        await asyncio.to_thread(self.machine.publish, LINK, b"1", retain=True)

    async def stop(self) -> None:
        if self.machine is not None:
            await asyncio.to_thread(self.machine.close)
            self.machine = None
        if self.broker is not None:
            await self.broker.shutdown()
            self.broker = None

    async def publish(self, signal: str, value: object, time_ns: int) -> None:
        # The broker runs in this loop, so waiting for its answer must not hold the loop.
        assert self.machine is not None
        await asyncio.to_thread(self.machine.publish, DATA, json.dumps({"t": time_ns, "v": {signal: value}}))

    async def publish_garbage(self) -> None:
        assert self.machine is not None
        await asyncio.to_thread(self.machine.publish, DATA, b'{"v": {"count": ')
