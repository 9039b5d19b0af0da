"""MQTT payloads to values and times. Nothing here knows a broker."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from gateways.clock import SECOND_NS
from gateways.errors import Undecodable

MOST_BYTES: Final = 1_048_576
TEXT_ROLES: Final = frozenset({"product", "order", "reason"})

_UP: Final = frozenset({"1", "true", "online", "on", "up"})
_DOWN: Final = frozenset({"0", "false", "offline", "off", "down"})
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII
)
_DIGITS: Final = re.compile(r"-?\d{1,19}(\.\d+)?", re.ASCII)
# An epoch's unit shows in its size: these bounds are the year 5138 in the smaller unit, 1973 in the larger.
_UNITS: Final = ((10**11, SECOND_NS), (10**14, 10**6), (10**17, 10**3), (10**20, 1))

Scalar = float | str | None


@dataclass(frozen=True, slots=True)
class Field:
    """Where in a message a signal's value and time stand.

    Attributes
    ----------
    machine, name : str
        Whose signal.
    path : tuple of str
        Keys into nested objects; empty for a bare value.
    time_path : tuple of str
        Likewise for its time; empty for none.
    """

    machine: str
    name: str
    path: tuple[str, ...] = ()
    time_path: tuple[str, ...] = ()


class Reading(NamedTuple):
    """What a message says of one signal; `time_ns` is None where it does not say when."""

    field: Field
    value: Scalar
    time_ns: int | None


def decode(payload: bytes, fields: Sequence[Field]) -> tuple[list[Reading], list[str]]:
    """Every wanted signal that a message tells, and what is wrong with the others.

    A field that is not there is not wrong: many machines send only what changed. ``null`` is a
    reading without a value.

    Raises
    ------
    Undecodable
        If nothing in the message can be used.
    """
    if len(payload) > MOST_BYTES:
        raise Undecodable(f"{len(payload)} bytes; at most {MOST_BYTES} are read")
    text = _text(payload)
    document = _document(text)
    readings: list[Reading] = []
    wrong: list[str] = []
    times: dict[tuple[str, ...], int | None] = {}  # most messages tell one time for all
    for wanted in fields:
        try:
            value = _value(document, text, wanted)
            if value is not _ABSENT:
                path = wanted.time_path
                if path not in times:
                    times[path] = _time(document, path)
                readings.append(Reading(wanted, value, times[path]))
        except Undecodable as error:
            wrong.append(f"{wanted.machine}.{wanted.name}: {error}")
    if not readings and not wrong:
        raise Undecodable("none of the configured fields is in it")
    return readings, wrong


def life(payload: bytes, path: Sequence[str]) -> bool:
    """What a birth or last-will message says: alive or not."""
    text = _text(payload)
    content = _find(_document(text), path) if path else text
    word = str(content).strip().strip('"').lower()
    if isinstance(content, float) or word.endswith(".0"):
        word = word.removesuffix(".0")
    if word in _UP:
        return True
    if word in _DOWN:
        return False
    raise Undecodable("neither 1, true, online nor 0, false, offline")


def clock(payload: bytes) -> int:
    """What a clock topic says; UTC nanoseconds."""
    text = _text(payload)
    document = _document(text)
    return time_of(text if document is _ABSENT else document)


def time_of(value: object) -> int:
    """A time as machines write it: RFC 3339, or seconds to nanoseconds told apart by magnitude.

    Raises
    ------
    Undecodable
        If it is no time, or a local time without its zone.

    Examples
    --------
    >>> time_of("2026-11-23T10:00:00.123456789Z") == time_of(1795428000123456789)
    True
    >>> time_of(1795428000) == time_of(1795428000000) == time_of("1795428000")
    True
    """
    if isinstance(value, str):
        text = value.strip().strip('"')
        found = _TIME.fullmatch(text)
        if found:
            return _calendar(*found.groups())
        if not _DIGITS.fullmatch(text):
            raise Undecodable(f"{text[:40]!r} is no time; expected RFC 3339 with a zone, or an epoch")
        value = float(text) if "." in text else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Undecodable("the time is neither a text nor a number")
    size = abs(value)
    for bound, unit in _UNITS:
        if size < bound:
            # A float of seconds holds microseconds and little more.
            return value * unit if isinstance(value, int) else round(value * unit / 1_000) * 1_000
    raise Undecodable("the time is too large for an epoch in nanoseconds")


_ABSENT: Final = object()


def _text(payload: bytes) -> str:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise Undecodable("not UTF-8") from None
    if not text.strip():
        raise Undecodable("empty")
    return text


def _document(text: str) -> Any:
    """The JSON in a text; absent where it is none."""
    try:
        return json.loads(text)
    except RecursionError:
        raise Undecodable("nested too deeply") from None
    except ValueError:
        return _ABSENT


def _find(document: Any, path: Sequence[str]) -> Any:
    if document is _ABSENT:
        raise Undecodable("not JSON")
    for key in path:
        if not isinstance(document, Mapping):
            raise Undecodable(f"no object that could hold {'.'.join(path)!r}")
        if key not in document:
            return _ABSENT
        document = document[key]
    return document


def _value(document: Any, text: str, wanted: Field) -> Any:
    if wanted.path:
        found = _find(document, wanted.path)
    elif document is _ABSENT or (wanted.name in TEXT_ROLES and not isinstance(document, str)):
        found = text.strip()
    else:
        found = document
    if found is _ABSENT or found is None or isinstance(found, str):
        return found
    if isinstance(found, bool | int | float):
        try:
            return float(found)
        except OverflowError:
            raise Undecodable("a number beyond 1e308") from None
    kind = "an array" if isinstance(found, list) else "an object"
    raise Undecodable(f"{kind} where a value belongs" + ("" if wanted.path else "; say which field"))


def _time(document: Any, path: Sequence[str]) -> int | None:
    if not path:
        return None
    found = _find(document, path)
    return None if found is _ABSENT or found is None else time_of(found)


def _calendar(
    year: str, month: str, day: str, hour: str, minute: str, second: str, fraction: str, zone: str
) -> int:
    # A leap second is the second after it; nobody's machine can tell.
    leap = second == "60"
    try:
        moment = dt.datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            59 if leap else int(second),
            tzinfo=dt.UTC,
        )
    except ValueError as error:
        raise Undecodable(f"no such time: {error}") from None
    seconds = int(moment.timestamp()) + leap
    if zone not in "Zz":
        sign = -1 if zone[0] == "-" else 1
        seconds -= sign * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
    return seconds * SECOND_NS + int((fraction or "").ljust(9, "0"))
