"""The cards of a line's, a machine's and the energy page: what each shows of a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dashboards import amounts, bars, charts, figures, palette
from dashboards.catalogue import BY_ID, SCREEN
from dashboards.chart_options import Ink, Options, facts
from dashboards.html import share
from dashboards.nodes import Node, node
from dashboards.scene import Scene, head, number, picture
from dashboards.snapshot import Snapshot
from dashboards.timeline import timeline
from dashboards.wording import Language
from fieldlab_configs import Site
from fieldlab_configs.states import STATE_CLASSES

Draw = Callable[[Snapshot, Site, Language, Ink], Options]
_ONE_ROW_PX, _ROW_PX, _AXIS_PX, _DAYS_PX = 64, 40, 34, 240

_IF_ANY: Final = ("material", "co2", "energy_cost")
"""Shown where there is a counter or a factor for it."""
_FACTORS: Final = ("availability", "effectiveness", "quality_ratio")
_COUNTS: Final = ("produced_quantity", "good_quantity", "scrap_quantity")


def oee(scene: Scene) -> Node:
    """The one large number, and between what it lies."""
    line, row = scene.line, scene.snapshot.total
    figure = scene.figure("oee_index")
    bounds = figures.oee_bounds(row, scene.language, line=line)
    return node(
        "section",
        "card hero",
        number(scene, "oee_index", "huge", note=figure.why, level=2),
        node("p", "question", text=scene.say("oee_index.question")),
        node(
            "div",
            "spans",
            _track(figure.value, None if line else bounds, level=figure.level),
            _bounds(scene, bounds),
        ),
        aria_label="OEE",
    )


def _bounds(scene: Scene, bounds: figures.Bounds | None) -> Node:
    """Between what the machines' OEE lies; of a line, also what it is of all of them together."""
    low, high, point = (bounds.low, bounds.high, bounds.point) if bounds else (None, None, None)
    words = f"{scene.say('pooled')}: {amounts.percent(point, scene.language)}"
    exact = "" if point is None else repr(point)
    return node(
        "div",
        "bounds",
        node(
            "p",
            "pooled",
            text=words,
            hidden=not scene.line,
            data_testid="machines_oee_index",
            data_value=exact,
        ),
        _track(point, bounds, hidden=not scene.line),
        node("p", "fig-note", text=bounds.why if bounds else ""),
        data_testid="oee_bounds",
        data_low="" if low is None else repr(low),
        data_high="" if high is None else repr(high),
        hidden=bounds is None,
    )


def _track(
    value: float | None, bounds: figures.Bounds | None, *, level: str = "", hidden: bool = False
) -> Node:
    """A bar of 0 to 100 % with a figure on it, and between what it lies."""
    low, high = (share(bounds.low), share(bounds.high)) if bounds else ("0%", "0%")
    place = f"--at: {share(value)}; --from: {low}; --to: {high}"
    return node(
        "div",
        "track",
        (node("div", "fill"), node("div", "between"), node("div", "point")),
        aria_hidden="true",
        style=f"{place}; --bounded: {int(bounds is not None)}; --shown: {int(value is not None)}",
        data_level=level or None,
        hidden=hidden,
    )


def factors(scene: Scene) -> Node:
    """Availability, performance and quality, and how much was seen."""
    row = scene.snapshot.total
    flagged = ((row or {}).get("effectiveness") or 0.0) > 1.0
    # A line's OEE is not the product of its machines' factors.
    unseen = "visibility: hidden" if scene.line else None
    three = []
    for i, name in enumerate(_FACTORS):
        if i:
            three.append(node("span", "times", text="×", aria_hidden="true", style=unseen))
        note = scene.say("flag.effectiveness") if flagged and name == "effectiveness" else ""
        shown = number(scene, name, "large", note=note, bar=True, level=2)
        three.append(node("div", "factor", shown, node("p", "question", text=scene.say(f"{name}.question"))))
    covered = figures.coverage_note(row, scene.language)
    return node(
        "section",
        "card factors",
        node("div", "three", three),
        node("p", "relation", text=scene.say("factors.line" if scene.line else "factors.machine")),
        node("div", "coverage", number(scene, "coverage", "row", note=covered, bar=True, level=2)),
        aria_label=scene.say("factors"),
    )


