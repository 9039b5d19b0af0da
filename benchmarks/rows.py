"""What a measurement gives: a value, what it is held against, and the budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


class SkipError(Exception):
    """Something that the measurement needs is not on this machine; the message says what."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What DESIGN allows: a limit of the value itself, or of its ratio to the peer."""

    of: Literal["value", "ratio"]
    at: Literal["least", "most"]
    limit: float

    def met(self, value: float, ratio: float | None) -> bool | None:
        """Whether a measurement keeps to it; None where the ratio is not known."""
        number = value if self.of == "value" else ratio
        if number is None:
            return None
        return number >= self.limit if self.at == "least" else number <= self.limit

    def __str__(self) -> str:
        """As a table shows it."""
        return f"at {self.at} {self.limit:,g}{'x the peer' if self.of == 'ratio' else ''}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    name : str
        What was measured.
    value : float
        In `unit`.
    unit : str
    peer : str
        What the same machine does with the plainest way, or the library that a user would take instead.
    ratio : float or None
        Ours over the peer's; None where there is no peer.
    budget : Budget or None
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    ratio: float | None = None
    budget: Budget | None = None

    @property
    def met(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        return self.budget.met(self.value, self.ratio) if self.budget else None


def rate(work: Callable[[], int], *, seconds: float = 2.0, rounds: int = 3) -> float:
    """The best of some rounds of doing a piece of work again and again, in units of work per second.

    The best, not the mean: what else the machine does can only make it slower.
    """
    best = 0.0
    for _ in range(rounds):
        done, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds / rounds:
            done += work()
        best = max(best, done / elapsed)
    return best
