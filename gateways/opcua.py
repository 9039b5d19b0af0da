"""The OPC UA driver: subscribe, hand over, acknowledge, and say what could not be had."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from fieldlab_configs import OpcUaSource, application_uri
from gateways.errors import LinkLost
from gateways.opcua_client import CappedClient
from gateways.opcua_reader import Batch, Item, Reader, items_of, monitored
from gateways.opcua_secure import connect, explain
from gateways.opcua_trust import Trust, utc_now
from gateways.opcua_values import UnknownNamespace, is_bad, node_id, quality_of, time_ns
from gateways.rollup import Rollup
from gateways.sink import Gap
from gateways.source import EVERY_SIGNAL, Backoff, Context, Point, Source
from ingest.samples import Sample

log = logging.getLogger(__name__)

ITEMS: Final = 100  # items per request: an S7-1200 takes no more
MOST_REPUBLISHED: Final = 1_000
_NO_FILTER: Final = frozenset({
    StatusCodes.BadMonitoredItemFilterUnsupported,
    StatusCodes.BadMonitoredItemFilterInvalid,
    StatusCodes.BadFilterNotAllowed,
    StatusCodes.BadDeadbandFilterInvalid,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the driver waits for what. All in seconds."""

    answer_s: float = 10.0
    keep_alive_s: float = 3.0  # the server says at least this often that it is there
    silent_after_s: float = 15.0  # hearing nothing for so long, it is gone
    lifetime_s: float = 600.0  # how long the server keeps a subscription nobody asks about
    retry_nodes_s: float = 10.0
    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0
    close_s: float = 1.5


