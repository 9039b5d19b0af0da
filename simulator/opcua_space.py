"""The address space of simulated machines, laid out as OPC UA for Machinery (OPC 40001-1) names things."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from fieldlab_configs import Machine, Site
from fieldlab_configs.states import code_text
from simulator.codes import Codes
from simulator.readings import COUNTS, Reading

MACHINERY: Final = "http://opcfoundation.org/UA/Machinery/"
DEVICES: Final = "http://opcfoundation.org/UA/DI/"
CURRENT_TIME: Final = "i=2258"
MACHINES: Final = "i=1001"  # the folder Machines, in the namespace of OPC 40001-1
_NSU: Final = re.compile(r"nsu=(?P<uri>[^;]+);(?P<id>[isgb]=.*)", re.DOTALL)
_NS: Final = re.compile(r"ns=(?P<index>\d+);(?P<id>[isgb]=.*)", re.DOTALL)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# MachineryItemState, by state class: its number there, and its name.
_ITEM_STATE: Final = {
    "producing": (3, "Executing"),
    "maintenance": (1, "OutOfService"),
    "off": (0, "NotAvailable"),
    "unknown": (0, "NotAvailable"),
}


_RECORDED: Final = {str: ua.VariantType.String, float: ua.VariantType.Double}


def moment(time_ns: int) -> Any:
    """UTC nanoseconds as asyncua takes them: a datetime in whole microseconds."""
    return _EPOCH + dt.timedelta(microseconds=time_ns // 1000)


def stamped(value: Any, kind: ua.VariantType, time_ns: int) -> ua.DataValue:
    """A good value of an instant; the server lives on the same clock as its machines."""
    stamp = moment(time_ns)
    return ua.DataValue(ua.Variant(value, kind), SourceTimestamp=stamp, ServerTimestamp=stamp)


def nothing(status: int, time_ns: int) -> ua.DataValue:
    """No value, and why."""
    stamp = moment(time_ns)
    code: Any = status
    return ua.DataValue(
        ua.Variant(None, ua.VariantType.Null),
        ua.StatusCode(code),
        SourceTimestamp=stamp,
        ServerTimestamp=stamp,
    )


@dataclass(frozen=True, slots=True)
class ItemState:
    """MachineryItemState of one machine."""

    text: ua.NodeId
    number: ua.NodeId

    @staticmethod
    def of(state: str) -> tuple[int, str]:
        """Its number and text for a state class."""
        return _ITEM_STATE.get(state, (2, "NotExecuting"))


@dataclass(frozen=True, slots=True)
class Variable:
    """A node of the configuration, and how its values are typed."""

    node_id: ua.NodeId
    kind: ua.VariantType
    item_state: ItemState | None = None

    def value(self, reading: Reading) -> ua.DataValue:
        """A reading as this node holds it."""
        value: Any = reading.value
        if value is None:
            return nothing(getattr(StatusCodes, reading.quality, StatusCodes.Bad), reading.time_ns)
        if self.kind == ua.VariantType.String:
            value = code_text(value)
        elif self.kind == ua.VariantType.Boolean:
            value = bool(value)
        elif self.kind == ua.VariantType.Double:
            value = float(value)
        told = stamped(value, self.kind, reading.time_ns)
        if reading.quality == "good":
            return told
        code: Any = getattr(StatusCodes, reading.quality, StatusCodes.Uncertain)
        return dataclasses.replace(told, StatusCode=ua.StatusCode(code))


class Space:
    """What is in the server of one source.

    Parameters
    ----------
    server : Server
        Initialised, not started.
    site : Site
    source : str
        Id of the source.
    start_ns : int
    kinds : mapping of (str, str) to type
        What a recording tells of a machine's signal: `str` or `float`, whatever its role would.
    """

    def __init__(
        self, server: Server, site: Site, source: str, start_ns: int, kinds: Mapping[tuple[str, str], type]
    ) -> None:
        self.variables: dict[tuple[str, str], Variable] = {}
        self.clocks: list[ua.NodeId] = [ua.NodeId.from_string(CURRENT_TIME)]
        self._server = server
        self._site = site
        self._source = source
        self._start_ns = start_ns
        self._kinds = kinds
        self._own = self._machinery = self._devices = 0

    async def build(self, machines: Iterable[Machine], clock_node: str) -> None:
        """Add the machines, their nodes, and the clock."""
        server = self._server
        self._own = await server.register_namespace(f"urn:fieldlab:{self._site.fieldlab}")
        self._machinery = await server.register_namespace(MACHINERY)
        self._devices = await server.register_namespace(DEVICES)
        folder_id = ua.NodeId.from_string(f"ns={self._machinery};{MACHINES}")
        folder = await server.nodes.objects.add_folder(
            folder_id, ua.QualifiedName("Machines", self._machinery)
        )
        for machine in machines:
            await self._add_machine(folder, machine)
        clock_id = await self._node_id(clock_node)
        if clock_id not in self.clocks:
            self.clocks.append(clock_id)
            first = ua.Variant(moment(self._start_ns), ua.VariantType.DateTime)
            await folder.add_variable(clock_id, ua.QualifiedName("Clock", self._own), first)

    def _id(self, name: str) -> ua.NodeId:
        return ua.NodeId.from_string(f"ns={self._own};s={name}")

    async def _add_machine(self, folder: Node, machine: Machine) -> None:
        thing = await folder.add_object(
            self._id(machine.id), ua.QualifiedName(machine.name or machine.id, self._own)
        )
        await self._add_identity(thing, machine)
        item_state = await self._add_item_state(thing, machine) if "state" in machine.signals else None
        codes = Codes(machine, self._start_ns)
        for name, signal in machine.signals.items():
            if signal.source == self._source and signal.node:
                variable = Variable(
                    await self._node_id(signal.node),
                    _RECORDED.get(self._kinds.get((machine.id, name), object), _kind(machine, name, codes)),
                    item_state if name == "state" else None,
                )
                await self._add_variable(thing, name, variable)
                self.variables[machine.id, name] = variable

    async def _add_identity(self, thing: Node, machine: Machine) -> None:
        base = f"{machine.id}.Identification"
        identity = await thing.add_object(self._id(base), ua.QualifiedName("Identification", self._devices))
        for name, text in (
            ("Manufacturer", "Fieldlab"),
            ("Model", f"Simulated {machine.kind}"),
            ("SerialNumber", f"SIM-{machine.id}"),
            ("ProductInstanceUri", f"urn:fieldlab:simulator:{self._site.fieldlab}:{machine.id}"),
        ):
            await identity.add_property(
                self._id(f"{base}.{name}"), ua.QualifiedName(name, self._devices), text
            )

    async def _add_item_state(self, thing: Node, machine: Machine) -> ItemState:
        base = f"{machine.id}.MachineryItemState"
        blocks = await thing.add_folder(
            self._id(f"{machine.id}.MachineryBuildingBlocks"),
            ua.QualifiedName("MachineryBuildingBlocks", self._machinery),
        )
        state = await blocks.add_object(
            self._id(base), ua.QualifiedName("MachineryItemState", self._machinery)
        )
        current = await state.add_variable(
            self._id(f"{base}.CurrentState"),
            ua.QualifiedName("CurrentState", 0),
            ua.Variant(ua.LocalizedText("NotAvailable"), ua.VariantType.LocalizedText),
        )
        number = await current.add_property(
            self._id(f"{base}.CurrentState.Number"),
            ua.QualifiedName("Number", 0),
            ua.Variant(0, ua.VariantType.UInt32),
        )
        return ItemState(current.nodeid, number.nodeid)

    async def _add_variable(self, parent: Node, name: str, variable: Variable) -> None:
        if any(known.node_id == variable.node_id for known in self.variables.values()):
            return  # two signals of the configuration may read one node
        empty: Any = "" if variable.kind == ua.VariantType.String else 0
        await parent.add_variable(
            variable.node_id, ua.QualifiedName(name, self._own), ua.Variant(empty, variable.kind)
        )
        waiting = nothing(StatusCodes.BadWaitingForInitialData, self._start_ns)
        aspace = self._server.iserver.aspace
        await aspace.write_attribute_value(variable.node_id, AttributeIds.Value, waiting)

    async def _node_id(self, text: str) -> ua.NodeId:
        """A node id of the configuration, on this server."""
        found = _NSU.fullmatch(text)
        if found:
            index = await self._server.register_namespace(found["uri"])
            return ua.NodeId.from_string(f"ns={index};{found['id']}")
        numbered = _NS.fullmatch(text)
        while numbered and int(numbered["index"]) >= (count := len(await self._server.get_namespace_array())):
            await self._server.register_namespace(f"urn:fieldlab:simulator:namespace:{count}")
        return ua.NodeId.from_string(text)


def _kind(machine: Machine, name: str, codes: Codes) -> ua.VariantType:
    signal = machine.signals[name]
    if name == "state":
        return ua.VariantType.Int32 if codes.numeric else ua.VariantType.String
    if name in ("product", "order", "reason"):
        return ua.VariantType.String
    if name == "link":
        return ua.VariantType.Boolean
    if name in COUNTS and (1 / (signal.scale * signal.per_count)).is_integer():
        return ua.VariantType.UInt32
    return ua.VariantType.Double
