"""The whole: one file is one fieldlab."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from fieldlab_configs.app import AppConfig
from fieldlab_configs.base import Model
from fieldlab_configs.calendar import Apart, Shift
from fieldlab_configs.connections import Gateway, Source, StoreConfig
from fieldlab_configs.dated import Dated
from fieldlab_configs.experiments import Company, Experiment
from fieldlab_configs.kinds import Id, Number
from fieldlab_configs.plant import EnergyFactors, Line, Machine, Seconds
from fieldlab_configs.reading import Internal
from fieldlab_configs.reports import ReportsConfig
from fieldlab_configs.time_kinds import Date, Timezone

CELLS_S = tuple(s for s in range(1, 901) if 900 % s == 0)
"""A cell divides a quarter of an hour, so that edges of shifts, hours, days and windows are its own."""

PRIMARY = "store"
"""The name of the store under `store:` beside those under `also:`."""


class Site(Model):
    """A fieldlab, whole and checked. Made by :func:`fieldlab_configs.load`."""

    fieldlab: Annotated[str, Id()]
    name: str = ""
    timezone: Dated[Annotated[str, Timezone()]]  # read first: times without an offset are in it
    language: Literal["nl", "en"] = "nl"
    heartbeat_s: Seconds = 10.0
    cell_s: Annotated[int, Number("seconds", whole=True, choices=CELLS_S)] = 300
    convention: Literal["iso22400", "nakajima"] = "iso22400"
    energy: Dated[EnergyFactors] | None = None
    shifts: Dated[Annotated[tuple[Shift, ...], Apart()]] | None = None
    holidays: tuple[Annotated[dt.date, Date()], ...] = ()
    lines: tuple[Line, ...] = ()
    companies: tuple[Company, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    sources: dict[Annotated[str, Id()], Source] = Field(default_factory=dict)
    gateways: dict[Annotated[str, Id()], Gateway] = Field(default_factory=dict)
    store: StoreConfig | None = None
    app: AppConfig | None = None
    reports: ReportsConfig | None = None
    also: dict[Annotated[str, Id(reserved=(PRIMARY,))], StoreConfig] = Field(default_factory=dict)
    path: Annotated[Path, Internal()] = Path()  # the file it came from

    def machines(self) -> Iterator[Machine]:
        """Every machine, in the order of the file."""
        for line in self.lines:
            yield from line.machines

    def stores(self) -> dict[str, StoreConfig]:
        """Every store that gateways deliver to, the first one first; empty where there is none."""
        return {PRIMARY: self.store, **self.also} if self.store is not None else {}

    def machine(self, machine_id: str) -> Machine:
        """The machine of that id; KeyError where there is none."""
        for machine in self.machines():
            if machine.id == machine_id:
                return machine
        raise KeyError(machine_id)


def fingerprint(site: Site) -> str:
    """A short hash of what a configuration means.

    Comments, layout, the order of keys, a default written out, and the folder that the file stands in change
    nothing; any value that differs does.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    folder = f"{site.path.parent.absolute()}/"
    meaning = site.model_dump(mode="json", exclude={"path", "app", "reports"}, exclude_defaults=True)
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.replace(json.dumps(folder)[1:-1], "").encode()).hexdigest()[:12]
