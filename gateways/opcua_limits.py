"""What a server says of itself when a connection begins: namespaces, limits, its time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError

from gateways.errors import LinkLost
from gateways.opcua_client import CappedClient
from gateways.opcua_values import is_bad, status_of, time_ns

BATCH: Final = 100  # nodes per request where the server does not say: an S7-1200 takes no more
MOST: Final = 1_000
_T = TypeVar("_T")

_NAMESPACES: Final = ua.NodeId(ua.Int32(2255))
_NODES: Final = (
    _NAMESPACES,
    ua.NodeId(ua.Int32(2258)),  # Server_ServerStatus_CurrentTime
    ua.NodeId(ua.Int32(2257)),  # Server_ServerStatus_StartTime
    ua.NodeId(ua.Int32(11714)),  # OperationLimits: MaxMonitoredItemsPerCall
    ua.NodeId(ua.Int32(11705)),  # MaxNodesPerRead
    ua.NodeId(ua.Int32(12165)),  # MaxNodesPerHistoryReadData
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself.

    Attributes
    ----------
    namespaces : tuple of str
    now_ns, start_ns : int or None
        Its time now, and when it started.
    items, reads, histories : int
        Nodes per request: to watch, to read, to read the history of.
    """

    namespaces: tuple[str, ...]
    now_ns: int | None
    start_ns: int | None
    items: int = BATCH
    reads: int = BATCH
    histories: int = 10


async def facts_of(client: CappedClient) -> ServerFacts:
    """Ask a server about itself.

    Raises
    ------
    LinkLost
        If it does not say its namespaces: then no node can be found.
    """
    values = await read(client, _NODES)
    namespaces, now, start, *limits = [_inner(value) for value in values]
    if not isinstance(namespaces, list):
        raise LinkLost("it does not say its namespaces")
    items, reads, histories = [_limit(limit) for limit in limits]
    return ServerFacts(
        tuple(str(uri) for uri in namespaces), _time(now), _time(start), items, reads, min(histories, 10)
    )


async def read(
    client: CappedClient, nodes: Sequence[ua.NodeId], attribute: AttributeIds = AttributeIds.Value
) -> list[ua.DataValue]:
    """Read an attribute of some nodes, in one request."""
    params = ua.ReadParameters()
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    for node in nodes:
        params.NodesToRead.append(ua.ReadValueId(NodeId=node, AttributeId=attribute))
    return await client.uaclient.read(params)


async def read_many(
    client: CappedClient,
    nodes: Sequence[ua.NodeId],
    batch: int,
    attribute: AttributeIds = AttributeIds.Value,
) -> list[ua.DataValue]:
    """Read an attribute of many nodes, in as many requests as the server needs."""
    found: list[ua.DataValue] = []
    for some in batches(nodes, batch):
        found += await _smaller(client, some, attribute)
    return found


async def _smaller(
    client: CappedClient, nodes: Sequence[ua.NodeId], attribute: AttributeIds
) -> list[ua.DataValue]:
    """Read; where that is more than the server takes at once, in halves."""
    try:
        return await read(client, nodes, attribute)
    except (
        ua.uaerrors.BadTooManyOperations,
        ua.uaerrors.BadResponseTooLarge,
        ua.uaerrors.BadEncodingLimitsExceeded,
    ):
        if len(nodes) == 1:
            raise
        half = len(nodes) // 2
        first = await _smaller(client, nodes[:half], attribute)
        return first + await _smaller(client, nodes[half:], attribute)


def batches(things: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """A sequence in pieces of at most that size."""
    for begin in range(0, len(things), size):
        yield things[begin : begin + size]


def _inner(value: ua.DataValue) -> Any:
    return None if is_bad(status_of(value)) or value.Value is None else value.Value.Value


def _time(value: Any) -> int | None:
    return time_ns(value) if isinstance(value, dt.datetime) else None


def _limit(value: Any) -> int:
    try:
        return min(int(value), MOST) or BATCH
    except (TypeError, ValueError, UaError):
        return BATCH
