"""The OPC UA driver: connect, watch or read, hand over, and make good or tell what was missed."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import asdict, dataclass
from typing import ClassVar, Final

from asyncua import ua
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from fieldlab_configs import OpcUaSource, application_uri
from gateways.errors import LinkLost
from gateways.memory import Memory, Subscribed
from gateways.opcua_client import CappedClient, Session
from gateways.opcua_history import History
from gateways.opcua_items import fingerprint, items_of
from gateways.opcua_limits import ServerFacts, facts_of
from gateways.opcua_out import Out
from gateways.opcua_polling import Polling
from gateways.opcua_publish import Publishing
from gateways.opcua_reader import Reader
from gateways.opcua_secure import connect, explain
from gateways.opcua_trust import Trust, utc_now
from gateways.opcua_types import Types
from gateways.opcua_values import UnknownNamespace, is_bad, node_id, time_ns
from gateways.opcua_watch import Watch
from gateways.rollup import Rollup
from gateways.source import Backoff, Context, Point, Source, unless_stopped

log = logging.getLogger(__name__)

_NO_SUBSCRIPTIONS: Final = (
    ua.uaerrors.BadServiceUnsupported,
    ua.uaerrors.BadNotImplemented,
    ua.uaerrors.BadNotSupported,
)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the driver waits for what. All in seconds."""

    answer_s: float = 10.0
    keep_alive_s: float = 3.0  # the server says at least this often that it is there
    silent_after_s: float = 15.0  # hearing nothing for so long, it is gone
    lifetime_s: float = 600.0  # how long the server keeps a subscription nobody asks about
    retry_nodes_s: float = 10.0
    look_s: float = 60.0  # how often it is checked that a live subscription tells all
    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0
    close_s: float = 1.5


