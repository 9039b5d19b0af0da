"""Sparkplug B for tests: a broker, an edge node from PyPI behind it, and one that says what it is told."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fieldlab_configs import Signal, SparkplugSource
from gateways.sparkplug_schema import Payload
from tests import environments, servers
from tests.gateways.mqtt_peer import Publisher

EDGE = ("pysparkplug==0.6.1", "paho-mqtt==1.6.1", "protobuf==6.33.6")
KINDS = {"count": "DOUBLE", "state": "STRING", "small": "INT8", "long": "INT64"}
MS = 1_000_000


class SparkplugPeer:
    """Debian's mosquitto, and pysparkplug behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = servers.free_port()
        self.rebirth_s = 1.0
        self.edge: subprocess.Popen[str] | None = None
        self._running = ExitStack()

    @property
    def config(self) -> SparkplugSource:
        return SparkplugSource(
            kind="sparkplug", host="127.0.0.1", port=self.port, host_id="lab-host", rebirth_s=self.rebirth_s
        )

    def signals(self) -> dict[str, Signal]:
        return {name: Signal(source="src", device="lab/edge/m1", metric=name) for name in ("count", "state")}

    async def start(self) -> None:
        await asyncio.to_thread(self.start_broker)
        await asyncio.to_thread(self.start_edge)

    def start_broker(self) -> None:
        self._running.enter_context(servers.mosquitto(self.folder, self.port))

    def start_edge(self) -> None:
        script = Path(__file__).with_name("sparkplug_edge.py")
        command, environment = environments.command(environments.installed(*EDGE), script, self.port)
        self.edge = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.edge.stdout is not None
        assert self.edge.stdout.readline() == "up\n"

    def tell(self, **order: Any) -> None:
        """An order to the edge node; returns when it was done."""
        assert self.edge is not None
        assert self.edge.stdin is not None
        assert self.edge.stdout is not None
        self.edge.stdin.write(json.dumps(order) + "\n")
        self.edge.stdin.flush()
        assert self.edge.stdout.readline() == "done\n"

    async def stop(self) -> None:
        await asyncio.to_thread(self.kill_edge)
        await asyncio.to_thread(self._running.close)

    def kill_edge(self) -> None:
        """It is gone without a word."""
        if self.edge is not None:
            self.edge.kill()
            self.edge.communicate()
            self.edge = None

    async def publish(self, signal: str, value: object, time_ns: int, *, historical: bool = False) -> None:
        told = [signal, KINDS[signal], value, time_ns // MS, historical]
        await asyncio.to_thread(self.tell, metrics=[told])

    async def publish_garbage(self) -> None:
        machine = await asyncio.to_thread(Publisher, self.port)
        machine.publish("spBv1.0/lab/DDATA/edge/m1", b"\x12\x7fnot so long")
        machine.close()


class ByteEdge:
    """An edge node of ours, for what a good one would not say."""

    def __init__(self, port: int, node: str = "edge", session: int = 0) -> None:
        self.port, self.node, self.session, self.seq = port, node, session, 0
        self.commands: list[bytes] = []
        self.asked_s: list[float] = []
        will = self._payload([("bdSeq", {"long_value": session, "datatype": 4})], seq=None)
        self.machine = Publisher(port, name=f"edge-{node}", will=(f"spBv1.0/lab/NDEATH/{node}", will))
        self.machine.client.on_message = lambda _c, _d, message: self._asked(message.payload)
        self.machine.client.subscribe(f"spBv1.0/lab/NCMD/{node}", qos=1)

    def leave(self) -> None:
        """A clean end, of which the broker knows: one that stops before it has read it says the last will."""
        self.machine.close()
        Publisher(self.port, name="after").close()  # who is answered came later

    def _asked(self, command: bytes) -> None:
        self.commands.append(command)
        self.asked_s.append(time.monotonic())

    def _payload(
        self, metrics: list[tuple[str | None, dict[str, Any]]], seq: int | None, time_ns: int | None = None
    ) -> bytes:
        payload = Payload(timestamp=(time_ns or time.time_ns()) // MS)
        if seq is not None:
            payload.seq = seq
        for name, content in metrics:
            metric = payload.metrics.add(**content)
            if name is not None:
                metric.name = name
        return bytes(payload.SerializeToString())

    def say(
        self,
        kind: str,
        *metrics: tuple[str | None, dict[str, Any]],
        device: str = "",
        time_ns: int | None = None,
        skip: int = 0,
    ) -> None:
        """A message with the next number, or one that skips some."""
        said = list(metrics)
        if kind == "NBIRTH":
            self.seq = 0
            said.append(("bdSeq", {"long_value": self.session, "datatype": 4}))
        self.seq += skip
        seq = None if kind == "NDEATH" else self.seq % 256
        if kind == "NDEATH":
            said.append(("bdSeq", {"long_value": self.session, "datatype": 4}))
        else:
            self.seq += 1
        self.raw(kind, self._payload(said, seq, time_ns), device=device)

    def raw(self, kind: str, content: bytes, *, device: str = "") -> None:
        """Any bytes."""
        self.machine.publish(f"spBv1.0/lab/{kind}/{self.node}" + (f"/{device}" if device else ""), content)
