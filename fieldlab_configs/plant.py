"""What stands on the floor: lines, machines, their signals and products."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from fieldlab_configs.calendar import PlannedDowntime
from fieldlab_configs.dated import Dated

Role = Literal[
    "state", "total_count", "good_count", "scrap_count", "rework_count", "product", "order",
    "ideal_cycle_time", "power", "energy", "material", "reason", "link",
]


class Model(BaseModel):
    """Frozen and strict: a key nobody knows is an error, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Signal(Model):
    """One signal of a machine. Its key in the config is its role, or a free name: a measurement."""

    source: str | None = None
    node: str | None = None           # OPC UA
    topic: str | None = None          # MQTT
    field: str | None = None          # MQTT JSON field, dots for nesting
    item: str | None = None           # SHDR data item
    time_field: str | None = None     # MQTT JSON field that holds the sample's own time
    unit: str | None = None
    deadband: float | None = None
    scale: float = 1.0                # counts, power, energy: value x scale
    per_count: float = 1.0            # counts: parts per count (cavities)
    rollover: float | None = None     # counter wraps to 0 on reaching this
    max_power_kw: float | None = None  # energy register: what the machine can draw at most
    sampled: bool = False             # power sampled at intervals, not on change
    max_hold_s: float = 900.0         # power: see MODEL section 5, Energy
    max_silence_s: float = 900.0      # MQTT life


class Product(Model):
    """A product that a machine makes."""

    ideal_cycle_time_s: Dated[float] | None = None


class FromCount(Model):
    """States made from a counter."""

    stop_after_s: float | None = None  # default: three ideal cycles


class FromPower(Model):
    """States made from power."""

    off_below_kw: float
    idle_below_kw: float


class StateMap(Model):
    """How a machine's codes become state classes: the merged table, or a way to make states."""

    table: str | None = None
    map: dict[str, str] = {}          # the whole, merged: code text -> state class
    from_count: FromCount | None = None
    from_power: FromPower | None = None


class EnergyFactors(Model):
    """What a kilowatt hour costs and emits."""

    price_eur_per_kwh: float | None = None
    co2_kg_per_kwh: float | None = None
    source: str = ""


class Machine(Model):
    """One machine (a work unit in ISO 22400)."""

    id: str
    name: str = ""
    kind: str = "machine"
    ideal_cycle_time_s: Dated[float] | None = None
    products: dict[str, Product] = {}
    states: Dated[StateMap] | None = None
    minor_stop_s: float = 300.0
    planned_downtime: tuple[PlannedDowntime, ...] = ()
    assume_quality: float | None = None
    line: Dated[str]                  # filled in from the line it stands under
    signals: dict[str, Signal] = {}


class Line(Model):
    """A line: machines in order, the one that limits it, and the one its parts come off."""

    id: str
    name: str = ""
    bottleneck: str                   # default: its output
    output: str                       # default: its last machine
    machines: tuple[Machine, ...] = ()
