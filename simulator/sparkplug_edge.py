"""Simulated machines as devices of Sparkplug B edge nodes: births, data by alias, sequence, deaths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from fieldlab_configs import Machine, Site, SparkplugSource
from simulator.codes import Codes
from simulator.errors import CannotSimulate
from simulator.mqtt_connection import Connection
from simulator.readings import COUNTS, Reading
from simulator.sparkplug_content import (
    BOOLEAN,
    DATETIME,
    DOUBLE,
    INT32,
    INT64,
    STRING,
    UINT64,
    Metric,
    payload,
)

NAMESPACE: Final = "spBv1.0"
SEQUENCE: Final = 256
CLOCK: Final = "Clock"
REBIRTH: Final = "Node Control/Rebirth"

TOLD_NS: Final = 1_000_000_000

Key = tuple[str, str]  # machine and signal


class EdgeNode:
    """One edge node: a connection, its sequence, and the devices behind it.

    Parameters
    ----------
    source : SparkplugSource
    name : str
        Id of the source.
    key : str
        Group and node.
    start_ns : int
    """

    def __init__(self, source: SparkplugSource, name: str, key: str, start_ns: int) -> None:
        self._source = source
        self._name = name
        self._group, self._node = key.split("/")
        self._now_ns = start_ns
        self._session = -1
        self._seq = 0
        self._connection: Connection | None = None
        self._known: dict[str, dict[str, Metric]] = {"": {}}  # by device, by name; a birth tells them all
        self._born: set[str] = set()

    def add(self, device: str, name: str, datatype: int) -> None:
        """A metric that it will tell of a device; of the node itself where there is none."""
        metrics = self._known.setdefault(device, {})
        metrics[name] = Metric(name, self._aliases() + 1, datatype, None, self._now_ns)

    def _aliases(self) -> int:
        return sum(len(metrics) for metrics in self._known.values())

    async def start(self) -> None:
        """Connect, with a death as the last will, and be born; devices are with their first readings."""
        self._session = (self._session + 1) % SEQUENCE
        will = self._topic("NDEATH"), payload(self._now_ns, [self._bd_seq()], None)
        asked = self._topic("NCMD"), self._commanded
        client_id = f"fieldlab-simulator-{self._name}-{self._group}-{self._node}"
        self._connection = Connection(self._source, self._name, client_id, will, retain=False, asked=asked)
        await self._connection.open()
        self._bear_node()

    async def stop(self) -> None:
        """Say that it leaves, and leave."""
        if self._connection is not None:
            self._connection.send(self._topic("NDEATH"), payload(self._now_ns, [self._bd_seq()], None))
            await self._connection.close()
            self._connection = None

    async def taken(self) -> None:
        """Wait until the broker has had everything: what it acknowledges comes after all that was sent."""
        if self._connection is not None:
            await self._connection.publish(f"fieldlab/simulator/{self._group}/{self._node}", "", keep=False)
            await self._connection.acknowledged()

    def tell(self, device: str, time_ns: int, values: dict[str, Metric]) -> None:
        """Data of one instant; a birth where the device has had none."""
        self._now_ns = max(self._now_ns, time_ns)
        for name, metric in values.items():
            if metric.time_ns >= self._known[device][name].time_ns:
                self._known[device][name] = metric
        if device in self._born:
            short = [Metric(None, m.alias, m.datatype, m.value, m.time_ns) for m in values.values()]
            self._say("DDATA" if device else "NDATA", device, time_ns, short)
        else:
            self._bear(device)

    def tell_time(self, time_ns: int) -> None:
        """The time, as a metric of the node: a payload's own time is what a gateway's clock follows."""
        if time_ns - self._now_ns < TOLD_NS:
            return  # whoever lives by it has just been told
        self._now_ns = time_ns
        self._say("NDATA", "", time_ns, [Metric(CLOCK, None, DATETIME, time_ns // 1_000_000, time_ns)])

    def metric(self, device: str, name: str, reading: Reading) -> Metric:
        """A reading as the metric that its birth has named."""
        known = self._known[device][name]
        return Metric(name, known.alias, known.datatype, reading.value, reading.time_ns)

    def lose(self, device: str) -> None:
        """A device is no longer heard by its node."""
        if device in self._born:
            self._say("DDEATH", device, self._now_ns, [])
            self._born.discard(device)

    # -- births

    def _commanded(self, content: bytes) -> None:
        """A command; the one that is known asks for all births anew."""
        if REBIRTH.encode() in content and self._connection is not None:
            devices = sorted(self._born - {""})
            self._bear_node()
            for device in devices:
                self._bear(device)

    def _bear_node(self) -> None:
        self._seq = 0
        own = [self._bd_seq(), Metric(REBIRTH, None, BOOLEAN, value=False, time_ns=self._now_ns)]
        own.append(Metric(CLOCK, None, DATETIME, self._now_ns // 1_000_000, self._now_ns))
        self._say("NBIRTH", "", self._now_ns, [*own, *self._known[""].values()])
        self._born.add("")

    def _bear(self, device: str) -> None:
        self._say("DBIRTH", device, self._now_ns, list(self._known[device].values()))
        self._born.add(device)

    def _bd_seq(self) -> Metric:
        return Metric("bdSeq", None, INT64, self._session, self._now_ns)

    def _say(self, kind: str, device: str, time_ns: int, metrics: list[Metric]) -> None:
        if self._connection is None:
            return
        self._connection.send(self._topic(kind, device), payload(time_ns, metrics, self._seq))
        self._seq = (self._seq + 1) % SEQUENCE

    def _topic(self, kind: str, device: str = "") -> str:
        topic = f"{NAMESPACE}/{self._group}/{kind}/{self._node}"
        return f"{topic}/{device}" if device else topic


class SparkplugMachines:
    """The edge nodes of one Sparkplug source of a configuration.

    Parameters
    ----------
    site : Site
    name : str
        Id of the source.
    start_ns : int
        The first time that they tell.
    """

    def __init__(self, site: Site, name: str, *, start_ns: int) -> None:
        source = site.sources[name]
        if not isinstance(source, SparkplugSource):
            raise CannotSimulate(f"{site.path}: sources.{name}: is not of kind sparkplug")
        self.name: Final = name
        self._places: dict[Key, tuple[str, str, str]] = {}  # of each signal: node, device and metric
        self._nodes: dict[str, EdgeNode] = {}
        self.machines: Final = [
            m for m in site.machines() if any(s.source == name and s.device for s in m.signals.values())
        ]
        for machine in self.machines:
            codes = Codes(machine, start_ns)
            for role, signal in machine.signals.items():
                if signal.source != name or not signal.device:
                    continue
                key, device = _split(signal.device)
                node = self._nodes.setdefault(key, EdgeNode(source, name, key, start_ns))
                metric = signal.metric or role
                node.add(device, metric, _datatype(machine, role, codes))
                self._places[machine.id, role] = key, device, metric

    async def start(self) -> None:
        """Connect every edge node; PortBusy where there is no broker."""
        try:
            for node in self._nodes.values():
                await node.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Every edge node leaves."""
        for node in self._nodes.values():
            await node.stop()

    async def vanish(self, machine: str) -> None:
        """The devices of a machine are gone for their edge node."""
        for node, device in self._of(machine):
            node.lose(device)

    async def reappear(self, machine: str) -> None:
        """And are there again; they are born with their next reading."""

    def _of(self, machine: str) -> Iterator[tuple[EdgeNode, str]]:
        for key, device in sorted({place[:2] for (m, _), place in self._places.items() if m == machine}):
            yield self._nodes[key], device

    async def give(self, readings: Iterable[Reading]) -> None:
        """Tell readings in order: what is told of a device at one instant is one message."""

        def of(reading: Reading) -> tuple[bool, int, str, str, bool]:
            key, device, _ = self._places[reading.machine, reading.signal]
            return reading.late, reading.time_ns, key, device, reading.again

        ours = sorted((r for r in readings if (r.machine, r.signal) in self._places), key=of)
        for (_late, time_ns, key, device, _again), group in groupby(ours, of):
            node = self._nodes[key]
            values = {}
            for reading in group:
                name = self._places[reading.machine, reading.signal][2]
                values[name] = node.metric(device, name, reading)
            node.tell(device, time_ns, values)

    async def tell_time(self, time_ns: int) -> None:
        """Tell the time, after every reading up to then, and wait until the broker has it all."""
        for node in self._nodes.values():
            node.tell_time(time_ns)
        await self.acknowledged()

    async def acknowledged(self) -> None:
        """Wait until the broker has everything."""
        for node in self._nodes.values():
            await node.taken()


def _split(place: str) -> tuple[str, str]:
    group, node, *device = place.split("/")
    return f"{group}/{node}", device[0] if device else ""


def _datatype(machine: Machine, role: str, codes: Codes) -> int:
    signal = machine.signals[role]
    if role == "state":
        return INT32 if codes.numeric else STRING
    if role in ("product", "order", "reason"):
        return STRING
    if role in COUNTS and (1 / (signal.scale * signal.per_count)).is_integer():
        return UINT64
    return DOUBLE
