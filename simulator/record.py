"""Simulated machines into a file, as fast as they can be played: a recording of which the truth is known."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fieldlab_configs import Machine, Site
from fieldlab_configs.units import factor
from simulator.errors import CannotSimulate
from simulator.mqtt_content import rfc3339
from simulator.plan import SECOND_NS
from simulator.plant import Plant
from simulator.readings import Reading, Value

HEAD: Final = ("time", "machine", "signal", "value", "quality")
_STEP_NS: Final = 3600 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Played:
    """What a recording holds.

    Attributes
    ----------
    readings : int
    truth : dict of str to dict
        Per machine every figure and KPI under its name, without what was saved.
    saved_kwh : dict of str to float
        Per machine what the trial took less than it would have taken; it is not in `truth`.
    """

    readings: int
    truth: dict[str, dict[str, Any]]
    saved_kwh: dict[str, float]


class Meter:
    """What a machine's energy register shows once a part is saved in the trials of experiments.

    Parameters
    ----------
    site : Site
    machine : Machine
    share : float
        Of the energy, within the windows of every trial that names the machine.
    """

    def __init__(self, site: Site, machine: Machine, share: float) -> None:
        self._share = share
        self._windows = [
            (window.start_ns, window.end_ns)
            for experiment in site.experiments
            if machine.id in experiment.machines
            for window in experiment.arms["trial"]
        ]
        signal = machine.signals.get("energy")
        if share and self._windows and signal is None:
            raise CannotSimulate(
                f"{site.path}: machine {machine.id} has no energy register, so its saving could not be seen;"
                f" give it one, or leave the saving out"
            )
        unit = signal.unit.latest if signal is not None and signal.unit is not None else None
        self._factor = factor("energy", unit)
        self._seen: float | None = None
        self._less = 0.0

    @property
    def saved_kwh(self) -> float:
        """How much less it shows by now than it would."""
        return self._less * self._factor

    def shown(self, reading: Reading) -> Value:
        """The value of a reading of the register."""
        if not isinstance(reading.value, (int, float)):
            return reading.value
        if self._seen is not None and self._in_trial(reading.time_ns):
            self._less += (reading.value - self._seen) * self._share
        self._seen = reading.value
        return round(reading.value - self._less, 6)

    def _in_trial(self, time_ns: int) -> bool:
        return any(start < time_ns <= end for start, end in self._windows)


def record(site: Site, path: Path, *, seed: int, start_ns: int, until_ns: int, saving: float = 0.0) -> Played:
    """Play a site's machines from one instant to another into a CSV.

    Parameters
    ----------
    site : Site
    path : Path
        Written anew.
    seed : int
    start_ns, until_ns : int
        UTC nanoseconds.
    saving : float
        The share of their energy that machines save in the trial windows of their experiments.
    """
    plant = Plant(site, seed=seed, start_ns=start_ns)
    meters = {name: Meter(site, model.machine, saving) for name, model in plant.models.items()}
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEAD)
        for reading in _readings(plant, start_ns, until_ns):
            register = reading.signal == "energy"
            value = meters[reading.machine].shown(reading) if register else reading.value
            shown = "" if value is None else value
            table.writerow(
                (rfc3339(reading.time_ns), reading.machine, reading.signal, shown, reading.quality)
            )
            count += 1
    return Played(
        count,
        {name: plant.truth(name) for name in plant.models},
        {name: meter.saved_kwh for name, meter in meters.items()},
    )


def _readings(plant: Plant, start_ns: int, until_ns: int) -> Iterator[Reading]:
    yield from plant.advance(start_ns)
    for now_ns in range(start_ns + _STEP_NS, until_ns, _STEP_NS):
        yield from plant.advance(now_ns)
    yield from plant.advance(until_ns)
    yield from plant.closing()
