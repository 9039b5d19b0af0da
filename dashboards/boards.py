"""The cards below a page's first figures: tables with their pictures and files, data quality."""

from __future__ import annotations

from collections.abc import Callable

from dashboards import amounts
from dashboards.chart_options import Ink
from dashboards.kit import Box, Text
from dashboards.outcomes import OutcomesCard
from dashboards.parts import every_table
from dashboards.screens import Row
from dashboards.snapshot import Snapshot
from dashboards.tables import StopsCard, TableCard
from dashboards.view import View, scoped
from dashboards.wording import Language, has, say
from fieldlab_configs import Site


class QualityCard:
    """Data quality in plain sentences."""

    def __init__(self, language: Language, site: Site) -> None:
        self.language, self.site = language, site
        self._said: list[str] = []
        with Box("section", "card quality", aria_label=say("data_quality", language), data_testid="quality"):
            Text("h2", say("data_quality", language))
            self.list = Box("ul", "said")

    def show(self, snapshot: Snapshot, _: Ink) -> None:
        """Show a moment."""
        said = quality(snapshot, self.site, self.language)
        if said == self._said:
            return
        self._said = said
        self.list.clear()
        with self.list:
            for words in said:
                Text("li", words)


def quality(snapshot: Snapshot, site: Site, language: Language) -> list[str]:
    """What is wrong with the data of a range, by machine; one sentence where nothing is."""
    names: dict[str, str] = {m.id: m.name or m.id for m in site.machines()}
    said = []
    told_of = {row["machine"] for row in snapshot.parts.get("by_machine", ())}
    silent = [m for m in scoped(site, snapshot.view) if m not in told_of and "by_machine" in snapshot.parts]
    said += [say("data_quality.silent", language, machine=names[machine]) for machine in silent]
    for row in snapshot.parts.get("by_machine", ()):
        if snapshot.view.machine in (None, row["machine"]):
            said += _of_machine(row, names[row["machine"]], language)
    for gap in snapshot.parts.get("gaps", ()):
        machine, reason = str(gap["machine"]), str(gap["reason"])
        key = f"gap.{reason}"
        told = {
            "machine": say("data_quality.all", language)
            if machine == "none"
            else names.get(machine, machine),
            "reason": say(key, language) if has(key) else reason,
            "count": amounts.count(gap["count"], language),
            "gaps": str(gap["gaps"]),
        }
        known = "data_quality.gaps" if gap["count"] else "data_quality.gaps.unknown"
        said.append(say(known, language, **told))
    return said or [say("data_quality.fine", language)]


def _of_machine(row: Row, name: str, language: Language) -> list[str]:
    said = []
    planned, unknown = row["planned_busy_time_s"] or 0.0, row["unknown_time_s"] or 0.0
    if 0 < planned <= unknown:
        return [say("data_quality.silent", language, machine=name)]
    if unknown > 0 and planned > 0:
        told = {
            "unknown": amounts.duration(unknown, language),
            "planned": amounts.duration(planned, language),
        }
        covered = amounts.percent(row["coverage"], language)
        said.append(say("data_quality.coverage", language, machine=name, coverage=covered, **told))
    if (row.get("effectiveness") or 0.0) > 1.0:
        value = amounts.percent(row["effectiveness"], language)
        made, ran = row.get("produced_quantity") or 0.0, row["actual_production_time_s"]
        seconds = amounts.significant(ran / made, language) if made > 0 else amounts.UNDEFINED
        said.append(say("data_quality.cycle", language, machine=name, value=value, seconds=seconds))
    for field, key in (
        ("count_missing_s", "data_quality.counts"),
        ("energy_missing_s", "data_quality.energy"),
    ):
        missing = row.get(field) or 0.0
        if missing > 0 and (field != "energy_missing_s" or row.get("energy_kwh") is not None):
            said.append(say(key, language, machine=name, missing=amounts.duration(missing, language)))
    return said


def boards(
    view: View, language: Language, site: Site, ask: Callable[[Row], None] | None
) -> list[TableCard | QualityCard]:
    """The cards of a page's tables, from top to bottom, data quality first where there are machines."""
    made: list[TableCard | QualityCard] = []
    first = {"overview": "opportunities", "line": "pareto"}.get(view.screen, "")
    for name in every_table(view):
        if name == "gaps" and view.screen != "gateways":
            continue  # said among data quality
        if name == "stops":
            made.append(StopsCard(language, site, ask))
        elif name == "results":
            made.append(OutcomesCard(language, site))
        else:
            made.append(TableCard(name, language, site))
        if name == first:
            made.append(QualityCard(language, site))
    return made
