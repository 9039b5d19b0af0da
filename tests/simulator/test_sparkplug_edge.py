"""Simulated edge nodes on a real broker, read with protobuf, which nothing here is written with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from fieldlab_configs import Site, parse
from gateways.sparkplug_payload import rebirth_request
from gateways.sparkplug_schema import Payload
from simulator.errors import PortBusy
from simulator.readings import Reading
from simulator.sparkplug_content import BOOLEAN, DOUBLE, INT32, INT64, STRING, UINT64, Metric, payload
from simulator.sparkplug_edge import SparkplugMachines
from tests.servers import MosquittoServer
from tests.simulator.listeners import free_port, until
from tests.simulator.sites import MONDAY_8, NS

MS = 1_000_000


def plant(port: int, node: str) -> Site:
    return parse(f"""
fieldlab: test
timezone: UTC
lines:
  - id: line
    machines:
      - id: m1
        states: {{map: {{1: producing, 2: stopped, -3: down}}}}
        signals:
          state: {{source: cells, metric: Cell/State}}
          total_count: {{source: cells, metric: Cell/Parts}}
          energy: {{source: cells, metric: Cell/Energy, unit: kWh}}
          product: {{source: cells, metric: Cell/Program}}
      - id: m2
        states: {{map: {{RUN: producing, STOP: stopped}}}}
        signals:
          state: {{source: cells, metric: Cell/State}}
sources:
  cells:
    kind: sparkplug
    host: 127.0.0.1
    port: {port}
    protocol: "3.1.1"
    devices: "lab/{node}/{{machine}}"
