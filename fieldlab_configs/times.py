"""Moments as people write them, exact to the nanosecond, in the timezone that was in force."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fieldlab_configs.dated import Dated

NS: Final = 1_000_000_000
UTC: Final[Dated[str]] = Dated(((0, "UTC"),))

_MOMENT: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<clock>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<offset>[Zz]|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
_FIRST, _LAST = dt.datetime(1970, 1, 2), dt.datetime(2261, 12, 31)  # noqa: DTZ001 - local, as written


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """A timezone by its IANA name; ValueError where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder such as "Europe"
        raise ValueError(f"no timezone of that name: {name}") from error


def utc_ns(local: dt.datetime, in_zone: ZoneInfo) -> int:
    """A local wall-clock time as UTC nanoseconds.

    A time that does not exist is read with the offset before the change; of one that exists twice
    the first is meant (PEP 495, ``fold=0``).
    """
    offset = local.replace(tzinfo=in_zone, fold=0).utcoffset() or dt.timedelta()
    since = local.replace(tzinfo=None) - offset - dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the epoch in UTC
    return (since.days * 86_400 + since.seconds) * NS + since.microseconds * 1000


def moment_ns(text: str, timezone: Dated[str] = UTC) -> int:
    """A date (its local midnight) or an RFC 3339 timestamp as UTC nanoseconds.

    Parameters
    ----------
    text : str
        ``2026-10-05``, ``2026-10-05T06:00:00Z``, ``2026-10-05T06:00:00.123456789+02:00`` or, read in the
        timezone then in force, ``2026-10-05T06:00``.
    timezone : Dated of str
        IANA names.

    Raises
    ------
    ValueError
        If it is none of these, or outside 1970 to 2261, what 64 bits of nanoseconds hold.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError("must be a date or an RFC 3339 timestamp such as 2026-10-05T06:00:00Z")
    try:
        local = dt.datetime.fromisoformat(f"{match['date']}T{match['clock'] or '00:00'}")
    except ValueError as error:
        raise ValueError(f"must be a date or timestamp that exists ({error})") from None
    if not _FIRST <= local <= _LAST:
        raise ValueError("must lie between 1970-01-02 and 2261-12-31")
    fraction = int((match["fraction"] or "").ljust(9, "0"))
    offset = match["offset"]
    if offset is None:
        return _local_ns(local, timezone) + fraction
    if offset in "Zz":
        return utc_ns(local, zone("UTC")) + fraction
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - what a clock shows
        raise ValueError("must have an offset of less than a day")
    sign = -1 if offset[0] == "-" else 1
    return utc_ns(local, zone("UTC")) - sign * (hours * 3600 + minutes * 60) * NS + fraction


def meant(text: str) -> str | None:
    """The date that somebody meant who wrote it as people do, or None.

    Examples
    --------
    >>> meant("28-9-2026"), meant("20260928"), meant("31-9-2026")
    ('2026-09-28', '2026-09-28', None)
    """
    european = re.fullmatch(r"(?P<d>\d{1,2})[-./](?P<m>\d{1,2})[-./](?P<y>\d{4})", text, re.ASCII)
    match = european or re.fullmatch(
        r"(?P<y>\d{4})[-./]?(?P<m>\d\d|(?<=\D)\d)[-./]?(?P<d>\d\d|(?<=\D)\d)", text, re.ASCII
    )
    try:
        return None if match is None else f"{dt.date(*(int(match[part]) for part in 'ymd'))}"
    except ValueError:
        return None


def _local_ns(local: dt.datetime, timezone: Dated[str]) -> int:
    """Local time in whichever timezone was in force at the instant that it gives."""
    for start, name in reversed(timezone.entries[1:]):
        instant = utc_ns(local, zone(name))
        if instant >= start:
            return instant
    return utc_ns(local, zone(timezone.entries[0][1]))
