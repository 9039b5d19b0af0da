"""The pictures of losses, stops, states by day and energy by state, as ECharts options."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import moments, palette
from dashboards.chart_options import (
    Ink,
    Options,
    base,
    category_axis,
    edge,
    number,
    short,
    tooltip,
    value_axis,
)
from dashboards.screens import Row
from dashboards.snapshot import Snapshot
from dashboards.wording import Language, say
from fieldlab_configs import Site
from fieldlab_configs.states import STATE_CLASSES

_LOSS_COLOURS = {
    "productive": palette.GOOD, "breakdown": palette.STATE_COLOURS["down"], "quality": palette.SCRAP,
    "minor_stop": palette.STATE_COLOURS["stopped"], "setup": palette.STATE_COLOURS["setup"],
    "speed": "#8a6d3b", "unknown": palette.STATE_COLOURS["unknown"],
    "other_delay": palette.STATE_COLOURS["maintenance"],
}  # fmt: skip
MOST_BARS = 12


def waterfall(rows: Sequence[Row], language: Language, ink: Ink) -> Options:
    """From planned time down to good parts: each loss hangs where the one above it ended."""
    begun, labels, before, bars = 0.0, [], [], []
    for row in rows:
        minutes = float(row["minutes"] or 0.0)
        labels.append(say(f"loss.{row['loss']}", language))
        colour = _LOSS_COLOURS.get(row["loss"], palette.STATE_COLOURS.get(row["loss"], ink.faint))
        # A loss below nothing (faster than ideal) hangs the other way.
        before.append(round((begun + min(minutes, 0.0)) / 60, 6))
        bars.append({"value": round(abs(minutes) / 60, 6), "itemStyle": {"color": colour}})
        begun += minutes
    hidden = {"type": "bar", "stack": "w", "silent": True, "itemStyle": {"color": "transparent"}}
    hidden |= {"data": before, "tooltip": {"show": False}}
    shown = {"type": "bar", "stack": "w", "name": say("column.hours", language), "data": bars}
    return _lying(labels, [hidden, shown | {"barMaxWidth": 22}], say("column.hours", language), language, ink)


def pareto(rows: Sequence[Row], language: Language, ink: Ink) -> Options:
    """Minutes by reason, the most costly on top."""
    top = rows[:MOST_BARS]
    none = say("reason.none", language)
    labels = [none if r["reason"] == "none" else short(str(r["reason"])) for r in top]
    data = [round(float(r["minutes"]), 6) for r in top]
    series = {
        "type": "bar",
        "name": say("col.minutes", language),
        "data": data,
        "itemStyle": {"color": palette.STATE_COLOURS["stopped"]},
        "barMaxWidth": 22,
    }
    return _lying(labels, [series], say("col.minutes", language), language, ink)


def states(snapshot: Snapshot, site: Site, language: Language, ink: Ink) -> Options:
    """Hours in each state by day: what the timeline is over a week."""
    return _stacked(
        snapshot, site, language, ink,
        [(f"state_{n}_s", f"state.{n}", palette.STATE_COLOURS[n]) for n in STATE_CLASSES], 1 / 3600,
        say("column.hours", language),
    )  # fmt: skip


def energy_by_state(snapshot: Snapshot, site: Site, language: Language, ink: Ink) -> Options:
    """Energy split by the state that the machine was in."""
    return _stacked(
        snapshot, site, language, ink,
        [(f"energy_{n}_kwh", f"state.{n}", palette.STATE_COLOURS[n]) for n in STATE_CLASSES], 1.0,
        say("unit.kwh", language),
    )  # fmt: skip


def _stacked(
    snapshot: Snapshot,
    site: Site,
    language: Language,
    ink: Ink,
    stack: Sequence[tuple[str, str, str]],
    factor: float,
    unit: str,
) -> Options:
    found = moments.buckets(site, snapshot.span, language) if snapshot.span else []
    rows = [snapshot.buckets.get(name) or {} for name, _, _ in found]
    series = []
    for key, words, colour in stack:
        values = [row.get(key) for row in rows]
        if any(values):
            data = [None if not v else round(float(v) * factor, 6) for v in values]
            series.append(
                {
                    "type": "bar",
                    "stack": "all",
                    "name": say(words, language),
                    "data": data,
                    "itemStyle": {"color": colour} | edge(ink),
                    "barCategoryGap": "20%",
                }
            )
    return base(ink) | {
        "grid": {"left": 8, "right": 8, "top": 30, "bottom": 34, "containLabel": True},
        "legend": {
            "bottom": 0,
            "type": "scroll",
            "itemWidth": 13,
            "itemHeight": 13,
            "icon": "roundRect",
            "selectedMode": False,
            "textStyle": {"color": ink.text},
        },
        "tooltip": tooltip(ink)
        | {"trigger": "axis", "axisPointer": {"type": "shadow"}, ":valueFormatter": number(language)},
        "xAxis": category_axis([label for _, label, _ in found], ink),
        "yAxis": value_axis(ink, language, unit),
        "series": series,
    }


def _lying(
    labels: Sequence[str], series: Sequence[Options], unit: str, language: Language, ink: Ink
) -> Options:
    return base(ink) | {
        "grid": {"left": 8, "right": 16, "top": 4, "bottom": 22, "containLabel": True},
        "tooltip": tooltip(ink)
        | {"trigger": "axis", "axisPointer": {"type": "shadow"}, ":valueFormatter": number(language)},
        "xAxis": value_axis(ink, language, unit, "center") | {"nameLocation": "middle", "nameGap": 26},
        "yAxis": category_axis(labels, ink, width_px=130) | {"inverse": True},
        "series": list(series),
    }
