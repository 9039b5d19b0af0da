"""Orders that a machine works through, and the incidents that keep it from them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from fieldlab_configs import Machine
from simulator.kinds import Kind

STARTUP_CYCLES = 4
JUDGED = ("good_count", "scrap_count", "rework_count")


class Orders:
    """One order after another, each of one product.

    Parameters
    ----------
    rng : random.Random
        Of the machine.
    machine : Machine
    kind : Kind
    cycle_s : float
        A usual cycle; it decides how many of them an order takes. [s]
    parts : float
        That a cycle makes; each is good or not by itself, where the machine's counters can tell them apart.
    """

    def __init__(
        self, rng: random.Random, machine: Machine, kind: Kind, cycle_s: float, parts: float = 1.0
    ) -> None:
        self._rng = rng
        self._kind = kind
        self._cycle_s = cycle_s
        judged = [machine.signals[name].per_count for name in JUDGED if name in machine.signals]
        apart = bool(judged) and max(judged) == 1 and float(parts).is_integer()
        self._lots = round(parts) if apart else 1  # that are good or not by themselves
        self._lot = parts / self._lots
        self._products = list(machine.products) or ["standard"]
        self._number = rng.randint(1_000, 8_000)
        self._cycles = 0
        self._left = 0
        self.taken = 0
        self._pace = 0.0
        # One counter alone cannot tell scrap: what the configuration assumes then has to be so.
        lone = len({"total_count", "good_count", "scrap_count"} & set(machine.signals)) == 1
        assumed = machine.assume_quality if lone else None
        self._scrap = None if assumed is None else 1 - assumed
        self.product = self._products[0]
        self._begin()
        # The day does not begin with a fresh order.
        self._left = max(self._left - rng.randint(0, self._left // 2), 1)
        self._cycles = STARTUP_CYCLES

    @property
    def order(self) -> str:
        """The order in hand."""
        return f"WO{self._number}"

    @property
    def done(self) -> bool:
        """Whether the order in hand is finished."""
        return self._left <= 0

    def next(self) -> None:
        """Take the next order: another product where there is one."""
        self._number += 1
        self.taken += 1
        others = [name for name in self._products if name != self.product]
        self.product = self._rng.choice(others) if others else self.product
        self._begin()

    def _begin(self) -> None:
        self._left = max(round(self._rng.uniform(*self._kind.batch_s) / self._cycle_s), 5)
        self._cycles = 0
        self._pace = self._rng.expovariate(1 / self._kind.slow)

    def slowness(self) -> float:
        """How much longer than ideal the next cycle takes, as a share of it."""
        if self._cycles % 10 == 0:
            self._pace = min(self._rng.expovariate(1 / self._kind.slow), 0.5)
        return self._pace + self._rng.uniform(0, 0.02)

    def outcome(self) -> tuple[float, float]:
        """How many good parts the cycle just ended made, and how many of those needed rework for it."""
        starting = self._cycles < STARTUP_CYCLES
        self._cycles += 1
        self._left -= 1
        chance = self._kind.startup_scrap if starting else self._kind.scrap
        chance = chance if self._scrap is None else self._scrap
        good = reworked = 0
        for _ in range(self._lots):
            fine = self._rng.random() >= chance
            good += fine
            reworked += fine and self._rng.random() < self._kind.rework
        return good * self._lot, reworked * self._lot


class Incidents:
    """What comes between: each at random, on average once per so many seconds of production.

    Parameters
    ----------
    rng : random.Random
        Of the machine.
    machine : Machine
        Its `minor_stop_s` says what is a micro stop.
    kind : Kind
    """

    def __init__(self, rng: random.Random, machine: Machine, kind: Kind) -> None:
        self._rng = rng
        self._kind = kind
        self._minor_s = machine.minor_stop_s
        self._every_s = {
            "stopped": kind.micro_every_s,
            "down": kind.breakdown_every_s,
            "starved": kind.starved_every_s,
            "blocked": kind.blocked_every_s,
        }
        self._left_s = {name: self._draw(name) for name in self._every_s}
        self.micro = 1.0  # how long a micro stop lasts, as a share of what was drawn

    def _draw(self, name: str) -> float:
        return self._rng.expovariate(1 / self._every_s[name])

    def waits(self) -> Iterator[str]:
        """The waits, for material or for room, that come before the next cycle."""
        for name in ("starved", "blocked"):
            if self._left_s[name] <= 0:
                self._left_s[name] = self._draw(name)
                yield name

    def during(self, cycle_s: float) -> Iterator[tuple[str, float]]:
        """The stops inside a cycle: which, and after what share of what is left of it."""
        for name in self._left_s:
            self._left_s[name] -= cycle_s
        for name in ("stopped", "down"):
            if self._left_s[name] <= 0:
                self._left_s[name] = self._draw(name)
                yield name, self._rng.uniform(0.2, 0.8)

    def lasting(self, name: str) -> float:
        """How long an incident lasts, in seconds."""
        if name == "stopped":
            return self._rng.uniform(0.02, 0.4) * min(self._minor_s, 300.0) * self.micro
        if name == "down":
            return max(
                self._rng.uniform(*self._kind.breakdown_s), self._minor_s * self._rng.uniform(1.05, 1.8)
            )
        return self._rng.uniform(*self._kind.wait_s)
