"""One machine's readings by role: in canonical units, and as long as they can be believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analytics.coding import Codes, coded, together
from analytics.signals import NO_TIMES, Floats, Steps, Times, in_order, intervals, merged, scaled
from fieldlab_configs import Machine
from fieldlab_configs.units import factor

Objects = npt.NDArray[np.object_]
Numbers = tuple[Times, Floats]
_WITH_UNITS = frozenset({"power", "energy", "material", "ideal_cycle_time"})


@dataclass(frozen=True, slots=True)
class Readings:
    """What is stored of one machine, as arrays.

    Attributes
    ----------
    numbers : dict of str to (time, value)
        Numeric readings per signal, in order of arrival.
    texts : dict of str to (time, value)
        Text readings per signal.
    bad : dict of str to (time, is_bad)
        Changes of quality per signal.
    life : dict of str to (start, end), or None
        When each source's link to the machine was up; None: nothing was ever said of a link, the
        machine counts as live throughout. The key ``*`` stands for all sources.
    """

    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    texts: Mapping[str, tuple[Times, Objects]] = field(default_factory=dict)
    bad: Mapping[str, tuple[Times, npt.NDArray[np.bool_]]] = field(default_factory=dict)
    life: Mapping[str, tuple[Times, Times]] | None = None


def combine(make: Callable[..., npt.NDArray[np.generic]], *steps: Steps) -> Steps:
    """A step function of step functions: `make` is given their values on the union of their edges."""
    edges = merged(*(s.time for s in steps))
    before = make(*(np.array([s.before]) for s in steps))[0]
    return Steps(edges, make(*(s.along(edges) for s in steps)), before=before)


class Signals:
    """Access to one machine's readings by role, with liveness and units applied."""

    def __init__(self, machine: Machine, readings: Readings) -> None:
        self.machine = machine
        self.readings = readings

    def numbers(self, role: str) -> Numbers:
        """Readings in canonical units, sorted."""
        none = np.empty(0, dtype=np.int64), np.empty(0)
        time, value = in_order(*self.readings.numbers.get(role, none))
        signal = self.machine.signals.get(role)
        read = value.astype(float, copy=False)
        if signal is None or not signal.unit or role not in _WITH_UNITS:
            return time, read
        factors = np.array([factor(role, unit) for _, unit in signal.unit.entries])
        if len(factors) == 1:
            return time, scaled(read, float(factors[0]))
        return time, read * factors[np.searchsorted(np.array(signal.unit.edges, np.int64), time, "right")]

    def codes(self, role: str) -> tuple[Times, Codes]:
        """Readings as texts, numeric ones included (``11``, never ``11.0``), sorted."""
        time, value = self.readings.numbers.get(role, (NO_TIMES, np.empty(0)))
        text_time, text = self.readings.texts.get(role, (NO_TIMES, np.empty(0, object)))
        found = together(coded(value), coded(text)) if len(text) else coded(value)
        times, index = in_order(np.concatenate((time, text_time)) if len(text) else time, found.index)
        return times, Codes(index.astype(np.int64, copy=False), found.names)

    def bad(self, role: str) -> Steps:
        """Whether the quality was Bad."""
        if role not in self.readings.bad:
            return Steps(np.empty(0, np.int64), np.empty(0, bool), before=False)
        return Steps(*in_order(*self.readings.bad[role]), before=False)

    @property
    def has_link(self) -> bool:
        """Whether anything was ever said of the machine's link."""
        return self.readings.life is not None

    def live(self, role: str) -> Steps:
        """Whether the signal can be believed: its link is up and its quality not Bad."""
        bad = self.bad(role)
        if self.readings.life is None:
            return Steps(bad.time, ~bad.value.astype(bool), before=True)
        signal = self.machine.signals.get(role)
        source = (signal.source if signal else None) or "*"
        none = np.empty(0, np.int64), np.empty(0, np.int64)
        spans = self.readings.life.get(source, self.readings.life.get("*", none))
        return combine(lambda up, is_bad: up.astype(bool) & ~is_bad.astype(bool), intervals(*spans), bad)

    def held_text(self, role: str) -> tuple[Steps, list[str]]:
        """A text that holds, as numbers; -1 under Bad quality and before the first reading."""
        time, codes = self.codes(role)
        held = combine(
            lambda code, is_bad: np.where(is_bad.astype(bool), -1, code),
            Steps(time, codes.index, before=-1),
            self.bad(role),
        )
        return held, codes.names
