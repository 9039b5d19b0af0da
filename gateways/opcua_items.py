"""The nodes that a source reads: each once, whatever the number of signals it feeds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from fieldlab_configs import OpcUaSource, Signal
from gateways.opcua_values import node_id
from gateways.source import Point

NAMESPACES: Final = "i=2255"  # Server_NamespaceArray, whose change makes every index wrong


@dataclass(frozen=True, slots=True)
class How:
    """How the server is asked to watch a node.

    Attributes
    ----------
    deadband, percent : float or None
        Absolute, and in percent of the node's range; None where there is none.
    timestamps : bool
        Whether a new timestamp alone is worth telling.
    sampling_ms : float
    queue : int
    oldest : bool
        Whether a full queue gives up its oldest value, or else its newest.
    read_every_s : float or None
        Read at intervals instead of watched.
    """

    deadband: float | None = None
    percent: float | None = None
    timestamps: bool = False
    sampling_ms: float = 0.0
    queue: int = 1000
    oldest: bool = True
    read_every_s: float | None = None

    @classmethod
    def of(cls, signal: Signal, config: OpcUaSource) -> How:
        """As a signal and its source say."""
        sampling, queue = signal.sampling_interval_ms, signal.queue_size
        return cls(
            signal.deadband,
            signal.deadband_percent,
            signal.trigger == "status_value_timestamp",
            config.sampling_interval_ms if sampling is None else sampling,
            max(config.queue_size if queue is None else queue, 2),  # 1 is no queue
            (signal.discard or config.discard) == "oldest",
            signal.read_every_s or config.read_every_s,
        )

    @property
    def filtered(self) -> bool:
        """Whether the server is to choose what it tells by more than a change of value."""
        return self.deadband is not None or self.percent is not None or self.timestamps


@dataclass(slots=True)
class Seen:
    """What was last told of a node.

    Attributes
    ----------
    value : object
        As decoded.
    status : int
    source_ns : int or None
        Its own timestamp.
    at_s : float
        When it came; monotonic.
    """

    value: Any
    status: int
    source_ns: int | None
    at_s: float


@dataclass(slots=True)
class Item:
    """One node that is read, for every signal that it feeds.

    Attributes
    ----------
    handle : int
        Ours, comes back with every value.
    node : str
        As configured.
    points : tuple of Point
        The signals it feeds; none for the server's own clock and namespaces.
    how : How
    purpose : str
        What its values are for.
    plain : bool
        Whether the server has refused to filter it.
    id : NodeId or None
        On this server, now; None where it is not known there.
    told : str or None
        The Bad quality last told for it by us, so that it is told once.
    seen : Seen or None
        What was last told of it.
    """

    handle: int
    node: str
    points: tuple[Point, ...] = ()
    how: How = How()
    purpose: Literal["signal", "clock", "namespaces"] = "signal"
    plain: bool = False
    id: ua.NodeId | None = None
    told: str | None = None
    seen: Seen | None = field(default=None, repr=False)

    @property
    def parts(self) -> bool:
        """Whether a signal takes only a part of its value."""
        return any(p.signal.field is not None or p.signal.index is not None for p in self.points)

    def __str__(self) -> str:
        names = ", ".join(f"{point.machine}.{point.name}" for point in self.points)
        return f"{names or self.purpose} ({self.node})"


def items_of(points: Sequence[Point], config: OpcUaSource, clock_node: str | None) -> list[Item]:
    """The nodes to read, and the server's own namespaces and clock."""
    groups: dict[tuple[str, How], list[Point]] = {}
    for point in points:
        if point.signal.node is not None:
            groups.setdefault((point.signal.node, How.of(point.signal, config)), []).append(point)
    items = [
        Item(handle, node, tuple(group), how)
        for handle, ((node, how), group) in enumerate(groups.items(), start=1)
    ]
    every_s = config.read_every_s
    items.append(Item(len(items) + 1, NAMESPACES, purpose="namespaces", how=How(read_every_s=every_s)))
    if clock_node is not None:
        items.append(Item(len(items) + 1, clock_node, purpose="clock", how=How(read_every_s=every_s)))
    return items


def fingerprint(items: Sequence[Item], namespaces: Sequence[str]) -> str:
    """What is watched, so that a subscription found again is known to be the same."""
    told = repr((list(namespaces), [(i.handle, i.node, i.how, [str(p) for p in i.points]) for i in items]))
    return hashlib.sha256(told.encode()).hexdigest()


def resolve(item: Item, namespaces: Sequence[str]) -> ua.NodeId:
    """Find an item's node on this server; UnknownNamespace or ValueError where it cannot be one there."""
    item.id = None
    item.id = node_id(item.node, namespaces)
    return item.id


def monitored(item: Item) -> ua.MonitoredItemCreateRequest:
    """The request to watch an item that was resolved."""
    how = item.how
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = item.id or ua.NodeId()
    request.ItemToMonitor.AttributeId = AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters.ClientHandle = item.handle
    request.RequestedParameters.SamplingInterval = how.sampling_ms
    request.RequestedParameters.QueueSize = how.queue
    request.RequestedParameters.DiscardOldest = how.oldest
    if how.filtered and not item.plain:
        triggers = ua.DataChangeTrigger
        wanted = ua.DataChangeFilter()
        wanted.Trigger = triggers.StatusValueTimestamp if how.timestamps else triggers.StatusValue
        if how.deadband is not None:
            wanted.DeadbandType = ua.UInt32(ua.DeadbandType.Absolute)
            wanted.DeadbandValue = ua.Double(how.deadband)
        elif how.percent is not None:
            wanted.DeadbandType = ua.UInt32(ua.DeadbandType.Percent)
            wanted.DeadbandValue = ua.Double(how.percent)
        request.RequestedParameters.Filter = wanted
    return request
