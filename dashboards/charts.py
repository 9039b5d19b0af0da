"""The pictures of parts and energy, as ECharts options: made here whole, drawn in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards import amounts, figures, moments, palette
from dashboards.catalogue import BY_ID
from dashboards.chart_options import Ink, Options, base, category_axis, edge, number, tooltip, value_axis
from dashboards.screens import Row
from dashboards.snapshot import Snapshot
from dashboards.wording import Language, say
from fieldlab_configs import Site


def parts(snapshot: Snapshot, site: Site, language: Language, ink: Ink) -> Options:
    """Good and scrap per cell, hour or day (of a line: good); the bar that is not over yet is paler."""
    line = snapshot.view.machine is None
    good, *scrap = BY_ID["parts"].of(line=line)
    labels, rows, open_ended = _by_bucket(snapshot, site, language)
    series = []
    stack = [(good, "good_quantity", palette.GOOD)]
    stack += [(key, "scrap_quantity", palette.SCRAP) for key in scrap]
    if snapshot.total is not None and snapshot.total.get(good) is None:
        stack = [(BY_ID["produced_quantity"].of(line=line)[0], "produced_quantity", ink.faint)]
    for key, words, colour in stack:
        data: list[Any] = [_value(row, key) for row in rows]
        if open_ended and data:
            data[-1] = {"value": data[-1], "itemStyle": {"opacity": 0.55}}
        series.append(
            {
                "type": "bar",
                "name": figures.title(BY_ID[words], language, line=line),
                "stack": "parts",
                "data": data,
                "itemStyle": {"color": colour} | edge(ink),
                "barMaxWidth": 34,
                "barCategoryGap": "28%",
            }
        )
    return base(ink) | {
        "grid": {"left": 8, "right": 8, "top": 30, "bottom": 4, "containLabel": True},
        "tooltip": tooltip(ink)
        | {"trigger": "axis", "axisPointer": {"type": "shadow"}, ":valueFormatter": number(language)},
        "xAxis": category_axis(labels, ink),
        "yAxis": value_axis(ink, language, say("unit.parts", language)) | {"minInterval": 1},
        "series": series,
    }


def energy(snapshot: Snapshot, site: Site, language: Language, ink: Ink) -> Options:
    """Energy per good part by cell, hour or day; nothing where it is undefined."""
    (measure,) = BY_ID["energy_trend"].measure
    labels, rows, _ = _by_bucket(snapshot, site, language)
    values = [_value(row, measure) for row in rows]
    small = amounts.reads_small((snapshot.total or {}).get(measure))
    data = [None if v is None else round(v * (1000 if small else 1), 6) for v in values]
    unit = say("unit.wh_per_unit" if small else "unit.kwh_per_unit", language)
    return base(ink) | {
        "grid": {"left": 8, "right": 8, "top": 30, "bottom": 4, "containLabel": True},
        "tooltip": tooltip(ink) | {"trigger": "axis", ":valueFormatter": number(language)},
        "xAxis": category_axis(labels, ink),
        "yAxis": value_axis(ink, language, unit) | {"min": 0},
        "series": [
            {
                "type": "line",
                "name": unit,
                "data": data,
                "connectNulls": False,
                "symbol": "circle",
                "symbolSize": 6,
                "showAllSymbol": True,
                "itemStyle": {"color": ink.energy},
                "lineStyle": {"width": 2, "color": ink.energy},
                "areaStyle": {"color": ink.energy, "opacity": 0.08},
            }
        ],
    }


def _by_bucket(
    snapshot: Snapshot, site: Site, language: Language
) -> tuple[list[str], list[Row | None], bool]:
    """Labels and rows of every bucket of the range, and whether the last is not over yet."""
    at = snapshot.span
    if at is None:
        return [], [], False
    found = moments.buckets(site, at, language)
    rows: list[Row | None] = [snapshot.buckets.get(name) for name, _, _ in found]
    return [label for _, label, _ in found], rows, bool(found) and found[-1][2] > at.end_ns


def _value(row: Mapping[str, Any] | None, key: str) -> float | None:
    value = None if row is None else row.get(key)
    return None if value is None else round(float(value), 6)
