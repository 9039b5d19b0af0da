"""All machines of a site, moved together; and what their lines made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fieldlab_configs import Machine, Site
from simulator.machine import MachineModel
from simulator.rates import Pace, Rates
from simulator.readings import Reading
from simulator.trades import kind_of
from simulator.truth import kpis


class Plant:
    """The machines of a site.

    Parameters
    ----------
    site : Site
    seed : int
    start_ns : int
    machines : iterable of Machine, optional
        Default: all that have a signal from a source.
    resets : mapping of str to tuple of int, optional
        Per machine, when its counters begin again.
    low_counters : bool
        See `MachineModel`.
    """

    def __init__(
        self,
        site: Site,
        *,
        seed: int,
        start_ns: int,
        machines: Iterable[Machine] | None = None,
        resets: dict[str, tuple[int, ...]] | None = None,
        low_counters: bool = False,
    ) -> None:
        self._site = site
        self.now_ns = start_ns
        self.models = {
            machine.id: MachineModel(
                site,
                machine,
                seed=seed,
                start_ns=start_ns,
                low_counters=low_counters,
                resets=(resets or {}).get(machine.id, ()),
                pace=_pace(site, machine, start_ns),
            )
            for machine in (site.machines() if machines is None else machines)
        }

    def advance(self, to_ns: int) -> list[Reading]:
        """Let time pass up to and with `to_ns`; all readings of that time, in order."""
        readings = [reading for model in self.models.values() for reading in model.advance(to_ns)]
        self.now_ns = to_ns
        self._settle_lines()
        return sorted(readings, key=lambda reading: reading.time_ns)

    def snapshot(self, machines: Iterable[str]) -> list[Reading]:
        """Every signal of some machines, as it is now."""
        return [reading for name in machines for reading in self.models[name].snapshot()]

    def closing(self) -> list[Reading]:
        """What the meters show now."""
        return [reading for model in self.models.values() for reading in model.closing()]

    def truth(self, machine: str) -> dict[str, Any]:
        """Every figure and KPI of one machine, from the beginning to now."""
        figures = self.models[machine].truth.figures()
        whole = {**figures, **kpis(figures, self._site.convention)}
        # Twelve digits, as figures are told: the last bits of a float are no part of the truth.
        return {k: float(f"{v:.12g}") if isinstance(v, float) else v for k, v in whole.items()}

    def _settle_lines(self) -> None:
        """What came off a line's output, in the bottleneck's ideal time of that instant."""
        for line in self._site.lines:
            output = self.models.get(line.output)
            bottleneck = self.models.get(line.bottleneck)
            if output is None:
                continue
            for time_ns, parts, good in output.made:
                output.truth.line_produced += parts
                if good:
                    output.truth.line_good += good
                    rate_s = 0.0 if bottleneck is None else bottleneck.rates.held_s(time_ns)
                    output.truth.line_ideal_good_s += good * rate_s
        for model in self.models.values():
            model.made.clear()
            model.rates.forget()


def _pace(site: Site, machine: Machine, time_ns: int) -> Pace | None:
    """What the slowest machine of its line leaves a machine; by its mean, so that none waits for another."""
    for line in site.lines:
        ids = [m.id for m in line.machines]
        if machine.id in ids and line.bottleneck in ids and machine.id != line.bottleneck:
            slowest = line.machines[ids.index(line.bottleneck)]
            waits = "starved" if ids.index(machine.id) > ids.index(line.bottleneck) else "blocked"
            cycle_s = _rates(slowest).mean_s(time_ns) * _rates(machine).parts_per_cycle
            return Pace(cycle_s, kind_of(slowest.kind).share, waits)
    return None


def _rates(machine: Machine) -> Rates:
    return Rates(machine, kind_of(machine.kind))
