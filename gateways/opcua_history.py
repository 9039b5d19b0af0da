"""What was missed: filled from the server's history in bounded chunks, told as exact gaps for the rest."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError

from gateways.memory import Owed
from gateways.opcua_client import CappedClient
from gateways.opcua_items import Item
from gateways.opcua_limits import ServerFacts, batches, read_many
from gateways.opcua_out import Out
from gateways.opcua_reader import Reader
from gateways.opcua_values import is_bad, status_of, time_ns

log = logging.getLogger(__name__)

CHUNK: Final = 1_000  # values per node and request
MARGIN_NS: Final = (
    2_000_000_000  # asked for on both sides, for a server's time is told in steps; twice is once
)
_EMPTY: Final = 3  # chunks without a value, and a promise of more, that are believed
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(slots=True, eq=False)
class _Filling:
    """How far the history of one item was read.

    Attributes
    ----------
    item : Item
    from_ns : int
        Where the next chunk begins, by the server's clock.
    point : bytes or None
        Where the server continues.
    last_ns : int or None
        Time of the last value.
    before_ns : int or None
        Time of the last value before the server started.
    empty : int
        Chunks without a value, one after the other.
    """

    item: Item
    from_ns: int
    point: bytes | None = None
    last_ns: int | None = None
    before_ns: int | None = None
    empty: int = 0


class History:
    """Pays what is owed, one time after the other.

    Parameters
    ----------
    out : Out
    reader : Reader
    items : sequence of Item
    enabled : bool
        Whether the server's history is asked at all.
    """

    def __init__(self, out: Out, reader: Reader, items: Sequence[Item], *, enabled: bool) -> None:
        self._out = out
        self._reader = reader
        self._items = [item for item in items if item.purpose == "signal" and item.points]
        self._enabled = enabled
        self.news = asyncio.Event()
        """Set when something is owed."""

    async def work(self, client: CappedClient, facts: ServerFacts) -> None:
        """Fill until cancelled; what was begun and not finished is still owed."""
        while True:
            owed = self._out.memory.known.owed
            while owed:
                await self._pay(client, facts, owed[0])
                self._out.settle(owed[0])
            self.news.clear()
            await self.news.wait()

    async def _pay(self, client: CappedClient, facts: ServerFacts, owed: Owed) -> None:
        kept = await self._with_history(client, facts) if self._enabled else []
        failed: list[_Filling] = []
        filled: list[_Filling] = []
        for some in batches(kept, facts.histories):
            fillings = [_Filling(item, owed.server_start_ns - MARGIN_NS) for item in some]
            failed += await self._fill(client, facts, owed, fillings)
            filled += [filling for filling in fillings if filling not in failed]
        whole = (owed.start_ns, owed.end_ns)
        times = {item.handle: whole for item in self._items}
        for filling in failed:
            if filling.last_ns is not None:
                times[filling.item.handle] = (_within(owed, filling.last_ns), owed.end_ns)
        for filling in filled:
            times[filling.item.handle] = _while_away(owed, facts, filling)
        lacking = {
            (point.machine, point.name): times[item.handle]
            for item in self._items
            for point in item.points
            if times[item.handle][1] > times[item.handle][0]
        }
        await self._out.tell_missing(owed, lacking)
        log.info(
            "source %s: %s of %.1f s: %d of %d nodes filled from history",
            self._out.source, owed.reason, (owed.end_ns - owed.start_ns) / 1e9, len(filled), len(self._items),
        )  # fmt: skip

    async def _with_history(self, client: CappedClient, facts: ServerFacts) -> list[Item]:
        """Items whose node is being historized: one that only may be proves nothing by an empty history."""
        known = [item for item in self._items if item.id is not None]
        ids = [item.id for item in known if item.id is not None]
        try:
            told = await read_many(client, ids, facts.reads, AttributeIds.Historizing)
        except UaError:
            return []
        return [i for i, v in zip(known, told, strict=True) if not is_bad(status_of(v)) and _is_true(v)]

    async def _fill(
        self, client: CappedClient, facts: ServerFacts, owed: Owed, fillings: Sequence[_Filling]
    ) -> list[_Filling]:
        """Read the histories of some items to their end; those that could not be."""
        failed: list[_Filling] = []
        open_ = list(fillings)
        while open_:
            # Those that go on by time go on each for itself.
            some = [filling for filling in open_ if filling.from_ns == open_[0].from_ns]
            try:
                results = await _read(client, owed, some)
            except (UaError, TimeoutError) as error:
                log.warning("source %s: its server's history cannot be read: %r", self._out.source, error)
                return [*failed, *open_]
            more = [filling for filling in open_ if filling not in some]
            for filling, result in zip(some, results, strict=True):
                values = _values(result)
                if values is None:
                    failed.append(filling)
                elif await self._take(facts, filling, values, result.ContinuationPoint):
                    more.append(filling)
            open_ = more
        return failed

    async def _take(
        self, facts: ServerFacts, filling: _Filling, values: list[ua.DataValue], point: bytes | None
    ) -> bool:
        """Hand over one chunk; whether there is more."""
        batch = self._reader.values([(filling.item, value) for value in values], history=True)
        await self._out.hand_over(batch)
        times = [at for v in values if (at := time_ns(v.SourceTimestamp or v.ServerTimestamp)) is not None]
        if times:
            filling.last_ns = max(times)
        before = [at for at in times if facts.start_ns is not None and at < facts.start_ns]
        filling.before_ns = max(before, default=filling.before_ns)
        filling.point = point or None
        if filling.point is not None:
            filling.empty = 0 if values else filling.empty + 1
            return filling.empty < _EMPTY
        if len(values) < CHUNK or not times:
            return False
        # A full chunk and no way to go on: some servers cut off and do not say so.
        filling.from_ns = max(*times, filling.from_ns + 1_000)
        return True


async def _read(client: CappedClient, owed: Owed, fillings: Sequence[_Filling]) -> list[ua.HistoryReadResult]:
    details = ua.ReadRawModifiedDetails()
    details.IsReadModified = False
    details.StartTime = _moment(fillings[0].from_ns)
    details.EndTime = _moment(owed.server_end_ns + MARGIN_NS)
    details.NumValuesPerNode = ua.UInt32(CHUNK)
    details.ReturnBounds = False
    params = ua.HistoryReadParameters()
    params.HistoryReadDetails = details
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    params.ReleaseContinuationPoints = False
    for filling in fillings:
        value = ua.HistoryReadValueId()
        value.NodeId = filling.item.id or ua.NodeId()
        value.ContinuationPoint = filling.point
        params.NodesToRead.append(value)
    return await client.uaclient.history_read(params)


def _values(result: ua.HistoryReadResult) -> list[ua.DataValue] | None:
    """The values of one chunk; None where there is no history."""
    if is_bad(int(result.StatusCode.value)):
        return None
    data: Any = result.HistoryData
    if isinstance(data, ua.HistoryData):
        return list(data.DataValues or ())
    return [] if data is None or (isinstance(data, ua.ExtensionObject) and not data.Body) else None


def _is_true(value: ua.DataValue) -> bool:
    return value.Value is not None and value.Value.Value is True


def _within(owed: Owed, server_ns: int) -> int:
    """A time of the server's clock by ours, within what is owed."""
    ours = owed.start_ns + server_ns - owed.server_start_ns
    return min(max(ours, owed.start_ns), owed.end_ns)


def _while_away(owed: Owed, facts: ServerFacts, filling: _Filling) -> tuple[int, int]:
    """The part of a time in which the server itself was not there, so that its history has nothing."""
    end_ns = owed.server_end_ns + MARGIN_NS
    if facts.start_ns is None or not owed.server_start_ns < facts.start_ns < end_ns:
        return owed.start_ns, owed.start_ns
    began = _within(owed, filling.before_ns or owed.server_start_ns)
    return began, _within(owed, facts.start_ns)


def _moment(time_ns_: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=time_ns_ // 1000)
