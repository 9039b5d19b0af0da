"""A source behind a broker: connecting, falling back to 3.1.1, handing over before acknowledging."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import ClassVar, Final

from fieldlab_configs.broker_sources import BrokerSource
from gateways.errors import LinkLost, Undecodable
from gateways.heard import Heard
from gateways.inbox import Message
from gateways.mqtt_address import Address, Will, address_of
from gateways.mqtt_link import ANSWER_S, TRIAL_S, BrokerLink, WrongProtocol
from gateways.mqtt_tls import NoAnswer, explain
from gateways.rollup import Rollup
from gateways.source import Backoff, Context, Point, Source
from ingest.samples import Sample

log = logging.getLogger(__name__)

LETTER_BYTES: Final = 65_536
CLOSE_S: Final = 1.5


@dataclass(slots=True)
class Batch:
    """What some messages bring."""

    samples: list[Sample] = field(default_factory=list)
    letters: list[tuple[str, bytes, str]] = field(default_factory=list)  # origin, payload, reason


class BehindBroker(Source):
    """A source that is one client of one broker; a new connection is a new client."""

    first_wait_s: ClassVar[float] = 0.25
    longest_wait_s: ClassVar[float] = 30.0
    keeps_session: ClassVar[bool] = True

    def __init__(self, context: Context, name: str, config: BrokerSource, points: tuple[Point, ...]) -> None:
        super().__init__(context, name, config, points)
        self._broker: Final[BrokerSource] = config
        self._heard = Heard(context.file(f"{name}.{self.kind}"))
        self._versions = ["5", "3.1.1"] if config.protocol == "auto" else [config.protocol]
        self._rollup = Rollup(log)
        self._backoff = Backoff(self.first_wait_s, self.longest_wait_s)

    # -- what a source adds

    @abstractmethod
    async def _connected(self, link: BrokerLink, *, session: bool) -> None:
        """Subscribe, and say what is to be said first; `session`: the broker still had our queue."""

    @abstractmethod
    async def _lost(self) -> None:
        """The connection is over: end lives, note the time."""

    @abstractmethod
    def _read(self, batch: Batch, message: Message, link: BrokerLink) -> None:
        """Add to the batch what a message brings; Undecodable where it says nothing we can use."""

    async def _handed_over(self, link: BrokerLink) -> None:
        """The samples of a batch are durable; what else follows from its messages."""

    def _will(self) -> Will | None:
        """What the broker says for us when we are gone."""
        return None

    async def _say_goodbye(self, link: BrokerLink) -> None:
        """What is said before a wanted end, for which the broker publishes no last will."""

    # -- the same for all

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until `stop`."""
        while not stop.is_set():
            try:
                await self._connection(stop)
            except (WrongProtocol, NoAnswer) as error:
                if self._next_version():
                    continue
                self._failed(error)
            except OSError as error:
                self._failed(error)
            if not stop.is_set():
                await self._backoff.wait(stop)

    def _failed(self, error: Exception) -> None:
        why = explain(error, self._broker, self.name)
        self._rollup.failed(f"source {self.name}: {why}; trying again")

    def _next_version(self) -> bool:
        """Whether there is another version of MQTT to try at once; amqtt cannot even refuse version 5."""
        if len(self._versions) == 1:
            return False
        self._versions.reverse()
        return self._versions[0] != "5"

    async def _connection(self, stop: asyncio.Event) -> None:
        """One connection, from its beginning to its end."""
        link = BrokerLink(self._versions[0], self._address(), self.context.clock.now_ns)
        stopping = asyncio.create_task(stop.wait())
        work = asyncio.create_task(self._work(link))
        try:
            await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                # The broker sends nothing more, what is in hand is handed over and acknowledged.
                await self._say_goodbye(link)
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
        session = await link.open(within_s=TRIAL_S if trial else ANSWER_S)
        where = f"{self._broker.host}:{self._broker.port_number}"
        self._rollup.recovered(f"source {self.name}: connected to {where} (MQTT {self._versions[0]})")
        self._backoff.reset()
        try:
            await self._connected(link, session=session)
            while messages := await link.inbox.take():
                await self._hand_over(messages, link)
                link.acknowledge(messages)
        finally:
            self._heard.keep(now=True)
            await self._lost()
        raise LinkLost(link.why)

    async def _hand_over(self, messages: Sequence[Message], link: BrokerLink) -> None:
        batch = Batch()
        for message in messages:
            try:
                self._read(batch, message, link)
            except Undecodable as error:
                batch.letters.append((origin(message), message.payload[:LETTER_BYTES], str(error)))
        if batch.samples:
            await self.context.sink.accept(batch.samples)
        for where, content, reason in batch.letters:
            await self.context.sink.undecodable(self.name, where, content, reason)
        await self._handed_over(link)
        self._heard.keep()
        await self._tell_life()

    async def _tell_life(self) -> None:
        self.context.life.advance()
        await self.context.life.flush()

    def _address(self) -> Address:
        own = f"fieldlab-{self.context.fieldlab}-{self.context.gateway}-{self.name}"
        client_id = self._broker.client_id or own
        return address_of(self._broker, self.name, client_id, keeps=self.keeps_session, will=self._will())


def origin(message: Message) -> str:
    """Where a message came from, also where its topic is no text."""
    try:
        return message.topic.decode()
    except UnicodeDecodeError:
        return repr(message.topic)
