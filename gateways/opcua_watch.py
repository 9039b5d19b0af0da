"""The items of a subscription: wanted against actual, asked again for ever, and looked after."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError

from gateways.errors import LinkLost
from gateways.opcua_client import CappedClient
from gateways.opcua_items import Item, Seen, monitored, resolve
from gateways.opcua_limits import ServerFacts, read_many
from gateways.opcua_out import Out
from gateways.opcua_reader import Batch
from gateways.opcua_values import UnknownNamespace, is_bad, quality_of, status_of
from gateways.rollup import Rollup
from ingest.samples import Sample

log = logging.getLogger(__name__)

_NO_FILTER: Final = frozenset({
    StatusCodes.BadMonitoredItemFilterUnsupported,
    StatusCodes.BadMonitoredItemFilterInvalid,
    StatusCodes.BadFilterNotAllowed,
    StatusCodes.BadDeadbandFilterInvalid,
})  # fmt: skip
_SERVER: Final = ua.NodeId(ua.Int32(ObjectIds.Server))
_GET_ITEMS: Final = ua.NodeId(ua.Int32(ObjectIds.Server_GetMonitoredItems))


class Watch:
    """The items of one source, on one connection after the other.

    Parameters
    ----------
    out : Out
        Where it is told what cannot be read.
    items : sequence of Item
        What is wanted.
    quiet_after_s : float
        An item that told nothing for so long is read, to see whether the server has something newer. [s]
    """

    def __init__(self, out: Out, items: Sequence[Item], quiet_after_s: float) -> None:
        self._out = out
        self._items = items
        self._quiet_after_s = quiet_after_s
        self._nodes = Rollup(log)
        self._suspect: dict[int, Seen | None] = {}
        self._revised = ""
        self.missing: list[Item] = []

    def forget(self) -> None:
        """Nothing of what was told is known any more: a new subscription tells all anew."""
        for item in self._items:
            item.told = None
            item.seen = None
            item.plain = False
        self._suspect.clear()

    # -- asking

    async def resolve(self, facts: ServerFacts, items: Iterable[Item]) -> dict[int, str]:
        """Find the nodes of items on this server; handle to reason of those that it cannot have."""
        reasons: dict[int, str] = {}
        for item in items:
            try:
                resolve(item, facts.namespaces)
            except UnknownNamespace:
                reasons[item.handle] = "BadNodeIdUnknown"
            except ValueError as error:
                reasons[item.handle] = "BadNodeIdInvalid"
                if item.told is None:
                    log.error("source %s: %s: %s", self._out.source, item, error)  # noqa: TRY400 - the user's to mend
        return reasons

    async def create(
        self, client: CappedClient, subscription: int, facts: ServerFacts, wanted: Sequence[Item]
    ) -> None:
        """Ask for items; what the server refuses is missing, and asked again later."""
        reasons = await self.resolve(facts, wanted)
        waiting = [i for i in wanted if i.handle not in reasons and i.how.read_every_s is None]
        size = facts.items
        while waiting:
            some, waiting = waiting[:size], waiting[size:]
            try:
                results = await create_items(client, subscription, some)
            except ua.uaerrors.BadTooManyOperations:
                if size == 1:
                    raise
                size, waiting = max(size // 2, 1), [*some, *waiting]
                continue
            for item, result in zip(some, results, strict=True):
                status = int(result.StatusCode.value)
                if status in _NO_FILTER and item.how.filtered and not item.plain:
                    log.warning("source %s: %s: its server has no such filter", self._out.source, item)
                    item.plain = True
                    waiting.append(item)
                elif is_bad(status):
                    reasons[item.handle] = quality_of(status)
                else:
                    self._revise(item, result)
        await self.tell_missing([item for item in wanted if item.handle in reasons], reasons)

    def _revise(self, item: Item, result: ua.MonitoredItemCreateResult) -> None:
        """Say once where the server keeps less than it was asked for."""
        queue = int(result.RevisedQueueSize)
        said = f"keeps {queue} values per signal, not {item.how.queue} as configured"
        if queue < item.how.queue and item.purpose == "signal" and said != self._revised:
            self._revised = said
            log.info("source %s: its server %s", self._out.source, said)

    async def tell_unresolved(self, facts: ServerFacts) -> None:
        """Find the nodes that are only read; what is not there is told, and looked for again."""
        reasons = await self.resolve(facts, self._items)
        await self.tell_missing([item for item in self._items if item.handle in reasons], reasons)

    async def tell_missing(self, missing: list[Item], reasons: dict[int, str]) -> None:
        """A node that cannot be read makes its signals Bad, and costs the others nothing."""
        self.missing = missing
        samples = []
        for item in missing:
            stamp = self._out.context.clock.stamp(None)
            if item.told == reasons[item.handle] or stamp is None:
                continue
            item.told = reasons[item.handle]
            samples += [Sample(p.machine, p.name, stamp[0], None, item.told, stamp[1]) for p in item.points]
        await self._out.hand_over(Batch(samples=samples))
        signals = [item for item in missing if item.purpose != "namespaces"]
        if signals:
            self._nodes.failed(
                f"source {self._out.source}: {len(signals)} of {len(self._items)} nodes cannot be read, the "
                f"first: {signals[0]}: {reasons[signals[0].handle]}; asking again"
            )
        elif self._nodes.trouble is not None:
            self._nodes.recovered(f"source {self._out.source}: all nodes can be read")

    # -- looking after

    async def reconcile(self, client: CappedClient, subscription: int) -> None:
        """Note as missing what the server does not watch, though it once said it would."""
        actual = await watched(client, subscription)
        if actual is None:
            return
        known = {item.handle for item in self.missing}
        lost = [i for i in self._items if i.how.read_every_s is None and i.handle not in actual | known]
        if lost:
            log.warning(
                "source %s: its server no longer watches %d of %d nodes, the first: %s; asking again",
                self._out.source, len(lost), len(self._items), lost[0],
            )  # fmt: skip
            self.missing = [*self.missing, *lost]

    async def look(self, client: CappedClient, facts: ServerFacts) -> None:
        """Read what has been quiet for long: a subscription that is alive may still tell nothing.

        Raises
        ------
        LinkLost
            If the server has another value than it told, now and the time before.
        """
        now_s = time.monotonic()
        quiet = [item for item in self._items if self._is_quiet(item, now_s)]
        ids = [item.id for item in quiet if item.id is not None]
        values = await read_many(client, ids, facts.reads) if ids else []
        suspect: dict[int, Seen | None] = {}
        for item, value in zip(quiet, values, strict=True):
            if item.seen is None or not _differs(item, item.seen, value):
                continue
            suspect[item.handle] = item.seen
            if self._suspect.get(item.handle) is item.seen:
                raise LinkLost(f"its subscription tells nothing new of {item}, and its value has changed")
        self._suspect = suspect

    def _is_quiet(self, item: Item, now_s: float) -> bool:
        if item.purpose != "signal" or item.id is None or item.seen is None or item.how.read_every_s:
            return False
        return now_s - item.seen.at_s > self._quiet_after_s and item.how.percent is None


async def create_items(
    client: CappedClient, subscription: int, items: Sequence[Item]
) -> list[ua.MonitoredItemCreateResult]:
    """Ask for items in one request."""
    params = ua.CreateMonitoredItemsParameters()
    params.SubscriptionId = ua.UInt32(subscription)
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    params.ItemsToCreate = [monitored(item) for item in items]
    return await client.uaclient.create_monitored_items(params)


async def watched(client: CappedClient, subscription: int) -> set[int] | None:
    """Handles of what a subscription watches; None where the server does not tell."""
    call = ua.CallMethodRequest()
    call.ObjectId, call.MethodId = _SERVER, _GET_ITEMS
    call.InputArguments = [ua.Variant(subscription, ua.VariantType.UInt32)]
    try:
        (result,) = await client.uaclient.call([call])
    except (UaError, ValueError):
        return None
    given = result.OutputArguments or ()
    if is_bad(int(result.StatusCode.value)) or len(given) != 2 or not isinstance(given[1].Value, list):  # noqa: PLR2004 - the server's handles and ours
        return None
    return {int(handle) for handle in given[1].Value}


def _differs(item: Item, seen: Seen, value: ua.DataValue) -> bool:
    if status_of(value) != 0 or is_bad(seen.status):
        return False
    told: Any = seen.value
    now: Any = None if value.Value is None else value.Value.Value
    if item.how.deadband is not None and isinstance(told, int | float) and isinstance(now, int | float):
        return abs(now - told) > item.how.deadband
    # One that is not a number differs from itself.
    return bool(now != told) and not (now != now and told != told)  # noqa: PLR0124
