"""Times as machines write them, to UTC nanoseconds."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Final

from gateways.clock import SECOND_NS
from gateways.errors import Undecodable

_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII
)
_DIGITS: Final = re.compile(r"(-?)(\d{1,19})(?:\.(\d+))?", re.ASCII)
# An epoch's unit shows in its size: these bounds are the year 5138 in the smaller unit, 1973 in the larger.
_BY_SIZE: Final = ((10**11, SECOND_NS), (10**14, 10**6), (10**17, 10**3), (10**20, 1))
_UNITS: Final = {"s": SECOND_NS, "ms": 10**6, "us": 10**3, "ns": 1}
_MOST_NS: Final = 2**63


def time_of(value: object, unit: str = "auto") -> int:
    """A time as machines write it: RFC 3339, or an epoch.

    Parameters
    ----------
    value : object
        From a message.
    unit : {"auto", "s", "ms", "us", "ns", "rfc3339"}
        Of an epoch; "auto" takes RFC 3339 too, and tells seconds to nanoseconds apart by magnitude.

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
    >>> time_of(1500, "ms") == time_of("1.5", "s")
    True
    """
    if isinstance(value, str):
        return _of_text(value.strip().strip('"'), unit)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Undecodable("the time is neither a text nor a number")
    if unit == "rfc3339":
        raise Undecodable("the time is a number; expected RFC 3339, as time_unit says")
    # A whole number of any length is legal JSON; math.isfinite cannot take one beyond 1e308.
    if isinstance(value, float) and not math.isfinite(value):
        raise Undecodable("the time is not a number")
    scale = _scale(abs(value), unit)
    # A float of seconds holds microseconds and little more.
    made = value * scale if isinstance(value, int) else round(value * scale / 1_000) * 1_000
    return _bounded(made)


def _of_text(text: str, unit: str) -> int:
    if unit in ("auto", "rfc3339"):
        found = _TIME.fullmatch(text)
        if found:
            return _calendar(*found.groups())
    digits = None if unit == "rfc3339" else _DIGITS.fullmatch(text)
    if digits is None:
        expected = {"auto": "RFC 3339 with a zone, or an epoch", "rfc3339": "RFC 3339 with a zone"}
        raise Undecodable(f"{text[:40]!r} is no time; expected {expected.get(unit, f'an epoch in {unit}')}")
    sign, whole, fraction = digits.groups()
    scale = _scale(int(whole), unit)
    made = int(whole) * scale
    if fraction:
        made += int(fraction[:18].ljust(18, "0")) * scale // 10**18
    return _bounded(-made if sign else made)


def _scale(size: float, unit: str) -> int:
    if unit != "auto":
        return _UNITS[unit]
    for bound, scale in _BY_SIZE:
        if size < bound:
            return scale
    raise Undecodable("the time is too large for an epoch in nanoseconds")


def _bounded(time_ns: int) -> int:
    if abs(time_ns) >= _MOST_NS:
        raise Undecodable("the time is beyond the year 2262; is its unit right?")
    return time_ns


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
    return _bounded(seconds * SECOND_NS + int((fraction or "").ljust(9, "0")))