@dataclass(slots=True)
class _Subscription:
    """A subscription as it is at the server."""

    number: int
    publishing: Publishing
    silent_after_s: float


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
        self._before: Reader | None = None

    def follow(self, before: Source) -> None:
        """Read what the subscription of another configuration still has as that one would have."""
        if isinstance(before, OpcUa):
            self._before = before._reader  # noqa: SLF001 - of the same class

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until `stop`."""
        while not stop.is_set():
            try:
                await self._connected(stop)
            except (OSError, UaError) as error:
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
        subscription = await self._begin(client, facts)
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

    async def _begin(self, client: CappedClient, facts: ServerFacts) -> _Subscription | None:
        """Take the old subscription over, or make a new one and note what was missed meanwhile."""
        subscription = await self._take_over(client, facts)
        if subscription is None:
            self._memory.known.subscribed = None
            self._watch.forget()
            subscription = await self._subscribe(client, facts)
            server_now = (await facts_of(client)).now_ns
            self._out.owe("outage", server_now)
            self._history.news.set()
            self._out.heard(server_now)
        self._out.rise()
        await self._out.tell_life()
        return subscription

    async def _subscribe(
        self, client: CappedClient, facts: ServerFacts, *, publishing: bool = True
    ) -> _Subscription | None:
        if self._server.read_every_s is not None:
            await self._watch.tell_unresolved(facts)
            return None
        interval_ms = max(self._server.publishing_interval_ms, 1.0)
        params = ua.CreateSubscriptionParameters()
        params.RequestedPublishingInterval = interval_ms
        params.RequestedMaxKeepAliveCount = max(1, math.ceil(self.timing.keep_alive_s * 1000 / interval_ms))
        params.RequestedLifetimeCount = math.ceil(self.timing.lifetime_s * 1000 / interval_ms)
        params.MaxNotificationsPerPublish = 10_000
        params.PublishingEnabled = publishing
        try:
            made = await client.create_publishing(params)
        except _NO_SUBSCRIPTIONS:
            log.warning("source %s: its server has no subscriptions; its nodes are read instead", self.name)
            await self._watch.tell_unresolved(facts)
            return None
        number = int(made.SubscriptionId)
        await self._watch.create(client, number, facts, self._items)
        items = fingerprint(self._items, facts.namespaces)
        keep_alive_s = made.RevisedMaxKeepAliveCount * made.RevisedPublishingInterval / 1000
        self._memory.known.subscribed = Subscribed(number, 1, items, keep_alive_s, self._missing())
        return self._publishing(client, number, keep_alive_s)

    def _publishing(self, client: CappedClient, number: int, keep_alive_s: float) -> _Subscription:
        publishing = Publishing(
            client,
            number,
            self._out,
            self._reader,
            self._server.publish_requests,
            self._history.news.set,
        )
        return _Subscription(number, publishing, max(self.timing.silent_after_s, 3 * keep_alive_s))

    async def _take_over(self, client: CappedClient, facts: ServerFacts) -> _Subscription | None:
        """The subscription of the connection before, with all that it kept for us; None where it is gone."""
        known = self._memory.known.subscribed
        if known is None or not await self._still_there(client, known.number):
            return None
        if known.items != fingerprint(self._items, facts.namespaces):
            return await self._changed(client, facts, known)
        await self._watch.resolve(facts, self._items)
        self._watch.missing = [item for item in self._items if item.handle in known.missing]
        await self._watch.reconcile(client, known.number)
        subscription = self._publishing(client, known.number, known.keep_alive_s)
        await subscription.publishing.go_on(known.next_message)
        links = [item for item in self._items if any(point.name == "link" for point in item.points)]
        if links:  # they are told when they change, and whether they did not nobody knows
            await Polling(client, facts, self._out, self._reader, links).take(links)
        log.info("source %s: took over its subscription; nothing is missed", self.name)
        return subscription

    async def _changed(
        self, client: CappedClient, facts: ServerFacts, old: Subscribed
    ) -> _Subscription | None:
        """Another configuration: watch what it wants, then take what the old subscription still has."""
        reader, self._before = self._before, None
        known, made = self._memory.known, None
        if reader is not None:
            self._watch.forget()
            made = await self._subscribe(client, facts, publishing=False)
        if reader is None or made is None:
            await client.uaclient.delete_subscriptions([old.number])
            return None
        fresh, known.subscribed = known.subscribed, old
        last = Publishing(client, old.number, self._out, reader, 1, self._history.news.set)
        try:
            async with asyncio.timeout(self.timing.answer_s):
                await last.go_on(old.next_message)
                await last.drain()
        except (OSError, UaError):
            self._out.owe("outage", facts.now_ns)
            raise
        finally:
            known.subscribed = fresh
        await client.uaclient.delete_subscriptions([old.number])
        if not await client.enabled(made.number):
            raise LinkLost("the new subscription does not publish")
        return made

    async def _still_there(self, client: CappedClient, subscription: int) -> bool:
        """Whether a subscription goes on in this session: it is the same one, or it could be moved."""
        if client.resumed:
            return await client.enabled(subscription)
        if not self._memory.known.stays:
            return False
        result = await client.transfer(subscription)
        self._memory.known.stays = result is not None  # a server without the service is not asked again
        return result is not None and not is_bad(int(result.StatusCode.value))

    # -- looking after

    async def _guard(
        self, client: CappedClient, facts: ServerFacts, subscription: _Subscription | None, types: Types
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
                await self._retry(client, facts, subscription)
            if subscription is not None and now - looked >= self.timing.look_s:
                looked = now
                await self._watch.reconcile(client, subscription.number)
                await self._look(client, facts)

    async def _retry(
        self, client: CappedClient, facts: ServerFacts, subscription: _Subscription | None
    ) -> None:
        if subscription is None:
            await self._watch.tell_unresolved(facts)
            return
        await self._watch.create(client, subscription.number, facts, self._watch.missing)
        if self._memory.known.subscribed is not None:
            self._memory.known.subscribed.missing = self._missing()

    def _missing(self) -> list[int]:
        return [item.handle for item in self._watch.missing]

    async def _look(self, client: CappedClient, facts: ServerFacts) -> None:
        try:
            await self._watch.look(client, facts)
        except LinkLost:
            self._memory.known.subscribed = None  # what tells nothing is not taken over
            raise
