"""Grafana dashboards as code, rendered from the catalogue: classic JSON, which Grafana 11, 12 and 13 read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

from dashboards import influxql
from dashboards.grafana_panels import LinePanels
from dashboards.wording import Language, say
from fieldlab_configs import Site

UID_LENGTH: Final = 40  # the most that Grafana takes
_SOURCE: Final = common.DataSourceRef(type_val="influxdb", uid="${ds}")


def uid(site: Site, what: str) -> str:
    """A stable identifier: ``fl-<fieldlab>-<what>``."""
    room = UID_LENGTH - len(f"fl--{what}")
    return f"fl-{site.fieldlab[:room]}-{what}"


def line_overview(site: Site, language: Language) -> dict[str, Any]:
    """The overview of a line.

    Parameters
    ----------
    site : Site
    language : str

    Returns
    -------
    dict
        The dashboard as JSON has it; equal for equal arguments.
    """
    board = (
        dashboard.Dashboard(f"{say('grafana.line', language)} · {site.name or site.fieldlab}")
        .uid(uid(site, "line"))
        .tags(["fieldlab", site.fieldlab])
        .timezone(site.timezone.latest)
        .time("now-8h", "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(_variables(site, language))
        .link(
            dashboard.DashboardLink("Fieldlab")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["fieldlab", site.fieldlab])
            .as_dropdown(True)  # noqa: FBT003 - a builder
            .include_vars(True)  # noqa: FBT003
            .keep_time(True)  # noqa: FBT003
        )
    )
    for number, panel in enumerate(LinePanels(site, language).panels(), start=1):
        board = board.with_panel(panel.id(number).datasource(_SOURCE))
    return _plain(board.build())


def _plain(built: object) -> dict[str, Any]:
    """As JSON has it, without what the SDK fills in and a query variable does not know."""
    found: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder, sort_keys=True))
    found.pop("id", None)
    for variable in found["templating"]["list"]:
        for key in [key for key in variable if key.startswith("auto")]:
            del variable[key]
    return found


def _variables(site: Site, language: Language) -> list[Builder[models.VariableModel]]:
    own = f'"fieldlab" = {influxql.text(site.fieldlab)}'
    source = uid(site, "kpi")
    on_line = f'{own} AND "line" =~ /^${{line:regex}}$/'
    return [
        dashboard.DatasourceVariable("ds")
        .label(say("grafana.variable.ds", language))
        .type("influxdb")
        .regex(f"/^{site.fieldlab}_kpi$/")
        .current(models.VariableOption(text=f"{site.fieldlab}_kpi", value=source, selected=True)),
        _tag_variable("line", f'SHOW TAG VALUES FROM "atom" WITH KEY = "line" WHERE {own}', language),
        _tag_variable(
            "machine", f'SHOW TAG VALUES FROM "atom" WITH KEY = "machine" WHERE {on_line}', language
        )
        .multi(True)  # noqa: FBT003 - a builder
        .include_all(True)  # noqa: FBT003
        .current(models.VariableOption(text=["All"], value=["$__all"], selected=True)),
    ]


def _tag_variable(key: str, query: str, language: Language) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(key)
        .label(say(f"grafana.variable.{key}", language))
        .datasource(_SOURCE)
        .query(query)
        .definition(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


BOARDS: Final[dict[str, Callable[[Site, Language], dict[str, Any]]]] = {"line": line_overview}
"""Every dashboard by its name."""
