"""What every picture has in common: colours, fonts, axes, tooltips, and functions for the browser."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboards import amounts, palette
from dashboards.view import NS, Span
from dashboards.wording import Language, say

Options = dict[str, Any]
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


def js(function: str, **constants: object) -> str:
    """A function with constants around it; JSON is JavaScript, and `<` may not end a script."""
    given = "".join(
        f"const {name} = {json.dumps(value).replace('<', chr(92) + 'u003c')}; "
        for name, value in constants.items()
    )
    return f"(() => {{ {given} return {function}; }})()"


def base(ink: Ink) -> Options:
    """No animation: what changes every second must not dance."""
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": _FONT, "color": ink.text},
    }


def tooltip(ink: Ink) -> Options:
    """Text only."""
    return {
        "renderMode": "richText",  # no HTML: a name with markup in it stays text
        "confine": True,
        "backgroundColor": ink.surface,
        "borderColor": ink.grid,
        "textStyle": {"color": ink.text, "fontFamily": _FONT, "fontSize": 13},
    }


def edge(ink: Ink) -> Options:
    """A line between parts that lie against each other: colours need not tell them apart alone."""
    return {"borderColor": ink.surface, "borderWidth": 1}


def time_axis(at: Span | None, marks: Sequence[tuple[int, str]], ink: Ink) -> Options:
    """Seconds since 1970, labelled on the clock of the fieldlab, whatever the browser's zone is."""
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
            ":formatter": js("(v) => LABELS[v] ?? ''", LABELS={str(p): text for p, text in marks}),
        },
    }


def category_axis(labels: Sequence[str], ink: Ink, width_px: int | None = None) -> Options:
    """Cells, hours or days; names where they have a width."""
    cut = {} if width_px is None else {"width": width_px, "overflow": "break", "lineHeight": 14}
    return {
        "type": "category",
        "data": list(labels),
        "axisLine": {"lineStyle": {"color": ink.grid}},
        "axisTick": {"show": False},
        "axisLabel": {"color": ink.faint, "hideOverlap": True} | cut,
    }


def short(name: str, most: int = 40) -> str:
    """A name that fits beside a picture; the table has all of it."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def number(language: Language) -> str:
    """A number as the language writes it; a dash for none."""
    return js(
        "(v) => v == null ? '–' : v.toLocaleString(LOCALE, {maximumSignificantDigits: 4})", LOCALE=language
    )


def value_axis(ink: Ink, language: Language, name: str = "", align: str = "left") -> Options:
    """Amounts; the name says of what: above an upright axis, from its line on."""
    return {
        "type": "value",
        "name": name,
        "nameTextStyle": {"color": ink.faint, "align": align},
        "splitNumber": 4,
        "splitLine": {"lineStyle": {"color": ink.grid}},
        "axisLabel": {"color": ink.faint, ":formatter": number(language)},
    }


_FEW: Final = 12


def facts(options: Options, language: Language) -> str:
    """What a picture of series over time shows, for those who do not see it: all of it, or its ends and last.

    Examples
    --------
    >>> series = [{"name": "Good", "data": [2, None, {"value": 3}]}]
    >>> facts({"xAxis": {"data": ["06:00", "07:00", "08:00"]}, "series": series}, "en")
    'Good: 06:00 2.00, 08:00 3.00.'
    """
    labels = options.get("xAxis", {}).get("data", ())
    return " ".join(_of_series(series, labels, language) for series in options.get("series", ()))


def _of_series(series: Options, labels: Sequence[str], language: Language) -> str:
    values = [v["value"] if isinstance(v, dict) else v for v in series["data"]]
    told = [(v, at) for v, at in zip(values, labels, strict=False) if v is not None]

    def pair(one: tuple[float, str]) -> str:
        return f"{one[1]} {amounts.significant(one[0], language)}"

    if len(told) <= _FEW:
        return f"{series['name']}: {', '.join(map(pair, told)) or amounts.UNDEFINED}."
    low, high = min(told, key=lambda one: one[0]), max(told, key=lambda one: one[0])
    return say(
        "chart.facts", language, name=series["name"], low=pair(low), high=pair(high), last=pair(told[-1])
    )
