"""The MQTT driver: a persistent session, one queue, acknowledged in order once the spool has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from fieldlab_configs import MqttSource
from gateways import payload
from gateways.broker import Batch, BehindBroker
from gateways.clock import SECOND_NS
from gateways.errors import Undecodable
from gateways.inbox import Message
from gateways.mqtt_link import BrokerLink
from gateways.mqtt_routes import Routes
from gateways.payload import Field, Record
from gateways.sink import Gap
from gateways.source import EVERY_SIGNAL, Context, Point
from ingest.samples import Sample

_MOST_LEFT: Final = 1_000  # topics of older configurations that are left, per connection


class Mqtt(BehindBroker):
    """A subscription to one broker; a new client for every connection."""

    kind: ClassVar[str] = "mqtt"

    def __init__(self, context: Context, name: str, config: MqttSource, points: tuple[Point, ...]) -> None:
        super().__init__(context, name, config, points)
        self._routes = Routes(points, config.clock_topic if context.clock.follows else None, config.share)
        self._holds = {(p.machine, p.name): p.signal.max_silence_s for p in points}
        self._told = {point.machine for point in points if point.name == "link"}  # life by topic
        self._births: dict[str, bool] = {}
        self._newest: Final = self._heard.times  # time of each machine's newest sample
        # A process before this one may have had a session; whether it was kept shows when we connect.
        self._lost_ns = context.clock.reading_ns(name) if self._newest else None
        self._left: set[str] = set()

    async def _connected(self, link: BrokerLink, *, session: bool) -> None:
        self._left.clear()
        link.subscribe(self._routes.subscriptions())
        if not session and self._lost_ns is not None:
            await link.subscribed()
            await self._tell_gap()
        for machine, up in self._births.items():
            # With our session the broker kept every last will for us; without it the word is out of date.
            if session and up:
                self.context.life.rise(self.name, machine)

    async def _lost(self) -> None:
        self._lost_ns = self.context.clock.reading_ns(self.name)
        for machine in self._told:
            self.context.life.fall(self.name, machine)
        await self._tell_life()

    def _read(self, batch: Batch, message: Message, link: BrokerLink) -> None:
        try:
            found = self._routes.of(message.topic)
        except UnicodeDecodeError:
            raise Undecodable("its topic is not UTF-8") from None
        if found is None:
            self._leave(message.topic.decode(), link)
            raise Undecodable("a topic that the configuration does not know")
        _, route = found
        if route.clock:
            self.context.clock.observe(self.name, payload.clock(message.payload))
            self.context.life.advance()
        for birth in route.lives:
            self._read_life(birth, payload.life(message.payload, birth.path))
        if route.fields:
            records, wrong = route.plan.read(message.payload)
            self._read_values(batch, message, records)
            if wrong:
                raise Undecodable("; ".join(wrong))

    def _leave(self, topic: str, link: BrokerLink) -> None:
        """The broker still has a subscription of an older configuration."""
        if topic not in self._left and len(self._left) < _MOST_LEFT:
            self._left.add(topic)
            link.unsubscribe(self._routes.left_over(topic))

    def _read_life(self, birth: Field, up: bool) -> None:
        self._births[birth.machine] = up
        if up:
            self.context.life.rise(self.name, birth.machine)
        else:
            self.context.life.fall(self.name, birth.machine)

    def _read_values(self, batch: Batch, message: Message, records: Iterable[Record]) -> None:
        clock = self.context.clock
        unstamped = False
        for record in records:
            stamp = clock.stamp(record.time_ns, backfill=message.retained)
            if stamp is None:
                unstamped = True
                continue
            time, whose = stamp
            if whose == "gateway" and not clock.follows:
                time = message.arrived_ns
            newest = self._newest
            for wanted, value in record.values:
                if time > newest.get(wanted.machine, 0):
                    newest[wanted.machine] = time
                quality = "good" if value is not None else "bad"
                batch.samples.append(Sample(wanted.machine, wanted.name, time, value, quality, whose))
            self._prove_life(message, record)
        if unstamped:
            raise Undecodable("no time in it, and the source's clock is not yet known")

    def _prove_life(self, message: Message, record: Record) -> None:
        """A message proves that its machine lived: now, or where the broker kept it, when it says."""
        holds: dict[str, float] = {}
        for wanted, _ in record.values:
            if wanted.machine in self._told:
                continue
            hold_s = self._holds[wanted.machine, wanted.name]
            if message.retained:
                now = self.context.clock.reading_ns(self.name)
                if now is None or record.time_ns is None or record.time_ns > now:
                    continue
                hold_s -= (now - record.time_ns) / SECOND_NS
            holds[wanted.machine] = max(holds.get(wanted.machine, 0.0), hold_s)
        for machine, hold_s in holds.items():
            if hold_s > 0:
                self.context.life.rise(self.name, machine, hold_s=hold_s)

    async def _tell_gap(self) -> None:
        """The broker lost our session: what was said since a machine's last sample, until now, is gone."""
        lost, now = self._lost_ns, self.context.clock.reading_ns(self.name)
        if lost is None or now is None:
            return
        for machine in self.machines:
            since = min(self._newest.get(machine, lost), lost)
            if since < now:
                await self.context.sink.gap(Gap(machine, EVERY_SIGNAL, "session-lost", since, now, 0))