class OpcUa(Source):
    """A subscription to one OPC UA server; a new client for every connection."""

    kind: ClassVar[str] = "opcua"
    timing: ClassVar[Timing] = Timing()
    utc_now = staticmethod(utc_now)
    outstanding: ClassVar[int] = 2  # Publish requests at the server, so that it never waits for us

    def __init__(self, context: Context, name: str, config: OpcUaSource, points: tuple[Point, ...]) -> None:
        super().__init__(context, name, config, points)
        self._server: Final[OpcUaSource] = config
        uri = application_uri(context.fieldlab, context.gateway)
        self._trust = Trust(name, config, context.gateway, uri, self.utc_now)
        self._items = items_of(points, config.clock_node if context.clock.follows else None)
        self._reader = Reader(name, self._items, context.clock)
        self._rollup = Rollup(log)
        self._nodes = Rollup(log)
        self._backoff = Backoff(self.timing.first_wait_s, self.timing.longest_wait_s)
        self._missing: list[Item] = []
        self._heard_ns: int | None = None
        self._next_number = 1

    async def run(self, stop: asyncio.Event) -> None:
        """Stay subscribed until `stop`."""
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
        try:
            connecting = asyncio.create_task(connect(client, self._server, self._trust))
            if not await _first(connecting, stop, self.timing.answer_s * 2):
                return
            subscription = await self._subscribe(client)
            self._rollup.recovered(f"source {self.name}: connected to {self._server.endpoint}")
            self._backoff.reset()
            await self._pump(client, subscription, stop)
        finally:
            self.context.life.fall(self.name)
            await asyncio.gather(client.leave(self.timing.close_s), self._tell_life())

    async def _subscribe(self, client: CappedClient) -> ua.CreateSubscriptionResult:
        self._reader.namespaces = tuple(await client.get_namespace_array())
        if self.context.clock.follows:
            await self._read_clock(client)
        interval_ms = max(self._server.publishing_interval_ms, 1.0)
        params = ua.CreateSubscriptionParameters()
        params.RequestedPublishingInterval = interval_ms
        params.RequestedMaxKeepAliveCount = max(1, math.ceil(self.timing.keep_alive_s * 1000 / interval_ms))
        params.RequestedLifetimeCount = math.ceil(self.timing.lifetime_s * 1000 / interval_ms)
        params.MaxNotificationsPerPublish = 10_000
        params.PublishingEnabled = True
        subscription = await client.create_publishing(params)
        self._next_number = 1
        if self._heard_ns is not None:
            await self._tell_gap("outage", 0)
        self._missing = list(self._items)
        for item in self._items:
            item.told = None
        await self._monitor(client, subscription)
        self._heard_ns = self.context.clock.reading_ns(self.name)
        for machine in self.machines:
            if not any(point.machine == machine and point.name == "link" for point in self.points):
                self.context.life.rise(self.name, machine)
        await self._tell_life()
        return subscription

    async def _read_clock(self, client: CappedClient) -> None:
        """The source's time before its first sample, so that no sample is stamped without it."""
        try:
            node = client.get_node(node_id(self._server.clock_node, self._reader.namespaces))
            reading = time_ns(await node.read_value())
        except (UnknownNamespace, ValueError, UaStatusCodeError) as error:
            raise LinkLost(f"its clock {self._server.clock_node} cannot be read ({error})") from error
        if reading is not None:
            self.context.clock.observe(self.name, reading)

    async def _monitor(self, client: CappedClient, subscription: ua.CreateSubscriptionResult) -> None:
        """Ask for every item that is not watched yet; what the server refuses is asked again later."""
        wanted, self._missing = self._missing, []
        reasons: dict[int, str] = {}
        requests: list[tuple[Item, ua.MonitoredItemCreateRequest]] = []
        for item in wanted:
            try:
                requests.append((item, monitored(item, self._reader.namespaces, self._server)))
            except UnknownNamespace:
                reasons[item.handle] = "BadNodeIdUnknown"
            except ValueError as error:
                reasons[item.handle] = "BadNodeIdInvalid"
                if item.told is None:
                    log.error("source %s: %s: %s", self.name, item, error)  # noqa: TRY400 - the user's to mend
        while requests:
            some, requests = requests[:ITEMS], requests[ITEMS:]
            statuses = await self._create(client, subscription, [request for _, request in some])
            for (item, _), status in zip(some, statuses, strict=True):
                if status in _NO_FILTER and item.filtered:
                    log.warning("source %s: %s: its server has no such filter", self.name, item)
                    item.deadband, item.timestamps = None, False
                    requests.append((item, monitored(item, self._reader.namespaces, self._server)))
                elif is_bad(status):
                    reasons[item.handle] = quality_of(status)
        await self._tell_missing([item for item in wanted if item.handle in reasons], reasons)

    async def _create(
        self,
        client: CappedClient,
        subscription: ua.CreateSubscriptionResult,
        requests: list[ua.MonitoredItemCreateRequest],
    ) -> list[int]:
        params = ua.CreateMonitoredItemsParameters()
        params.SubscriptionId = subscription.SubscriptionId
        params.TimestampsToReturn = ua.TimestampsToReturn.Both
        params.ItemsToCreate = requests
        results = await client.uaclient.create_monitored_items(params)
        return [int(result.StatusCode.value) for result in results]

    async def _tell_missing(self, missing: list[Item], reasons: dict[int, str]) -> None:
        """A node that cannot be read makes its signals Bad, and costs the others nothing."""
        self._missing = missing
        samples = []
        for item in missing:
            stamp = self.context.clock.stamp(None)
            if item.told == reasons[item.handle] or stamp is None:
                continue
            item.told = reasons[item.handle]
            samples += [Sample(p.machine, p.name, stamp[0], None, item.told, stamp[1]) for p in item.points]
        if samples:
            await self.context.sink.accept(samples)
        signals = [item for item in missing if item.purpose != "namespaces"]
        if signals:
            self._nodes.failed(
                f"source {self.name}: {len(signals)} of {len(self._items)} nodes cannot be read, the first: "
                f"{signals[0]}: {reasons[signals[0].handle]}; asking again"
            )
        elif self._nodes.trouble is not None:
            self._nodes.recovered(f"source {self.name}: all nodes can be read")

    async def _pump(
        self, client: CappedClient, subscription: ua.CreateSubscriptionResult, stop: asyncio.Event
    ) -> None:
        """Ask, take, hand over, acknowledge with the next request; in the order the server sends."""
        keep_alive_s = subscription.RevisedMaxKeepAliveCount * subscription.RevisedPublishingInterval / 1000
        silent_after_s = max(self.timing.silent_after_s, 3 * keep_alive_s)
        asked: deque[asyncio.Task[ua.PublishResult]] = deque()
        stopping = asyncio.create_task(stop.wait())
        done: list[ua.SubscriptionAcknowledgement] = []
        limit = self.outstanding
        heard = retried = time.monotonic()
        try:
            while not stop.is_set():
                while len(asked) < limit:
                    asked.append(asyncio.create_task(client.publish(done)))
                    done = []
                await asyncio.wait({asked[0], stopping}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                now = time.monotonic()
                self._trust.watch()
                if self._missing and now - retried >= self.timing.retry_nodes_s:
                    retried = now
                    await self._monitor(client, subscription)
                if not asked[0].done():
                    if now - heard > silent_after_s:
                        raise LinkLost(f"no sign of life for {now - heard:.0f} s")
                    continue
                try:
                    result = asked.popleft().result()
                except ua.uaerrors.BadTooManyPublishRequests:
                    limit = 1
                    continue
                except (ua.uaerrors.BadTimeout, ua.uaerrors.UaStructParsingError):
                    continue  # what could not be read shows as a jump in the numbers
                done += await self._take(client, result)
                heard = time.monotonic()
        finally:
            for task in (*asked, stopping):
                task.cancel()
            await asyncio.gather(*asked, stopping, return_exceptions=True)

    async def _take(
        self, client: CappedClient, result: ua.PublishResult
    ) -> list[ua.SubscriptionAcknowledgement]:
        """Hand over one notification message; what may be acknowledged then."""
        message = result.NotificationMessage
        number = int(message.SequenceNumber)
        finished = []
        lost = 0
        while self._next_number < number:
            again = await self._republished(client, result.SubscriptionId, self._next_number)
            if again:
                await self._hand_over(self._reader.read(again))
            else:
                lost += 1
            finished.append(self._next_number)
            self._next_number += 1
            if lost > MOST_REPUBLISHED:
                lost += number - self._next_number
                self._next_number = number
        batch = self._reader.read(message.NotificationData or ())
        if lost:
            log.warning("source %s: %d notifications are lost", self.name, lost)
            await self._tell_gap("sequence", lost)
        if message.NotificationData:
            await self._hand_over(batch)
            finished.append(number)
            self._next_number = 1 if number == 0xFFFF_FFFF else number + 1  # noqa: PLR2004 - UInt32 wraps to 1
        self._heard_ns = self.context.clock.reading_ns(self.name)
        return [ua.SubscriptionAcknowledgement(result.SubscriptionId, ua.UInt32(n)) for n in finished]

    async def _republished(self, client: CappedClient, subscription: int, number: int) -> list[Any]:
        """A message that did not arrive, once more; nothing where the server has it no longer."""
        try:
            message = await client.uaclient.session.republish(subscription, number)
        except (UaError, ValueError, TypeError):
            return []  # not available, or as unreadable as before
        return list(message.NotificationData or ())

    async def _hand_over(self, batch: Batch) -> None:
        sink, life = self.context.sink, self.context.life
        for gap in batch.gaps:
            await sink.gap(gap)
        if batch.samples:
            await sink.accept(batch.samples)
        for origin, payload, reason in batch.letters:
            await sink.undecodable(self.name, origin, payload, reason)
        for machine, up in batch.lives:
            if up:
                life.rise(self.name, machine)
            else:
                life.fall(self.name, machine)
        await self._tell_life()

    async def _tell_life(self) -> None:
        self.context.life.advance()
        await self.context.life.flush()

    async def _tell_gap(self, reason: str, count: int) -> None:
        now = self.context.clock.reading_ns(self.name)
        if now is None or self._heard_ns is None or (now <= self._heard_ns and not count):
            return
        end = max(now, self._heard_ns + 1)
        for machine in self.machines:
            await self.context.sink.gap(Gap(machine, EVERY_SIGNAL, reason, self._heard_ns, end, count))


async def _first(task: asyncio.Task[None], stop: asyncio.Event, within_s: float) -> bool:
    """Wait for a task, unless `stop` comes first; whether it is done."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            return True
        if not stop.is_set():
            raise TimeoutError
        return False
    finally:
        for each in (task, stopping):
            each.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)
