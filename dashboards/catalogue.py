"""What is shown: every screen with its panels, said once.

The web page and Grafana are both rendered from here, so they cannot tell different stories. The words
are in :mod:`dashboards.wording`: those of a panel under its `id` (``<id>``, ``<id>.question``,
``<id>.how``), of a screen under ``screen.<id>``, of a section of it under ``section.<id>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from dashboards.formulas import LOSSES, Convention, Formula, Sum, formulas
from dashboards.panels import BY_ID, PANELS, Group, Kind, Panel, Source, Threshold, Unit

ScreenId = Literal["fieldlab", "line", "machine", "energy", "experiment", "gateways", "wall"]


@dataclass(frozen=True, slots=True)
class Section:
    """Panels that belong together, under a heading."""

    id: str
    panels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen: a page of the web app, a dashboard of Grafana.

    Attributes
    ----------
    id : str
    sections : tuple of Section
    of_line : bool
        Whether totals are those of a whole line, or of the machines chosen.
    of_companies : bool
        Whether a company has it too, of its own experiments.
    """

    id: ScreenId
    sections: tuple[Section, ...]
    of_line: bool = False
    of_companies: bool = False

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of its panels, from top to bottom."""
        return tuple(BY_ID[name] for section in self.sections for name in section.panels)

    def section(self, name: str) -> tuple[Panel, ...]:
        """The panels under one heading."""
        return tuple(BY_ID[panel] for s in self.sections if s.id == name for panel in s.panels)


_FACTORS = ("availability", "effectiveness", "quality_ratio")
SCREENS: Final[tuple[Screen, ...]] = (
    Screen(
        "fieldlab",
        (
            Section("lines", ("oee_by_line", "good_by_line", "energy_per_good_by_line")),
            Section("oee", ("oee_by_machine", "coverage", "energy_kwh", "co2_kg", "energy_cost_eur")),
            Section("losses", ("losses", "stops_by_reason")),
        ),
        of_line=True,
    ),
    Screen(
        "line",
        (
            Section("oee", ("oee_index", *_FACTORS, "coverage")),
            Section(
                "parts",
                ("produced_quantity", "good_quantity", "scrap_quantity", "energy_per_good_unit_kwh"),
            ),
            Section("time", ("oee_trend", "states", "parts", "energy_trend")),
            Section("where", ("oee_by_machine", "oee_by_shift", "losses", "stops_by_reason")),
        ),
        of_line=True,
    ),
    Screen(
        "machine",
        (
            Section("oee", ("oee_index", *_FACTORS, "coverage")),
            Section("time", ("states", "oee_trend", "parts_per_hour", "parts")),
            Section("where", ("losses", "stops_by_reason", "oee_by_shift", "oee_by_product")),
            Section(
                "parts",
                ("produced_quantity", "good_quantity", "scrap_quantity", "scrap_ratio"),
            ),
            Section("energy", ("energy_kwh", "energy_per_good_unit_kwh", "energy_by_state", "energy_trend")),
        ),
        of_companies=True,
    ),
    Screen(
        "energy",
        (
            Section(
                "energy", ("energy_kwh", "energy_per_unit_kwh", "energy_per_good_unit_kwh", "energy_missing")
            ),
            Section("time", ("energy_trend", "energy_by_state", "energy_by_machine")),
            Section(
                "baseline", ("base_load_kw", "marginal_kwh", "saved_kwh", "baseline_energy", "baseline_cusum")
            ),
            Section(
                "footprint",
                ("co2_kg", "co2_per_good_unit_kg", "energy_cost_eur", "energy_cost_per_good_unit_eur"),
            ),
            Section("material", ("material_kg", "material_per_good_unit_kg")),
        ),
        of_line=True,
        of_companies=True,
    ),
    Screen(
        "experiment",
        (
            Section("verdict", ("experiment_verdict", "experiment_coverage")),
            Section("effect", ("experiment_effect", "experiment_arms")),
        ),
        of_companies=True,
    ),
    Screen(
        "gateways",
        (
            Section(
                "delivery",
                (
                    "gateway_waiting",
                    "gateway_dead",
                    "gateway_lag",
                    "gateway_autonomy",
                    "gateway_certificate",
                ),
            ),
            Section("account", ("gateway_account", "gaps", "gateway_waiting_trend", "gateway_memory")),
            Section("life", ("links",)),
        ),
    ),
)
SCREEN: Final = {screen.id: screen for screen in SCREENS}
WALL: Final = Screen(
    "wall",
    (
        Section("oee", ("oee_index", "availability", "effectiveness", "quality_ratio", "coverage")),
        Section("parts", ("good_quantity", "produced_quantity")),
        Section("where", ("states", "losses")),
    ),
    of_line=True,
    of_companies=True,
)
"""The app's alone, for it is of the shift that is on, whatever range somebody chose."""

__all__ = [
    "BY_ID", "LOSSES", "PANELS", "SCREEN", "SCREENS", "WALL", "Convention", "Formula", "Group", "Kind",
    "Panel", "Screen", "ScreenId", "Section", "Source", "Sum", "Threshold", "Unit", "formulas",
]  # fmt: skip
