"""Structures of a server's own: how each is built, asked of the server, and read into mappings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import (
    Primitives,
    extensionobject_from_binary,
    nodeid_from_binary,
    struct_from_binary,
    variant_from_binary,
)
from asyncua.ua.uaerrors import UaError

from gateways.errors import Undecodable
from gateways.opcua_client import CappedClient
from gateways.opcua_items import Item
from gateways.opcua_limits import ServerFacts, read_many
from gateways.opcua_values import is_bad, status_of

log = logging.getLogger(__name__)

MOST_TYPES: Final = 2_000
MOST_ELEMENTS: Final = 1_000_000
DEEPEST: Final = 20
_LAST_BUILT_IN: Final = 25
_ENUMERATION: Final = 29
_BINARY: Final = "Default Binary"


def _struct(kind: type[Any]) -> Callable[[Buffer], Any]:
    return lambda data: struct_from_binary(kind, data)


_BUILT_IN: Final[dict[int, Callable[[Buffer], Any]]] = {
    1: Primitives.Boolean.unpack, 2: Primitives.SByte.unpack, 3: Primitives.Byte.unpack,
    4: Primitives.Int16.unpack, 5: Primitives.UInt16.unpack, 6: Primitives.Int32.unpack,
    7: Primitives.UInt32.unpack, 8: Primitives.Int64.unpack, 9: Primitives.UInt64.unpack,
    10: Primitives.Float.unpack, 11: Primitives.Double.unpack, 12: Primitives.String.unpack,
    13: Primitives.DateTime.unpack, 14: Primitives.Guid.unpack, 15: Primitives.ByteString.unpack,
    16: Primitives.String.unpack, 17: nodeid_from_binary, 18: nodeid_from_binary,
    19: Primitives.UInt32.unpack, 20: _struct(ua.QualifiedName), 21: _struct(ua.LocalizedText),
    22: extensionobject_from_binary, 23: _struct(ua.DataValue), 24: variant_from_binary,
    25: _struct(ua.DiagnosticInfo),
}  # fmt: skip


class Types:
    """The structures of one server, on one connection.

    Parameters
    ----------
    source : str
        Id of the source, for messages.
    client : CappedClient
    facts : ServerFacts
    """

    def __init__(self, source: str, client: CappedClient, facts: ServerFacts) -> None:
        self._source = source
        self._client = client
        self._facts = facts
        self._by_encoding: dict[ua.NodeId, ua.NodeId] = {}
        self._definitions: dict[ua.NodeId, ua.StructureDefinition] = {}
        self._bases: dict[ua.NodeId, int] = {}
        self.unknown: set[ua.NodeId] = set()
        """Encodings that were met and are not known: `learn` asks for them."""

    # -- asking

    async def prepare(self, items: Sequence[Item]) -> None:
        """Learn how the values of nodes are built of which a signal takes a part."""
        ids = [item.id for item in items if item.id is not None and item.parts]
        if not ids:
            return
        try:
            told = await read_many(self._client, ids, self._facts.reads, AttributeIds.DataType)
            await self._define([kind for value in told if isinstance(kind := _content(value), ua.NodeId)])
            values = await read_many(self._client, ids, self._facts.reads)
        except UaError as error:
            log.warning("source %s: its server does not say how its types are built: %s", self._source, error)
            return
        for value in values:
            self._note(_content(value))
        await self.learn()

    async def learn(self) -> bool:
        """Ask for the structures that were met and are not known; whether there were any."""
        waiting, self.unknown = self.unknown, set()
        for encoding in waiting:
            try:
                above = await self._client.get_node(encoding).get_references(
                    ObjectIds.HasEncoding, ua.BrowseDirection.Inverse
                )
                kinds = [_local(reference.NodeId) for reference in above]
                await self._define(kinds)
            except UaError as error:
                log.warning("source %s: the structure %s is not known: %s", self._source, encoding, error)
                continue
            for kind in kinds:
                if kind in self._definitions:
                    self._by_encoding[encoding] = kind
        return bool(waiting)

    def _note(self, value: Any) -> None:
        """Note the structures in a value that are not known."""
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ua.ExtensionObject) and each.Body and each.TypeId not in self._by_encoding:
                self.unknown.add(each.TypeId)

    async def _define(self, kinds: Sequence[ua.NodeId]) -> None:
        """Learn data types, and those that are in them."""
        waiting = list(dict.fromkeys(kinds))
        while waiting:
            new = [kind for kind in waiting if kind not in self._definitions and kind not in self._bases]
            if len(self._definitions) + len(self._bases) + len(new) > MOST_TYPES:
                log.warning("source %s: its server has too many types; the rest is not read", self._source)
                return
            told = (
                await read_many(self._client, new, self._facts.reads, AttributeIds.DataTypeDefinition)
                if new
                else []
            )
            waiting = []
            for kind, value in zip(new, told, strict=True):
                definition = _content(value)
                if isinstance(definition, ua.StructureDefinition):
                    self._definitions[kind] = definition
                    if not definition.DefaultEncodingId.is_null():
                        self._by_encoding[_local(definition.DefaultEncodingId)] = kind
                    waiting += [_local(field.DataType) for field in definition.Fields or ()]
                elif isinstance(definition, ua.EnumDefinition):
                    self._bases[kind] = ObjectIds.Int32
                else:
                    self._bases[kind] = await self._base(kind)

    async def _base(self, kind: ua.NodeId) -> int:
        """The built-in type that a simple one is made of; 0 where there is none."""
        for _ in range(DEEPEST):
            if kind.NamespaceIndex == 0 and isinstance(kind.Identifier, int):
                if 0 < kind.Identifier <= _LAST_BUILT_IN:
                    return kind.Identifier
                if kind.Identifier == _ENUMERATION:
                    return ObjectIds.Int32
            above = await self._client.get_node(kind).get_references(
                ObjectIds.HasSubtype, ua.BrowseDirection.Inverse
            )
            if not above:
                return 0
            kind = _local(above[0].NodeId)
        return 0

    # -- reading

    def whole(self, value: Any) -> Any:
        """A value with its structures as mappings.

        Raises
        ------
        Undecodable
            If one is not known, or is not what it should be.
        """
        if isinstance(value, list):
            return [self.whole(each) for each in value]
        if not isinstance(value, ua.ExtensionObject) or not value.Body:
            return value
        kind = self._by_encoding.get(value.TypeId)
        if kind is None:
            self.unknown.add(value.TypeId)
            raise Undecodable(f"a structure {value.TypeId.to_string()} of which the server says nothing")
        try:
            return self._structure(kind, Buffer(value.Body), 0)
        except Undecodable:
            raise
        except (UaError, ValueError, TypeError, IndexError, OverflowError) as error:
            raise Undecodable(f"not the structure that the server says it is: {error}") from error

    def _structure(self, kind: ua.NodeId, data: Buffer, depth: int) -> dict[str, Any]:
        if depth > DEEPEST:
            raise Undecodable(f"structures in structures, more than {DEEPEST} deep")
        definition = self._definitions[kind]
        fields = list(definition.Fields or ())
        shape = definition.StructureType
        if shape in (ua.StructureType.Union, ua.StructureType.UnionWithSubtypedValues):
            chosen = Primitives.UInt32.unpack(data)
            fields = fields[chosen - 1 : chosen] if chosen else []
            present = 0
        else:
            optional = shape == ua.StructureType.StructureWithOptionalFields
            present = Primitives.UInt32.unpack(data) if optional else 0
        found: dict[str, Any] = {}
        bit = 0
        for field in fields:
            if field.IsOptional and shape == ua.StructureType.StructureWithOptionalFields:
                bit += 1
                if not present >> (bit - 1) & 1:
                    found[str(field.Name)] = None
                    continue
            found[str(field.Name)] = self._field(field, data, depth)
        return found

    def _field(self, field: ua.StructureField, data: Buffer, depth: int) -> Any:
        kind = _local(field.DataType)
        if field.ValueRank < 0:  # a scalar
            return self._one(kind, data, depth)
        if field.ValueRank > 1:
            raise Undecodable(f"the field {field.Name} is an array of {field.ValueRank} dimensions")
        length = Primitives.Int32.unpack(data)
        if length > min(len(data), MOST_ELEMENTS):
            raise Undecodable(f"the field {field.Name} says to have {length} elements")
        return [self._one(kind, data, depth) for _ in range(max(length, 0))]

    def _one(self, kind: ua.NodeId, data: Buffer, depth: int) -> Any:
        if kind in self._definitions:
            return self._structure(kind, data, depth + 1)
        base = self._bases.get(kind, 0)
        if base not in _BUILT_IN:
            raise Undecodable(f"a field of type {kind.to_string()}, of which the server says nothing")
        return self.whole(_BUILT_IN[base](data)) if base == ObjectIds.Structure else _BUILT_IN[base](data)


def _content(value: ua.DataValue) -> Any:
    return None if is_bad(status_of(value)) or value.Value is None else value.Value.Value


def _local(node: ua.NodeId) -> ua.NodeId:
    """A node id without what only an expanded one has."""
    return ua.NodeId(node.Identifier, node.NamespaceIndex)
