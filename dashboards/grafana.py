"""Grafana dashboards as code, rendered from the catalogue: classic JSON, which Grafana 11, 12 and 13 read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

from dashboards import influxql
from dashboards.catalogue import SCREENS, Section
from dashboards.grafana_panels import AnyPanel, meaning, panels_of, size, title_of, words
from dashboards.grafana_scope import Board, uid
from dashboards.wording import Language
from fieldlab_configs import Site

_WIDTH: Final = 24
_LETTERS_IN_A_LINE: Final = 170
_SINGLE: Final = ("experiment",)
"""Variables of which one value is chosen at a time: two experiments may share the same atoms."""
_SINCE: Final = {"experiment": "now-90d", "energy": "now-7d", "fieldlab": "now-24h"}


def boards(site: Site, language: Language, company: str = "") -> list[Board]:
    """Every dashboard of a fieldlab, or of one of its companies."""
    return [Board(site, s, language, company) for s in SCREENS if s.of_companies or not company]


def render(board: Board) -> dict[str, Any]:
    """A dashboard as JSON has it; equal for equal arguments."""
    site, screen = board.site, board.screen
    built = (
        dashboard.Dashboard(f"{_owner(board)} · {board.say(f'screen.{screen.id}')}")
        .uid(board.uid)
        .description(board.say(f"screen.{screen.id}.question"))
        .tags(["fieldlab", board.owner])
        .timezone(site.timezone.latest)
        .time(_SINCE.get(screen.id, "now-8h"), "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(_variables(board))
        .link(
            dashboard.DashboardLink(_owner(board))
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["fieldlab", board.owner])
            .as_dropdown(False)  # noqa: FBT003 - a builder
            .include_vars(True)  # noqa: FBT003
            .keep_time(True)  # noqa: FBT003
        )
    )
    number, y = 1, 0
    for section in screen.sections:
        if not any(board.shows(panel) for panel in screen.panels if panel.id in section.panels):
            continue
        heading = dashboard.Row(board.say(f"section.{section.id}")).id(number)
        built = built.with_row(heading.grid_pos(models.GridPos(x=0, y=y, w=_WIDTH, h=1)))
        placed, y = _placed(board, section, y + 1)
        for panel in placed:
            number += 1
            built = built.with_panel(panel.id(number))
        number += 1
    return _plain(board, built.build())


def _owner(board: Board) -> str:
    if not board.company:
        return board.site.name or board.site.fieldlab
    return next(c.name or c.id for c in board.site.companies if c.id == board.company)


def _placed(board: Board, section: Section, y: int) -> tuple[list[AnyPanel], int]:
    """The panels of a section in rows of equal widths, small ones together; below them what they mean."""
    known = [p for p in board.screen.panels if p.id in section.panels and board.shows(p)]
    placed: list[AnyPanel] = []
    for (most, height), group in groupby(known, size):
        made = [each for panel in group for each in panels_of(board, panel)]
        in_a_row = 3 if len(made) == 3 else most  # noqa: PLR2004 - a third each
        for begin in range(0, len(made), in_a_row):
            row = made[begin : begin + in_a_row]
            placed += [
                panel.grid_pos(models.GridPos(x=x, y=y, w=w, h=height))
                for panel, (x, w) in zip(row, _columns(len(row)), strict=True)
            ]
            y += height
    content = "\n".join(f"- **{title_of(board, p)}**: {meaning(board, p)}" for p in known)
    height = 1 + sum(1 + len(line) // _LETTERS_IN_A_LINE for line in content.splitlines())
    source = common.DataSourceRef(type_val="influxdb", uid="${ds}")
    placed = [panel.datasource(source) for panel in placed]
    placed.append(words(content).grid_pos(models.GridPos(x=0, y=y, w=_WIDTH, h=height)))
    return placed, y + height


def _columns(n: int) -> list[tuple[int, int]]:
    edges = [round(i * _WIDTH / n) for i in range(n + 1)]
    return [(left, right - left) for left, right in pairwise(edges)]


def _plain(board: Board, built: object) -> dict[str, Any]:
    """As JSON has it, without what the SDK fills in and a query variable does not know."""
    found: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder, sort_keys=True))
    found.pop("id", None)
    for variable in found["templating"]["list"]:
        for key in [key for key in variable if key.startswith("auto")]:
            del variable[key]
    for link in found["links"]:
        del link["placement"]  # of a later schema
    for panel in found["panels"]:
        sources = {target["datasource"]["uid"] for target in panel.get("targets", ())}
        if sources:
            (source,) = sources
            panel["datasource"] = {"type": "influxdb", "uid": source}
    found["annotations"] = {"list": list(_annotations(board))}
    return found


def _annotations(board: Board) -> list[dict[str, Any]]:
    """Stops, and windows of experiments where the fieldlab's own bucket tells of them."""
    if "line" not in board.variables:
        return []
    chosen = {tag for tag in ("experiment", "arm", "line", "machine") if tag in board.variables}
    stops = board.where("stop", without=tuple({"line", "machine", "experiment", "arm"} - chosen))
    found = [
        _annotation(
            board.say("grafana.stops"),
            f'SELECT "reason_text", "machine", "state" FROM "stop" WHERE {stops} AND "duration_s" > 0'  # noqa: S608 - see influxql
            " AND $timeFilter",
            colour="red",
            textColumn="reason_text",
            tagsColumn="machine,state",
        )
    ]
    if not board.company:
        own = f'"fieldlab" = {influxql.text(board.site.fieldlab)}'
        found.append(
            _annotation(
                board.say("grafana.windows"),
                f'SELECT "text", "end_ms", "experiment", "arm" FROM "experiment_window" WHERE {own}'  # noqa: S608
                ' AND "end_ms" > 0',
                colour="blue",
                textColumn="text",
                tagsColumn="experiment,arm",
                timeEndColumn="end_ms",
            )
        )
    return found