""")


@dataclass
class Host:
    """What a host application hears of one edge node: kind, device and message."""

    node: str
    heard: list[tuple[str, str, Any]] = field(default_factory=list)
    client: Any = None

    def start(self, port: int) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        ready: list[bool] = []
        self.client.on_subscribe = lambda *_: ready.append(True)
        self.client.on_message = lambda _c, _u, message: self._hear(message)
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(f"spBv1.0/lab/+/{self.node}/#", qos=1)
        while not ready:
            self.client.loop(0.05)
        self.client.loop_start()

    def _hear(self, message: Any) -> None:
        levels = message.topic.split("/")
        if levels[2] != "NCMD":
            device = levels[4] if len(levels) > 4 else ""
            self.heard.append((levels[2], device, Payload.FromString(message.payload)))

    def kinds(self) -> list[str]:
        return [f"{kind} {device}".strip() for kind, device, _ in self.heard]

    def stop(self) -> None:
        self.client.loop_stop()
        self.client.disconnect()


@pytest.fixture
def host(mosquitto: MosquittoServer, request: pytest.FixtureRequest) -> Any:
    made = Host(f"edge-{abs(hash(request.node.name)) % 10**8}")
    made.start(mosquitto.port)
    yield made
    made.stop()


def first(machine: str, time_ns: int = MONDAY_8) -> list[Reading]:
    told = {"m1": {"state": -3, "total_count": 41, "energy": 7.5, "product": "a"}, "m2": {"state": "RUN"}}
    return [Reading(machine, name, time_ns, value) for name, value in told[machine].items()]


@pytest.mark.service
async def test_births_name_what_data_then_tells_by_alias(mosquitto: MosquittoServer, host: Host) -> None:
    """Node, then devices with their first readings, then data; the sequence has no hole."""
    machines = SparkplugMachines(plant(mosquitto.port, host.node), "cells", start_ns=MONDAY_8)
    await machines.start()
    await machines.give(first("m1") + first("m2"))
    await machines.give([Reading("m1", "total_count", MONDAY_8 + 2 * NS, 42)])
    await machines.tell_time(MONDAY_8 + 5 * NS)
    await until(lambda: len(host.heard) == 5)
    await machines.stop()
    await until(lambda: host.kinds()[-1] == "NDEATH")
    assert host.kinds() == ["NBIRTH", "DBIRTH m1", "DBIRTH m2", "DDATA m1", "NDATA", "NDEATH"]
    assert [message.seq for _, _, message in host.heard[:5]] == [0, 1, 2, 3, 4]
    born = {metric.name: metric for metric in host.heard[1][2].metrics}
    assert {name: metric.datatype for name, metric in born.items()} == {
        "Cell/State": INT32, "Cell/Parts": UINT64, "Cell/Energy": DOUBLE, "Cell/Program": STRING,
    }  # fmt: skip
    assert born["Cell/State"].int_value == 2**32 - 3
    assert (born["Cell/Parts"].long_value, born["Cell/Program"].string_value) == (41, "a")
    (data,) = host.heard[3][2].metrics
    assert not data.HasField("name")
    assert (data.alias, data.long_value) == (born["Cell/Parts"].alias, 42)
    assert data.timestamp * MS == host.heard[3][2].timestamp * MS == MONDAY_8 + 2 * NS
    sessions = [m.long_value for i in (0, 5) for m in host.heard[i][2].metrics if m.name == "bdSeq"]
    assert sessions == [0, 0]


@pytest.mark.service
async def test_a_rebirth_tells_all_that_holds(mosquitto: MosquittoServer, host: Host) -> None:
    """As a host asks that came late: births anew, from 0, with the last value and its own time."""
    machines = SparkplugMachines(plant(mosquitto.port, host.node), "cells", start_ns=MONDAY_8)
    await machines.start()
    await machines.give([*first("m1"), Reading("m1", "total_count", MONDAY_8 + 3 * NS, 44)])
    await until(lambda: len(host.heard) == 3)
    host.client.publish(f"spBv1.0/lab/NCMD/{host.node}", rebirth_request(MONDAY_8), qos=1)
    await until(lambda: len(host.heard) == 5)
    await machines.stop()
    assert host.kinds()[3:5] == ["NBIRTH", "DBIRTH m1"]
    assert [message.seq for _, _, message in host.heard[3:5]] == [0, 1]
    born = {metric.name: metric for metric in host.heard[4][2].metrics}
    assert born["Cell/Parts"].long_value == 44
    assert born["Cell/Parts"].timestamp * MS == MONDAY_8 + 3 * NS
    assert born["Cell/Energy"].timestamp * MS == MONDAY_8


@pytest.mark.service
async def test_a_device_that_is_lost_dies_and_is_born_again(mosquitto: MosquittoServer, host: Host) -> None:
    """Of one device only; the node lives on."""
    machines = SparkplugMachines(plant(mosquitto.port, host.node), "cells", start_ns=MONDAY_8)
    await machines.start()
    await machines.give(first("m1") + first("m2"))
    await machines.vanish("m1")
    await machines.give([Reading("m2", "state", MONDAY_8 + NS, "STOP")])
    await machines.reappear("m1")
    await machines.give(first("m1", MONDAY_8 + 9 * NS))
    await until(lambda: len(host.heard) == 6)
    await machines.stop()
    assert host.kinds()[3:6] == ["DDEATH m1", "DDATA m2", "DBIRTH m1"]


async def test_without_a_broker_it_says_where_it_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One message with the source and the address."""
    monkeypatch.setattr("simulator.mqtt_connection.BROKER_WITHIN_S", 0.2)
    port = free_port()
    machines = SparkplugMachines(plant(port, "edge"), "cells", start_ns=MONDAY_8)
    with pytest.raises(PortBusy, match=rf"sources\.cells: no MQTT broker answers at 127\.0\.0\.1:{port}"):
        await machines.start()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("datatype", "value", "where"),
    [
        (INT32, -12, ("int_value", 2**32 - 12)),
        (INT64, -12, ("long_value", 2**64 - 12)),
        (UINT64, 2**63, ("long_value", 2**63)),
        (DOUBLE, -0.1, ("double_value", -0.1)),
        (BOOLEAN, False, ("boolean_value", False)),
        (STRING, "stück", ("string_value", "stück")),
    ],
)
def test_a_value_is_written_as_the_specification_has_it(datatype: int, value: Any, where: tuple) -> None:
    """Read back with protobuf: two's complement, fixed 64 bits, UTF-8; times in ms, rounded up."""
    told = Payload.FromString(payload(1_500_001, [Metric("x", 300, datatype, value, 2_000_000)], 255))
    (metric,) = told.metrics
    assert (told.timestamp, told.seq, metric.name, metric.alias) == (2, 255, "x", 300)
    assert (metric.datatype, metric.timestamp, metric.is_null) == (datatype, 2, False)
    assert (metric.WhichOneof("value"), getattr(metric, where[0])) == where


def test_no_value_is_told_as_null() -> None:
    """Under Bad quality there is none."""
    (metric,) = Payload.FromString(payload(0, [Metric("x", None, DOUBLE, None, 0)], None)).metrics
    assert metric.is_null
    assert metric.WhichOneof("value") is None
