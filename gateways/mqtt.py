"""The MQTT driver: a persistent session, one queue, acknowledged in order once the spool has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import ClassVar, Final

from fieldlab_configs import MqttSource
from gateways import payload
from gateways.clock import SECOND_NS
from gateways.errors import LinkLost, SourceRefused, Undecodable
from gateways.inbox import Message
from gateways.mqtt_link import ANSWER_S, TRIAL_S, BrokerLink, NoAnswer, WrongProtocol, explain
from gateways.payload import Field, Reading
from gateways.rollup import Rollup
from gateways.sink import Gap
from gateways.source import EVERY_SIGNAL, Backoff, Context, Point, Source
from ingest.samples import Clock, Sample

log = logging.getLogger(__name__)

LETTER_BYTES: Final = 65_536
CLOSE_S: Final = 1.5


@dataclass(slots=True)
class _Route:
    """What the messages of one topic are for."""

    fields: list[Field] = field(default_factory=list)
    lives: list[Field] = field(default_factory=list)
    clock: bool = False

    @property
    def rank(self) -> int:
        """Order of subscription; 0 for plain values."""
        return -1 if self.clock else int(bool(self.lives))


@dataclass(slots=True)
class _Batch:
    """What some messages bring."""

    samples: list[Sample] = field(default_factory=list)
    letters: list[tuple[str, bytes, str]] = field(default_factory=list)  # origin, payload, reason


class Mqtt(Source):
    """A subscription to one broker; a new client for every connection."""

    kind: ClassVar[str] = "mqtt"
    first_wait_s: ClassVar[float] = 0.25
    longest_wait_s: ClassVar[float] = 30.0

    def __init__(self, context: Context, name: str, config: MqttSource, points: tuple[Point, ...]) -> None:
        super().__init__(context, name, config, points)
        self._broker: Final[MqttSource] = config
        self._port = config.port_number
        self._routes = _routes(points, config.clock_topic if context.clock.follows else None)
        self._holds = {(p.machine, p.name): p.signal.max_silence_s for p in points}
        self._told = {point.machine for point in points if point.name == "link"}  # life by topic
        self._births: dict[str, bool] = {}
        self._versions = ["5", "3.1.1"] if config.protocol == "auto" else [config.protocol]
        self._rollup = Rollup(log)
        self._backoff = Backoff(self.first_wait_s, self.longest_wait_s)
        self._lost_ns: int | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Stay subscribed until `stop`."""
        while not stop.is_set():
            try:
                await self._connected(stop)
            except (WrongProtocol, NoAnswer) as error:
                if self._next_version():
                    continue
                self._rollup.failed(f"source {self.name}: {self._explain(error)}; trying again")
            except OSError as error:
                self._rollup.failed(f"source {self.name}: {self._explain(error)}; trying again")
            if not stop.is_set():
                await self._backoff.wait(stop)

    def _next_version(self) -> bool:
        """Whether there is another version of MQTT to try at once; amqtt cannot even refuse version 5."""
        if len(self._versions) == 1:
            return False
        self._versions.reverse()
        return self._versions[0] != "5"

    async def _connected(self, stop: asyncio.Event) -> None:
        """One connection, from its beginning to its end."""
        link = BrokerLink(
            self._versions[0],
            self._client_id(),
            self.context.clock.now_ns,
            tls=self._broker.tls,
            keep_alive_s=self._broker.keep_alive_s,
        )
        stopping = asyncio.create_task(stop.wait())
        work = asyncio.create_task(self._work(link))
        try:
            await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                # The broker sends nothing more, what is in hand is handed over and acknowledged.
                link.inbox.close()
            with suppress(LinkLost) if stop.is_set() else nullcontext():
                await work
        finally:
            for task in (stopping, work):
                task.cancel()
            await asyncio.gather(stopping, work, return_exceptions=True)
            await link.close(CLOSE_S)

    async def _work(self, link: BrokerLink) -> None:
        trial = len(self._versions) > 1 and self._versions[0] == "5"
        session = await link.open(
            self._broker.host,
            self._port,
            self._broker.user,
            self._password(),
            within_s=TRIAL_S if trial else ANSWER_S,
        )
        self._rollup.recovered(
            f"source {self.name}: connected to {self._broker.host}:{self._port} (MQTT {self._versions[0]})"
        )
        self._backoff.reset()
        self._subscribe(link)
        if not session:
            await self._tell_gap()
        for machine, up in self._births.items():
            # With our session the broker kept every last will for us; without it the word is out of date.
            if session and up:
                self.context.life.rise(self.name, machine)
        try:
            while messages := await link.inbox.take():
                await self._hand_over(messages, link)
                link.acknowledge(messages)
        finally:
            self._lost_ns = self.context.clock.reading_ns(self.name)
            for machine in self._told:
                self.context.life.fall(self.name, machine)
            await self._tell_life()
        raise LinkLost(link.why)

    def _subscribe(self, link: BrokerLink) -> None:
        """The clock first, for others need the time; births last, for life means that values come through."""
        order = sorted(self._routes, key=lambda topic: self._routes[topic].rank)
        link.subscribe(order, {topic for topic in order if self._routes[topic].rank})

    async def _hand_over(self, messages: Sequence[Message], link: BrokerLink) -> None:
        batch = _Batch()
        for message in messages:
            try:
                self._read(batch, message, link)
            except Undecodable as error:
                batch.letters.append((_origin(message), message.payload[:LETTER_BYTES], str(error)))
        if batch.samples:
            await self.context.sink.accept(batch.samples)
        for origin, content, reason in batch.letters:
            await self.context.sink.undecodable(self.name, origin, content, reason)
        await self._tell_life()

    def _read(self, batch: _Batch, message: Message, link: BrokerLink) -> None:
        if message.topic is None:
            raise Undecodable("its topic is not UTF-8")
        route = self._routes.get(message.topic)
        if route is None:
            link.unsubscribe(message.topic)
            raise Undecodable("a topic that the configuration does not know")
        if route.clock:
            self.context.clock.observe(self.name, payload.clock(message.payload))
            self.context.life.advance()
        for birth in route.lives:
            self._read_life(birth, payload.life(message.payload, birth.path))
        if route.fields:
            readings, wrong = payload.decode(message.payload, route.fields)
            self._read_values(batch, message, readings)
            if wrong:
                raise Undecodable("; ".join(wrong))

    def _read_life(self, birth: Field, up: bool) -> None:
        self._births[birth.machine] = up
        if up:
            self.context.life.rise(self.name, birth.machine)
        else:
            self.context.life.fall(self.name, birth.machine)

    def _read_values(self, batch: _Batch, message: Message, readings: Sequence[Reading]) -> None:
        clock = self.context.clock
        stamps: dict[int | None, tuple[int, Clock] | None] = {}
        for wanted, value, time_ns in readings:
            if time_ns not in stamps:
                stamps[time_ns] = clock.stamp(time_ns, backfill=message.retained)
            stamp = stamps[time_ns]
            if stamp is None:
                raise Undecodable("no time in it, and the source's clock is not yet known")
            time, whose = stamp
            if whose == "gateway" and not clock.follows:
                time = message.arrived_ns
            quality = "good" if value is not None else "bad"
            batch.samples.append(Sample(wanted.machine, wanted.name, time, value, quality, whose))
        self._prove_life(message, readings)

    def _prove_life(self, message: Message, readings: Iterable[Reading]) -> None:
        """A message proves that its machine lived: now, or where the broker kept it, when it says."""
        holds: dict[str, float] = {}
        for wanted, _, time_ns in readings:
            if wanted.machine in self._told:
                continue
            hold_s = self._holds[wanted.machine, wanted.name]
            if message.retained:
                now = self.context.clock.reading_ns(self.name)
                if now is None or time_ns is None or time_ns > now:
                    continue
                hold_s -= (now - time_ns) / SECOND_NS
            holds[wanted.machine] = max(holds.get(wanted.machine, 0.0), hold_s)
        for machine, hold_s in holds.items():
            if hold_s > 0:
                self.context.life.rise(self.name, machine, hold_s=hold_s)

    async def _tell_life(self) -> None:
        self.context.life.advance()
        await self.context.life.flush()

    async def _tell_gap(self) -> None:
        """The broker lost our session, so whatever came while we were away is gone."""
        now = self.context.clock.reading_ns(self.name)
        if self._lost_ns is None or now is None or now <= self._lost_ns:
            return
        for machine in self.machines:
            await self.context.sink.gap(Gap(machine, EVERY_SIGNAL, "session-lost", self._lost_ns, now, 0))

    def _client_id(self) -> str:
        own = self._broker.client_id
        return own or f"fieldlab-{self.context.fieldlab}-{self.context.gateway}-{self.name}"

    def _password(self) -> str | None:
        try:
            return self._broker.password.read() if self._broker.password else None
        except (OSError, LookupError, ValueError) as error:
            raise SourceRefused(f"its password cannot be read: {error}") from error

    def _explain(self, error: Exception) -> str:
        return explain(error, self._broker.host, self._port, self.name, self._broker.user)


def _routes(points: Iterable[Point], clock_topic: str | None) -> dict[str, _Route]:
    routes: dict[str, _Route] = {}
    if clock_topic is not None:
        routes[clock_topic] = _Route(clock=True)
    for point in points:
        if point.signal.topic is None:
            continue
        route = routes.setdefault(point.signal.topic, _Route())
        wanted = Field(point.machine, point.name, _path(point.signal.field), _path(point.signal.time_field))
        (route.lives if point.name == "link" else route.fields).append(wanted)
    return routes


def _path(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(".")) if text else ()


def _origin(message: Message) -> str:
    return message.topic if message.topic is not None else repr(message.raw_topic)
