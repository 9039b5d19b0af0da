"""Values to samples: what notifications, readings and histories say, in our words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from asyncua import ua

from gateways.clock import GatewayClock
from gateways.errors import LinkLost, Undecodable
from gateways.opcua_items import Item, Seen
from gateways.opcua_parts import part_of
from gateways.opcua_values import NO_VALUE, is_bad, overflowed, quality_of, status_of, time_ns
from gateways.sink import Gap
from ingest.samples import Clock, Sample

LETTER_BYTES: Final = 65_536


@dataclass(slots=True)
class Batch:
    """What one notification brought."""

    samples: list[Sample] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    letters: list[tuple[str, bytes, str]] = field(default_factory=list)  # origin, payload, reason
    lives: list[tuple[str, bool]] = field(default_factory=list)


class Reader:
    """Reads the values of one source; remembers per signal when it was last heard.

    Parameters
    ----------
    source : str
        Id of the source.
    items : sequence of Item
        What is watched.
    clock : GatewayClock
        Stamps samples, and takes the readings of the source's clock.
    """

    def __init__(self, source: str, items: Iterable[Item], clock: GatewayClock) -> None:
        self._source = source
        self._items = {item.handle: item for item in items}
        self._clock = clock
        self.last_ns: dict[tuple[str, str], int] = {}
        """Time of the last sample of a machine's signal."""
        self.namespaces: Sequence[str] = ()
        self.whole: Callable[[Any], Any] = _as_it_is
        """Makes the structures in a value readable."""

    def read(self, notifications: Iterable[object]) -> Batch:
        """What a notification message brings.

        Raises
        ------
        LinkLost
            If the server ended the subscription, or its namespaces have moved.
        """
        changes: list[tuple[Item, ua.DataValue]] = []
        for notification in notifications:
            if isinstance(notification, ua.StatusChangeNotification):
                status = int(notification.Status.value)
                raise LinkLost(f"the server ended the subscription ({quality_of(status)})")
            if isinstance(notification, ua.DataChangeNotification):
                for change in notification.MonitoredItems or ():
                    item = self._items.get(change.ClientHandle)
                    if item is not None and change.Value is not None:
                        changes.append((item, change.Value))
        return self.values(changes)

    def values(self, changes: Sequence[tuple[Item, ua.DataValue]], *, history: bool = False) -> Batch:
        """What values of nodes bring, in their order.

        Parameters
        ----------
        changes : sequence of (Item, DataValue)
        history : bool
            Whether they are old ones, which say nothing about now.
        """
        now_s = time.monotonic()
        self._read_server(changes)
        batch = Batch()
        for item, value in changes:
            if item.purpose != "signal":
                continue
            source_ns = time_ns(value.SourceTimestamp)
            stamp = self._clock.stamp(source_ns, time_ns(value.ServerTimestamp), backfill=history)
            if stamp is None:
                letter = letter_of(value.Value)
                batch.letters.append(
                    (item.node, letter, "no time with it, and the source's clock not yet known")
                )
                continue
            if not history:
                content = None if value.Value is None else value.Value.Value
                item.seen = Seen(content, status_of(value), source_ns, now_s)
                item.told = None
            self._read_signal(batch, item, value, stamp, history=history)
        return batch

    def _read_server(self, changes: Iterable[tuple[Item, ua.DataValue]]) -> None:
        """Clock and namespaces first: the samples beside them are judged by them."""
        for item, value in changes:
            if item.purpose == "signal":
                continue
            inner = None if value.Value is None else value.Value.Value
            if item.purpose == "clock":
                reading = time_ns(inner) if hasattr(inner, "tzinfo") else None
                if reading is not None:
                    self._clock.observe(self._source, reading)
            elif inner and list(inner) != list(self.namespaces):
                raise LinkLost("the server's namespaces have changed")

    def _read_signal(
        self, batch: Batch, item: Item, value: ua.DataValue, stamp: tuple[int, Clock], *, history: bool
    ) -> None:
        at_ns, clock = stamp
        status = status_of(value)
        quality = quality_of(status)
        bad = is_bad(status)
        whole = None
        for point in item.points:
            try:
                if item.parts and whole is None and not bad and value.Value is not None:
                    whole = self.whole(value.Value.Value)
                content = None if bad else part_of(value.Value, whole, point.signal.index, point.signal.field)
            except Undecodable as error:
                batch.letters.append((item.node, letter_of(value.Value), str(error)))
                continue
            key = (point.machine, point.name)
            before = self.last_ns.get(key, at_ns)
            if not history:
                if overflowed(status):
                    # The marked value is the first that is left, or the last that came: what was lost lies
                    # just before it either way.
                    batch.gaps.append(Gap(*key, "overflow", min(before, at_ns), at_ns, 1))
                self.last_ns[key] = at_ns
            if point.name != "link":
                told = NO_VALUE if content is None and not bad else quality
                batch.samples.append(Sample(*key, at_ns, content, told, clock))
            elif not history:
                up = bool(content) and content not in ("0", "false", "offline")
                batch.lives.append((point.machine, up))


def letter_of(variant: ua.Variant | None) -> bytes:
    """A value as a dead letter keeps it: its beginning, at a cost that does not grow with it."""
    value = None if variant is None else variant.Value
    if isinstance(value, list | str | bytes):
        value = value[:LETTER_BYTES]
    kind = "nothing" if variant is None else variant.VariantType.name
    return f"{kind} {value!r}".encode("utf-8", "backslashreplace")[:LETTER_BYTES]


def _as_it_is(value: Any) -> Any:
    return value
