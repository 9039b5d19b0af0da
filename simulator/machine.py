"""A machine that works through its orders, has its troubles, and knows exactly what it did.

Simulated time is in whole nanoseconds and knows nothing of the wall clock: the same seed gives the same
readings at any speed.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fieldlab_configs import Machine, Site
from fieldlab_configs.units import factor
from simulator.codes import Codes
from simulator.kinds import kind_of
from simulator.plan import SECOND_NS, Plan
from simulator.truth import Truth
from simulator.working import Incidents, Orders

TICK_NS: Final = 1_000_000
"""What happens by itself happens on whole milliseconds; faults take the halves, so that they never meet."""
METER_S: Final = 15.0
SAMPLED_S: Final = 5.0
OVERTIME: Final = 0.25
AHEAD: Final = 8  # cycles of the line's slowest machine that fit between two machines
ROLES: Final = frozenset({
    "state", "total_count", "good_count", "scrap_count", "rework_count", "product", "order",
    "ideal_cycle_time", "power", "energy", "material", "reason", "link",
})  # fmt: skip
COUNTS: Final = ("total_count", "good_count", "scrap_count", "rework_count")

Value = float | int | str | None
Process = Iterator[int]


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


class MachineModel:
    """One machine.

    Parameters
    ----------
    site : Site
    machine : Machine
        Of that site.
    seed : int
        Another seed, another day.
    start_ns : int
        Where its time begins.
    low_counters : bool
        Counters that roll over begin far from it, so that a fault is never taken for it.
    resets : tuple of int
        Instants at which its counters begin again from 0.
    pace : Pace, optional
        What its line allows it; default: it works as fast as it can.
    """

    def __init__(
        self,
        site: Site,
        machine: Machine,
        *,
        seed: int,
        start_ns: int,
        low_counters: bool = False,
        resets: tuple[int, ...] = (),
        pace: Pace | None = None,
    ) -> None:
        self.machine: Final = machine
        self.kind: Final = kind_of(machine.kind)
        self.plan: Final = Plan(site, machine)
        self.truth: Final = Truth(site, machine, self.plan)
        self.now_ns = start_ns
        self.codes: Final = Codes(machine, start_ns)
        self.made: list[tuple[int, float, bool]] = []  # (time, parts, good) not yet told to the line
        self.products: list[tuple[int, str, float]] = []  # (from when, product, ideal cycle time told)
        self._rng = random.Random(f"{seed}/{machine.id}")
        self._noise = random.Random(f"{seed}/{machine.id}/noise")
        self._state, self._power_kw, self._reason = "off", 0.0, ""
        self._since_ns = start_ns
        self._energy_kwh = 0.0
        self._parts = dict.fromkeys(COUNTS, 0.0)
        self._material_kg = 0.0
        self._bases = self._first_values(low_counters)
        self._measured = {name: _mean(machine, name) for name in machine.signals if name not in ROLES}
        self._out: dict[tuple[int, str], Reading] = {}
        self._told: dict[str, int] = {}
        self._orders = Orders(self._rng, machine, self.kind)
        self._incidents = Incidents(self._rng, machine, self.kind)
        self._pace = pace
        self._worked_ns = 0
        self._cycles = 0
        self._queue: list[tuple[int, int, Process]] = []
        for order, process in enumerate(self._processes(resets)):
            heapq.heappush(self._queue, (start_ns, order, process))

    # What others ask of it

    def advance(self, to_ns: int) -> list[Reading]:
        """Let time pass up to and with `to_ns`; the readings of that time, in order."""
        while self._queue and self._queue[0][0] <= to_ns:
            self.now_ns, order, process = self._queue[0]
            wake_ns = next(process, None)
            if wake_ns is None:
                heapq.heappop(self._queue)
            else:
                heapq.heapreplace(self._queue, (max(wake_ns, self.now_ns + TICK_NS), order, process))
        self.now_ns = to_ns
        self._account()
        return self._take()

    def snapshot(self) -> list[Reading]:
        """Every signal as it is now, as a machine tells it when it comes back."""
        for name in self.machine.signals:
            self._emit(name)
        return self._take()

    def closing(self) -> list[Reading]:
        """What a meter shows now: so that a run that ends between two readings of it misses nothing."""
        for name in ("energy", "power") if self._sampled else ("energy",):
            if name in self.machine.signals and self._told.get(name) != self.now_ns:
                self._emit(name)
        return self._take()

    @property
    def parts_per_cycle(self) -> float:
        """Parts that one cycle makes: the cavities of its tool."""
        counters = [self.machine.signals[name] for name in COUNTS if name in self.machine.signals]
        return max((signal.per_count for signal in counters), default=1.0)

    def rate_s(self, time_ns: int) -> float:
        """The ideal cycle time that holds for a part finished at an instant: that of just before."""
        before = [taken for taken in self.products if taken[0] < time_ns] or self.products
        _, product, told_s = before[-1]
        return told_s if "ideal_cycle_time" in self.machine.signals else self.ideal_s(time_ns - 1, product)

    def ideal_s(self, time_ns: int, name: str | None = None) -> float:
        """The ideal cycle time per part of a product, by the configuration in force; of that in hand."""
        product = self.machine.products.get(self._orders.product if name is None else name)
        if product is not None and product.ideal_cycle_time_s is not None:
            return product.ideal_cycle_time_s.at(time_ns)
        if self.machine.ideal_cycle_time_s is not None:
            return self.machine.ideal_cycle_time_s.at(time_ns)
        return self.kind.ideal_s

    # What it does

    def _processes(self, resets: tuple[int, ...]) -> Iterator[Process]:
        yield self._work()
        yield self._greet()
        yield self._fluctuate()
        if "energy" in self.machine.signals:
            yield self._read_meter()
        for name in self._measured:
            yield self._measure(name)
        if resets:
            yield self._reset(resets)

    def _greet(self) -> Process:
        """Everything is told once at the beginning, after the work has begun."""
        for name in self.machine.signals:
            self._emit(name)
        return
        yield

    def _work(self) -> Process:
        self._take_up()
        while True:
            duty, until_ns = self.plan.duty(self.now_ns)
            if duty == "work":
                yield from self._keep_pace()
                began_ns = self.now_ns
                yield from self._cycle()
                self._worked_ns += self.now_ns - began_ns
            elif duty == "break":
                yield from self._be("idle", until_ns)
            elif duty == "downtime":
                yield from self._be("maintenance", until_ns)
            else:
                if self._state == "producing" and self._rng.random() < OVERTIME:
                    overtime_ns = min(self._after(self._rng.uniform(300, 1500)), until_ns)
                    while self.now_ns < overtime_ns:
                        yield from self._cycle()
                yield from self._be("off", until_ns)

    def _be(self, state: str, until_ns: int) -> Process:
        """In one state until an instant; longer than a day in pieces, for the plan is read again."""
        if until_ns > self.now_ns:
            self._enter(state)
            yield until_ns

    def _cycle(self) -> Process:
        if self._orders.done:
            yield from self._change_over()
        for name in self._incidents.waits():
            yield from self._trouble(name, self._incidents.lasting(name))
        if self.ideal_s(self.now_ns) != self.products[-1][2]:
            self._take_up()
        cycle_s = self.ideal_s(self.now_ns) * self.parts_per_cycle * (1 + self._orders.slowness())
        self._enter("producing")
        for name, at in self._incidents.during(cycle_s):
            yield self._after(cycle_s * at)
            yield from self._trouble(name, self._incidents.lasting(name))
            self._enter("producing")
            cycle_s *= 1 - at
        yield self._after(cycle_s)
        self._finish()

    def _keep_pace(self) -> Process:
        """A machine that is ahead of its line waits for parts, or for room."""
        if self._pace is None:
            return
        ahead_s = self._cycles * self._pace.cycle_s - self._pace.share * self._worked_ns / SECOND_NS
        if ahead_s > AHEAD * self._pace.cycle_s:
            began_ns = self.now_ns
            yield from self._trouble(self._pace.waits, ahead_s * self._rng.uniform(0.5, 0.9))
            self._worked_ns += self.now_ns - began_ns

    def _change_over(self) -> Process:
        self._enter("setup")
        self._orders.next()
        self._take_up()
        yield self._after(self._rng.uniform(*self.kind.setup_s))

    def _take_up(self) -> None:
        """A product is in hand from now on, at its ideal cycle time of now."""
        self.products.append((self.now_ns, self._orders.product, self.ideal_s(self.now_ns)))
        for name in ("product", "order", "ideal_cycle_time"):
            self._emit(name)

    def _trouble(self, state: str, lasting_s: float) -> Process:
        self._enter(state)
        reasons = self.kind.reasons.get(state)
        if reasons:
            self._reason = self._rng.choice(reasons)
            self._emit("reason")
        yield self._after(lasting_s)
        if reasons:
            self._reason = ""
            self._emit("reason")

    def _finish(self) -> None:
        """A cycle ends: its parts are counted."""
        parts = self.parts_per_cycle
        self._cycles += 1
        good, reworked = self._orders.outcome()
        material_kg = round(parts * self.kind.material_kg * self._rng.uniform(0.97, 1.03), 4)
        self.truth.make(
            self.now_ns,
            parts,
            good=good,
            reworked=reworked,
            ideal_s=self.rate_s(self.now_ns),
            material_kg=material_kg,
        )
        self.made.append((self.now_ns, parts, good))
        self._material_kg += material_kg
        counted = {"total_count": True, "good_count": good, "scrap_count": not good, "rework_count": reworked}
        for name, counts in counted.items():
            if counts:
                self._parts[name] += parts
                self._emit(name)
        self._emit("material")

    def _fluctuate(self) -> Process:
        """Power is never quite still."""
        while True:
            if self._sampled:
                self._set_power(self._draw())
                self._emit("power")
                yield self._after(SAMPLED_S)
            else:
                yield self._after(self._noise.uniform(20, 60))
                self._set_power(self._draw())

    def _read_meter(self) -> Process:
        while True:
            self._emit("energy")
            yield self._after(METER_S)

    def _measure(self, name: str) -> Process:
        mean = self._measured[name]
        while True:
            drawn = (
                self._measured[name] + (mean - self._measured[name]) * 0.1 + self._noise.gauss(0, mean * 0.01)
            )
            self._measured[name] = round(drawn, 2)
            self._emit(name)
            yield self._after(self._noise.uniform(10, 20))

    def _reset(self, resets: tuple[int, ...]) -> Process:
        for time_ns in sorted(resets):
            yield time_ns
            for name in COUNTS:
                if name in self.machine.signals:
                    self._bases[name] -= self._raw(name)
                    self._emit(name)

    # How it is kept and told

    def _after(self, seconds: float) -> int:
        return self.now_ns + max(round(seconds * SECOND_NS / TICK_NS), 1) * TICK_NS

    def _account(self) -> None:
        if self.now_ns > self._since_ns:
            self.truth.spend(self._since_ns, self.now_ns, self._state, self._power_kw)
            self._energy_kwh += self._power_kw * (self.now_ns - self._since_ns) / (3600 * SECOND_NS)
            self._since_ns = self.now_ns

    def _enter(self, wanted: str) -> None:
        state = self.codes.shown(wanted)
        if state == self._state and self._power_kw:
            return
        self._account()
        self._state = state
        self._emit("state")
        self._set_power(self._draw(), by_state=True)
        self._emit("energy")

    def _draw(self) -> float:
        """The power of the state it is in, and a little more or less."""
        rule = self.codes.from_power
        swing = self._noise.uniform(0.9, 1.1)
        if rule is not None:
            middle = (rule.off_below_kw + rule.idle_below_kw) / 2
            levels = {"off": rule.off_below_kw * 0.5, "idle": middle, "producing": rule.idle_below_kw * 2 + 1}
            return round(levels[self._state] * (swing if self._state == "producing" else 1.0), 3)
        means = self.kind.power_kw
        return max(round(means.get(self._state, means["idle"]) * swing, 3), 0.001)

    def _set_power(self, power_kw: float, *, by_state: bool = False) -> None:
        signal = self.machine.signals.get("power")
        deadband_kw = (signal.deadband or 0.0) * self._factor("power") if signal else 0.0
        if abs(power_kw - self._power_kw) <= abs(deadband_kw) and not (by_state and deadband_kw == 0):
            return  # a server would not tell it, so it does not happen
        self._account()
        self._power_kw = power_kw
        if not self._sampled:
            self._emit("power")

    @property
    def _sampled(self) -> bool:
        signal = self.machine.signals.get("power")
        return signal is not None and signal.sampled

    def _factor(self, name: str) -> float:
        signal = self.machine.signals[name]
        counted = signal.per_count if name in COUNTS else 1.0
        return signal.scale * counted * factor(name, signal.unit)

    def _first_values(self, low_counters: bool) -> dict[str, float]:
        """Counters that begin in the thousands, so that a reset shows as one."""
        bases: dict[str, float] = {}
        for name in (*COUNTS, "energy", "material"):
            signal = self.machine.signals.get(name)
            if signal is None:
                continue
            bases[name] = self._rng.randint(2_000, 9_000)
            if signal.rollover is not None:
                share = self._rng.uniform(0.15, 0.3) if low_counters else self._rng.uniform(0.9, 0.99)
                bases[name] = int(signal.rollover * share)
        return bases

    def _raw(self, name: str) -> float:
        told = {"energy": self._energy_kwh, "material": self._material_kg, **self._parts}[name]
        value = self._bases[name] + told / self._factor(name)
        rollover = self.machine.signals[name].rollover
        return value if rollover is None else value % rollover

    def _value(self, name: str) -> Value:
        if name in COUNTS:
            raw = round(self._raw(name), 6)
            return int(raw) if raw == int(raw) else raw
        if name in ("energy", "material"):
            self._account()
            return round(self._raw(name), 6)
        if name == "power":
            return round(self._power_kw / self._factor(name), 6)
        if name == "ideal_cycle_time":
            return round(self.ideal_s(self.now_ns) / self._factor(name), 9)
        texts: dict[str, Value] = {
            "state": self.codes.code(self._state),
            "product": self._orders.product,
            "order": self._orders.order,
            "reason": self._reason,
            "link": 1,
        }
        return texts[name] if name in texts else self._measured[name]

    def _emit(self, name: str) -> None:
        if name in self.machine.signals:
            self._out[self.now_ns, name] = Reading(self.machine.id, name, self.now_ns, self._value(name))
            self._told[name] = self.now_ns

    def _take(self) -> list[Reading]:
        taken = sorted(self._out.values(), key=lambda reading: reading.time_ns)
        self._out.clear()
        return taken


def _mean(machine: Machine, name: str) -> float:
    """A likely value of a measurement, by its unit."""
    return {"degC": 45.0, "bar": 6.0, "%": 60.0, "rpm": 4000.0, "A": 12.0}.get(
        machine.signals[name].unit or "", 100.0
    )
