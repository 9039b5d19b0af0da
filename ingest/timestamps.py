"""Times as people and programs write them, to nanoseconds: a million in about a second."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from ingest.columns import INT64, Times

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:([Zz])|([+-])([01]\d|2[0-3]):([0-5]\d))?", re.ASCII
)
_PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
"""The most usual form, which needs no taking apart."""
_INTEGER = re.compile(r"-?\d{1,19}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = "1678", "2261"  # whole years that nanoseconds in 64 bits reach
_REACH_NS = INT64 - 2**54  # with room to add days
_NANOSECOND_DIGITS = 9


def nanoseconds(texts: Sequence[str], *, need_zone: bool = True) -> tuple[Times, npt.NDArray[np.bool_]]:
    """RFC 3339 times, or integer nanoseconds, as nanoseconds.

    Parameters
    ----------
    texts : sequence of str
        Any mixture of the two. Digits beyond the nanosecond are cut off.
    need_zone : bool
        Whether a time without a zone is none; else it is UTC.

    Returns
    -------
    times : ndarray of int64
        0 where there is no time.
    valid : ndarray of bool
    """
    stamps: list[str] = []
    offsets: dict[int, int] = {}
    integers: dict[int, int] = {}
    plain = _PLAIN.fullmatch
    for i, text in enumerate(texts):
        if plain(text) and _FIRST_YEAR <= text[:4] <= _LAST_YEAR:
            stamps.append(text[:-1])
            continue
        match = _RFC3339.fullmatch(text)
        stamp = "NaT"
        if match is not None:
            date, clock, fraction, utc, sign, hours, minutes = match.groups()
            in_range = _FIRST_YEAR <= date[:4] <= _LAST_YEAR
            if in_range and (utc or sign or not need_zone):
                stamp = f"{date}T{clock}.{fraction[:_NANOSECOND_DIGITS]}" if fraction else f"{date}T{clock}"
            if sign:
                offsets[i] = _offset_ns(sign, int(hours), int(minutes))
        elif _INTEGER.fullmatch(text) and abs(int(text)) < _REACH_NS:
            integers[i] = int(text)
        stamps.append(stamp)
    moments = _moments(stamps)
    times = moments.astype(np.int64)
    valid = ~np.isnat(moments)
    times[~valid] = 0
    for i, offset_ns in offsets.items():
        times[i] -= offset_ns if valid[i] else 0
    for i, time_ns in integers.items():
        times[i], valid[i] = time_ns, True
    return times, valid


def _offset_ns(sign: str, hours: int, minutes: int) -> int:
    ahead = timedelta(hours=hours, minutes=minutes)
    return (1 if sign == "+" else -1) * round(ahead.total_seconds()) * 1_000_000_000


def _moments(stamps: list[str]) -> npt.NDArray[np.datetime64]:
    try:
        return np.array(stamps, dtype="datetime64[ns]")
    except ValueError:
        # One of them is no date (February 30, second 60): find out which.
        return np.array([_moment(stamp) for stamp in stamps], dtype="datetime64[ns]")


def _moment(stamp: str) -> np.datetime64:
    try:
        return np.datetime64(stamp, "ns")
    except ValueError:
        return np.datetime64("NaT", "ns")
