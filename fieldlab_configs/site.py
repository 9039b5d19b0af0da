"""The whole: one file is one fieldlab."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from fieldlab_configs.calendar import Shift
from fieldlab_configs.connections import Gateway, Source, StoreConfig
from fieldlab_configs.dated import Dated
from fieldlab_configs.experiments import Company, Experiment
from fieldlab_configs.plant import EnergyFactors, Line, Machine, Model


class Site(Model):
    """A fieldlab, whole and checked. Made by :func:`fieldlab_configs.load`."""

    fieldlab: str
    name: str = ""
    timezone: Dated[str]
    language: Literal["nl", "en"] = "nl"
    heartbeat_s: float = 10.0
    cell_s: int = 300
    convention: Literal["iso22400", "nakajima"] = "iso22400"
    energy: Dated[EnergyFactors] | None = None
    shifts: Dated[tuple[Shift, ...]] | None = None
    holidays: tuple[dt.date, ...] = ()
    lines: tuple[Line, ...] = ()
    companies: tuple[Company, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    sources: dict[str, Source] = {}
    gateways: dict[str, Gateway] = {}
    store: StoreConfig | None = None
    path: Path = Path()               # the file it came from

    def machines(self) -> Iterator[Machine]:
        """Every machine, in the order of the file."""
        for line in self.lines:
            yield from line.machines

    def machine(self, machine_id: str) -> Machine:
        """The machine of that id; KeyError where there is none."""
        for machine in self.machines():
            if machine.id == machine_id:
                return machine
        raise KeyError(machine_id)
