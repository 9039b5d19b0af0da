"""How fast a machine could be: ideal cycle times by product and date, and what its line allows."""

from __future__ import annotations

from dataclasses import dataclass

from fieldlab_configs import Machine
from simulator.kinds import Kind
from simulator.readings import COUNTS


@dataclass(frozen=True, slots=True)
class Pace:
    """What a line allows a machine that is faster than its slowest one.

    Attributes
    ----------
    cycle_s : float
        Of the slowest machine, for as many parts as one cycle here makes. [s]
    share : float
        Of its planned time in which that machine is at work.
    waits : str
        The state of a machine that is ahead: starved behind the slowest one, blocked before it.
    """

    cycle_s: float
    share: float
    waits: str


class Rates:
    """The ideal cycle times of one machine, and which held when.

    Parameters
    ----------
    machine : Machine
    kind : Kind
        Says it where the configuration does not.
    """

    def __init__(self, machine: Machine, kind: Kind) -> None:
        self._machine = machine
        self._kind = kind
        self._taken: list[tuple[int, str, float]] = []  # (from when, product, ideal cycle time told)

    @property
    def parts_per_cycle(self) -> float:
        """Parts that one cycle makes: the cavities of its tool."""
        counters = [self._machine.signals[name] for name in COUNTS if name in self._machine.signals]
        return max((signal.per_count for signal in counters), default=1.0)

    def ideal_s(self, time_ns: int, product: str | None = None) -> float:
        """The ideal cycle time per part, by the configuration in force. [s]."""
        known = None if product is None else self._machine.products.get(product)
        if known is not None and known.ideal_cycle_time_s is not None:
            return known.ideal_cycle_time_s.at(time_ns)
        own = self._machine.ideal_cycle_time_s
        return own.at(time_ns) if own is not None else self._kind.ideal_s

    def mean_s(self, time_ns: int) -> float:
        """The mean of its products' ideal cycle times. [s]."""
        rates = [self.ideal_s(time_ns, name) for name in self._machine.products]
        return sum(rates) / len(rates) if rates else self.ideal_s(time_ns)

    def take_up(self, time_ns: int, product: str) -> None:
        """A product is in hand from now on, at its ideal cycle time of now."""
        self._taken.append((time_ns, product, self.ideal_s(time_ns, product)))

    def outdated(self, time_ns: int) -> bool:
        """Whether another ideal cycle time has come into force for the product in hand."""
        _, product, told_s = self._taken[-1]
        return self.ideal_s(time_ns, product) != told_s

    def held_s(self, time_ns: int) -> float:
        """The ideal cycle time of a part finished at an instant: the one that held just before. [s]."""
        before = [taken for taken in self._taken if taken[0] < time_ns] or self._taken
        _, product, told_s = before[-1]
        # A signal says what holds until it says otherwise; a configuration changes on its date.
        return told_s if "ideal_cycle_time" in self._machine.signals else self.ideal_s(time_ns - 1, product)

    def forget(self) -> None:
        """Nobody asks about the past any more."""
        del self._taken[:-1]
