"""What a machine shows of itself: state, counters, power, measurements, each change told once.

Every moment is booked with the truth under the state and the power that the machine was in.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Final

from fieldlab_configs import Machine
from simulator.codes import Codes
from simulator.kinds import Kind
from simulator.measures import Measures
from simulator.plan import SECOND_NS
from simulator.rates import Rates
from simulator.readings import COUNTS, Panel, Reading, Registers, Value, unit_of
from simulator.supply import Supply
from simulator.truth import Truth

TICK_NS: Final = 1_000_000
"""What happens by itself happens on whole milliseconds; faults take the halves, so that they never meet."""
METER_S: Final = 15.0
SAMPLED_S: Final = 5.0

Process = Iterator[int]
"""What goes on in a machine: it gives the instant at which it is to go on."""


class Instruments:
    """The instruments of one machine.

    Parameters
    ----------
    machine : Machine
    kind : Kind
    codes : Codes
    rates : Rates
    truth : Truth
    noise : random.Random
        The luck of what it shows, apart from the luck of its work.
    start_ns : int
        Where its time begins.

    Attributes
    ----------
    now_ns : int
        The machine's time; whoever runs it moves it on.
    state : str
    product, order, reason : str
        What it works at, and what the operator says of a stop.
    registers : Registers
        Its counters; whoever draws the machine's luck sets them.
    """

    registers: Registers

    def __init__(
        self,
        machine: Machine,
        kind: Kind,
        codes: Codes,
        rates: Rates,
        truth: Truth,
        noise: random.Random,
        start_ns: int,
    ) -> None:
        self.now_ns = start_ns
        self.state, self.product, self.order, self.reason = "off", "", "", ""
        self._machine, self._codes, self._rates, self._truth, self._noise = (
            machine,
            codes,
            rates,
            truth,
            noise,
        )
        self._code: int | str = ""
        self._since_ns = start_ns
        self._supply = Supply(machine, kind, codes, noise)
        self._measures = Measures(machine, kind, noise)
        self._panel = Panel(machine)

    # What is read of them

    def take(self) -> list[Reading]:
        """Everything that was shown since the last time, in order."""
        return self._panel.take()

    def snapshot(self) -> list[Reading]:
        """Every signal as it is now, as a machine tells it when it comes back."""
        for name in self._machine.signals:
            self.show(name, always=True)
        return self._panel.take()

    def closing(self) -> list[Reading]:
        """What a meter shows now: so that a run that ends between two readings of it misses nothing."""
        for name in ("energy", "power") if self._supply.sampled else ("energy",):
            if self._panel.told_at(name) not in (None, self.now_ns):
                self.show(name)
        return self._panel.take()

    # What the work does to them

    def after(self, seconds: float) -> int:
        """The instant so much later."""
        return self.now_ns + max(round(seconds * SECOND_NS / TICK_NS), 1) * TICK_NS

    def account(self) -> None:
        """Book the time since the last change."""
        lasting_ns = self.now_ns - self._since_ns
        if lasting_ns > 0:
            self._truth.spend(self._since_ns, self.now_ns, self.state, self._supply.watts)
            self.registers.add("energy", self._supply.watts * lasting_ns)
            self._since_ns = self.now_ns

    def go(self, wanted: str) -> Process:
        """Enter a state, by whatever lies on the way to it."""
        for state, code, least_s, most_s in self._codes.way(self.state, self._codes.shown(wanted)):
            self._enter(state, code)
            yield self.after(self._noise.uniform(least_s, most_s))
        state = self._codes.shown(wanted)
        self._enter(state, self._codes.code(state))

    def _enter(self, state: str, code: int | str) -> None:
        if (state, code) == (self.state, self._code) and self._supply.watts:
            return
        self.account()
        if state != self.state or not self._supply.watts:
            self._supply.watts = self._supply.draw(state)
        self.state, self._code = state, code
        self.show("state")
        if not self._supply.sampled:
            self.show("power")
        self.show("energy")

    def take_up(self, product: str, order: str) -> None:
        """A product is in hand from now on, at its ideal cycle time of now."""
        self.product, self.order = product, order
        for name in ("product", "order", "ideal_cycle_time"):
            self.show(name)

    def say(self, reason: str) -> None:
        """The operator says why it stands; empty: it goes on."""
        self.reason = reason
        self.show("reason")

    def count(self, parts: float, counted: Mapping[str, float], material_kg: float) -> None:
        """Parts are finished; those that stand still are shown too: each part says anew that they do."""
        for name, amount in counted.items():
            self.registers.add(name, amount)
            self.show(name)
        self.registers.add("material", material_kg)
        self.show("material")
        for name in self._measures.count(parts):
            self.show(name)

    # What goes on by itself

    def processes(self, resets: tuple[int, ...]) -> Iterator[Process]:
        """All that goes on beside the work; `resets`: instants at which counters begin again from 0."""
        yield self._greet()
        yield self._fluctuate()
        if "energy" in self._machine.signals:
            yield self._read_meter()
        for name in self._measures.moving:
            yield self._measure(name)
        if resets:
            yield self._reset(resets)

    def _greet(self) -> Process:
        """Everything is told once at the beginning, after the work has begun."""
        for name in self._machine.signals:
            self.show(name)
        return
        yield

    def _fluctuate(self) -> Process:
        """Power is never quite still."""
        while True:
            if self._supply.sampled:
                self._fluctuate_once()
                self.show("power")
                yield self.after(SAMPLED_S)
            else:
                yield self.after(self._noise.uniform(20, 60))
                self._fluctuate_once()

    def _fluctuate_once(self) -> None:
        before = self._supply.watts
        self.account()
        self._supply.watts = self._supply.draw(self.state)
        if self._supply.watts != before and not self._supply.sampled:
            self.show("power")

    def _read_meter(self) -> Process:
        while True:
            self.show("energy")
            yield self.after(METER_S)

    def _measure(self, name: str) -> Process:
        while True:
            self._measures.move(name, working=self.state == "producing")
            self.show(name)
            yield self.after(self._noise.uniform(10, 20))

    def _reset(self, resets: tuple[int, ...]) -> Process:
        for time_ns in sorted(resets):
            yield time_ns
            for name in COUNTS:
                if name in self._machine.signals:
                    self.registers.restart(name)
                    self.show(name)

    # How it is shown

    def show(self, name: str, *, always: bool = False) -> None:
        """Tell a signal as it is now, if the machine has it; `always`: whatever was told before."""
        if name in self._machine.signals:
            self._panel.put(self.now_ns, name, self._value(name), always=always)

    def _value(self, name: str) -> Value:
        if name in self._measures.values:
            return self._measures.values[name]
        if name == "power":
            return round(self._supply.watts / 1000 / unit_of(self._machine, name), 6)
        if name == "ideal_cycle_time":
            ideal_s = self._rates.ideal_s(self.now_ns, self.product)
            return round(ideal_s / unit_of(self._machine, name), 9)
        texts: dict[str, Value] = {
            "state": self._code,
            "product": self.product,
            "order": self.order,
            "reason": self.reason,
            "link": 1,
        }
        if name in texts:
            return texts[name]
        self.account()
        return self.registers.value(name)