def _annotation(label: str, query: str, *, colour: str, **columns: str) -> dict[str, Any]:
    """A query of events: Grafana keeps its parts beside `target` and reads them from either."""
    told = {"query": query, **columns}
    return {
        "name": label,
        "datasource": {"type": "influxdb", "uid": "${ds}"},
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "target": {"refId": "Anno", "fromAnnotations": True, "rawQuery": True, **told},
        **told,
    }


def _variables(board: Board) -> list[Builder[models.VariableModel]]:
    buckets = [("ds", board.bucket, uid(board.owner, "shared" if board.company else "kpi"))]
    if board.screen.id == "gateways":
        buckets.append(("raw", f"{board.site.fieldlab}_raw", uid(board.owner, "raw")))
    sources: list[Builder[models.VariableModel]] = [
        dashboard.DatasourceVariable(name)
        .label(board.say(f"grafana.variable.{name}"))
        .type("influxdb")
        .regex(f"/^{bucket}$/")
        .hide(models.VariableHide.HIDE_VARIABLE)
        .current(models.VariableOption(text=bucket, value=source, selected=True))
        for name, bucket, source in buckets
    ]
    return [*sources, *(_tag_variable(board, key) for key in board.variables)]


def _tag_variable(board: Board, key: str) -> Builder[models.VariableModel]:
    query = board.values_of(key)
    source = common.DataSourceRef(
        type_val="influxdb", uid=f"${{{board.source('gateway' if key == 'gateway' else 'atom')}}}"
    )
    variable = (
        dashboard.QueryVariable(key)
        .label(board.say(f"grafana.variable.{key}"))
        .datasource(source)
        .query(query)
        .definition(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if key in _SINGLE:
        return variable
    everything = models.VariableOption(text=["All"], value=["$__all"], selected=True)
    return variable.multi(True).include_all(True).current(everything)  # noqa: FBT003 - a builder


__all__: Sequence[str] = ["boards", "render", "uid"]
