"""Pictures of a report: effects with their intervals, losses before and after, a CUSUM; inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboards import amounts
from dashboards.html import Markup, el
from dashboards.wording import Language

BETTER: Final = "#007a5a"
WORSE: Final = "#b34700"
PLAIN: Final = "#4a5663"
BASE: Final = "#8fa3b0"
TRIAL: Final = "#14424f"
_FAINT: Final = "#5c6875"
_GRID: Final = "#e1e6eb"
_MINUS: Final = "\u2212"
_LETTER: Final = 6.4
"""As wide as a letter of a legend is at most, in the mean."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the picture of effects.

    Attributes
    ----------
    title, note : str
        What it is of, and which way is better.
    low, point, high : float or None
        Relative changes; None: no verdict.
    colour : str
    said : str
        What stands to the right of it.
    """

    title: str
    note: str
    low: float | None
    point: float | None
    high: float | None
    colour: str
    said: str


def effects(bars: Sequence[Bar], label: str, language: Language) -> Markup:
    """Intervals around their effects, on one axis of per cent."""
    row, left, right, width = 33, 208, 150, 700
    told = [v for b in bars for v in (b.low, b.high) if v is not None]
    step = _round_step(max((abs(v) for v in told), default=0.05) * 2 / 6)
    reach_low = step * math.ceil(max(-min(told, default=0), step) / step)
    reach_high = step * math.ceil(max(*told, step) / step) if told else step
    height = row * len(bars) + 34

    def x(value: float) -> float:
        return left + (value + reach_low) / (reach_low + reach_high) * (width - left - right)

    parts = []
    ticks = range(-round(reach_low / step), round(reach_high / step) + 1)
    for n in ticks:
        at = x(n * step)
        parts.append(
            el(
                "line",
                x1=at,
                x2=at,
                y1=4,
                y2=height - 28,
                stroke=_FAINT if n == 0 else _GRID,
                stroke_width=1.5 if n == 0 else 1,
            )
        )
        parts.append(_text(signed(n * step, language, 1 if step < 0.01 else 0), at, height - 10, "middle"))  # noqa: PLR2004 - a per cent
    for i, bar in enumerate(bars):
        y = row * i + row / 2 + 2
        parts.append(_text(bar.title, 0, y - 1, "start", weight=600, size=13, colour="#17212b"))
        parts.append(_text(bar.note, 0, y + 13, "start"))
        parts.append(_text(bar.said, width, y + 4, "end", weight=600, size=13, colour=bar.colour))
        if bar.low is None or bar.high is None or bar.point is None:
            continue
        from_x, to_x = x(bar.low), x(bar.high)
        parts.append(
            el("rect", x=from_x, y=y - 5, width=max(to_x - from_x, 2.0), height=10, rx=5, fill=bar.colour,
               fill_opacity=0.3)
        )  # fmt: skip
        parts.append(el("circle", cx=x(bar.point), cy=y, r=6, fill=bar.colour))
    return _svg(width, height, label, parts)


def pairs(
    rows: Sequence[tuple[str, float] | tuple[str, float, float]],
    names: Sequence[str],
    label: str,
    language: Language,
) -> Markup:
    """Two bars per row: a share before and after; one where there is no before."""
    row, left, width = 10 + 12 * len(names), 225, 700
    colours = (BASE, TRIAL)[-len(names) :]
    most = max(abs(share) for _, *shares in rows for share in shares) or 1.0
    height = row * len(rows) + 26
    parts = []
    at = float(left)
    for name, colour in zip(names, colours, strict=True):
        parts.append(el("rect", x=at, y=2, width=11, height=11, rx=3, fill=colour))
        parts.append(_text(name, at + 16, 12, "start"))
        at += 16 + _LETTER * len(name) + 24
    for i, (title, *shares) in enumerate(rows):
        y = row * i + 26
        parts.append(_text(title, 0, y + 3 + 6 * len(names), "start", size=12.5, colour="#17212b"))
        for n, (share, colour) in enumerate(zip(shares, colours, strict=True)):
            length = abs(share) / most * (width - left - 70)
            parts.append(
                el("rect", x=left, y=y + 1 + 12 * n, width=max(length, 1.0), height=10, rx=2, fill=colour)
            )
            parts.append(_text(amounts.percent(share, language), left + length + 6, y + 10 + 12 * n, "start"))
    return _svg(width, height, label, parts)


def running(values: Sequence[float], label: str, language: Language) -> Markup:
    """A running sum, block by block, from nothing on."""
    width, height, left = 700, 120, 60
    series = [0.0, *values]
    low, high = min(series), max(series)
    span = (high - low) or 1.0

    def place(i: int, value: float) -> tuple[float, float]:
        return left + i / max(len(series) - 1, 1) * (width - left - 8), 10 + (high - value) / span * (
            height - 24
        )

    parts = []
    for value in sorted({low, 0.0, high}):
        y = place(0, value)[1]
        parts.append(el("line", x1=left, x2=width, y1=y, y2=y, stroke=_FAINT if value == 0 else _GRID))
        parts.append(_text(amounts.significant(value, language).replace("-", _MINUS), left - 6, y + 4, "end"))
    line = " ".join(
        f"{'L' if i else 'M'}{a:.1f} {b:.1f}"
        for i, (a, b) in enumerate(map(place, range(len(series)), series))
    )
    parts.append(el("path", d=line, fill="none", stroke=TRIAL, stroke_width=2))
    return _svg(width, height, label, parts)


def signed(value: float, language: Language, digits: int = 1) -> str:
    """A change in per cent, with its sign."""
    said = amounts.percent(abs(value), language, digits)
    nothing = amounts.percent(0.0, language, digits)
    return said if said == nothing else f"{'+' if value > 0 else _MINUS}{said}"


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least as large."""
    power: float = 10.0 ** math.floor(math.log10(max(rough, 1e-4)))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= rough - 1e-12)


def _text(
    words: str, x: float, y: float, anchor: str, *, weight: int = 400, size: float = 11, colour: str = _FAINT
) -> Markup:
    return el(
        "text",
        words,
        x=float(x),
        y=float(y),
        text_anchor=anchor,
        font_weight=weight,
        font_size=size,
        fill=colour,
    )


def _svg(width: int, height: int, label: str, parts: Sequence[Markup]) -> Markup:
    return el(
        "svg", el("title", label), parts, view_box=f"0 0 {width} {height}", role="img", aria_label=label,
    )  # fmt: skip
