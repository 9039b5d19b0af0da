"""The subscription of a source: taken over from the connection before, or made, or changed for another."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from fieldlab_configs import OpcUaSource
from gateways.errors import LinkLost
from gateways.memory import Memory, Subscribed
from gateways.opcua_client import CappedClient
from gateways.opcua_history import History
from gateways.opcua_items import Item, fingerprint
from gateways.opcua_limits import ServerFacts, facts_of
from gateways.opcua_out import Out
from gateways.opcua_polling import Polling
from gateways.opcua_publish import Publishing
from gateways.opcua_reader import Reader
from gateways.opcua_timing import Timing
from gateways.opcua_values import is_bad
from gateways.opcua_watch import Watch

log = logging.getLogger(__name__)

_NO_SUBSCRIPTIONS: Final = (
    ua.uaerrors.BadServiceUnsupported,
    ua.uaerrors.BadNotImplemented,
    ua.uaerrors.BadNotSupported,
)


@dataclass(slots=True)
class Subscription:
    """A subscription as it is at the server, and after how long a silence it is taken for gone."""

    number: int
    publishing: Publishing
    silent_after_s: float


class Subscriptions:
    """What a source subscribes to at its server, over all connections.

    Parameters
    ----------
    name : str
        The source's.
    server : OpcUaSource
    timing : Timing
    memory : Memory
        What outlives a connection, and with a folder the process.
    out : Out
    reader : Reader
    watch : Watch
    history : History
    items : sequence of Item
    """

    def __init__(
        self,
        name: str,
        server: OpcUaSource,
        timing: Timing,
        memory: Memory,
        out: Out,
        reader: Reader,
        watch: Watch,
        history: History,
        items: Sequence[Item],
    ) -> None:
        self._name, self._server, self._timing, self._memory = name, server, timing, memory
        self._out, self._reader, self._watch, self._history, self._items = out, reader, watch, history, items
        self.before: Reader | None = None
        """How another configuration read what its subscription still has."""

    async def begin(self, client: CappedClient, facts: ServerFacts) -> Subscription | None:
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
    ) -> Subscription | None:
        if self._server.read_every_s is not None:
            await self._watch.tell_unresolved(facts)
            return None
        interval_ms = max(self._server.publishing_interval_ms, 1.0)
        params = ua.CreateSubscriptionParameters()
        params.RequestedPublishingInterval = interval_ms
        params.RequestedMaxKeepAliveCount = max(1, math.ceil(self._timing.keep_alive_s * 1000 / interval_ms))
        params.RequestedLifetimeCount = math.ceil(self._timing.lifetime_s * 1000 / interval_ms)
        params.MaxNotificationsPerPublish = 10_000
        params.PublishingEnabled = publishing
        try:
            made = await client.create_publishing(params)
        except _NO_SUBSCRIPTIONS:
            log.warning("source %s: its server has no subscriptions; its nodes are read instead", self._name)
            await self._watch.tell_unresolved(facts)
            return None
        number = int(made.SubscriptionId)
        await self._watch.create(client, number, facts, self._items)
        items = fingerprint(self._items, facts.namespaces)
        keep_alive_s = made.RevisedMaxKeepAliveCount * made.RevisedPublishingInterval / 1000
        self._memory.known.subscribed = Subscribed(number, 1, items, keep_alive_s, self._missing())
        return self._publishing(client, number, keep_alive_s)

    def _publishing(self, client: CappedClient, number: int, keep_alive_s: float) -> Subscription:
        publishing = Publishing(
            client,
            number,
            self._out,
            self._reader,
            self._server.publish_requests,
            self._history.news.set,
        )
        return Subscription(number, publishing, max(self._timing.silent_after_s, 3 * keep_alive_s))

    async def _take_over(self, client: CappedClient, facts: ServerFacts) -> Subscription | None:
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
        log.info("source %s: took over its subscription; nothing is missed", self._name)
        return subscription

    async def _changed(
        self, client: CappedClient, facts: ServerFacts, old: Subscribed
    ) -> Subscription | None:
        """Another configuration: watch what it wants, then take what the old subscription still has."""
        reader, self.before = self.before, None
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
            async with asyncio.timeout(self._timing.answer_s):
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

    async def retry(
        self, client: CappedClient, facts: ServerFacts, subscription: Subscription | None
    ) -> None:
        """Ask once more for items that the server did not have."""
        if subscription is None:
            await self._watch.tell_unresolved(facts)
            return
        await self._watch.create(client, subscription.number, facts, self._watch.missing)
        if self._memory.known.subscribed is not None:
            self._memory.known.subscribed.missing = self._missing()

    def _missing(self) -> list[int]:
        return [item.handle for item in self._watch.missing]

    async def look(self, client: CappedClient, facts: ServerFacts, subscription: Subscription) -> None:
        """Check that the subscription has all that is wanted, and tells it; LinkLost where it does not."""
        await self._watch.reconcile(client, subscription.number)
        try:
            await self._watch.look(client, facts)
        except LinkLost:
            self._memory.known.subscribed = None  # what tells nothing is not taken over
            raise
