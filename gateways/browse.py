"""What a server or a broker has, for an engineer to choose from: bounded in count, depth and time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SHOWN: Final = 40
"""So much of a value is shown."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far to look.

    Attributes
    ----------
    most : int
        Values at most.
    depth : int
        Levels of a tree, or of a document.
    seconds : float
        How long to look, or to listen. [s]
    """

    most: int = 2_000
    depth: int = 10
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A value that a signal could be.

    Attributes
    ----------
    path : tuple of str
        Where it stands in the tree, its own name last.
    place : mapping of str to str
        What a signal's config says to find it: ``node``; ``topic`` and ``field``; ``device`` and ``metric``.
    kind : str
        Its type, as the server calls it.
    value : float, str or None
        As a signal would hold it; None where there is none, or none that a signal can hold.
    quality : str
        ``good``, or what is wrong with it.
    age_s : float or None
        How old it is. [s]
    unit : str or None
        The unit that its server says it has.
    """

    path: tuple[str, ...]
    place: Mapping[str, str]
    kind: str
    value: float | str | None = None
    quality: str = "good"
    age_s: float | None = None
    unit: str | None = None


@dataclass(slots=True)
class Result:
    """What was seen.

    Attributes
    ----------
    address : str
    source : mapping
        What a config says of the source.
    seen : list of Seen
    cut : str or None
        Why there may be more than this.
    """

    address: str
    source: Mapping[str, Any]
    seen: list[Seen] = field(default_factory=list)
    cut: str | None = None


Progress = Callable[[str], None]


def printable(text: str, most: int = SHOWN) -> str:
    """A text from elsewhere, on one line and without what a terminal would obey."""
    plain = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return f"{plain[: most - 1]}…" if len(plain) > most else plain


def shown(value: float | str | None) -> str:
    """A value, for a person."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else printable(value)


def aged(age_s: float | None) -> str:
    """An age, for a person."""
    if age_s is None:
        return ""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(age_s) >= 2 * size:
            return f"{age_s / size:.0f} {unit}"
    return f"{age_s:.1f} s".replace("-0.0", "0.0")


def held(value: float | str | None) -> tuple[float | str | None, str]:
    """A value as a signal would hold it, and its quality: what is no number is none."""
    if not isinstance(value, int | float):
        return value, "good"
    try:
        number = float(value)
    except OverflowError:
        return None, "larger than any number that can be kept"
    return (number, "good") if math.isfinite(number) else (None, f"{number} is not a number")


def quoted(text: str) -> str:
    """A text as YAML takes it in any place: JSON's form is YAML's too."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
