"""Colours: one per state everywhere, told apart by the colour-blind, and never without its name.

The hues are those of Okabe and Ito [1]_, two of them darkened so that text and shapes keep a contrast of
3:1 against white as well as against the dark page.

References
----------
.. [1] M. Okabe, K. Ito, Color universal design, 2008, https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from typing import Final

STATE_COLOURS: Final[dict[str, str]] = {
    "producing": "#009E73",
    "setup": "#56B4E9",
    "idle": "#E3C53B",
    "starved": "#E69F00",
    "blocked": "#CC79A7",
    "stopped": "#D55E00",
    "down": "#A3232F",
    "maintenance": "#0072B2",
    "off": "#5D6B7A",
    "unknown": "#B4BCC6",
}
GOOD: Final = "#009E73"
SCRAP: Final = "#D55E00"
ENERGY: Final = "#0072B2"
ENERGY_DARK: Final = "#56B4E9"
LEVELS: Final[dict[str, str]] = {"low": "#D55E00", "fair": "#E3A008", "good": "#009E73"}
