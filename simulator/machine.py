"""A machine that works through its orders, has its troubles, and knows exactly what it did.

Simulated time is in whole nanoseconds and knows nothing of the wall clock: the same seed gives the same
readings at any speed.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from typing import Final

from fieldlab_configs import Machine, Site
from simulator.codes import Codes
from simulator.measures import Measures
from simulator.plan import SECOND_NS, Plan
from simulator.rates import Pace, Rates
from simulator.readings import COUNTS, Panel, Reading, Registers, Value, unit_of
from simulator.supply import Supply
from simulator.trades import kind_of
from simulator.truth import Truth
from simulator.working import Incidents, Orders

TICK_NS: Final = 1_000_000
"""What happens by itself happens on whole milliseconds; faults take the halves, so that they never meet."""
METER_S: Final = 15.0
SAMPLED_S: Final = 5.0
OVERTIME: Final = 0.25
AHEAD: Final = 8  # cycles of the line's slowest machine that fit between two machines

Process = Iterator[int]


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
        self.codes: Final = Codes(machine, start_ns, acting=self.kind.acting)
        self.made: list[tuple[int, float, float]] = []  # (time, parts, good ones) not yet told to the line
        self.rates: Final = Rates(machine, self.kind)
        self._seed, self._low = seed, low_counters
        self._noise = random.Random(f"{seed}/{machine.id}/noise")
        self._state, self._reason, self._since_ns = "off", "", start_ns
        self._code: int | str = ""
        self._supply = Supply(machine, self.kind, self.codes, self._noise)
        self._registers = self._draw()
        self._measures = Measures(machine, self.kind, self._noise)
        self._panel = Panel(machine)
        self._pace = pace
        self.nobody_in_breaks = False
        """Whether set-ups and stops stand still in breaks: no lucky breakdown then falls into one."""
        self.watched: Callable[[], bool] | None = None
        self.seen: tuple[int, int, Truth] | None = None
        """The end of the cycle after which :attr:`watched` was so, its number, and the truth up to there."""
        self._queue: list[tuple[int, int, Process]] = []
        for order, process in enumerate(self._processes(resets)):
            heapq.heappush(self._queue, (start_ns, order, process))

    def _draw(self) -> Registers:
        """Its luck, from the beginning; returns the counters that go with it."""
        self._rng = random.Random(f"{self._seed}/{self.machine.id}")
        registers = Registers(self.machine, self._rng, low=self._low)
        usual_s = self.rates.mean_s(self.now_ns) * self.rates.parts_per_cycle
        parts = self.rates.parts_per_cycle
        self._orders = Orders(self._rng, self.machine, self.kind, usual_s, parts)
        self._incidents = Incidents(self._rng, self.machine, self.kind)
        self._worked_ns = 0
        self.cycles = 0
        return registers

    # What others ask of it

    def begin_again(self, *, micro: float) -> None:
        """From now on, all that happened since the beginning once more, but for the length of micro stops.

        Parameters
        ----------
        micro : float
            How long a micro stop lasts, as a share of what it would.
        """
        self._draw()
        self._incidents.micro = micro
        self._reason = ""
        self._show("reason")
        work = (self.now_ns, 0, self._work())
        self._queue = [work if entry[1] == 0 else entry for entry in self._queue]
        heapq.heapify(self._queue)

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
        return self._panel.take()

    def snapshot(self) -> list[Reading]:
        """Every signal as it is now, as a machine tells it when it comes back."""
        for name in self.machine.signals:
            self._show(name, always=True)
        return self._panel.take()

    def closing(self) -> list[Reading]:
        """What a meter shows now: so that a run that ends between two readings of it misses nothing."""
        for name in ("energy", "power") if self._supply.sampled else ("energy",):
            if self._panel.told_at(name) not in (None, self.now_ns):
                self._show(name)
        return self._panel.take()

    # What it does

    def _processes(self, resets: tuple[int, ...]) -> Iterator[Process]:
        yield self._work()
        yield self._greet()
        yield self._fluctuate()
        if "energy" in self.machine.signals:
            yield self._read_meter()
        for name in self._measures.moving:
            yield self._measure(name)
        if resets:
            yield self._reset(resets)

    def _greet(self) -> Process:
        """Everything is told once at the beginning, after the work has begun."""
        for name in self.machine.signals:
            self._show(name)
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
            yield from self._go(state)
            yield until_ns

    def _cycle(self) -> Process:
        if self._orders.done:
            yield from self._change_over()
        for name in self._incidents.waits():
            yield from self._trouble(name, self._incidents.lasting(name))
        if self.rates.outdated(self.now_ns):
            self._take_up()
        cycle_s = self._ideal_s() * self.rates.parts_per_cycle * (1 + self._orders.slowness())
        yield from self._go("producing")
        for name, at in self._incidents.during(cycle_s):
            yield self._after(cycle_s * at)
            yield from self._trouble(name, self._incidents.lasting(name))
            yield from self._go("producing")
            cycle_s *= 1 - at
        yield self._after(cycle_s)
        self._finish()

    def _keep_pace(self) -> Process:
        """A machine that is ahead of its line waits for parts, or for room."""
        if self._pace is None:
            return
        ahead_s = self.cycles * self._pace.cycle_s - self._pace.share * self._worked_ns / SECOND_NS
        if ahead_s > AHEAD * self._pace.cycle_s:
            began_ns = self.now_ns
            yield from self._trouble(self._pace.waits, ahead_s * self._rng.uniform(0.5, 0.9))
            self._worked_ns += self.now_ns - began_ns

    def _change_over(self) -> Process:
        every = self.kind.cleaning_orders
        if every and (self._orders.taken + 1) % every == 0:
            yield from self._trouble("maintenance", self._rng.uniform(*self.kind.cleaning_s))
        yield from self._go("setup")
        self._orders.next()
        self._take_up()
        yield self._after_work(self._rng.uniform(*self.kind.setup_s))

    def _ideal_s(self) -> float:
        return self.rates.ideal_s(self.now_ns, self._orders.product)

    def _take_up(self) -> None:
        """A product is in hand from now on, at its ideal cycle time of now."""
        self.rates.take_up(self.now_ns, self._orders.product)
        for name in ("product", "order", "ideal_cycle_time"):
            self._show(name)

    def _trouble(self, state: str, lasting_s: float) -> Process:
        yield from self._go(state)
        reasons = self.kind.reasons.get(state)
        if reasons:
            self._reason = self._rng.choice(reasons)
            self._show("reason")
        yield self._after_work(lasting_s)
        if reasons:
            self._reason = ""
            self._show("reason")

    def _finish(self) -> None:
        """A cycle ends: its parts are counted."""
        parts = self.rates.parts_per_cycle
        self.cycles += 1
        good, reworked = self._orders.outcome()
        material_kg = round(parts * self.kind.material_kg * self._rng.uniform(0.97, 1.03), 4)
        self.truth.make(
            self.now_ns,
            parts,
            good=good,
            reworked=reworked,
            ideal_s=self.rates.held_s(self.now_ns),
            material_kg=material_kg,
        )
        self.made.append((self.now_ns, parts, good))
        scrap = parts - good
        counted = {"total_count": parts, "good_count": good, "scrap_count": scrap, "rework_count": reworked}
        for name, amount in counted.items():  # those that stand still too: each part says anew that they do
            self._registers.add(name, amount)
            self._show(name)
        self._registers.add("material", material_kg)
        self._show("material")
        for name in self._measures.count(parts):
            self._show(name)
        if self.watched is not None and self.watched():
            self.watched = None
            self._account()
            self.seen = (self.now_ns, self.cycles, self.truth.mark())

    def _fluctuate(self) -> Process:
        """Power is never quite still."""
        while True:
            if self._supply.sampled:
                self._fluctuate_once()
                self._show("power")
                yield self._after(SAMPLED_S)
            else:
                yield self._after(self._noise.uniform(20, 60))
                self._fluctuate_once()

    def _fluctuate_once(self) -> None:
        before = self._supply.watts
        self._account()
        self._supply.watts = self._supply.draw(self._state)
        if self._supply.watts != before and not self._supply.sampled:
            self._show("power")

    def _read_meter(self) -> Process:
        while True:
            self._show("energy")
            yield self._after(METER_S)

    def _measure(self, name: str) -> Process:
        while True:
            self._measures.move(name, working=self._state == "producing")
            self._show(name)
            yield self._after(self._noise.uniform(10, 20))

    def _reset(self, resets: tuple[int, ...]) -> Process:
        for time_ns in sorted(resets):
            yield time_ns
            for name in COUNTS:
                if name in self.machine.signals:
                    self._registers.restart(name)
                    self._show(name)

    # How it is kept and told

    def _after(self, seconds: float) -> int:
        return self.now_ns + max(round(seconds * SECOND_NS / TICK_NS), 1) * TICK_NS

    def _after_work(self, seconds: float) -> int:
        """As :meth:`_after`; where nobody works in breaks, so much planned time later."""
        until_ns = self._after(seconds)
        left_ns, at_ns = until_ns - self.now_ns, self.now_ns
        while self.nobody_in_breaks and left_ns > 0:
            duty, next_ns = self.plan.duty(at_ns)
            if duty == "work":
                next_ns = min(next_ns, at_ns + left_ns)
                left_ns -= next_ns - at_ns
            at_ns = until_ns = next_ns
        return until_ns

    def _account(self) -> None:
        """Book the time since the last change."""
        lasting_ns = self.now_ns - self._since_ns
        if lasting_ns > 0:
            self.truth.spend(self._since_ns, self.now_ns, self._state, self._supply.watts)
            self._registers.add("energy", self._supply.watts * lasting_ns)
            self._since_ns = self.now_ns

    def _go(self, wanted: str) -> Process:
        """Enter a state, by whatever lies on the way to it."""
        for state, code, least_s, most_s in self.codes.way(self._state, self.codes.shown(wanted)):
            self._enter(state, code)
            yield self._after(self._noise.uniform(least_s, most_s))
        state = self.codes.shown(wanted)
        self._enter(state, self.codes.code(state))

    def _enter(self, state: str, code: int | str) -> None:
        if (state, code) == (self._state, self._code) and self._supply.watts:
            return
        self._account()
        if state != self._state or not self._supply.watts:
            self._supply.watts = self._supply.draw(state)
        self._state, self._code = state, code
        self._show("state")
        if not self._supply.sampled:
            self._show("power")
        self._show("energy")

    def _value(self, name: str) -> Value:
        if name in self._measures.values:
            return self._measures.values[name]
        if name == "power":
            return round(self._supply.watts / 1000 / unit_of(self.machine, name), 6)
        if name == "ideal_cycle_time":
            return round(self._ideal_s() / unit_of(self.machine, name), 9)
        texts: dict[str, Value] = {
            "state": self._code,
            "product": self._orders.product,
            "order": self._orders.order,
            "reason": self._reason,
            "link": 1,
        }
        if name in texts:
            return texts[name]
        self._account()
        return self._registers.value(name)

    def _show(self, name: str, *, always: bool = False) -> None:
        if name in self.machine.signals:
            self._panel.put(self.now_ns, name, self._value(name), always=always)
