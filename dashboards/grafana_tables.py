"""Panels that rearrange what a query answers: the waterfall, the Pareto of stops, tables of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import barchart, table
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

from analytics.experiments import REASONS
from analytics.kpis import KPIS
from dashboards import palette
from dashboards.catalogue import Panel
from dashboards.grafana_queries import InfluxQuery
from dashboards.grafana_scope import Board
from dashboards.wording import has

_REDUCED, _SUMMED, _FLOOR, _TOP = "Last *", "duration_s (sum)", "floor", "top"
"""Names that Grafana's transformations give to what they make."""
_VERDICTS: Final = {
    "improved": palette.LEVELS["good"],
    "worsened": palette.LEVELS["low"],
    "no difference shown": "#5D6B7A",
    "not enough data": "#5D6B7A",
}
_HIDDEN: Final = {"Time": True, "time": True}


def waterfall(board: Board, asked: Sequence[InfluxQuery]) -> Any:
    """Losses upon one another, from good work up to all of planned time.

    Each query gives one number under the loss's name; they become rows, their running sum gives where each
    bar ends, and less the row itself where it begins: an invisible bar lifts it there.
    """
    panel = (
        barchart.Panel()
        .orientation(common.VizOrientation.HORIZONTAL)
        .stacking(common.StackingMode.NORMAL)
        .x_field("Field")
        .fill_opacity(90)
        .line_width(0)
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(False)  # noqa: FBT003 - a builder
            .display_mode(common.LegendDisplayMode.HIDDEN)
        )
        .with_transformation(_step("reduce", mode="seriesToRows", reducers=["lastNotNull"]))
        .with_transformation(
            _step(
                "calculateField",
                mode="cumulativeFunctions",
                alias=_TOP,
                cumulative={"field": _REDUCED, "reducer": "sum"},
            )
        )
        .with_transformation(
            _step(
                "calculateField",
                mode="binary",
                alias=_FLOOR,
                binary={"left": _TOP, "operator": "-", "right": _REDUCED},
            )
        )
        .with_transformation(
            _step(
                "organize",
                excludeByName={_TOP: True},
                indexByName={"Field": 0, _FLOOR: 1, _REDUCED: 2},
                renameByName={_REDUCED: board.say("losses")},
            )
        )
        .override_by_name(
            _FLOOR,
            [
                _value("color", {"mode": "fixed", "fixedColor": "transparent"}),
                _value("custom.hideFrom", {"legend": True, "tooltip": True, "viz": False}),
            ],
        )
    )
    return _asked(panel, asked)


def pareto(board: Board, asked: Sequence[InfluxQuery]) -> Any:
    """Stops added up by reason, the most costly first: a reason is a text, and InfluxQL groups by none."""
    panel = (
        barchart.Panel()
        .orientation(common.VizOrientation.HORIZONTAL)
        .x_field("reason_text")
        .fill_opacity(90)
        .line_width(0)
        .with_transformation(
            _step(
                "groupBy",
                fields={
                    "reason_text": {"aggregations": [], "operation": "groupby"},
                    "duration_s": {"aggregations": ["sum"], "operation": "aggregate"},
                },
            )
        )
        .with_transformation(_step("sortBy", fields={}, sort=[{"field": _SUMMED, "desc": True}]))
        .with_transformation(_step("limit", limitField=20))
        .mappings([_spoken({"none": board.say("reason.none")})])
        .override_by_name(_SUMMED, [_value("displayName", board.say("stops_by_reason"))])
    )
    return _asked(panel, asked)


def told(board: Board, panel: Panel, asked: Sequence[InfluxQuery]) -> Any:
    """A table, its columns under their names."""
    made = (
        table.Panel()
        .show_header(True)  # noqa: FBT003 - a builder
        .with_transformation(_step("organize", excludeByName=_HIDDEN, indexByName={}, renameByName={}))
    )
    spoken = _words(board)
    for column in (
        "kpi",
        "term",
        "experiment",
        "machine",
        "gateway",
        *panel.measure,
        "low",
        "high",
        "reason",
    ):
        properties = [_value("displayName", _column(board, column))]
        if column in {"estimate", "low", "high"} and panel.unit == "ratio":
            properties.append(_value("decimals", 1))
        if spoken.get(column):
            properties.append(
                _value("mappings", [_mapped({k: {"text": v} for k, v in spoken[column].items()})])
            )
        if column == "verdict":
            properties += [_verdicts(board), _value("custom.cellOptions", {"type": "color-text"})]
        made = made.override_by_name(column, properties)
    return _asked(made, asked)


def _column(board: Board, column: str) -> str:
    for key in (f"account.{column}", f"label.{column}", f"arm.{column}", f"grafana.variable.{column}"):
        if has(key):
            return board.say(key)
    return column


def _words(board: Board) -> dict[str, dict[str, str]]:
    """What keys in the cells of a column are called; a number elsewhere may look like one of them."""
    return {
        "kpi": {kpi: board.say(kpi) for kpi in KPIS if has(kpi)},
        "machine": {m.id: m.name for m in board.site.machines() if m.name},
        "experiment": {e.id: e.question for e in board.site.experiments if e.question},
        "reason": {code: board.say(f"why_not.{code}") for code in REASONS},
    }


def _mapped(options: dict[str, dict[str, str]]) -> dict[str, Any]:
    numbered = {key: {**option, "index": number} for number, (key, option) in enumerate(options.items())}
    return {"type": "value", "options": numbered}


def _verdicts(board: Board) -> models.DynamicConfigValue:
    options = {
        verdict: {"text": board.say(f"verdict.{verdict}"), "color": colour}
        for verdict, colour in _VERDICTS.items()
    }
    return _value("mappings", [_mapped(options)])


def _spoken(words: dict[str, str]) -> models.ValueMap:
    options = {key: models.ValueMappingResult(text=said) for key, said in words.items()}
    return models.ValueMap(options=options)


def _value(key: str, value: Any) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=key, value=value)


def _step(name: str, **options: Any) -> models.DataTransformerConfig:
    return models.DataTransformerConfig(id_val=name, options=options)


def _asked(panel: Any, asked: Sequence[InfluxQuery]) -> Any:
    for query in asked:
        panel = panel.with_target(query)
    return panel
