"""A machine that works through its orders, has its troubles, and knows exactly what it did.

Simulated time is in whole nanoseconds and knows nothing of the wall clock: the same seed gives the same
readings at any speed.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Final

from fieldlab_configs import Machine, Site
from simulator.codes import Codes
from simulator.instruments import TICK_NS, Instruments, Process
from simulator.plan import SECOND_NS, Plan
from simulator.rates import Pace, Rates
from simulator.readings import Reading, Registers
from simulator.trades import kind_of
from simulator.truth import Truth
from simulator.working import Incidents, Orders

OVERTIME: Final = 0.25
AHEAD: Final = 8  # cycles of the line's slowest machine that fit between two machines


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
        self.codes: Final = Codes(machine, start_ns, acting=self.kind.acting)
        self.made: list[tuple[int, float, float]] = []  # (time, parts, good ones) not yet told to the line
        self.rates: Final = Rates(machine, self.kind)
        self._seed, self._low = seed, low_counters
        noise = random.Random(f"{seed}/{machine.id}/noise")
        self._shown: Final = Instruments(
            machine, self.kind, self.codes, self.rates, self.truth, noise, start_ns
        )
        self._shown.registers = self._draw()
        self._pace = pace
        self.nobody_in_breaks = False
        """Whether set-ups and stops stand still in breaks: no lucky breakdown then falls into one."""
        self.watched: Callable[[], bool] | None = None
        self.seen: tuple[int, int, Truth] | None = None
        """The end of the cycle after which :attr:`watched` was so, its number, and the truth up to there."""
        self._queue: list[tuple[int, int, Process]] = []
        for order, process in enumerate((self._work(), *self._shown.processes(resets))):
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

    @property
    def now_ns(self) -> int:
        """Up to when its time has passed."""
        return self._shown.now_ns

    def begin_again(self, *, micro: float) -> None:
        """From now on, all that happened since the beginning once more, but for the length of micro stops.

        Parameters
        ----------
        micro : float
            How long a micro stop lasts, as a share of what it would.
        """
        self._draw()
        self._incidents.micro = micro
        self._shown.say("")
        work = (self.now_ns, 0, self._work())
        self._queue = [work if entry[1] == 0 else entry for entry in self._queue]
        heapq.heapify(self._queue)

    def advance(self, to_ns: int) -> list[Reading]:
        """Let time pass up to and with `to_ns`; the readings of that time, in order."""
        while self._queue and self._queue[0][0] <= to_ns:
            self._shown.now_ns, order, process = self._queue[0]
            wake_ns = next(process, None)
            if wake_ns is None:
                heapq.heappop(self._queue)
            else:
                heapq.heapreplace(self._queue, (max(wake_ns, self.now_ns + TICK_NS), order, process))
        self._shown.now_ns = to_ns
        self._shown.account()
        return self._shown.take()

    def snapshot(self) -> list[Reading]:
        """Every signal as it is now, as a machine tells it when it comes back."""
        return self._shown.snapshot()

    def closing(self) -> list[Reading]:
        """What a meter shows now: so that a run that ends between two readings of it misses nothing."""
        return self._shown.closing()

    # What it does

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
                if self._shown.state == "producing" and self._rng.random() < OVERTIME:
                    overtime_ns = min(self._shown.after(self._rng.uniform(300, 1500)), until_ns)
                    while self.now_ns < overtime_ns:
                        yield from self._cycle()
                yield from self._be("off", until_ns)

    def _be(self, state: str, until_ns: int) -> Process:
        """In one state until an instant; longer than a day in pieces, for the plan is read again."""
        if until_ns > self.now_ns:
            yield from self._shown.go(state)
            yield until_ns

    def _cycle(self) -> Process:
        if self._orders.done:
            yield from self._change_over()
        for name in self._incidents.waits():
            yield from self._trouble(name, self._incidents.lasting(name))
        if self.rates.outdated(self.now_ns):
            self._take_up()
        cycle_s = self._ideal_s() * self.rates.parts_per_cycle * (1 + self._orders.slowness())
        yield from self._shown.go("producing")
        for name, at in self._incidents.during(cycle_s):
            yield self._shown.after(cycle_s * at)
            yield from self._trouble(name, self._incidents.lasting(name))
            yield from self._shown.go("producing")
            cycle_s *= 1 - at
        yield self._shown.after(cycle_s)
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
        yield from self._shown.go("setup")
        self._orders.next()
        self._take_up()
        yield self._after_work(self._rng.uniform(*self.kind.setup_s))

    def _ideal_s(self) -> float:
        return self.rates.ideal_s(self.now_ns, self._orders.product)

    def _take_up(self) -> None:
        """A product is in hand from now on, at its ideal cycle time of now."""
        self.rates.take_up(self.now_ns, self._orders.product)
        self._shown.take_up(self._orders.product, self._orders.order)

    def _trouble(self, state: str, lasting_s: float) -> Process:
        yield from self._shown.go(state)
        reasons = self.kind.reasons.get(state)
        if reasons:
            self._shown.say(self._rng.choice(reasons))
        yield self._after_work(lasting_s)
        if reasons:
            self._shown.say("")

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
        self._shown.count(parts, counted, material_kg)
        if self.watched is not None and self.watched():
            self.watched = None
            self._shown.account()
            self.seen = (self.now_ns, self.cycles, self.truth.mark())

    def _after_work(self, seconds: float) -> int:
        """As :meth:`_after`; where nobody works in breaks, so much planned time later."""
        until_ns = self._shown.after(seconds)
        left_ns, at_ns = until_ns - self.now_ns, self.now_ns
        while self.nobody_in_breaks and left_ns > 0:
            duty, next_ns = self.plan.duty(at_ns)
            if duty == "work":
                next_ns = min(next_ns, at_ns + left_ns)
                left_ns -= next_ns - at_ns
            at_ns = until_ns = next_ns
        return until_ns
