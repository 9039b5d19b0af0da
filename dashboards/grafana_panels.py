"""The panels of Grafana's dashboards, dressed as the catalogue says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    dashboard,
    gauge,
    stat,
    statetimeline,
    text,
    timeseries,
)
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import text as text_models

from dashboards import grafana_tables, palette
from dashboards.catalogue import Panel
from dashboards.grafana_queries import InfluxQuery, bounds, of_line, queries, state_label
from dashboards.grafana_scope import Board
from dashboards.wording import has
from fieldlab_configs.states import STATE_CLASSES

UNITS: Final = {
    "ratio": "percentunit",
    "parts": "none",
    "parts_per_h": "suffix:/h",
    "kwh": "kwatth",
    "kwh_per_unit": "kwatth",
    "kw": "kwatt",
    "kg": "suffix: kg",
    "kg_per_unit": "suffix: kg",
    "eur": "currencyEUR",
    "eur_per_unit": "currencyEUR",
    "state": "s",
    "seconds": "s",
    "hours": "h",
    "days": "d",
    "count": "none",
    "mb": "decmbytes",
    "text": "none",
}
_DARKER: Final = "#5D6B7A"
_COLOURS: Final = {"energy_trend": palette.ENERGY, "oee_trend": palette.GOOD, "parts": palette.GOOD}
AnyPanel = Any
"""The SDK gives every kind of panel a class of its own without a common base."""


def panels_of(board: Board, panel: Panel) -> list[AnyPanel]:
    """What Grafana shows of a panel of the catalogue: one, and a line's OEE with its machines' bounds."""
    made = [_dressed(board, panel, _drawn(board, panel), title_of(board, panel))]
    if panel.low and panel.source == "atom" and of_line(board, panel):
        beside = _targets(_stat(), bounds(board, panel))
        title = board.say("grafana.of_machines", title=board.say(panel.id))
        made.append(_dressed(board, panel, beside, title, machines=True))
    return made


def words(content: str) -> AnyPanel:
    """A panel of text: what each figure above it means."""
    return text.Panel().mode(text_models.TextMode.MARKDOWN).content(content).transparent(True)  # noqa: FBT003 - a builder


def title_of(board: Board, panel: Panel) -> str:
    """Its title; a line's own OEE is called so."""
    if panel.id == "oee_index" and of_line(board, panel):
        return board.say("grafana.of_line", title=board.say(panel.id))
    return board.say(panel.id)


def meaning(board: Board, panel: Panel) -> str:
    """How a figure is made, in one sentence: the line's way or the convention's, where it differs."""
    ways = [f"{panel.id}.how_{board.site.convention}", f"{panel.id}.how"]
    if of_line(board, panel):
        ways.insert(0, f"{panel.id}.how_line")
    return board.say(next(key for key in ways if has(key)))


def size(panel: Panel) -> tuple[int, int]:
    """How many like it stand in a row, and how high they are."""
    if panel.kind == "figure" and panel.group == "total":
        return 6, 5
    return (5, 6) if panel.kind == "figure" and panel.group == "gateway" else (2, 9)


def _dressed(
    board: Board, panel: Panel, builder: AnyPanel, title: str, *, machines: bool = False
) -> AnyPanel:
    """Title, words, unit and thresholds, as the catalogue says them."""
    how = board.say(f"{panel.id}.how") if machines else meaning(board, panel)
    dressed = (
        builder.title(title)
        .description(f"{board.say(f'{panel.id}.question')}\n\n{how}")
        .unit(UNITS[panel.unit])
        .no_value("–")
        .interval(f"{board.site.cell_s}s")
    )
    if panel.unit == "ratio" and panel.kind in {"figure", "trend"}:
        dressed = dressed.min(0).max(1).decimals(1)
    if panel.thresholds:
        steps = [
            models.Threshold(value=None if i == 0 else t.at, color=palette.LEVELS[t.level])
            for i, t in enumerate(panel.thresholds)
        ]
        return dressed.thresholds(
            dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
        ).color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    if panel.kind in {"trend", "bars", "timeline"} and panel.id not in _COLOURS:
        return dressed.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
    return dressed.color_scheme(_fixed(_COLOURS.get(panel.id, _DARKER)))


