"""Rows of a recording: read, classed, and put in order."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

SECOND = 1_000_000_000
COUNTERS = ("total_count", "good_count", "scrap_count", "rework_count", "material")
NUMERIC = (*COUNTERS, "ideal_cycle_time", "power", "energy", "link")


class Reading(NamedTuple):
    """One row: its time, its value (a Fraction or a text), or None under Bad quality."""

    time: int
    value: object


def time_ns(text):
    """RFC 3339, integer nanoseconds, or what a YAML reader makes of a time; as UTC nanoseconds."""
    if isinstance(text, int):
        return text
    if isinstance(text, dt.datetime):
        moment = text if text.tzinfo else text.replace(tzinfo=dt.UTC)
        delta = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return (delta.days * 86400 + delta.seconds) * SECOND + delta.microseconds * 1000
    text = str(text).strip()
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    whole, fraction, zone = re.fullmatch(
        r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text
    ).groups()
    moment = dt.datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone))
    return time_ns(moment) + int((fraction or "0").ljust(9, "0")[:9])


def number(value):
    """The exact number that a value is or reads as; None where it is none, or not finite."""
    if isinstance(value, Fraction):
        return value
    try:
        if not math.isfinite(float(value)):
            return None
    except (TypeError, ValueError):
        return None
    return Fraction(Decimal(str(value).strip()))


def code_text(value):
    """A machine's code as the text by which maps are keyed: ``11``, never ``11.0``."""
    exact = number(value)
    if exact is None:
        return str(value)
    return str(int(exact)) if exact.denominator == 1 else str(float(exact))


def read_csv(text):
    """Rows ``(time, machine, signal, value, quality)`` in the order of the file."""
    return [
        (row["time"], row["machine"], row["signal"], row["value"], row.get("quality") or "")
        for row in csv.DictReader(io.StringIO(text))
    ]


def classed(signal, value, quality):
    """``(usable, value)``: unusable is a dead letter, a value of None is a Bad row."""
    if str(quality or "").lower().startswith("bad") or value is None or value == "UNAVAILABLE":
        return True, None
    if signal in NUMERIC:
        exact = number(value)
        return exact is not None, exact
    if signal == "state":
        return True, code_text(value)
    return True, value if isinstance(value, str) else code_text(value)


class Recording:
    """Every usable row, by machine and signal, sorted; of two at one time the later arrival holds."""

    def __init__(self, rows, known, links=()):
        series = {}
        beats = {}
        for row in rows:
            time, machine, signal, value = row[0], row[1], row[2], row[3]
            quality = row[4] if len(row) > 4 else ""
            usable, value = classed(signal, value, quality)
            if not usable or machine not in known or (signal != "link" and signal not in known[machine]):
                continue
            series.setdefault((machine, signal), {})[time_ns(time)] = value
        for (machine, signal), found in list(series.items()):
            if signal == "link":  # a recording's own link speaks for all sources of its machine
                beats[machine, None, None] = {time: bool(up) for time, up in found.items()}
        for gateway, source, machine, time, up in links:
            beats.setdefault((machine, gateway, source), {})[time_ns(time)] = bool(up)
        self.series = {
            key: [Reading(time, found[time]) for time in sorted(found)] for key, found in series.items()
        }
        self.beats = {key: sorted(found.items()) for key, found in beats.items()}
        times = [time for found in (*series.values(), *beats.values()) for time in found]
        self.first = min(times, default=None)
        self.last = max(times, default=None)

    def readings(self, machine, signal):
        """All rows of a signal, Bad ones with None."""
        return self.series.get((machine, signal), [])

    def values(self, machine, signal):
        """The rows of a signal that carry a value."""
        return [reading for reading in self.readings(machine, signal) if reading.value is not None]
