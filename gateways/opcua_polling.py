"""Reading at intervals: where the configuration asks for it, or the server has no subscriptions."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from asyncua import ua

from gateways.opcua_client import CappedClient
from gateways.opcua_items import Item, Seen
from gateways.opcua_limits import ServerFacts, read_many
from gateways.opcua_out import Out
from gateways.opcua_reader import Reader
from gateways.opcua_values import status_of, time_ns

EVERY_S: Final = 1.0


class Polling:
    """Reads nodes, each at its interval.

    Parameters
    ----------
    client : CappedClient
    facts : ServerFacts
    out : Out
    reader : Reader
    items : sequence of Item
    """

    def __init__(
        self, client: CappedClient, facts: ServerFacts, out: Out, reader: Reader, items: Sequence[Item]
    ) -> None:
        self._client = client
        self._facts = facts
        self._out = out
        self._reader = reader
        self._by_interval: dict[float, list[Item]] = defaultdict(list)
        for item in items:
            self._by_interval[item.how.read_every_s or EVERY_S].append(item)

    async def work(self) -> None:
        """Read until cancelled; a missed turn is not made up for."""
        begin = time.monotonic()
        due = dict.fromkeys(self._by_interval, begin)
        while due:
            interval = min(due, key=due.__getitem__)
            await asyncio.sleep(max(due[interval] - time.monotonic(), 0.0))
            await self.take(self._by_interval[interval])
            due[interval] = max(due[interval] + interval, time.monotonic())

    async def take(self, items: Sequence[Item]) -> None:
        """Read some nodes once, and hand over what is new."""
        known = [item for item in items if item.id is not None]
        ids = [item.id for item in known if item.id is not None]
        values = await read_many(self._client, ids, self._facts.reads)
        new = [(i, v) for i, v in zip(known, values, strict=True) if _is_new(i.seen, v)]
        await self._out.hand_over(self._reader.values(new))
        times = [at for value in values if (at := time_ns(value.ServerTimestamp)) is not None]
        self._out.heard(max(times, default=None))


def _is_new(seen: Seen | None, value: ua.DataValue) -> bool:
    """Whether a reading says anything that the one before did not."""
    if seen is None or status_of(value) != seen.status:
        return True
    content = None if value.Value is None else value.Value.Value
    source_ns = time_ns(value.SourceTimestamp)
    # Without a timestamp of its own every reading is one.
    return source_ns is None or source_ns != seen.source_ns or bool(content != seen.value)
