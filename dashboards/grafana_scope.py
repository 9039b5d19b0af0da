"""What a dashboard asks of: its variables, and the conditions that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dashboards import influxql
from dashboards.catalogue import Panel, Screen, ScreenId
from dashboards.influxql import Scope
from dashboards.wording import Language, say
from fieldlab_configs import Site

UID_LENGTH: Final = 40  # the most that Grafana takes
_OF_ATOMS: Final = ("line", "machine", "shift", "product")
VARIABLES: Final[dict[ScreenId, tuple[str, ...]]] = {
    "fieldlab": ("line", "shift", "product"),
    "line": _OF_ATOMS,
    "machine": _OF_ATOMS,
    "energy": _OF_ATOMS,
    "experiment": ("experiment",),
    "gateways": ("gateway",),
}
"""Variables of each dashboard, each chained to those before it."""
_WHERE_FROM: Final[dict[str, str]] = {"experiment": "experiment_result", "gateway": "gateway"}
_TAGS: Final[dict[str, tuple[str, ...]]] = {
    "atom": ("experiment", "arm", *_OF_ATOMS),
    "stop": ("experiment", "arm", "line", "machine"),
    "experiment_result": ("experiment",),
    "baseline": ("machine",),
    "baseline_block": ("machine",),
    "gateway": ("gateway",),
    "gap": ("gateway",),
    "link": ("gateway",),
}
"""Which tags a measurement has, of those that there are variables for."""


def uid(owner: str, what: str) -> str:
    """A stable identifier: ``fl-<fieldlab or company>-<what>``."""
    room = UID_LENGTH - len(f"fl--{what}")
    return f"fl-{owner[:room]}-{what}"


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard to be: a screen, for a fieldlab or for one of its companies.

    Attributes
    ----------
    site : Site
    screen : Screen
    language : str
    company : str
        Whose bucket it reads; empty: the fieldlab's own.
    """

    site: Site
    screen: Screen
    language: Language
    company: str = ""

    @property
    def owner(self) -> str:
        """Whose it is: the middle of every uid."""
        return self.company or self.site.fieldlab

    @property
    def uid(self) -> str:
        """Of this dashboard."""
        return uid(self.owner, self.screen.id)

    @property
    def bucket(self) -> str:
        """Where its figures are kept."""
        return f"{self.company}_shared" if self.company else f"{self.site.fieldlab}_kpi"

    @property
    def of_line(self) -> bool:
        """Whether totals are a line's. A company's machines need not be a whole line."""
        return self.screen.of_line and not self.company

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables to choose by, each chained to those before it."""
        own = VARIABLES[self.screen.id]
        of_company = self.company and "experiment" not in own
        return ("experiment", "arm", *own) if of_company else own

    def source(self, measurement: str) -> str:
        """The variable with the data source that holds a measurement."""
        return "raw" if measurement in {"gateway", "gap", "link"} else "ds"

    def shows(self, panel: Panel) -> bool:
        """Whether its bucket holds what a panel shows: no baseline of a machine is a company's."""
        return not self.company or panel.source not in {"baseline", "baseline_block"}

    def say(self, key: str, **values: str) -> str:
        """Words in its language."""
        return say(key, self.language, **values)

    def where(self, measurement: str, *, without: tuple[str, ...] = (), fixed: Mapping[str, str] = {}) -> str:
        """The condition on tags: this fieldlab's, and what is chosen."""
        parts = [f'"fieldlab" = {influxql.text(self.site.fieldlab)}']
        parts += [
            f'"{tag}" =~ {chosen(tag)}'
            for tag in _TAGS[measurement]
            if tag in self.variables and tag not in without
        ]
        parts += [f"{influxql.name(tag)} = {influxql.text(value)}" for tag, value in fixed.items()]
        return " AND ".join(parts)

    def scope(
        self,
        measurement: str,
        *,
        by_time: bool = False,
        by: tuple[str, ...] = (),
        without: tuple[str, ...] = (),
        also: str = "",
    ) -> Scope:
        """What is chosen, within the time that is shown."""
        # An atom that no longer holds is overwritten with zeros: it counts for nothing, and tells nothing.
        holds = ' AND "calendar_time_s" > 0' if measurement == "atom" else ""
        where = f"{self.where(measurement, without=without)}{holds}{also} AND $timeFilter"
        return Scope(where, by_time, by, self.site.timezone.latest)

    def values_of(self, variable: str) -> str:
        """The query for the values of a variable, among what the variables before it have left."""
        measurement = _WHERE_FROM.get(variable, "atom")
        if variable == "experiment" and self.company and self.screen.id != "experiment":
            measurement = "atom"
        later = self.variables[self.variables.index(variable) :]
        tag, where = influxql.name(variable), self.where(measurement, without=later)
        return f"SHOW TAG VALUES FROM {influxql.name(measurement)} WITH KEY = {tag} WHERE {where}"


def chosen(variable: str) -> str:
    """A pattern of the values of a variable."""
    return f"/^${{{variable}:regex}}$/"
