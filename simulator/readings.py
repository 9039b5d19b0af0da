"""What a machine tells: readings, and the panel that they are read from."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from fieldlab_configs import Machine
from fieldlab_configs.units import factor

COUNTS: Final = ("total_count", "good_count", "scrap_count", "rework_count")
KWH: Final = 1000 * 3600 * 1_000_000_000  # in watt nanoseconds
REGISTERS: Final = (*COUNTS, "energy", "material")
ROLES: Final = frozenset(
    {*REGISTERS, "state", "product", "order", "ideal_cycle_time", "power", "reason", "link"}
)

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one signal, as the machine gives it.

    Attributes
    ----------
    machine, signal : str
        Ids of the configuration.
    time_ns : int
        UTC nanoseconds.
    value : float, int, str or None
        Unscaled, in the signal's own unit; None under Bad quality.
    quality : str
        ``good``, or the OPC UA name of what is wrong.
    again : bool
        The very same reading was given before; it is to be given once more.
    late : bool
        It is given after later ones.
    """

    machine: str
    signal: str
    time_ns: int
    value: Value
    quality: str = "good"
    again: bool = False
    late: bool = False


class Registers:
    """The cumulative counters of a machine, as their signals show them.

    They begin in the thousands, so that a restart from 0 shows as one.

    Parameters
    ----------
    machine : Machine
    rng : random.Random
    low : bool
        Those that roll over begin far from it, so that a fault is never taken for it.
    """

    def __init__(self, machine: Machine, rng: random.Random, *, low: bool) -> None:
        self._machine = machine
        self._amounts: dict[str, float] = dict.fromkeys(REGISTERS, 0)
        self._bases: dict[str, float] = {}
        for name in REGISTERS:
            signal = machine.signals.get(name)
            if signal is not None:
                self._bases[name] = rng.randint(2_000, 9_000)
                if signal.rollover is not None:
                    share = rng.uniform(0.15, 0.3) if low else rng.uniform(0.9, 0.99)
                    self._bases[name] = int(signal.rollover * share)

    def add(self, name: str, amount: float) -> None:
        """More of it, in parts, watt nanoseconds or kg."""
        self._amounts[name] += amount

    def restart(self, name: str) -> None:
        """Begin again from 0."""
        self._bases[name] = -self._counted(name)

    def value(self, name: str) -> float | int:
        """What the signal shows."""
        value = self._bases[name] + self._counted(name)
        rollover = self._machine.signals[name].rollover
        shown = round(value if rollover is None else value % rollover, 6)
        return int(shown) if name in COUNTS and shown == int(shown) else shown

    def _counted(self, name: str) -> float:
        amount = self._amounts[name]
        return (amount / KWH if name == "energy" else amount) / unit_of(self._machine, name)


class Panel:
    """Collects readings: one per signal and instant, and none that a deadband swallows.

    Parameters
    ----------
    machine : Machine
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._out: dict[tuple[int, str], Reading] = {}
        self._told: dict[str, Reading] = {}

    def put(self, time_ns: int, name: str, value: Value, *, always: bool = False) -> None:
        """Show a value; `always`, whatever was shown before."""
        if not always and self._swallowed(name, value):
            return
        reading = Reading(self._machine.id, name, time_ns, value)
        self._out[time_ns, name] = self._told[name] = reading

    def _swallowed(self, name: str, value: Value) -> bool:
        """Whether a server with the signal's deadband and trigger would not tell it."""
        signal, told = self._machine.signals[name], self._told.get(name)
        if told is not None and told.value == value and signal.node and signal.trigger == "status_value":
            return True
        deadband = signal.deadband
        if not deadband or told is None or not isinstance(value, float | int):
            return False
        return isinstance(told.value, float | int) and abs(value - told.value) <= deadband

    def told_at(self, name: str) -> int | None:
        """When a signal was last told."""
        told = self._told.get(name)
        return None if told is None else told.time_ns

    def take(self) -> list[Reading]:
        """Everything since the last time, in order of time."""
        taken = sorted(self._out.values(), key=lambda reading: reading.time_ns)
        self._out.clear()
        return taken


def unit_of(machine: Machine, name: str) -> float:
    """How much one unit of a signal's value is, in parts, kW, kWh, kg or s."""
    signal = machine.signals[name]
    per_count = signal.per_count if name in COUNTS else 1.0
    return signal.scale * per_count * factor(name, signal.unit.latest if signal.unit else None)
