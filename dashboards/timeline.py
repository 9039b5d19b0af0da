"""The timeline: what a machine did, and when; drawn by a function of ours, for ECharts has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dashboards import moments, palette
from dashboards.chart_options import Ink, Options, base, js, short, time_axis, tooltip
from dashboards.screens import Interval
from dashboards.snapshot import Snapshot
from dashboards.view import NS
from dashboards.wording import Language, say
from fieldlab_configs import Site
from fieldlab_configs.states import STATE_CLASSES

MOST_INTERVALS: Final = 2000
"""More than this and neighbours share a pixel: the timeline is condensed to as many columns."""

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
    rows = [short(names[m], 24) for m in snapshot.timelines]
    several = len(rows) > 1
    label = {"show": several, "color": ink.text, "width": 84, "overflow": "break", "lineHeight": 14}
    said = js(
        _SAY_INTERVAL,
        LOCALE=language,
        ZONE=site.timezone.at(at.end_ns) if at else "UTC",
        HOUR=" u " if language == "nl" else " h ",
        ROWS=rows,
        NAMES=[say(f"state.{name}", language) for name in STATE_CLASSES],
    )
    return base(ink) | {
        "grid": {"left": 92 if several else 18, "right": 18, "top": 4, "bottom": 24},
        "tooltip": tooltip(ink) | {"trigger": "item", ":formatter": said},
        "xAxis": time_axis(at, moments.ticks(site, at, language) if at else [], ink),
        "yAxis": {
            "type": "category",
            "data": rows,
            "inverse": True,
            "axisLine": {"show": False},
            "axisTick": {"show": False},
            "axisLabel": label,
        },
        "series": [_drawn(snapshot, ink)],
    }


def _drawn(snapshot: Snapshot, ink: Ink) -> Options:
    """A row for each machine, a rectangle for each interval: from, to [s], number of its state."""
    return {
        "type": "custom",
        ":renderItem": js(
            _RENDER,
            COLOURS=[palette.STATE_COLOURS[name] for name in STATE_CLASSES],
            UNKNOWN=STATE_CLASSES.index("unknown"),
            HATCH=ink.faint,
            PAPER=ink.grid,
        ),
        "encode": {"x": [1, 2], "y": 0},
        "data": [
            [row, start / NS, end / NS, STATE_CLASSES.index(state)]
            for row, intervals in enumerate(snapshot.timelines.values())
            for start, end, state in condense(intervals)
        ],
    }


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
