"""The power that a machine draws, in whole watts: energy in watt nanoseconds is then exact at any step."""

from __future__ import annotations

import random

from fieldlab_configs import Machine
from simulator.codes import Codes
from simulator.kinds import Kind
from simulator.readings import unit_of


class Supply:
    """Power by state, never quite still; constant from one change to the next.

    Parameters
    ----------
    machine : Machine
    kind : Kind
    codes : Codes
        Where states are made from power, the power has to tell them.
    noise : random.Random
    """

    def __init__(self, machine: Machine, kind: Kind, codes: Codes, noise: random.Random) -> None:
        self.watts = 0
        self._kind = kind
        self._rule = codes.from_power
        self._noise = noise
        signal = machine.signals.get("power")
        self.sampled = signal is not None and signal.sampled
        deadband = signal.deadband if signal is not None else None
        self._least_w = 1000 * abs(deadband * unit_of(machine, "power")) if deadband else 0.0

    def draw(self, state: str) -> int:
        """A power for a state, in watts; the same as now where the difference would not be told."""
        drawn = round(1000 * self._kilowatts(state))
        return self.watts if abs(drawn - self.watts) <= self._least_w else drawn

    def _kilowatts(self, state: str) -> float:
        swing = self._noise.uniform(0.9, 1.1)
        if self._rule is not None:
            low, high = self._rule.off_below_kw, self._rule.idle_below_kw
            return {"off": low / 2, "idle": (low + high) / 2}.get(state, (high * 2 + 1) * swing)
        means = self._kind.power_kw
        return max(means.get(state, means["idle"]) * swing, 0.001)
