"""What a reading becomes in a store: by its signal's role, the field, its type, the series. Said once, here.

Pipeline and recordings both ask this module, so a live machine and a file of it give the same rows.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

from fieldlab_configs import Dated, Machine, Site
from fieldlab_configs.states import code_text
from ingest.samples import is_bad
from ingest.store import Tags

NUMERIC_ROLES: Final = frozenset(
    {
        "total_count",
        "good_count",
        "scrap_count",
        "rework_count",
        "ideal_cycle_time",
        "power",
        "energy",
        "material",
        "link",
    }
)
TEXT_ROLES: Final = frozenset({"product", "order", "reason"})
LINK: Final = "link"
"""A role of its own: its readings are heartbeats, and need not be configured."""
NONE: Final = "none"
LONGEST_TEXT: Final = 65_535
"""Bytes; of a string field, as InfluxDB has it."""
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z", re.ASCII)

_STATUS = re.compile(r"(0[xX][0-9a-fA-F]{1,8}|0|[1-9]\d{0,9})\Z", re.ASCII)

Wants = Literal["number", "text", "either"]


class Untypable(ValueError):  # noqa: N818 - it names the value, which becomes a dead letter
    """A value that its signal cannot take; the message is the reason of the dead letter.

    Attributes
    ----------
    kind : str
        The reason without the value itself, to count by.
    """

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind or message


def wants(role: str) -> Wants:
    """What a signal's role takes: numbers, texts, or (state and free measurements) either."""
    if role in NUMERIC_ROLES:
        return "number"
    return "text" if role in TEXT_ROLES else "either"


def typed(role: str, value: float | str | bool) -> float | str:
    """A machine's value as its role stores it (docs/reference/rules.md, 2 and 3).

    Parameters
    ----------
    role : str
    value : float, str or bool

    Returns
    -------
    float or str

    Raises
    ------
    Untypable
        Text where a number belongs; NaN; infinity; a text that is too long, or not Unicode.
    """
    want = wants(role)
    if isinstance(value, str):
        if want != "number":
            return _storable(value)
        if not _NUMBER.match(value):
            raise Untypable(f"text {value[:40]!r} where a number belongs", "text where a number belongs")
        value = float(value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Untypable(f"a {type(value).__name__} is neither a number nor a text") from None
    if not math.isfinite(number):
        raise Untypable(f"{number} is not a number")
    return code_text(number) if want == "text" else number


def _storable(text: str) -> str:
    """A text that every store takes."""
    if len(text) > LONGEST_TEXT or not text.isascii():
        size = len(text.encode("utf-8", "replace"))
        if size > LONGEST_TEXT:
            told = f"a text of {size} bytes; at most {LONGEST_TEXT} can be kept"
            raise Untypable(told, "a text that is too long")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise Untypable("the text is not Unicode")
    return text


def untyped(text: str) -> float | str:
    """A value of which a file only has the text: a number where it reads as one."""
    return float(text) if _NUMBER.match(text) else text


def field_of(signal: str, value: float | str) -> str:
    """The field of the `machine` measurement that a typed value goes to."""
    return f"{signal}_text" if isinstance(value, str) else signal


def quality_code(quality: str) -> str:
    """A quality as stored: an empty one is good; a number is an OPC UA status, told by its top two bits.

    Examples
    --------
    >>> quality_code(""), quality_code("2147483648"), quality_code("0x40000000"), quality_code("BadTimeout")
    ('good', 'bad', 'uncertain', 'BadTimeout')
    """
    if not _STATUS.match(quality):
        return quality or "good"
    severity = int(quality, 0) >> 30 & 3
    return ("good", "uncertain", "bad", "bad")[severity]


@dataclass(frozen=True, slots=True)
class MachineSeries:
    """The series of one machine; its line may have changed over time.

    Attributes
    ----------
    fieldlab : str
    machine : str
    line : Dated of str
    signals : frozenset of str
    """

    fieldlab: str
    machine: str
    line: Dated[str]
    signals: frozenset[str]

    @classmethod
    def of(cls, site: Site, machine: Machine) -> MachineSeries:
        """The series of a machine of a site."""
        return cls(site.fieldlab, machine.id, machine.line, frozenset(machine.signals))

    def knows(self, signal: str) -> bool:
        """Whether readings of that signal have a place."""
        return signal in self.signals or signal == LINK

    def tags(self, line: str) -> Tags:
        """Tags in the `machine` measurement."""
        return (("fieldlab", self.fieldlab), ("line", line), ("machine", self.machine))

    def quality_tags(self, line: str, signal: str) -> Tags:
        """Tags in the `quality` measurement."""
        return (*self.tags(line), ("signal", signal))

    def link_tags(self, gateway: str = NONE, source: str | None = None) -> Tags:
        """Tags in the `link` measurement; source `none` stands for all of them."""
        return link_tags(self.fieldlab, gateway, self.machine, source)


def link_tags(fieldlab: str, gateway: str, machine: str, source: str | None) -> Tags:
    """Tags in the `link` measurement."""
    return (
        ("fieldlab", fieldlab),
        ("gateway", gateway),
        ("machine", machine),
        ("source", source or NONE),
    )


__all__ = [
    "LINK",
    "NONE",
    "NUMERIC_ROLES",
    "TEXT_ROLES",
    "MachineSeries",
    "Untypable",
    "Wants",
    "field_of",
    "is_bad",
    "link_tags",
    "quality_code",
    "typed",
    "untyped",
    "wants",
]
