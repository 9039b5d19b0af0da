"""A shape for every state, so that none is told by its colour alone."""

from __future__ import annotations

from typing import Final

from dashboards import palette
from dashboards.html import Markup, el

_FILLED: Final = {
    "producing": "M7 3.5v17l14-8.5z",
    "stopped": "M5 5h14v14H5z",
}
_DRAWN: Final = {
    "setup": "M4 7h9M19 7h1M4 17h1M11 17h9M13 4.5h5v5h-5zM5.5 14.5h5v5h-5z",
    "idle": "M12 3.5a8.5 8.5 0 1 0 .01 0M12 7.5V12l3.5 2.5",
    "starved": "M12 3v9.5M7.5 8.5 12 13l4.5-4.5M4 15v5h16v-5",
    "blocked": "M12 3.5a8.5 8.5 0 1 0 .01 0M7 12h10",
    "down": "M12 3.5 22 20.5H2zM12 10v4.5M12 17.3v.4",
    "maintenance": "M15.5 3.7a5.2 5.2 0 0 0-5.4 7L3.7 17v3.3H7l6.4-6.4a5.2 5.2 0 0 0 7-5.4L17 12l-3-1-1-3z",
    "off": "M12 3v8.5M7 6.2a8 8 0 1 0 10 0",
    "unknown": "M8 8.8a4 4 0 1 1 5.8 3.5c-1.2.7-1.8 1.4-1.8 2.7M12 19v.4",
}
_DARK, _LIGHT = "#10161c", "#ffffff"
_HALF: Final = 0.19  # where dark and light ink have the same contrast to a colour


def icon(state: str) -> Markup:
    """The shape of a state, in the ink of what it stands in."""
    filled = state in _FILLED
    attributes: dict[str, str | float] = {"d": _FILLED.get(state) or _DRAWN[state]}
    if filled:
        attributes["fill"] = "currentColor"
    else:
        attributes |= {
            "fill": "none", "stroke": "currentColor", "stroke-width": "2.4", "stroke-linecap": "round",
            "stroke-linejoin": "round",
        }  # fmt: skip
    return el("svg", el("path", **attributes), view_box="0 0 24 24", class_="icon", aria_hidden="true")


def colours() -> str:
    """Style rules that give every state its colour, and the ink that is read on it."""
    return "".join(
        f'[data-state="{name}"]{{--c:{colour};--on:{_DARK if luminance(colour) > _HALF else _LIGHT}}}\n'
        for name, colour in palette.STATE_COLOURS.items()
    )


def luminance(colour: str) -> float:
    """The relative luminance of ``#rrggbb`` (WCAG 2).

    Examples
    --------
    >>> luminance("#ffffff"), luminance("#000000")
    (1.0, 0.0)
    """
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)  # noqa: PLR2004 - sRGB
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
