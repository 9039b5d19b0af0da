"""What a machine measures beside its roles: values round a mean, and counters of what a part takes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from fieldlab_configs import Machine
from simulator.kinds import Kind, Measure
from simulator.readings import ROLES

_BY_UNIT: Final = {"degC": 45.0, "bar": 6.0, "%": 60.0, "rpm": 4000.0, "A": 12.0}
_OTHER: Final = 100.0
_BACK: Final = 0.1  # of the way back to the mean, with each reading


class Measures:
    """The measurements of one machine.

    Parameters
    ----------
    machine : Machine
    kind : Kind
        Says what they are like; of one that it does not know, its unit does.
    noise : random.Random
    """

    def __init__(self, machine: Machine, kind: Kind, noise: random.Random) -> None:
        self._noise = noise
        self._like: dict[str, Measure] = {}
        self.values: Final[dict[str, float]] = {}
        for name, signal in machine.signals.items():
            if name not in ROLES:
                unit = signal.unit.latest if signal.unit else ""
                self._like[name] = kind.measures.get(name) or Measure(_BY_UNIT.get(unit, _OTHER))
                self.values[name] = self._like[name].mean

    @property
    def moving(self) -> list[str]:
        """Those that are read again and again, and not with each part."""
        return [name for name, like in self._like.items() if like.per_part is None]

    def move(self, name: str, *, working: bool) -> None:
        """A new reading of a value."""
        like, value = self._like[name], self.values[name]
        if not working and like.at_rest is not None:
            self.values[name] = like.at_rest
            return
        if like.at_rest is not None and value == like.at_rest:
            value = like.mean
        drawn = value + (like.mean - value) * _BACK + self._noise.gauss(0, abs(like.mean) * like.spread)
        self.values[name] = round(drawn, 2)

    def count(self, parts: float) -> Iterator[str]:
        """Parts are finished: the counters that grow by them."""
        for name, like in self._like.items():
            if like.per_part is not None:
                grown = parts * like.per_part * self._noise.uniform(0.97, 1.03)
                self.values[name] = round(self.values[name] + grown, 4)
                yield name
