"""What experiments showed: in sentences, in a picture of the intervals, and in a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from dashboards import palette
from dashboards.chart_options import Ink, Options, base, category_axis, js, tooltip, value_axis
from dashboards.nodes import Node, node
from dashboards.report_outcome import VERDICTS, effect, spelled, untold
from dashboards.scene import Scene, picture
from dashboards.screens import Row
from dashboards.sheets import Column
from dashboards.tables import Own, table
from dashboards.tables import spelled as plainly
from dashboards.wording import Language, say

_MARKS: Final = {"improved": "✓", "worsened": "!", "no difference shown": "=", "not enough data": "?"}
_COLOURS: Final = {"improved": palette.GOOD, "worsened": palette.SCRAP}
_SHOWN_AS: Final = {verdict: verdict.replace(" ", "-") for verdict in VERDICTS}

# A dot on the bar of its interval: percent on the axis, a measure on each row.
_RENDER: Final = """(params, api) => {
  const row = api.value(0), at = api.coord([api.value(1), row]);
  const low = api.coord([api.value(2), row])[0], high = api.coord([api.value(3), row])[0];
  const fill = COLOURS[row];
  return {type: 'group', children: [
    {type: 'rect', shape: {x: low, y: at[1] - 4, width: Math.max(high - low, 1), height: 8, r: 4},
     style: {fill, opacity: 0.45}},
    {type: 'circle', shape: {cx: at[0], cy: at[1], r: 6}, style: {fill, stroke: PAPER, lineWidth: 1.5}}]};
}"""


def outcomes(scene: Scene) -> Node:
    """Each question, what came of it, and the numbers."""
    rows = scene.snapshot.parts.get("results", ())
    questions = [_told(scene, list(of)) for _, of in groupby(rows, key=lambda row: row["experiment"])]
    told = [row for row in rows if row["estimate"] is not None]
    drawn = picture(
        "chart-results",
        max(110, 40 * len(told) + 50),
        effects(told, scene.language, scene.ink),
        scene.say("chart.table", title=scene.say("report.effects")),
        hidden=not told,
    )
    own = Own(
        above=(node("div", "outcomes", questions), *drawn),
        spell=_spelled,
        none="experiment.none" if scene.site.experiments else "experiment.unplanned",
        machines="several" if len(questions) > 1 else "one",  # one question is said once
    )
    return table(scene, "results", own)


def _told(scene: Scene, rows: Sequence[Row]) -> Node:
    verdicts = []
    for verdict in VERDICTS:
        of = [row for row in rows if row["verdict"] == verdict]
        if of:
            words = node(
                "div",
                "",
                node("h4", text=scene.say(f"shown.{verdict}")),
                [node("p", text=sentence(row, scene.language)) for row in of],
            )
            mark = node("span", "verdict-mark", text=_MARKS[verdict], aria_hidden="true")
            verdicts.append(node("div", f"verdict {_SHOWN_AS[verdict]}", mark, words))
    return node("section", "outcome", node("h3", text=str(rows[0]["question"])), verdicts)


def _spelled(scene: Scene, column: Column, row: Row) -> str:
    if column.key in ("baseline", "trial") and row[column.key] is not None:
        (number,), unit = spelled(row["kpi"], [row[column.key]], scene.language)
        return f"{number} {unit}".rstrip()
    return plainly(scene, column, row)


def sentence(row: Row, language: Language) -> str:
    """One measure's outcome in words."""
    name = say(row["kpi"], language)
    if row["verdict"] == "not enough data":
        return untold(name, row, language)
    if any(row[key] is None for key in ("baseline", "trial", "estimate", "low", "high")):
        return name
    return effect(name, row, row["estimate"], language)


def effects(rows: Sequence[Row], language: Language, ink: Ink) -> Options:
    """Every effect with its 95 % interval, in percent; 0 is no change."""
    data = [
        [i, *(round(row[key] * 100, 4) for key in ("estimate", "low", "high"))] for i, row in enumerate(rows)
    ]
    several = len({row["experiment"] for row in rows}) > 1
    labels = [say(row["kpi"], language) + (f" ({row['experiment']})" if several else "") for row in rows]
    colours = [_COLOURS.get(row["verdict"], ink.faint) for row in rows]
    sentences = [sentence(row, language).replace(". ", ".\n").replace(" (", "\n(") for row in rows]
    axis = value_axis(ink, language, f"{say('column.effect', language)} [%]", "center")
    return base(ink) | {
        "grid": {"left": 8, "right": 16, "top": 4, "bottom": 22, "containLabel": True},
        "tooltip": tooltip(ink)
        | {"trigger": "item", ":formatter": js("(p) => TOLD[p.dataIndex]", TOLD=sentences)},
        "xAxis": axis | {"nameLocation": "middle", "nameGap": 26},
        "yAxis": category_axis(labels, ink, width_px=130)
        | {"inverse": True, "axisLine": {"onZero": True, "lineStyle": {"color": ink.text}}},
        "series": [
            {
                "type": "custom",
                "name": say("column.effect", language),
                ":renderItem": js(_RENDER, COLOURS=colours, PAPER=ink.surface),
                "encode": {"x": [1, 2, 3], "y": 0},
                "data": data,
            }
        ]
        if data
        else [],
    }
