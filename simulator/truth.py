"""What really happened on one machine, added up while it happens, under the names of the model's figures.

Plain sums, kept apart from the product's own arithmetic on purpose: this is what that is held to.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Final, Self

from fieldlab_configs import EnergyFactors, Machine, Site
from simulator.plan import SECOND_NS, Plan
from simulator.readings import KWH

CLASSES: Final = (
    "producing", "setup", "idle", "starved", "blocked", "stopped", "down", "maintenance", "off", "unknown",
)  # fmt: skip
DELAYS: Final = ("idle", "starved", "blocked", "stopped", "down", "maintenance", "off")
COUNTERS: Final = ("total_count", "good_count", "scrap_count")

Figures = dict[str, float | None]


class Truth:
    """The sums of one machine.

    Parameters
    ----------
    site : Site
    machine : Machine
    plan : Plan
        Of that machine.
    """

    def __init__(self, site: Site, machine: Machine, plan: Plan) -> None:
        self._site = site
        self._machine = machine
        self._plan = plan
        self._state_ns = dict.fromkeys(CLASSES, 0)
        self._busy_ns = dict.fromkeys(CLASSES, 0)
        self._energy_wns = dict.fromkeys(CLASSES, 0)  # watt nanoseconds: whole, so exact at any step
        self._factors_wns: dict[EnergyFactors, int] = {}
        self._stop_ns = 0  # the stop in progress, whole
        self._stop_busy_ns = 0  # and what of it lies in planned time
        self._minor_ns = 0
        self._breakdown_ns = 0
        self._produced = 0.0
        self._good = 0.0
        self._reworked = 0.0
        self._material_kg = 0.0
        self._ideal_s = 0.0
        self._ideal_good_s = 0.0
        self.line_produced = 0.0
        self.line_good = 0.0
        self.line_ideal_good_s = 0.0
        self.whole_ns = 0  # of the stop in progress when this was a mark, once more of it is known
        self._marks: list[Truth] = []

    def mark(self) -> Self:
        """The sums as they are now; whether a stop in progress is a minor one, is told as it goes on."""
        found = copy.copy(self)
        own = {name: dict(value) for name, value in vars(self).items() if isinstance(value, dict)}
        vars(found).update(own, _marks=[])
        if self._stop_ns:
            self._marks.append(found)
        return found

    def open(self, mark: Truth) -> bool:
        """Whether the stop in progress at a mark is still a minor one that goes on."""
        return mark in self._marks

    def spend(self, start_ns: int, end_ns: int, state: str, watts: int) -> None:
        """Time passes in one state, at one power."""
        edges = self._site.energy.edges if self._site.energy else ()
        for begin, end, duty in self._plan.pieces(start_ns, end_ns):
            self._state_ns[state] += end - begin
            busy_ns = end - begin if duty == "work" else 0
            self._busy_ns[state] += busy_ns
            if state in ("stopped", "down"):
                self._stop_ns += end - begin
                self._stop_busy_ns += busy_ns
                if not self._is_minor():
                    self._settle_marks()
            else:
                self._end_stop()
            cuts = [begin, *(edge for edge in edges if begin < edge < end), end]
            for low, high in pairwise(cuts):
                self._use(low, watts * (high - low), state)

    def _use(self, time_ns: int, energy_wns: int, state: str) -> None:
        self._energy_wns[state] += energy_wns
        if self._site.energy is not None:
            factors = self._site.energy.at(time_ns)
            self._factors_wns[factors] = self._factors_wns.get(factors, 0) + energy_wns

    def _settle_marks(self) -> None:
        for mark in self._marks:
            mark.whole_ns = self._stop_ns
        self._marks.clear()

    def _end_stop(self) -> None:
        self._settle_marks()
        if self._is_minor():
            self._minor_ns += self._stop_busy_ns
        else:
            self._breakdown_ns += self._stop_busy_ns
        self._stop_ns = self._stop_busy_ns = 0

    def _is_minor(self) -> bool:
        return max(self._stop_ns, self.whole_ns) < round(self._machine.minor_stop_s * SECOND_NS)

    def make(
        self, time_ns: int, parts: float, *, good: float, reworked: float, ideal_s: float, material_kg: float
    ) -> None:
        """Parts are finished, so many of them good; they belong to the instant just before."""
        self._produced += parts
        self._good += good
        self._reworked += reworked
        self._material_kg += material_kg
        if self._plan.duty(time_ns - 1)[0] == "work":
            self._ideal_s += ideal_s * parts
            self._ideal_good_s += ideal_s * good

    def figures(self) -> Figures:
        """The fields of the model's section 3; None for what the machine's signals cannot tell."""
        minor, breakdown = self._minor_ns, self._breakdown_ns
        if self._is_minor():
            minor += self._stop_busy_ns
        else:
            breakdown += self._stop_busy_ns
        busy = {name: ns / SECOND_NS for name, ns in self._busy_ns.items()}
        found: Figures = {"calendar_time_s": sum(self._state_ns.values()) / SECOND_NS}
        found |= {f"state_{name}_s": ns / SECOND_NS for name, ns in self._state_ns.items()}
        found |= {
            "planned_busy_time_s": sum(self._busy_ns.values()) / SECOND_NS,
            "actual_production_time_s": busy["producing"],
            "actual_unit_setup_time_s": busy["setup"],
            "actual_unit_delay_time_s": sum(self._busy_ns[name] for name in DELAYS) / SECOND_NS,
            "minor_stop_s": minor / SECOND_NS,
            "breakdown_s": breakdown / SECOND_NS,
            "starved_s": busy["starved"],
            "blocked_s": busy["blocked"],
            "idle_s": busy["idle"],
            "unknown_time_s": 0.0,
            "overtime_production_s": (self._state_ns["producing"] - self._busy_ns["producing"]) / SECOND_NS,
        }
        return found | self._quantities() | self._energies()

    def _quantities(self) -> Figures:
        counted = any(role in self._machine.signals for role in COUNTERS)
        rated = self.rated
        ideal = self._ideal_s if rated else None
        ideal_good = self._ideal_good_s if rated else None
        return {
            "produced_quantity": self._produced if counted else None,
            "good_quantity": self._good if counted else None,
            "scrap_quantity": self._produced - self._good if counted else None,
            "rework_quantity": self._reworked if "rework_count" in self._machine.signals else None,
            "ideal_production_time_s": ideal,
            "ideal_good_time_s": ideal_good,
            "ideal_production_unknown_s": 0.0 if rated else None,
            "ideal_good_low_s": ideal_good,
            "ideal_good_high_s": ideal_good,
            "count_missing_s": 0.0,
            "line_produced_quantity": self.line_produced,
            "line_good_quantity": self.line_good,
            "line_ideal_good_time_s": self.line_ideal_good_s,
            "line_planned_busy_time_s": (
                sum(self._busy_ns.values()) / SECOND_NS if self._is_bottleneck() else 0.0
            ),
        }

    @property
    def rated(self) -> bool:
        """Whether the product can know an ideal cycle time of this machine."""
        machine = self._machine
        return "ideal_cycle_time" in machine.signals or any(
            rate is not None
            for rate in (
                machine.ideal_cycle_time_s,
                *(p.ideal_cycle_time_s for p in machine.products.values()),
            )
        )

    def _energies(self) -> Figures:
        metered = bool({"energy", "power"} & set(self._machine.signals))
        priced = self._site.energy.latest if metered and self._site.energy else None
        found: Figures = {"energy_kwh": sum(self._energy_wns.values()) / KWH if metered else None}
        found |= {f"energy_{name}_kwh": e / KWH if metered else None for name, e in self._energy_wns.items()}
        found["energy_missing_s"] = 0.0 if metered else None
        used = self._factors_wns.items()
        co2_kg = sum((f.co2_kg_per_kwh or 0.0) * e for f, e in used) / KWH
        cost_eur = sum((f.price_eur_per_kwh or 0.0) * e for f, e in used) / KWH
        found["co2_kg"] = co2_kg if priced and priced.co2_kg_per_kwh is not None else None
        found["energy_cost_eur"] = cost_eur if priced and priced.price_eur_per_kwh is not None else None
        found["material_kg"] = self._material_kg if "material" in self._machine.signals else None
        return found

    def _is_bottleneck(self) -> bool:
        return any(line.bottleneck == self._machine.id for line in self._site.lines)


def ratio(above: float | None, below: float | None) -> float | None:
    """A quotient; nothing where something is missing or there is nothing to divide by."""
    return None if above is None or below is None or below == 0 else above / below


def kpis(sums: Figures, convention: str) -> Figures:
    """The KPIs of the model's section 4, where all is known: sum first, then divide."""

    def s(name: str) -> float:
        return sums[name] or 0.0

    pbt, apt, aust = s("planned_busy_time_s"), s("actual_production_time_s"), s("actual_unit_setup_time_s")
    adet = s("actual_unit_delay_time_s")
    running = apt + s("minor_stop_s") if convention == "nakajima" else apt
    ideal, ideal_good = sums["ideal_production_time_s"], sums["ideal_good_time_s"]
    effectiveness, quality = ratio(ideal, running), ratio(ideal_good, ideal)
    oee, usable = ratio(ideal_good, pbt), ratio(apt + aust, pbt)
    produced, good, energy = sums["produced_quantity"], sums["good_quantity"], sums["energy_kwh"]
    nee = None
    if usable is not None and effectiveness is not None and quality is not None:
        nee = usable * effectiveness * quality
    per_s = ratio(produced, apt + aust + adet)
    return {
        "availability": ratio(running, pbt),
        "effectiveness": effectiveness,
        "quality_ratio": quality,
        "oee_index": oee,
        "oee_index_low": oee,
        "oee_index_high": oee,
        "nee_index": nee,
        "utilization_efficiency": ratio(apt, apt + aust + adet),
        "technical_efficiency": ratio(apt, apt + adet),
        "setup_ratio": ratio(aust, apt + aust),
        "scrap_ratio": ratio(sums["scrap_quantity"], produced),
        "rework_ratio": ratio(sums["rework_quantity"], produced),
        "throughput_rate_per_h": None if per_s is None else per_s * 3600,
        "teep": None if oee is None else ratio(oee * pbt, sums["calendar_time_s"]),
        "energy_per_unit_kwh": ratio(energy, produced),
        "energy_per_good_unit_kwh": ratio(energy, good),
        "co2_per_good_unit_kg": ratio(sums["co2_kg"], good),
        "material_per_good_unit_kg": ratio(sums["material_kg"], good),
        "energy_cost_per_good_unit_eur": ratio(sums["energy_cost_eur"], good),
        "coverage": 1.0 if pbt else None,
    }
