"""The tree of an OPC UA server, in batches that a small controller takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError

from fieldlab_configs import OpcUaSource, Secret
from gateways.browse import Bounds, Progress, Result, Seen, held
from gateways.clock import SECOND_NS
from gateways.errors import LinkLost, Undecodable, Untrusted
from gateways.opcua_client import CappedClient
from gateways.opcua_limits import ServerFacts, facts_of, read_many
from gateways.opcua_secure import connect, explain
from gateways.opcua_trust import Trust
from gateways.opcua_units import is_unit, unit_of
from gateways.opcua_values import is_bad, node_id, quality_of, status_of, time_ns, value_of
from gateways.pki_facts import load, names_of
from gateways.remedies import BY_HAND, first_certificate

ANSWER_S: Final = 10.0
NODES: Final = 20  # per request: their children may be many
CHILDREN: Final = 200  # of one node in one answer; the rest is asked for after it
MOST_NODES: Final = 100_000
"""So many nodes of one server are held; more, and what was found so far has to do."""
LONGEST_NAME: Final = 500
LONGEST_ID: Final = 4_096  # as the standard has it (Part 3, 8.2.4)
_OBJECTS: Final = "i=85"
_SERVER: Final = ua.NodeId(ua.Int32(ObjectIds.Server))
_RESULT: Final = ua.UInt32(
    ua.BrowseResultMask.NodeClass | ua.BrowseResultMask.BrowseName | ua.BrowseResultMask.DisplayName
)
_HOW: Final = (
    "security", "policy", "pki", "certificate", "private_key", "private_key_password", "server_name",
    "user", "password", "password_in_clear", "user_certificate", "user_key",
)  # fmt: skip
"""Keys that say how to connect."""
_Open = tuple[ua.NodeId, tuple[str, ...]]


async def browse_opcua(
    config: OpcUaSource,
    gateway: str,
    bounds: Bounds,
    progress: Progress,
    start: str | None = None,
    source: str = BY_HAND,
) -> Result:
    """Every variable below a node, with its value.

    Parameters
    ----------
    config : OpcUaSource
        How to connect.
    gateway : str
        Whose certificate to show, where there is security.
    bounds : Bounds
    progress : callable
        Told now and then how far it is.
    start : str, optional
        Where to begin; default: the Objects folder.
    source : str, optional
        Its id in a config, for what is said where it cannot be had.

    Raises
    ------
    LinkLost
        If the server cannot be had; the message says why.
    """
    own = config.own_certificate(gateway)
    client = None
    try:
        uri = _uri(config, gateway)
        client = CappedClient(config.endpoint, uri, ANSWER_S)
        await connect(client, config, Trust(source, config, gateway, uri))
        facts = await facts_of(client)
        browser = _Browser(client, facts, bounds, progress)
        await browser.walk(node_id(start or _OBJECTS, facts.namespaces), start is None)
        await browser.look()
    except (UaError, OSError, RecursionError) as error:
        raise LinkLost(explain(error, config, source, own)) from error
    except (LookupError, ValueError) as error:
        raise LinkLost(str(error)) from error
    finally:
        if client is not None:
            await client.leave(1.5, keep=False)
    return Result(config.endpoint, _source(config), browser.seen, browser.cut)


def _uri(config: OpcUaSource, gateway: str) -> str:
    """The name in the certificate that is shown: to browse one needs no config that says it."""
    if config.security == "none":
        return "urn:fieldlab:browse"
    own = config.own_certificate(gateway)
    try:
        return next(iter(names_of(load(own)).uris), "urn:fieldlab:browse")
    except ValueError as error:
        if own.exists():
            raise Untrusted(str(error)) from error
        raise Untrusted(
            f"there is no certificate {own} to show; make it: {first_certificate(config.pki, gateway)}"
        ) from error


def _source(config: OpcUaSource) -> dict[str, Any]:
    """What a config has to say to connect in the same way; of a secret only where it is kept."""
    told: dict[str, Any] = {"kind": "opcua", "endpoint": config.endpoint}
    usual = OpcUaSource(kind="opcua", endpoint=config.endpoint, pki=Path("pki").absolute())
    for key in _HOW:
        value = getattr(config, key)
        if value == getattr(usual, key):
            continue
        if isinstance(value, Secret):
            value = {way: str(where) for way, where in value if where is not None}
        told[key] = str(value) if isinstance(value, Path) else value
    return told


class _Browser:
    """A walk through one server."""

    def __init__(self, client: CappedClient, facts: ServerFacts, bounds: Bounds, progress: Progress) -> None:
        self._client = client
        self._facts = facts
        self._bounds = bounds
        self._progress = progress
        self._until = time.monotonic() + bounds.seconds
        self._whole = False
        self._variables: list[_Open] = []
        self._known: set[ua.NodeId] = set()
        self._units: dict[ua.NodeId, ua.NodeId] = {}
        """By the node of a value, the one that tells its unit."""
        self.seen: list[Seen] = []
        self.cut: str | None = None

    async def walk(self, start: ua.NodeId, whole: bool) -> None:
        """Find every variable, level by level, so that a cut leaves out what lies deepest."""
        self._whole = whole
        self._known |= {start, *([_SERVER] if whole else [])}
        level: list[_Open] = [(start, ())]
        for depth in range(self._bounds.depth):
            below: list[_Open] = []
            for begin in range(0, len(level), NODES):
                self._progress(f"level {depth + 1}: {len(self._variables)} variables so far")
                below += await self._children(level[begin : begin + NODES])
                if len(self._variables) >= self._bounds.most:
                    self.cut = f"stopped at {self._bounds.most} variables (--limit)"
                elif len(self._known) >= MOST_NODES:
                    self.cut = f"stopped at {MOST_NODES} nodes; begin further down (--node)"
                elif time.monotonic() > self._until:
                    self.cut = f"stopped after {self._bounds.seconds:g} s (--seconds)"
                if self.cut:
                    del self._variables[self._bounds.most :]
                    return
            level = below
            if not level:
                return
        self.cut = f"stopped at level {self._bounds.depth} (--depth)"

    async def _children(self, nodes: Sequence[_Open]) -> list[_Open]:
        """Note the variables below some nodes; the nodes below them that may have more."""
        params = ua.BrowseParameters()
        params.RequestedMaxReferencesPerNode = ua.UInt32(CHILDREN)
        for node, _ in nodes:
            params.NodesToBrowse.append(
                ua.BrowseDescription(
                    NodeId=node,
                    BrowseDirection=ua.BrowseDirection.Forward,
                    ReferenceTypeId=ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences)),
                    NodeClassMask=ua.UInt32(ua.NodeClass.Object | ua.NodeClass.Variable),
                    ResultMask=_RESULT,
                )
            )
        results = list(zip(nodes, await self._client.uaclient.browse(params), strict=True))
        below: list[_Open] = []
        while results:
            again = []
            for (node, path), result in results:
                below += self._note((node, path), result.References or ())
                if result.ContinuationPoint and not self._over():
                    again.append(((node, path), result.ContinuationPoint))
            results = await self._further(again) if again else []
        return below

    def _over(self) -> bool:
        many = len(self._variables) > self._bounds.most or len(self._known) >= MOST_NODES
        return many or time.monotonic() > self._until

    async def _further(self, waiting: Sequence[tuple[_Open, bytes]]) -> list[tuple[_Open, ua.BrowseResult]]:
        params = ua.BrowseNextParameters()
        params.ReleaseContinuationPoints = False
        params.ContinuationPoints = [point for _, point in waiting]
        found = await self._client.uaclient.browse_next(params)
        return list(zip([node for node, _ in waiting], found, strict=True))

    def _note(self, parent: _Open, references: Sequence[ua.ReferenceDescription]) -> list[_Open]:
        of, path = parent
        below = []
        for reference in references:
            node = ua.NodeId(reference.NodeId.Identifier, reference.NodeId.NamespaceIndex)
            if node in self._known or getattr(reference.NodeId, "ServerIndex", None):
                continue
            if isinstance(node.Identifier, str | bytes) and len(node.Identifier) > LONGEST_ID:
                continue
            self._known.add(node)
            if is_unit(reference):
                self._units[of] = node
                continue
            name = reference.DisplayName.Text or reference.BrowseName.Name or node.to_string()
            here = (*path, name[:LONGEST_NAME])
            ours = node.NamespaceIndex != 0 or not self._whole  # every server has those of namespace 0
            if reference.NodeClass is ua.NodeClass.Variable and ours:
                self._variables.append((node, here))
            below.append((node, here))
        return below

    async def look(self) -> None:
        """Read the value of each."""
        self._progress(f"reading {len(self._variables)} values")
        values = await read_many(self._client, [node for node, _ in self._variables], self._facts.reads)
        units = await self._units_told()
        now = self._facts.now_ns or time.time_ns()
        for (node, path), value in zip(self._variables, values, strict=True):
            status = status_of(value)
            told = time_ns(value.SourceTimestamp)
            age_s = None if told is None else (now - told) / SECOND_NS
            quality, content = quality_of(status), None
            try:
                if not is_bad(status):
                    content, fits = held(value_of(value.Value))
                    quality = fits if fits != "good" else quality
            except Undecodable as error:
                quality = str(error)
            kind = "" if value.Value is None else value.Value.VariantType.name
            place = {"node": self._named(node)}
            self.seen.append(Seen(path, place, kind, content, quality, age_s, units.get(node)))

    async def _units_told(self) -> dict[ua.NodeId, str]:
        """By the node of a value, the unit that its server says it has."""
        there = {node: self._units[node] for node, _ in self._variables if node in self._units}
        values = await read_many(self._client, list(there.values()), self._facts.reads)
        units = zip(there, map(unit_of, values), strict=True)
        return {node: unit for node, unit in units if unit is not None}

    def _named(self, node: ua.NodeId) -> str:
        """Its id with the namespace's address: the number may be another after a restart of the server."""
        text = node.to_string()
        if node.NamespaceIndex == 0 or node.NamespaceIndex >= len(self._facts.namespaces):
            return text
        uri = self._facts.namespaces[node.NamespaceIndex].replace("%", "%25").replace(";", "%3B")
        return f"nsu={uri};{text.partition(';')[2]}"
