"""Times as people give them on a command line."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from fieldlab.errors import WrongUse
from fieldlab_configs import Site
from fieldlab_configs.times import meant

NS = 1_000_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_YEARS = range(1678, 2262)
"""Whole years that nanoseconds in 64 bits reach."""
_END_NS = (dt.datetime(_YEARS.stop, 1, 1, tzinfo=dt.UTC) - _EPOCH).days * 86_400 * NS


def time_ns(text: str, site: Site, option: str) -> int:
    """A time in RFC 3339, a local date or date and time in the fieldlab's zone, or integer nanoseconds.

    Raises
    ------
    WrongUse
        Naming the option and what it takes.
    """
    beyond = WrongUse(f"{option}: {text} lies beyond what nanoseconds can tell, the years 1678 to 2261")
    if re.fullmatch(r"\d{12,}", text, re.ASCII):
        if len(text) > len(str(_END_NS)) or int(text) >= _END_NS:
            raise beyond
        return int(text)
    # Python keeps microseconds; a recording's nanoseconds are kept beside them.
    match = re.fullmatch(r"(.*?)(?:\.(\d{1,9}))?(Z|z|[+-]\d{2}:\d{2})?", text)
    whole, fraction, offset = match.groups() if match else (text, None, None)
    try:
        moment = dt.datetime.fromisoformat(whole + (offset or "").upper().replace("Z", "+00:00"))
    except ValueError:
        date = meant(text) or "2026-11-23"
        raise WrongUse(
            f"{option}: {text!r} is not a time; write a date: {date}, or a moment: 2026-11-23T06:00:00Z"
        ) from None
    if moment.year not in _YEARS:
        raise beyond
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(site.timezone.latest))
    since = moment.astimezone(dt.UTC) - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    return seconds * NS + since.microseconds * 1000 + int((fraction or "0").ljust(9, "0"))


def rfc3339(time: int) -> str:
    """UTC nanoseconds as people read them."""
    return dt.datetime.fromtimestamp(time // NS, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
