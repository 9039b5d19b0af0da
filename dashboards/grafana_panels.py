"""The panels of Grafana's dashboards, dressed as the catalogue says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, dashboard, gauge, stat, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

from dashboards import influxql, palette
from dashboards.catalogue import BY_ID, Formula, Panel, formulas
from dashboards.influxql import Scope
from dashboards.wording import Language, has, say
from fieldlab_configs import Site
from fieldlab_configs.states import STATE_CLASSES

_UNITS: Final = {
    "ratio": "percentunit",
    "parts": "none",
    "kwh": "kwatth",
    "kwh_per_unit": "kwatth",
    "state": "s",
    "seconds": "s",
}
_DARKER: Final = "#5D6B7A"
AnyPanel = Any
"""The SDK gives every kind of panel a class of its own without a common base."""


@dataclass(slots=True)
class InfluxQuery(Dataquery, Builder[Dataquery]):
    """An InfluxQL query: the SDK has none.

    Attributes
    ----------
    query : str
    ref_id : str
        A, B, C: its place in the panel.
    alias : str
        Name of the series; ``$tag_machine`` and ``$col`` are Grafana's.
    """

    query: str
    ref_id: str = "A"
    alias: str = ""

    def build(self) -> Dataquery:
        """Itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana keeps it."""
        return {
            "refId": self.ref_id,
            "datasource": {"type": "influxdb", "uid": "${ds}"},
            "rawQuery": True,
            "query": self.query,
            "resultFormat": "time_series",
            "alias": self.alias,
        }


class LinePanels:
    """The panels of one line's overview."""

    def __init__(self, site: Site, language: Language) -> None:
        self.site, self.language = site, language
        self.of_line = formulas(site.convention, line=True)
        self.of_machines = formulas(site.convention, line=False)
        where = f'"fieldlab" = {influxql.text(site.fieldlab)} AND "line" =~ /^${{line:regex}}$/'
        self.line_where = f"{where} AND $timeFilter"
        self.machines_where = f'{where} AND "machine" =~ /^${{machine:regex}}$/ AND $timeFilter'

    def panels(self) -> list[AnyPanel]:
        """All of them, from top to bottom; the numbers are x, y, width and height on a grid of 24."""
        return [
            self._oee(0, 0, 6, 8),
            *(
                self._ratio(name, 6 + 4 * i, 0, 4, 4)
                for i, name in enumerate(("availability", "effectiveness", "quality_ratio"))
            ),
            self._ratio("coverage", 18, 0, 6, 4),
            self._sum("good_quantity", 6, 4, 4, 4),
            self._sum("scrap_quantity", 10, 4, 4, 4),
            self._energy(14, 4, 4, 4),
            self._bounds(18, 4, 6, 4),
            self._by_machine(0, 8, 8, 9),
            self._states(8, 8, 16, 9),
            self._parts(0, 17, 12, 9),
            self._energy_trend(12, 17, 12, 9),
        ]

    def _scope(self, *, line: bool, by_time: bool = False, by_machine: bool = False) -> Scope:
        where = self.line_where if line else self.machines_where
        return Scope(where, by_time, by_machine, self.site.timezone.latest)

    def _dress(
        self, builder: AnyPanel, panel: Panel, place: Sequence[int], title: str, *, line: bool
    ) -> AnyPanel:
        """Title, words, unit and thresholds, as the catalogue says them."""
        x, y, w, h = place
        how = f"{panel.id}.how_line" if line and has(f"{panel.id}.how_line") else f"{panel.id}.how"
        words = f"{say(f'{panel.id}.question', self.language)}\n\n{say(how, self.language)}"
        dressed = (
            builder.title(title)
            .description(words)
            .grid_pos(models.GridPos(x=x, y=y, w=w, h=h))
            .unit(_UNITS[panel.unit])
            .no_value("–")
            .interval(f"{self.site.cell_s}s")
        )
        if panel.unit == "ratio":
            dressed = dressed.min(0).max(1).decimals(1)
        if panel.thresholds:
            steps = [
                models.Threshold(value=None if i == 0 else t.at, color=palette.LEVELS[t.level])
                for i, t in enumerate(panel.thresholds)
            ]
            dressed = dressed.thresholds(
                dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
            ).color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        else:
            dressed = dressed.color_scheme(_fixed(_DARKER))
        return dressed

    def _say(self, key: str, **values: str) -> str:
        return say(key, self.language, **values)

    def _oee(self, *place: int) -> AnyPanel:
        query = influxql.quotient(self.of_line["oee_index"], self._scope(line=True))
        panel = gauge.Panel().reduce_options(_last()).with_target(InfluxQuery(query, alias="OEE"))
        return self._dress(panel, BY_ID["oee_index"], place, self._say("grafana.oee_line"), line=True)

    def _ratio(self, name: str, *place: int) -> AnyPanel:
        query = influxql.quotient(self.of_machines[name], self._scope(line=False))
        return self._stat(name, query, place, line=False)

    def _sum(self, name: str, *place: int) -> AnyPanel:
        (measure,) = BY_ID[name].of(line=True)
        return self._stat(name, influxql.quantity(measure, self._scope(line=True)), place, line=True)

    def _energy(self, *place: int) -> AnyPanel:
        name = "energy_per_good_unit_kwh"
        query = influxql.quotient(self.of_line[name], self._scope(line=True))
        return self._stat(name, query, place, line=True)

    def _stat(self, name: str, query: str, place: Sequence[int], *, line: bool) -> AnyPanel:
        title = self._say(name)
        panel = _stat().with_target(InfluxQuery(query, alias=title))
        return self._dress(panel, BY_ID[name], place, title, line=line)

    def _bounds(self, *place: int) -> AnyPanel:
        """Between what the machines' OEE lies: low, as counted, high."""
        panel, scope = BY_ID["oee_index"], self._scope(line=False)
        builder = _stat().graph_mode(common.BigValueGraphMode.NONE)
        for ref, name, label in (("A", panel.low, "≥"), ("B", "oee_index", "OEE"), ("C", panel.high, "≤")):
            query = influxql.quotient(self.of_machines[name], scope)
            builder = builder.with_target(InfluxQuery(query, ref, label))
        title = self._say("grafana.of_machines", title=self._say("oee_index"))
        return self._dress(builder, panel, place, title, line=False)

    def _by_machine(self, *place: int) -> AnyPanel:
        panel = BY_ID["oee_by_machine"]
        query = influxql.quotient(self.of_machines["oee_index"], self._scope(line=False, by_machine=True))
        builder = (
            bargauge.Panel()
            .reduce_options(_last())
            .orientation(common.VizOrientation.HORIZONTAL)
            .display_mode(common.BarGaugeDisplayMode.BASIC)
            .with_target(InfluxQuery(query, alias="$tag_machine"))
        )
        return self._dress(builder, panel, place, self._say(panel.id), line=False)

    def _states(self, *place: int) -> AnyPanel:
        """How every cell was spent: a stacked bar per cell, in the colours of the web page."""
        panel = BY_ID["states"]
        columns = {field: self._say(f"state.{field[6:-2]}") for field in panel.measure}
        query = influxql.seconds(columns, self._scope(line=False, by_time=True))
        builder = _bars(common.StackingMode.PERCENT).with_target(InfluxQuery(query, alias="$col"))
        for name in STATE_CLASSES:
            builder = _coloured(builder, self._say(f"state.{name}"), palette.STATE_COLOURS[name])
        return self._dress(builder, panel, place, self._say(panel.id), line=False)

    def _parts(self, *place: int) -> AnyPanel:
        panel = BY_ID["parts"]
        (good,) = panel.of(line=True)
        scope = self._scope(line=True, by_time=True)
        builder = _bars(common.StackingMode.NORMAL)
        label = self._say("good_quantity")
        builder = builder.with_target(InfluxQuery(influxql.quantity(good, scope), alias=label))
        builder = _coloured(builder, label, palette.GOOD)
        return self._dress(builder, panel, place, self._say(panel.id), line=True)

    def _energy_trend(self, *place: int) -> AnyPanel:
        panel = BY_ID["energy_trend"]
        formula: Formula = self.of_line[panel.measure[0]]
        query = influxql.quotient(formula, self._scope(line=True, by_time=True))
        label = self._say("unit.kwh_per_unit")
        builder = (
            timeseries.Panel()
            .draw_style(common.GraphDrawStyle.LINE)
            .show_points(common.VisibilityMode.ALWAYS)
            .span_nulls(False)  # noqa: FBT003 - a builder
            .line_width(2)
            .fill_opacity(8)
            .axis_soft_min(0)
            .with_target(InfluxQuery(query, alias=label))
        )
        title = self._say("energy_per_good_unit_kwh")
        dressed = self._dress(builder, panel, place, title, line=True)
        return dressed.color_scheme(_fixed(palette.ENERGY))


def _last() -> common_builders.ReduceDataOptions:
    return common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False)  # noqa: FBT003 - a builder


def _stat() -> AnyPanel:
    return stat.Panel().reduce_options(_last()).graph_mode(common.BigValueGraphMode.NONE)


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


def _coloured(builder: AnyPanel, series: str, colour: str) -> AnyPanel:
    value = {"mode": "fixed", "fixedColor": colour}
    return builder.override_by_name(series, [models.DynamicConfigValue(id_val="color", value=value)])


def _fixed(colour: str) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(colour)
