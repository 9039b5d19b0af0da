"""What stands on the floor: lines, machines, their signals and products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import Field, model_validator

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.broker_sources import Device, Filter, Path_, TimeUnit, wrong_place
from fieldlab_configs.calendar import PlannedDowntime
from fieldlab_configs.dated import Dated
from fieldlab_configs.kinds import Code, Id, Number, OneOf, Text, nearest
from fieldlab_configs.reading import Filled, Key
from fieldlab_configs.states import ALIASES, STATE_CLASSES, TABLES, code_text, merged
from fieldlab_configs.time_kinds import Moment
from fieldlab_configs.units import TEXT_ROLES, wrong_unit

Role = Literal[
    "state", "total_count", "good_count", "scrap_count", "rework_count", "product", "order",
    "ideal_cycle_time", "power", "energy", "material", "reason", "link",
]  # fmt: skip
ROLES: Final[tuple[str, ...]] = get_args(Role)
COUNTS: Final = ("total_count", "good_count", "scrap_count", "rework_count")

Seconds = Annotated[float, Number("seconds", above=0)]
TRIGGERS: Final = ("status_value", "status_value_timestamp")
Kilowatts = Annotated[float, Number("kW", least=0)]

# Keys of a signal that mean something for some roles only; anywhere else they would do nothing, in silence.
_ONLY_FOR: Final[dict[str, tuple[str, ...]]] = {
    "per_count": COUNTS,
    "rollover": (*COUNTS, "energy", "material"),
    "max_power_kw": ("energy",),
    "sampled": ("power",),
    "max_hold_s": ("power",),
}


# Keys of a signal that only OPC UA knows.
_OPCUA: Final = (
    "trigger", "index", "deadband_percent", "sampling_interval_ms", "queue_size", "discard", "read_every_s",
)  # fmt: skip


class Signal(Model):
    """One signal of a machine. Its key in the config is its role, or a free name: a measurement."""

    source: str | None = None
    # OPC UA; `nsu=` survives a restart of the server, a namespace's number may not
    node: Annotated[
        str | None,
        Text(
            r"((nsu=[^;]+|ns=\d+);)?([sb]=.+|i=\d+|g=[0-9A-Fa-f-]{36})",
            'must be a node id such as "nsu=urn:x;s=State"',
        ),
    ] = None
    topic: Filter | None = None  # MQTT; {line}, {machine} and {signal} are filled in when the file is read
    field: Path_ | None = None  # of an MQTT message or an OPC UA structure; dots for nesting
    index: Annotated[int | None, Number("an index", least=0, whole=True)] = None  # OPC UA array
    item: Annotated[str | None, Text()] = None  # SHDR data item
    time_field: Path_ | None = None  # MQTT JSON field that holds the sample's own time
    time_unit: TimeUnit = None  # default: told by its size
    device: Device | None = None  # Sparkplug B: group/node or group/node/device
    metric: Annotated[str | None, Text()] = None  # Sparkplug B
    address: Annotated[str | None, Text()] = None  # for a source of kind driver: whatever that driver reads
    unit: Dated[Annotated[str, Text()]] | None = None
    # the name means this signal from then on: what was stored under it before is not read
    since_ns: Annotated[int | None, Key("from"), Moment()] = None
    deadband: Annotated[float | None, Number(least=0)] = None
    # OPC UA: with the timestamp a value is told again that was only confirmed; counters gain by it
    trigger: Annotated[str, OneOf(TRIGGERS, what="a trigger")] = "status_value"
    # OPC UA: share of the node's range (EURange) instead of an absolute deadband
    deadband_percent: Annotated[float | None, Number("percent", above=0, most=100)] = None
    # OPC UA, where this signal differs from its source
    sampling_interval_ms: Annotated[float | None, Number("milliseconds", least=0)] = None
    queue_size: Annotated[int | None, Number("values", least=1, most=1_000_000, whole=True)] = None
    discard: Annotated[str | None, OneOf(("oldest", "newest"))] = None
    read_every_s: Annotated[float | None, Number("seconds", least=0.05, most=86_400)] = None
    scale: Annotated[float, Number(nonzero=True)] = 1.0  # counts, power, energy: value x scale
    per_count: Annotated[float, Number("parts", above=0)] = 1.0  # counts: parts per count (cavities)
    rollover: Annotated[float | None, Number(above=0)] = None  # counter wraps to 0 on reaching this
    max_power_kw: Annotated[float | None, Number("kW", above=0)] = None  # energy: what it can draw at most
    sampled: bool = False  # power sampled at intervals, not on change
    max_hold_s: Seconds = 900.0  # power: see MODEL section 5, Energy
    max_silence_s: Seconds = 900.0  # MQTT life

    def faults(self) -> Iterator[Fault]:
        """Where it is read from, said too often; what it needs from its source, see `checks`."""
        if self.node is not None and self.topic is not None:
            yield ("topic",), "stands beside node; a signal is read in one place"
        if self.source is None:
            for key in ("node", "topic", "device", "metric", "address"):
                if getattr(self, key) is not None:
                    yield (key,), "needs a source; add source: and the name of one"
        for key in _OPCUA:
            if self.node is None and getattr(self, key) != type(self).model_fields[key].default:
                yield (key,), "needs a node: it is for OPC UA"
        if self.deadband is not None and self.deadband_percent is not None:
            yield ("deadband_percent",), "stands beside deadband; a node has one of them"
        if self.topic is not None and self.field is None and self.time_field is not None:
            yield ("time_field",), "needs a field: a bare value has no place for a time"
        for key in ("topic", "field", "time_field", "device", "metric"):
            if wrong := wrong_place(getattr(self, key)):
                yield (key,), wrong

    def misplaced(self, role: str) -> Iterator[Fault]:
        """Keys that have no meaning for a signal of that role."""
        for key, roles in _ONLY_FOR.items():
            if role not in roles and getattr(self, key) != type(self).model_fields[key].default:
                yield (key,), f"has no meaning for {role}; it is for {', '.join(roles)}"
        if role in TEXT_ROLES:
            for key in ("scale", "deadband", "deadband_percent"):
                if getattr(self, key) != type(self).model_fields[key].default:
                    yield (key,), f"has no meaning for {role}: it is no quantity"
        for unit in [unit for _, unit in self.unit.entries] if self.unit is not None else ():
            if wrong := wrong_unit(role, unit):
                yield ("unit",), wrong


class Product(Model):
    """A product that a machine makes."""

    ideal_cycle_time_s: Dated[Seconds] | None = None


class FromCount(Model):
    """States made from a counter."""

    stop_after_s: Seconds | None = None  # default: three ideal cycles


class FromPower(Model):
    """States made from power."""

    off_below_kw: Kilowatts
    idle_below_kw: Kilowatts

    def faults(self) -> Iterator[Fault]:
        """Limits in the wrong order."""
        if self.idle_below_kw < self.off_below_kw:
            yield ("idle_below_kw",), "must not be below off_below_kw"


class StateMap(Model):
    """How a machine's codes become state classes: the merged table, or a way to make states."""

    short_for: ClassVar[str | None] = "table"

    table: Annotated[str | None, OneOf(tuple(TABLES), ALIASES, "a table")] = None
    # the whole, merged: code text -> state class
    map: dict[Annotated[str, Code()], Annotated[str, OneOf(STATE_CLASSES, what="a state")]] = Field(
        default_factory=dict
    )
    from_count: FromCount | None = None
    from_power: FromPower | None = None

    @classmethod
    def prepare(cls, values: dict[str, Any]) -> None:
        """Merge the named table and the entries on top of it."""
        values["map"] = merged(values.get("table"), values.get("map", {}))

    @property
    def made(self) -> bool:
        """Whether states are made from another signal, for a machine that tells none."""
        return self.from_count is not None or self.from_power is not None

    def state_of(self, code: object) -> str:
        """The state class of a machine's code; ``unknown`` for a code that nobody knows."""
        return self.map.get(code_text(code), "unknown")

    def faults(self) -> Iterator[Fault]:
        """More than one way to a state, or none."""
        ways = [bool(self.table or self.map), self.from_count is not None, self.from_power is not None]
        if sum(ways) != 1:
            yield (), "must be one of a table and a map, from_count, from_power"