def _drawn(board: Board, panel: Panel) -> AnyPanel:
    asked = queries(board, panel)
    if panel.kind == "waterfall":
        return grafana_tables.waterfall(board, asked)
    if panel.source == "stop":
        return grafana_tables.pareto(board, asked)
    if panel.kind in {"intervals", "table"}:
        return grafana_tables.told(board, panel, asked)
    if panel.kind == "trend":
        return _named(board, panel, _targets(_line_chart(panel), asked))
    if panel.kind == "timeline" and panel.source == "link":
        return _links(board, asked)
    if panel.kind in {"bars", "timeline"}:
        stacking = common.StackingMode.PERCENT if panel.kind == "timeline" else common.StackingMode.NORMAL
        return _by_state(board, panel, _targets(_bars(stacking), asked))
    if panel.group != "total":
        return _named(board, panel, _targets(_bar_gauge(), asked))
    if panel.id == "oee_index" and len(asked) == 1:
        return _targets(gauge.Panel().reduce_options(_last()), asked)
    return _targets(_stat(), asked)


def _targets(builder: AnyPanel, asked: Sequence[InfluxQuery]) -> AnyPanel:
    for query in asked:
        builder = builder.with_target(query)
    return builder


def _named(board: Board, panel: Panel, builder: AnyPanel) -> AnyPanel:
    """Machines and lines under their names, which are free, and not their ids."""
    groups = {
        "machine": {machine.id: machine.name for machine in board.site.machines()},
        "line": {line.id: line.name for line in board.site.lines},
    }
    for key, called in groups.get(panel.group, {}).items():
        if called:
            shown = models.DynamicConfigValue(id_val="displayName", value=called)
            builder = builder.override_by_name(key, [shown])
    return builder


def _by_state(board: Board, panel: Panel, builder: AnyPanel) -> AnyPanel:
    """States in the colours that they have everywhere; parts in that of good and of scrap."""
    if len(panel.measure) == len(STATE_CLASSES):
        for name, field in zip(STATE_CLASSES, panel.measure, strict=True):
            builder = coloured(builder, state_label(board, field), palette.STATE_COLOURS[name])
        return builder
    builder = coloured(builder, board.say("good_quantity"), palette.GOOD)
    return coloured(builder, board.say("scrap_quantity"), palette.SCRAP)


def _links(board: Board, asked: Sequence[InfluxQuery]) -> AnyPanel:
    on_off = {"1": ("label.up", palette.GOOD), "0": ("label.down", palette.SCRAP)}
    options = {
        value: models.ValueMappingResult(text=board.say(key), color=colour)
        for value, (key, colour) in on_off.items()
    }
    panel = statetimeline.Panel().mappings([models.ValueMap(options=options)]).merge_values(True)  # noqa: FBT003 - a builder
    return _targets(panel, asked)


def _line_chart(panel: Panel) -> AnyPanel:
    chart = (
        timeseries.Panel()
        .draw_style(common.GraphDrawStyle.LINE)
        .show_points(common.VisibilityMode.ALWAYS)
        .span_nulls(panel.source == "gateway")
        .line_width(2)
        .fill_opacity(8)
    )
    return chart if panel.id == "baseline_cusum" else chart.axis_soft_min(0)


def _bars(stacking: common.StackingMode) -> AnyPanel:
    return (
        timeseries.Panel()
        .draw_style(common.GraphDrawStyle.BARS)
        .bar_alignment(common.BarAlignment.AFTER)
        .bar_width_factor(1.0)
        .line_width(0)
        .fill_opacity(90)
        .stacking(common_builders.StackingConfig().mode(stacking).group("A"))
    )


def _bar_gauge() -> AnyPanel:
    return (
        bargauge.Panel()
        .reduce_options(_last())
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
    )


def _stat() -> AnyPanel:
    return stat.Panel().reduce_options(_last()).graph_mode(common.BigValueGraphMode.NONE)


def _last() -> common_builders.ReduceDataOptions:
    return common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False)  # noqa: FBT003 - a builder


def coloured(builder: AnyPanel, series: str, colour: str) -> AnyPanel:
    """A series in a colour of its own."""
    value = {"mode": "fixed", "fixedColor": colour}
    return builder.override_by_name(series, [models.DynamicConfigValue(id_val="color", value=value)])


def _fixed(colour: str) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(colour)
