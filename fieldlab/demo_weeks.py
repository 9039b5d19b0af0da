"""The weeks of the third exercise: made by the simulator into a store of their own, told by the product."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analytics.atoms import Fragments, pick
from analytics.energy_blocks import baseline
from analytics.groups import Row, group
from analytics.query import compute
from fieldlab.times import rfc3339
from fieldlab_configs import Site, load
from ingest.rows import MachineSeries, field_of
from ingest.store import Row as StoreRow
from ingest.stores import open_store
from simulator.readings import Reading
from simulator.weeks import USUAL, Week, weeks

FIRST: Final = dt.date(2025, 11, 3)
"""Well before the demo's own day; a Monday."""

CONFIG: Final = """\
# Seven weeks of one oven, of the third exercise. Any command that asks for figures can be tried on it.

fieldlab: weeks
name: Seven weeks of an oven
timezone: Europe/Amsterdam
language: nl
cell_s: 300

energy:
  price_eur_per_kwh: 0.21
  co2_kg_per_kwh: 0.27
  source: round figures for the demonstration; use your own contract and your supplier's label

shifts:
  - {name: early, days: [mon, tue, wed, thu, fri], start: "06:00", end: "14:00"}
  - {name: late, days: [mon, tue, wed, thu, fri], start: "14:00", end: "22:00"}

lines:
  - id: hardening
    name: Hardening
    bottleneck: oven2
    output: oven2
    machines:
      - id: oven2
        name: Tunnel oven
        kind: oven
        ideal_cycle_time_s: 20
        states: {map: {producing: producing, idle: idle}}
        signals:               # from a recording: an item, and no source
          state:       {item: state}
          total_count: {item: total_count}
          good_count:  {item: good_count}
          energy:      {item: energy, unit: kWh, max_power_kw: 150}

store: {kind: embedded, path: weeks.db}
"""


@dataclass(frozen=True, slots=True)
class Told:
    """Seven weeks, as they were and as the product tells them.

    Attributes
    ----------
    site : Site
    truth : list of Week
        Of the weeks to be judged.
    usual : Row
        The product's KPIs of the weeks before, together.
    figures : list of Row
        The product's KPIs of each week to be judged.
    laws : list of mapping
        Each of these weeks held against the energy baseline of the weeks before.
    command : str
        Asks ``fieldlab baseline`` for the first of these.
    """

    site: Site
    truth: list[Week]
    usual: Row
    figures: list[Row]
    laws: list[Mapping[str, Any]]
    command: str


def weeks_told(folder: Path, seed: int) -> Told:
    """Make the weeks into a store in a folder, and ask the product about them.

    Parameters
    ----------
    folder : Path
        Beside the demo's config; gets ``weeks.yaml`` and ``weeks.db``.
    seed : int
    """
    path = folder / "weeks.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    site = load(path)
    readings, made = weeks(site, seed=seed, first=FIRST)
    store = open_store(site)
    try:
        rejected = store.write("raw", _rows(site, readings))
        if rejected:
            raise ValueError(f"the store refused {rejected[0].row}: {rejected[0].reason}")
        whole = compute(site, store, start_ns=made[0].start_ns, end_ns=made[-1].end_ns, whole=True)
        (result,) = whole.results.values()
    finally:
        store.close()
    usual, judged = made[:USUAL], made[USUAL:]
    known = _within(result.fragments, usual)
    parts = [_within(result.fragments, [week]) for week in judged]
    machine = result.fragments.machine
    ends = (usual[0].start_ns, judged[0].start_ns, judged[0].end_ns)
    asked = zip(("--from", "--until", "--to"), map(rfc3339, ends), strict=True)
    return Told(
        site=site,
        truth=judged,
        usual=_figures(site, known),
        figures=[_figures(site, part) for part in parts],
        laws=[baseline(site, machine, [known], [part], "shift") for part in parts],
        command=" ".join(["fieldlab baseline", str(path), *(f"{name} {at}" for name, at in asked)]),
    )


def _rows(site: Site, readings: Sequence[Reading]) -> list[StoreRow]:
    (machine,) = site.machines()
    series = MachineSeries.of(site, machine)
    rows = []
    for r in readings:
        value = r.value if isinstance(r.value, str) else float(r.value or 0.0)
        tags = series.tags(series.line.at(r.time_ns))
        rows.append(StoreRow("machine", tags, field_of(r.signal, value), r.time_ns, value))
    return rows


def _within(fragments: Fragments, of: Sequence[Week]) -> Fragments:
    """The cells of some weeks that follow one another."""
    cells = fragments.cell_ns
    return pick(fragments, (cells >= of[0].start_ns) & (cells < of[-1].end_ns))


def _figures(site: Site, part: Fragments) -> Row:
    (row,) = group(site, [part], ("machine",))
    return row