class EnergyFactors(Model):
    """What a kilowatt hour costs and emits."""

    price_eur_per_kwh: Annotated[float | None, Number("euro per kWh", least=0)] = None
    co2_kg_per_kwh: Annotated[float | None, Number("kg of CO2 per kWh", least=0)] = None
    source: str = ""


class Machine(Model):
    """One machine (a work unit in ISO 22400)."""

    id: Annotated[str, Id()]
    name: str = ""
    kind: Annotated[str, Id()] = "machine"
    ideal_cycle_time_s: Dated[Seconds] | None = None
    # series are kept under these two names for products nobody listed
    products: dict[Annotated[str, Text(reserved=("none", "unlisted"))], Product] = Field(default_factory=dict)
    states: Dated[StateMap] | None = None
    minor_stop_s: Annotated[float, Number("seconds", least=0)] = 300.0  # 0: no stop is a minor one
    planned_downtime: tuple[PlannedDowntime, ...] = ()
    assume_quality: Annotated[float | None, Number(least=0, most=1)] = None
    line: Annotated[Dated[str], Filled()]  # filled in from the line it stands under
    # `time` and `..._text` are names of the store's own
    signals: dict[Annotated[str, Id(reserved=("time",))], Signal] = Field(default_factory=dict)

    def faults(self) -> Iterator[Fault]:
        """Signals that their role does not allow; states that no signal gives."""
        for role, signal in self.signals.items():
            for keys, message in signal.misplaced(role):
                yield ("signals", role, *keys), message
        yield from self._state_faults()

    def _state_faults(self) -> Iterator[Fault]:
        if self.states is None:
            if "state" in self.signals:
                known = ", ".join((*TABLES, *ALIASES))
                yield (
                    ("signals", "state"),
                    f"needs states: beside signals:, to say what its codes mean: {known}, or a map",
                )
            return
        rules = [rule for _, rule in self.states.entries]
        if any(r.from_count for r in rules) and not {"total_count", "good_count"} & set(self.signals):
            yield ("states",), "from_count needs a signal total_count or good_count"
        if any(r.from_power for r in rules) and "power" not in self.signals:
            yield ("states",), "from_power needs a signal power"
        # Without a state signal the states are unknown, and shown so: a machine may be waiting for it.
        # One that is nearly called so is a slip.
        slip = nearest("state", self.signals)
        if any(not r.made for r in rules) and "state" not in self.signals and slip:
            yield ("states",), f"needs a signal state whose codes it maps{slip}"


