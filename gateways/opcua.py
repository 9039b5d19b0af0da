"""The OPC UA driver: connect, watch or read, hand over, and make good or tell what was missed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from typing import ClassVar, Final

from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from fieldlab_configs import OpcUaSource, application_uri
from gateways.errors import LinkLost
from gateways.memory import Memory
from gateways.opcua_client import CappedClient, Session
from gateways.opcua_history import History
from gateways.opcua_items import items_of
from gateways.opcua_limits import ServerFacts, facts_of
from gateways.opcua_out import Out
from gateways.opcua_polling import Polling
from gateways.opcua_reader import Reader
from gateways.opcua_secure import connect, explain
from gateways.opcua_subscriptions import Subscription, Subscriptions
from gateways.opcua_timing import Timing
from gateways.opcua_trust import Trust, utc_now
from gateways.opcua_types import Types
from gateways.opcua_values import UnknownNamespace, node_id, time_ns
from gateways.opcua_watch import Watch
from gateways.rollup import Rollup
from gateways.source import Backoff, Context, Point, Source, unless_stopped

log = logging.getLogger(__name__)


class OpcUa(Source):
    """One OPC UA server; a new client for every connection."""

    kind: ClassVar[str] = "opcua"
    timing: ClassVar[Timing] = Timing()
    utc_now = staticmethod(utc_now)

    def __init__(self, context: Context, name: str, config: OpcUaSource, points: tuple[Point, ...]) -> None:
        super().__init__(context, name, config, points)
        self._server: Final[OpcUaSource] = config
        uri = application_uri(context.fieldlab, context.gateway)
        self._trust = Trust(name, config, context.gateway, uri, self.utc_now)
        self._memory = Memory(context.file(f"{name}.opcua"))
        self._out = Out(context, name, points, self._memory)
        self._items = items_of(points, config, config.clock_node if context.clock.follows else None)
        self._reader = Reader(name, self._items, context.clock)
        self._watch = Watch(self._out, self._items, self.timing.look_s)
        self._history = History(self._out, self._reader, self._items, enabled=config.history)
        self._rollup = Rollup(log)
        self._backoff = Backoff(self.timing.first_wait_s, self.timing.longest_wait_s)
        self._subscriptions = Subscriptions(
            name,
            config,
            self.timing,
            self._memory,
            self._out,
            self._reader,
            self._watch,
            self._history,
            self._items,
        )

    def follow(self, before: Source) -> None:
        """Read what the subscription of another configuration still has as that one would have."""
        if isinstance(before, OpcUa):
            self._subscriptions.before = before._reader  # noqa: SLF001 - of the same class

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until `stop`."""
        while not stop.is_set():
            try:
                await self._connected(stop)
            except (OSError, UaError, RecursionError) as error:
                own = self._server.own_certificate(self.context.gateway)
                why = explain(error, self._server, self.name, own)
                self._rollup.failed(f"source {self.name}: {why}; trying again")
                await self._backoff.wait(stop)

    async def _connected(self, stop: asyncio.Event) -> None:
        """One connection, from its beginning to its end."""
        client = CappedClient(self._server.endpoint, self._trust.application_uri, self.timing.answer_s)
        known = self._memory.known
        if known.subscribed is not None and known.session is not None:
            client.session = Session(**known.session)
        try:
            connecting = connect(client, self._server, self._trust)
            if not await unless_stopped(stop, connecting, within_s=self.timing.answer_s * 2):
                return
            await unless_stopped(stop, self._work(client))
        finally:
            self._out.fall()
            keep = known.subscribed is not None and (self._memory.lasts or not stop.is_set())
            self._remember_session(client)
            await asyncio.gather(client.leave(self.timing.close_s, keep=keep), self._out.tell_life())

    async def _work(self, client: CappedClient) -> None:
        """All that goes on while a connection lasts; whatever of it fails, ends it."""
        self._remember_session(client)  # now: whoever is killed says no goodbye
        facts = await facts_of(client)
        await self._read_clock(client, facts)
        types = Types(self.name, client, facts)
        self._reader.whole = types.whole
        await self._watch.resolve(facts, self._items)
        await types.prepare(self._items)
        subscription = await self._subscriptions.begin(client, facts)
        self._rollup.recovered(f"source {self.name}: connected to {self._server.endpoint}")
        self._backoff.reset()
        works = [self._history.work(client, facts), self._guard(client, facts, subscription, types)]
        read = [item for item in self._items if subscription is None or item.how.read_every_s is not None]
        if read:
            works.append(Polling(client, facts, self._out, self._reader, read).work())
        if subscription is not None:
            works.append(subscription.publishing.work(subscription.silent_after_s))
        try:
            await unless_stopped(asyncio.Event(), *works)
        except (OSError, UaError):
            if subscription is not None and not subscription.publishing.heard:
                # It may be one that was moved and does not publish: the next time a new one is made.
                self._memory.known.subscribed = None
            raise

    def _remember_session(self, client: CappedClient) -> None:
        self._memory.known.session = None if client.session is None else asdict(client.session)
        self._memory.keep()

    # -- beginning

    async def _read_clock(self, client: CappedClient, facts: ServerFacts) -> None:
        """The namespaces, and the source's time before its first sample, so that none is stamped without."""
        self._reader.namespaces = facts.namespaces
        if not self.context.clock.follows:
            return
        try:
            node = client.get_node(node_id(self._server.clock_node, facts.namespaces))
            reading = time_ns(await node.read_value())
        except (UnknownNamespace, ValueError, UaStatusCodeError) as error:
            raise LinkLost(f"its clock {self._server.clock_node} cannot be read ({error})") from error
        if reading is not None:
            self.context.clock.observe(self.name, reading)

    # -- looking after

    async def _guard(
        self, client: CappedClient, facts: ServerFacts, subscription: Subscription | None, types: Types
    ) -> None:
        """Ask for what is missing, watch the certificates, and check that all that is wanted is told."""
        loop = asyncio.get_running_loop()
        retried = looked = loop.time()
        while True:
            await asyncio.sleep(min(1.0, self.timing.retry_nodes_s, self.timing.look_s))
            self._trust.watch()
            left = self._trust.days_left()
            if left is not None:
                self.context.certificates[self.name] = left
            now = loop.time()
            if types.unknown and await types.learn():
                parts = [item for item in self._items if item.parts]
                for item in parts:
                    item.seen = None  # what was said before was not understood
                await Polling(client, facts, self._out, self._reader, parts).take(parts)
            if self._watch.missing and now - retried >= self.timing.retry_nodes_s:
                retried = now
                await self._subscriptions.retry(client, facts, subscription)
            if subscription is not None and now - looked >= self.timing.look_s:
                looked = now
                await self._subscriptions.look(client, facts, subscription)