def states(scene: Scene) -> Node:
    """The timeline, and the same in numbers."""
    snapshot = scene.snapshot
    rows = len(snapshot.timelines)
    if snapshot.span is not None and (snapshot.span.bucket == "day" or not snapshot.timelines):
        height_px, draw = _DAYS_PX, bars.states
    else:
        height_px = _AXIS_PX + (_ONE_ROW_PX if rows <= 1 else rows * _ROW_PX)
        draw = timeline
    options = draw(snapshot, scene.site, scene.language, scene.ink)
    none = "" if (snapshot.total or {}).get("calendar_time_s") else scene.say("nothing")
    return node(
        "section",
        "card states",
        head(scene, "states", scene.shown),
        picture("timeline", height_px, options, scene.say("chart.states"), instead=none),
        node(
            "table",
            "legend",
            node("caption", "visually-hidden", text=scene.say("states.how")),
            node("tbody", "", [_state(scene, name) for name in STATE_CLASSES]),
        ),
        aria_label=scene.say("states"),
    )


def _state(scene: Scene, name: str) -> Node:
    total = scene.snapshot.total or {}
    seconds, calendar = total.get(f"state_{name}_s"), total.get("calendar_time_s") or 0.0
    length, part = "", ""
    if seconds and calendar:
        length = amounts.duration(seconds, scene.language)
        part = amounts.percent(seconds / calendar, scene.language, 0)
    swatch = "swatch hatched" if name == "unknown" else "swatch"
    title = node(
        "th",
        "",
        node("i", swatch, aria_hidden="true", style=f"--c: {palette.STATE_COLOURS[name]}"),
        node("span", text=scene.say(f"state.{name}")),
        scope="row",
    )
    told = node(
        "td",
        text=length,
        data_testid=f"state_{name}_s",
        data_value="" if seconds is None else repr(float(seconds)),
    )
    return node("tr", "", title, told, node("td", "faint", text=part), hidden=not seconds)


def parts(scene: Scene) -> Node:
    """Good and scrap; where nothing tells them apart, what was produced."""
    per = scene.per_bucket
    options = charts.parts(scene.snapshot, scene.site, scene.language, scene.ink)
    words = f"{scene.say('chart.parts', per=per)} {facts(options, scene.language)}"
    why = scene.figure("produced_quantity").why
    return node(
        "section",
        "card parts",
        head(scene, "parts", per),
        node("div", "pair trio", [_titled(scene, name, f"medium {name}") for name in _COUNTS]),
        picture("parts_chart", 190, options, words, instead=why),
        aria_label=scene.say("parts"),
    )


def _titled(scene: Scene, name: str, classes: str) -> Node:
    """A figure under the name that it has for a line, or for a machine."""
    title = figures.title(BY_ID[name], scene.language, line=scene.line)
    return number(scene, name, classes, title=title)


def energy(scene: Scene) -> Node:
    """Energy per good part, now and over time."""
    name, per = "energy_per_good_unit_kwh", scene.per_bucket
    figure = scene.figure(name)
    options = charts.energy(scene.snapshot, scene.site, scene.language, scene.ink)
    words = f"{scene.say('chart.energy', per=per)} {facts(options, scene.language)}"
    return node(
        "section",
        "card energy",
        head(scene, name, f"{figure.unit}, {per}" if per else ""),
        node(
            "div",
            "pair",
            number(scene, name, "medium", title=scene.say("this_period")),  # its card has its name
            _titled(scene, "energy_kwh", "medium"),
        ),
        picture("energy_chart", 190, options, words, instead=figure.why),
        aria_label=scene.say(name),
    )


def every_figure(scene: Scene) -> Node:
    """The figures of the energy page, each with how it is made."""
    names = [p.id for p in SCREEN["energy"].panels if p.kind == "figure" and p.group == "total"]
    shown = [
        number(scene, name, "medium", hidden=name.startswith(_IF_ANY) and scene.figure(name).value is None)
        for name in names
    ]
    return node(
        "section",
        "card figures",
        node("h2", text=scene.say("figures")),
        node("div", "many", shown),
        aria_label=scene.say("figures"),
    )


def trend(scene: Scene, key: str, draw: Draw) -> Node:
    """One picture by cell, hour or day."""
    per = scene.per_bucket
    options = draw(scene.snapshot, scene.site, scene.language, scene.ink)
    words = f"{scene.say(key)} {per}. {facts(options, scene.language)}"
    drawn = any(value is not None for one in options["series"] for value in one["data"])
    none = "" if drawn else scene.say("nothing")
    return node(
        "section",
        "card half",
        head(scene, key, per),
        picture(f"chart-{key}", 240, options, words, instead=none),
        aria_label=scene.say(key),
    )
