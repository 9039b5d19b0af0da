"""The pictures, as ECharts options: made here whole, drawn in the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboards import moments, palette
from dashboards.catalogue import BY_ID
from dashboards.screens import Interval, Row
from dashboards.snapshot import Snapshot
from dashboards.view import NS, Span
from dashboards.wording import Language, say
from fieldlab_configs import Site
from fieldlab_configs.states import STATE_CLASSES

Options = dict[str, Any]
MOST_INTERVALS: Final = 2000
"""More than this and neighbours share a pixel: the timeline is condensed to as many columns."""

_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Ink:
    """The neutral colours of a theme."""

    text: str
    faint: str
    grid: str
    surface: str
    energy: str


LIGHT: Final = Ink("#3b4754", "#5c6875", "#e6eaee", "#ffffff", palette.ENERGY)
DARK: Final = Ink("#c9d2dc", "#97a3b0", "#2a333d", "#171d24", palette.ENERGY_DARK)

# Custom series: one rectangle per interval; unknown time is hatched, so that it cannot pass for a state.
_RENDER: Final = """(params, api) => {
  const cs = params.coordSys, band = api.size([0, 1])[1];
  const from = api.coord([api.value(1), api.value(0)]), to = api.coord([api.value(2), api.value(0)]);
  const x = Math.max(from[0], cs.x), right = Math.min(to[0], cs.x + cs.width);
  if (right < cs.x || x > cs.x + cs.width) return;
  const h = Math.min(band * 0.72, 44), state = api.value(3);
  let fill = COLOURS[state];
  if (state === UNKNOWN) {
    window.fieldlabHatch ??= {};
    fill = window.fieldlabHatch[HATCH] ??= (() => {
      const c = document.createElement('canvas'); c.width = c.height = 8;
      const g = c.getContext('2d'); g.fillStyle = PAPER; g.fillRect(0, 0, 8, 8);
      g.strokeStyle = HATCH; g.lineWidth = 1.6; g.beginPath();
      for (const o of [-8, 0, 8]) { g.moveTo(o, 8); g.lineTo(o + 8, 0); }
      g.stroke(); return {image: c, repeat: 'repeat'};
    })();
  }
  return {type: 'rect', shape: {x, y: from[1] - h / 2, width: Math.max(right - x, 0.6), height: h},
          style: {fill}};
}"""

_SAY_INTERVAL: Final = """(p) => {
  const t = (s) => new Intl.DateTimeFormat(LOCALE, {timeZone: ZONE, hour: '2-digit', minute: '2-digit',
    second: '2-digit', hourCycle: 'h23'}).format(s * 1000);
  const [row, from, to, state] = p.value, s = Math.round(to - from);
  const long = s < 60 ? s + ' s' : s < 3600 ? Math.floor(s / 60) + ' min ' + (s % 60) + ' s'
    : Math.floor(s / 3600) + HOUR + Math.floor(s % 3600 / 60) + ' min';
  const of = ROWS.length > 1 ? ROWS[row] + ': ' : '';
  return of + NAMES[state] + '\\n' + t(from) + ' – ' + t(to) + '  (' + long + ')';
}"""


def timeline(snapshot: Snapshot, site: Site, language: Language, ink: Ink) -> Options:
    """The states of one machine, or of every machine of a line, over the range."""
    at = snapshot.span
    names = {m.id: m.name or m.id for m in site.machines()}
    rows = [names[m] for m in snapshot.timelines]
    data = []
    for i, intervals in enumerate(snapshot.timelines.values()):
        for start, end, state in condense(intervals):
            data.append([i, start / NS, end / NS, STATE_CLASSES.index(state)])
    marks = moments.ticks(site, at, language) if at else []
    several = len(rows) > 1
    zone = site.timezone.at(at.end_ns) if at else "UTC"
    options = _base(ink)
    options |= {
        "grid": {"left": 92 if several else 18, "right": 18, "top": 4, "bottom": 24},
        "tooltip": _tooltip(ink)
        | {
            "trigger": "item",
            ":formatter": _js(
                _SAY_INTERVAL,
                LOCALE=language,
                ZONE=zone,
                HOUR=" u " if language == "nl" else " h ",
                ROWS=rows,
                NAMES=[say(f"state.{name}", language) for name in STATE_CLASSES],
            ),
        },
        "xAxis": _time_axis(at, marks, ink),
        "yAxis": {
            "type": "category",
            "data": rows,
            "inverse": True,
            "axisLine": {"show": False},
            "axisTick": {"show": False},
            "axisLabel": {"show": several, "color": ink.text, "width": 82, "overflow": "truncate"},
        },
        "series": [
            {
                "type": "custom",
                ":renderItem": _js(
                    _RENDER,
                    COLOURS=[palette.STATE_COLOURS[name] for name in STATE_CLASSES],
                    UNKNOWN=STATE_CLASSES.index("unknown"),
                    HATCH=ink.faint,
                    PAPER=ink.grid,
                ),
                "encode": {"x": [1, 2], "y": 0},
                "data": data,
            }
        ],
    }
    return options


def condense(intervals: Sequence[Interval], most: int = MOST_INTERVALS) -> Sequence[Interval]:
    """At most `most` intervals; where there are more, each column shows its longest state.

    Examples
    --------
    >>> condense([(0, 6, "producing"), (6, 10, "down"), (10, 20, "producing")], most=2)
    [(0, 20, 'producing')]
    """
    if len(intervals) <= most:
        return intervals
    first, last = intervals[0][0], intervals[-1][1]
    width = -(-(last - first) // most)
    columns: list[dict[str, int]] = [{} for _ in range(most)]
    for start, end, state in intervals:
        for i in range((start - first) // width, min((end - 1 - first) // width, most - 1) + 1):
            low = first + i * width
            part = min(end, low + width) - max(start, low)
            columns[i][state] = columns[i].get(state, 0) + part
    found: list[Interval] = []
    for i, column in enumerate(columns):
        if not column:
            continue
        state = max(column, key=lambda name: column[name])
        start, end = first + i * width, min(first + (i + 1) * width, last)
        if found and found[-1][2] == state and found[-1][1] == start:
            found[-1] = (found[-1][0], end, state)
        else:
            found.append((start, end, state))
    return found


def parts(snapshot: Snapshot, site: Site, language: Language, ink: Ink) -> Options:
    """Good and scrap per cell, hour or day; the bar that is not over yet is paler."""
    line = snapshot.view.machine is None
    good, scrap = BY_ID["parts"].of(line=line)
    labels, rows, open_ended = _by_bucket(snapshot, site, language)
    series = []
    stack = [(good, "good_quantity", palette.GOOD), (scrap, "scrap_quantity", palette.SCRAP)]
    if snapshot.total is not None and snapshot.total.get(good) is None:
        stack = [(BY_ID["produced_quantity"].of(line=line)[0], "produced_quantity", ink.faint)]
    for key, words, colour in stack:
        data: list[Any] = [_value(row, key) for row in rows]
        if open_ended and data:
            data[-1] = {"value": data[-1], "itemStyle": {"opacity": 0.55}}
        series.append(
            {
                "type": "bar",
                "name": say(words, language),
                "stack": "parts",
                "data": data,
                "itemStyle": {"color": colour},
                "barMaxWidth": 34,
                "barCategoryGap": "28%",
            }
        )
    return _base(ink) | {
        "grid": {"left": 8, "right": 8, "top": 12, "bottom": 4, "containLabel": True},
        "tooltip": _tooltip(ink)
        | {"trigger": "axis", "axisPointer": {"type": "shadow"}, ":valueFormatter": _number(language)},
        "xAxis": _category_axis(labels, ink),
        "yAxis": _value_axis(ink, language) | {"minInterval": 1},
        "series": series,
    }


def energy(snapshot: Snapshot, site: Site, language: Language, ink: Ink) -> Options:
    """Energy per good part by cell, hour or day; nothing where it is undefined."""
    (measure,) = BY_ID["energy_trend"].measure
    labels, rows, _ = _by_bucket(snapshot, site, language)
    values = [_value(row, measure) for row in rows]
    told = [v for v in values if v is not None]
    in_wh = bool(told) and max(told) < 0.1  # noqa: PLR2004 - as dashboards.amounts.energy
    data = [None if v is None else round(v * (1000 if in_wh else 1), 6) for v in values]
    return _base(ink) | {
        "grid": {"left": 8, "right": 8, "top": 12, "bottom": 4, "containLabel": True},
        "tooltip": _tooltip(ink) | {"trigger": "axis", ":valueFormatter": _number(language)},
        "xAxis": _category_axis(labels, ink),
        "yAxis": _value_axis(ink, language) | {"min": 0},
        "series": [
            {
                "type": "line",
                "name": say("unit.wh_per_unit" if in_wh else "unit.kwh_per_unit", language),
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


def _js(function: str, **constants: object) -> str:
    """A function with constants around it; JSON is JavaScript, and `<` may not end a script."""
    given = "".join(
        f"const {name} = {json.dumps(value).replace('<', chr(92) + 'u003c')}; "
        for name, value in constants.items()
    )
    return f"(() => {{ {given} return {function}; }})()"


def _base(ink: Ink) -> Options:
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": _FONT, "color": ink.text},
    }


def _tooltip(ink: Ink) -> Options:
    return {
        "renderMode": "richText",  # no HTML: a name with markup in it stays text
        "confine": True,
        "backgroundColor": ink.surface,
        "borderColor": ink.grid,
        "textStyle": {"color": ink.text, "fontFamily": _FONT, "fontSize": 13},
    }


def _time_axis(at: Span | None, marks: Sequence[tuple[int, str]], ink: Ink) -> Options:
    places = [place for place, _ in marks]
    return {
        "type": "value",
        "min": at.start_ns / NS if at else 0,
        "max": at.end_ns / NS if at else 1,
        "splitLine": {"show": False},
        "axisLine": {"show": True, "lineStyle": {"color": ink.grid}},
        "axisTick": {"show": True, "customValues": places, "lineStyle": {"color": ink.grid}},
        "axisLabel": {
            "color": ink.faint,
            "customValues": places,
            "hideOverlap": True,
            ":formatter": _js("(v) => LABELS[v] ?? ''", LABELS={str(p): text for p, text in marks}),
        },
    }


def _category_axis(labels: Sequence[str], ink: Ink) -> Options:
    return {
        "type": "category",
        "data": list(labels),
        "axisLine": {"lineStyle": {"color": ink.grid}},
        "axisTick": {"show": False},
        "axisLabel": {"color": ink.faint, "hideOverlap": True},
    }


def _number(language: Language) -> str:
    """A number as the language writes it; a dash for none."""
    return _js(
        "(v) => v == null ? '–' : v.toLocaleString(LOCALE, {maximumSignificantDigits: 4})", LOCALE=language
    )


def _value_axis(ink: Ink, language: Language) -> Options:
    return {
        "type": "value",
        "splitNumber": 4,
        "splitLine": {"lineStyle": {"color": ink.grid}},
        "axisLabel": {"color": ink.faint, ":formatter": _number(language)},
    }
