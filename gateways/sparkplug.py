"""The Sparkplug B driver: a host application that follows births, deaths and the sequence of edge nodes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import ClassVar, Final

from fieldlab_configs import SparkplugSource
from gateways.broker import Batch, BehindBroker
from gateways.errors import Undecodable
from gateways.inbox import Message
from gateways.mqtt_address import Will
from gateways.mqtt_link import BrokerLink
from gateways.sink import Gap
from gateways.source import EVERY_SIGNAL, Context, Point
from gateways.sparkplug_nodes import NAMESPACE, NODE, Meant, Missing, Node, Topic, topic_of
from gateways.sparkplug_owed import Owed
from gateways.sparkplug_payload import (
    Heard,
    Told,
    datatype_name,
    quality,
    read,
    rebirth_request,
    says_online,
    skipped,
    state,
    value,
)
from ingest.samples import Sample

log = logging.getLogger(__name__)

GOODBYE_S: Final = 0.5
_MOST_SAID: Final = 5


class Sparkplug(BehindBroker):
    """A host application of one broker. As Sparkplug has it, the broker keeps no session for it."""

    kind: ClassVar[str] = "sparkplug"
    keeps_session: ClassVar[bool] = False

    def __init__(
        self, context: Context, name: str, config: SparkplugSource, points: tuple[Point, ...]
    ) -> None:
        super().__init__(context, name, config, points)
        self._config: Final = config
        self._wanted: dict[tuple[str, str], list[Point]] = {}
        self._places: dict[str, set[str]] = {}  # of each machine: nodes and devices that it is behind
        for point in points:
            place = point.signal.device or ""
            self._wanted.setdefault((place, point.signal.metric or point.name), []).append(point)
            self._places.setdefault(point.machine, set()).add(place)
        keys = ["/".join(place.split("/")[:2]) for place, _ in self._wanted]
        # What was said after a process before this one was last there is missing too.
        before = self._heard.times
        lost = {key: Missing(before[key], 0, "connection-lost") for key in keys if key in before}
        self._nodes = {key: Node(missing=lost.get(key)) for key in dict.fromkeys(keys)}
        self._alive: set[str] = set()
        self._owed: Final = Owed(config.rebirth_s)
        self._gaps: list[Gap] = []
        self._state_ns = 0
        self._leaving = False
        self._asker: asyncio.Task[None] | None = None
        self.skipped: Counter[str] = Counter()
        """Metrics that no signal can hold, by datatype."""

    # -- the connection

    def _will(self) -> Will | None:
        if self._config.state == "off":
            return None
        self._state_ns = self.context.clock.now_ns()
        return Will(self._state_topic(), state(self._config.state, self._state_ns, online=False))

    def _state_topic(self) -> str:
        host = self._config.host_id or f"{self.context.fieldlab}-{self.context.gateway}"
        return f"STATE/{host}" if self._config.state == "2.2" else f"{NAMESPACE}/STATE/{host}"

    def _say_online(self, link: BrokerLink) -> None:
        if self._config.state != "off" and not self._leaving:
            content = state(self._config.state, self._state_ns, online=True)
            link.publish(self._state_topic(), content, retain=True)

    async def _connected(self, link: BrokerLink, *, session: bool) -> None:  # noqa: ARG002 - none is kept
        topics = [self._state_topic()] if self._config.state != "off" else []
        for key in self._nodes:
            group, node = key.split("/")
            topics += [f"{NAMESPACE}/{group}/{kind}/{node}" for kind in ("NDEATH", "NBIRTH", "NDATA")]
            topics += [f"{NAMESPACE}/{group}/{kind}/{node}/+" for kind in ("DDEATH", "DBIRTH", "DDATA")]
        link.subscribe((topic, True) for topic in topics)
        self._say_online(link)
        self._owed.begin(self._nodes)
        self._asker = asyncio.create_task(self._ask_forever(link))

    async def _say_goodbye(self, link: BrokerLink) -> None:
        self._leaving = True
        if self._config.state != "off":
            content = state(self._config.state, self._state_ns, online=False)
            await link.publish_last(self._state_topic(), content, GOODBYE_S)

    async def _lost(self) -> None:
        if self._asker is not None:
            self._asker.cancel()
        for key, node in self._nodes.items():
            missing = node.missing
            if missing is None and NODE in node.births:
                missing = Missing(node.heard_ns, 0, "connection-lost")
            self._nodes[key] = Node(missing=missing)
        self._alive.clear()
        self.context.life.fall(self.name)
        await self._tell_life()

    async def _ask_forever(self, link: BrokerLink) -> None:
        while True:
            self._ask(link)
            await asyncio.sleep(self._config.rebirth_s / 2)

    def _ask(self, link: BrokerLink) -> None:
        """Ask for the births that are due."""
        for key in self._owed.to_ask():
            group, node = key.split("/")
            request = rebirth_request(self.context.clock.now_ns())
            link.publish(f"{NAMESPACE}/{group}/NCMD/{node}", request, qos=0)

    # -- messages

    def _read(self, batch: Batch, message: Message, link: BrokerLink) -> None:
        try:
            text = message.topic.decode()
        except UnicodeDecodeError:
            raise Undecodable("its topic is not UTF-8") from None
        if text == self._state_topic():
            # Another connection of this host said that it is gone: the last will of the one before.
            if not says_online(message.payload):
                self._say_online(link)
            return
        topic = topic_of(text)
        node = self._nodes.get(topic.key)
        if node is None:
            raise Undecodable("a node that the configuration does not know")
        heard = read(message.payload)
        self.context.clock.observe(self.name, heard.time_ns or 0)
        stamp = self.context.clock.stamp(heard.time_ns)
        at_ns = stamp[0] if stamp is not None else message.arrived_ns
        if topic.kind == "NDEATH":
            self._node_died(topic, node, heard, at_ns)
        elif topic.kind == "NBIRTH":
            self._node_born(topic, node, heard, at_ns)
            self._take(batch, message, topic, node, heard, birth=True)
        elif NODE not in node.births:
            self._owed.talks(topic.key)
            if topic.kind != "DDEATH":
                raise Undecodable("no birth has been heard of its node yet; it was asked for one")
        else:
            self._follow(batch, message, topic, node, heard, at_ns)

    def _follow(
        self, batch: Batch, message: Message, topic: Topic, node: Node, heard: Heard, at_ns: int
    ) -> None:
        """A message that has its place in the node's sequence."""
        if not node.in_sequence(heard, at_ns):
            self._owed.add(topic.key)
        if topic.kind == "DDEATH":
            node.device_died(topic.device)
            self._live(self._alive - {topic.place})
            return
        if topic.kind == "DBIRTH":
            node.device_born(topic.device, heard)
            self._live(self._alive | {topic.place})
        elif topic.device not in node.births:
            self._owed.talks(topic.key)
            raise Undecodable("no birth has been heard of it yet; its node was asked for one")
        if self._take(batch, message, topic, node, heard, birth=topic.kind == "DBIRTH") and node.missing:
            self._close_gap(topic.key, node, at_ns)

    def _node_born(self, topic: Topic, node: Node, heard: Heard, at_ns: int) -> None:
        alive = self._alive
        if node.born(heard, at_ns):
            alive = {place for place in alive if not _behind(place, topic.key)}
        self._live(alive | {topic.key})
        self._owed.born(topic.key)
        if node.missing:
            self._close_gap(topic.key, node, at_ns)

    def _node_died(self, topic: Topic, node: Node, heard: Heard, at_ns: int) -> None:
        if not node.died(heard):
            log.debug("source %s: a death of an earlier session of %s", self.name, topic.key)
            return
        if node.missing:
            self._close_gap(topic.key, node, at_ns)
        self._owed.died(topic.key)
        self._live({place for place in self._alive if not _behind(place, topic.key)})

    def _live(self, alive: set[str]) -> None:
        """Nodes and devices that are there now; a machine is alive where all are that it is behind."""
        before, self._alive = self._alive, alive
        for machine, places in self._places.items():
            if places <= alive:
                self.context.life.rise(self.name, machine)
            elif places <= before:
                self.context.life.fall(self.name, machine)

    def _close_gap(self, key: str, node: Node, to_ns: int) -> None:
        missing, node.missing = node.missing, None
        if missing is None or missing.since_ns is None or missing.since_ns >= to_ns:
            return
        for machine, places in self._places.items():
            if any(_behind(place, key) for place in places):
                count = missing.messages
                self._gaps.append(Gap(machine, EVERY_SIGNAL, missing.reason, missing.since_ns, to_ns, count))

    async def _handed_over(self, link: BrokerLink) -> None:
        self._heard.times.update({k: n.heard_ns for k, n in self._nodes.items() if n.heard_ns is not None})
        while self._gaps:
            await self.context.sink.gap(self._gaps[0])
            del self._gaps[0]
        self._ask(link)

    # -- metrics

    def _take(
        self, batch: Batch, message: Message, topic: Topic, node: Node, heard: Heard, *, birth: bool
    ) -> bool:
        """Samples of the metrics that are wanted; whether it could be told what every metric is."""
        wrong: list[str] = []
        nameless = 0
        passed: Counter[str] = Counter()
        for told in heard.metrics:
            meant = node.meaning(topic.device, told)
            if meant is None:
                nameless += 1
                continue
            if skipped(meant.datatype):
                passed[datatype_name(meant.datatype)] += 1
            for point in self._wanted.get((topic.place, meant.name), ()):
                try:
                    self._add(batch, message, heard, told, meant, point, birth=birth)
                except Undecodable as error:
                    wrong.append(f"{point.machine}.{point.name}: {error}")
        self.skipped.update(passed)
        if birth and passed:
            said = ", ".join(f"{count} {name}" for name, count in sorted(passed.items()))
            log.info("source %s: %s: metrics that are not read: %s", self.name, topic.place, said)
        if nameless:
            self._owed.add(topic.key)
            wrong.append(f"{nameless} metrics that no birth has named, or none since messages were missed")
        if wrong:
            more = [f"and {len(wrong) - _MOST_SAID} more"] if len(wrong) > _MOST_SAID else []
            raise Undecodable("; ".join([*wrong[:_MOST_SAID], *more]))
        return True

    def _add(
        self,
        batch: Batch,
        message: Message,
        heard: Heard,
        told: Told,
        meant: Meant,
        point: Point,
        *,
        birth: bool,
    ) -> None:
        found = value(told, meant.datatype)
        # A birth tells what holds, and history what held: their age proves nothing against them.
        old = birth or told.historical or message.retained
        stamp = self.context.clock.stamp(told.time_ns, heard.time_ns, backfill=old)
        if stamp is None:
            raise Undecodable("no time in it, and the source's clock is not yet known")
        time_ns, whose = stamp
        if whose == "gateway" and not self.context.clock.follows:
            time_ns = message.arrived_ns
        said = quality(told) if found is not None else "bad"
        batch.samples.append(Sample(point.machine, point.name, time_ns, found, said, whose))


def _behind(place: str, key: str) -> bool:
    """Whether a place is a node, or one of its devices."""
    return place == key or place.startswith(f"{key}/")