class Line(Model):
    """A line: machines in order, the one that limits it, and the one its parts come off."""

    id: Annotated[str, Id()]
    name: str = ""
    bottlenecks: Annotated[Dated[str], Key("bottleneck"), Filled()]  # default: its output
    outputs: Annotated[Dated[str], Key("output"), Filled()]  # default: its last machine
    machines: tuple[Machine, ...] = ()

    @property
    def bottleneck(self) -> str:
        """The machine that limits it, as it is now."""
        return self.bottlenecks.latest

    @property
    def output(self) -> str:
        """The machine its parts come off, as it is now."""
        return self.outputs.latest

    @model_validator(mode="before")
    @classmethod
    def _undated(cls, values: Any) -> Any:
        """Take plain names too, where a line is made in code."""
        if not isinstance(values, dict):
            return values
        short = {"bottleneck": "bottlenecks", "output": "outputs"}
        dated = {short[k]: Dated(((0, v),)) for k, v in values.items() if k in short}
        return {k: v for k, v in values.items() if k not in short} | dated

    @classmethod
    def prepare(cls, values: dict[str, Any]) -> None:
        """Fill in the output, the bottleneck, and the line of each machine."""
        machines: tuple[Machine, ...] = values.get("machines", ())
        here = Dated(((0, str(values["id"])),))
        values["machines"] = tuple(
            m.model_copy(update={"line": here}) if not m.line.latest else m for m in machines
        )
        if not values["outputs"].latest:
            values["outputs"] = Dated(((0, machines[-1].id if machines else ""),))
        if not values["bottlenecks"].latest:
            values["bottlenecks"] = values["outputs"]
