"""What a page is made of: its first figures, then tables with their pictures and files, data quality."""

from __future__ import annotations

from dashboards import amounts, bars, cards, charts
from dashboards.nodes import Node, node
from dashboards.outcomes import outcomes
from dashboards.parts import every_table
from dashboards.scene import Scene
from dashboards.screens import Row
from dashboards.snapshot import Snapshot
from dashboards.tables import stops, table
from dashboards.view import scoped
from dashboards.wording import Language, has, say
from fieldlab_configs import Site


def _quality(scene: Scene) -> Node:
    """Data quality in plain sentences."""
    said = quality(scene.snapshot, scene.site, scene.language)
    title = scene.say("data_quality")
    return node(
        "section",
        "card quality",
        node("h2", text=title),
        node("ul", "said", [node("li", text=words) for words in said]),
        aria_label=title,
        data_testid="quality",
    )


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


def first_cards(scene: Scene) -> list[Node]:
    """The figures that a page begins with."""
    if scene.snapshot.view.screen == "line":
        return [make(scene) for make in (cards.oee, cards.factors, cards.states, cards.parts, cards.energy)]
    if scene.snapshot.view.screen == "energy":
        return [
            cards.every_figure(scene),
            cards.trend(scene, "energy_trend", charts.energy),
            cards.trend(scene, "energy_by_state", bars.energy_by_state),
        ]
    return []


def boards(scene: Scene) -> list[Node]:
    """The cards of a page's tables, from top to bottom, data quality first where there are machines."""
    view, made = scene.snapshot.view, []
    first = {"overview": "opportunities", "line": "pareto"}.get(view.screen, "")
    own = {"stops": stops, "results": outcomes}
    for name in every_table(view):
        if name == "gaps" and view.screen != "gateways":
            continue  # said among data quality
        made.append(own[name](scene) if name in own else table(scene, name))
        if name == first:
            made.append(_quality(scene))
    return made
