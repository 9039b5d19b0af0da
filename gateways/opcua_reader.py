"""Notifications to samples: what one Publish response says, in our words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from fieldlab_configs import OpcUaSource
from gateways.clock import GatewayClock
from gateways.errors import LinkLost, Undecodable
from gateways.opcua_values import (
    NO_VALUE,
    is_bad,
    node_id,
    overflowed,
    quality_of,
    status_of,
    time_ns,
    value_of,
)
from gateways.sink import Gap
from gateways.source import Point
from ingest.samples import Sample

LETTER_BYTES: Final = 65_536


@dataclass(slots=True)
class Item:
    """One node that is watched, for every signal that it feeds.

    Attributes
    ----------
    handle : int
        Ours, comes back with every value.
    node : str
        As configured.
    points : tuple of Point
        The signals it feeds; none for the server's own clock and namespaces.
    deadband : float or None
        Absolute; None where there is none, or the server has no such thing.
    timestamps : bool
        Whether a new timestamp alone is worth telling.
    purpose : str
        What its values are for.
    told : str or None
        The Bad quality last told for it by us, so that it is told once.
    """

    handle: int
    node: str
    points: tuple[Point, ...] = ()
    deadband: float | None = None
    timestamps: bool = False
    purpose: Literal["signal", "clock", "namespaces"] = "signal"
    told: str | None = None

    @property
    def filtered(self) -> bool:
        """Whether the server is to choose what it tells by more than a change of value."""
        return self.deadband is not None or self.timestamps

    def __str__(self) -> str:
        names = ", ".join(f"{point.machine}.{point.name}" for point in self.points)
        return f"{names or self.purpose} ({self.node})"


@dataclass(slots=True)
class Batch:
    """What one notification brought."""

    samples: list[Sample] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    letters: list[tuple[str, bytes, str]] = field(default_factory=list)  # origin, payload, reason
    lives: list[tuple[str, bool]] = field(default_factory=list)


def items_of(points: Sequence[Point], clock_node: str | None) -> list[Item]:
    """The nodes to watch: each once, whatever the number of signals it feeds."""
    groups: dict[tuple[str, float | None, bool], list[Point]] = {}
    for point in points:
        if point.signal.node is not None:
            timestamps = point.signal.trigger == "status_value_timestamp"
            groups.setdefault((point.signal.node, point.signal.deadband, timestamps), []).append(point)
    items = [
        Item(handle, node, tuple(group), deadband, timestamps)
        for handle, ((node, deadband, timestamps), group) in enumerate(groups.items(), start=1)
    ]
    # 2255: Server_NamespaceArray, whose change makes every index wrong.
    items.append(Item(len(items) + 1, "i=2255", purpose="namespaces"))
    if clock_node is not None:
        items.append(Item(len(items) + 1, clock_node, purpose="clock"))
    return items


def monitored(item: Item, namespaces: Sequence[str], config: OpcUaSource) -> ua.MonitoredItemCreateRequest:
    """The request to watch an item; UnknownNamespace or ValueError where its node id is none here."""
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = node_id(item.node, namespaces)
    request.ItemToMonitor.AttributeId = AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters.ClientHandle = item.handle
    request.RequestedParameters.SamplingInterval = config.sampling_interval_ms
    request.RequestedParameters.QueueSize = max(config.queue_size, 2)
    request.RequestedParameters.DiscardOldest = True
    if item.filtered:
        triggers = ua.DataChangeTrigger
        wanted = ua.DataChangeFilter()
        wanted.Trigger = triggers.StatusValueTimestamp if item.timestamps else triggers.StatusValue
        if item.deadband is not None:
            wanted.DeadbandType = ua.UInt32(ua.DeadbandType.Absolute)
            wanted.DeadbandValue = ua.Double(item.deadband)
        request.RequestedParameters.Filter = wanted
    return request


class Reader:
    """Reads notifications of one source; remembers per signal when it was last heard.

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
        self._heard: dict[tuple[str, str], int] = {}
        self.namespaces: Sequence[str] = ()

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
        self._read_server(changes)
        batch = Batch()
        for item, value in changes:
            if item.purpose == "signal":
                self._read_signal(batch, item, value)
        return batch

    def _read_server(self, changes: Iterable[tuple[Item, ua.DataValue]]) -> None:
        """Clock and namespaces first: the samples beside them are judged by them."""
        for item, value in changes:
            inner = None if value.Value is None else value.Value.Value
            if item.purpose == "clock":
                reading = time_ns(inner) if hasattr(inner, "tzinfo") else None
                if reading is not None:
                    self._clock.observe(self._source, reading)
            elif item.purpose == "namespaces" and inner and list(inner) != list(self.namespaces):
                raise LinkLost("the server's namespaces have changed")

    def _read_signal(self, batch: Batch, item: Item, value: ua.DataValue) -> None:
        stamp = self._clock.stamp(time_ns(value.SourceTimestamp), time_ns(value.ServerTimestamp))
        try:
            content = value_of(value.Value)
        except Undecodable as error:
            batch.letters.append((item.node, repr(value.Value).encode()[:LETTER_BYTES], str(error)))
            return
        if stamp is None:
            batch.letters.append(
                (
                    item.node,
                    repr(value).encode()[:LETTER_BYTES],
                    "no time with it, and the source's clock not yet known",
                )
            )
            return
        time, clock = stamp
        status = status_of(value)
        quality = quality_of(status)
        if is_bad(status):
            content = None
        elif content is None:
            quality = NO_VALUE
        item.told = None
        for point in item.points:
            key = (point.machine, point.name)
            if overflowed(status):
                # Discard-oldest marks the first value that is left: the lost ones came just before it.
                begin = min(self._heard.get(key, time), time)
                batch.gaps.append(Gap(point.machine, point.name, "overflow", begin, time, 1))
            self._heard[key] = time
            if point.name == "link":
                batch.lives.append(
                    (point.machine, bool(content) and content not in ("0", "false", "offline"))
                )
            else:
                batch.samples.append(Sample(point.machine, point.name, time, content, quality, clock))
