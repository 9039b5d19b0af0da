"""The config as plain data: dated values, shifts, holidays, local days, units."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

from .recording import SECOND, number, time_ns
from .steps import Steps, combine, during

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {
    "W": Fraction(1, 1000),
    "kW": Fraction(1),
    "MW": Fraction(1000),
    "J": Fraction(1, 3_600_000),
    "kJ": Fraction(1, 3600),
    "MJ": Fraction(1000, 3600),
    "GJ": Fraction(1_000_000, 3600),
    "Wh": Fraction(1, 1000),
    "kWh": Fraction(1),
    "MWh": Fraction(1000),
    "g": Fraction(1, 1000),
    "kg": Fraction(1),
    "t": Fraction(1000),
}


def read(config):
    """A config as a plain dict, from a path, YAML text or a dict."""
    if isinstance(config, dict):
        return config
    if isinstance(config, Path) or "\n" not in config:
        config = Path(config).read_text(encoding="utf-8")
    yaml = YAML(typ="safe", pure=True)
    # Of the class as it came, not as the read before left it.
    known = type(yaml.constructor).construct_yaml_timestamp
    # Python's datetime knows no nanoseconds: a time with a fraction stays the text that it is.
    yaml.constructor.add_constructor(
        "tag:yaml.org,2002:timestamp",
        lambda loader, node: node.value if "." in node.value else known(loader, node),
    )
    return yaml.load(config)


def dated(value):
    """Entries ``(from_ns, value)``; the first also holds before its date."""
    if isinstance(value, list) and value and all(isinstance(v, dict) and "from" in v for v in value):
        return sorted((time_ns(entry["from"]), entry["value"]) for entry in value)
    return [(0, value)]


def dated_steps(value):
    """A dated value as steps."""
    entries = dated(value)
    return Steps(entries[0][1], entries[1:])


def instant(zone, day, clock):
    """The UTC nanosecond at which a local clock shows `clock` on `day`.

    A time that does not exist takes the offset before the change, one that exists twice its first:
    both are what ``fold=0`` means.
    """
    return time_ns(dt.datetime.combine(day, clock, tzinfo=ZoneInfo(zone)).replace(fold=0).astimezone(dt.UTC))


def clock_time(text):
    """A wall-clock time."""
    return text if isinstance(text, dt.time) else dt.time.fromisoformat(str(text).zfill(5))


def local_dates(zone, start, end):
    """Local dates that can matter to a range, a few more on both sides."""
    first = dt.datetime.fromtimestamp(start // SECOND, ZoneInfo(zone)).date() - dt.timedelta(days=3)
    last = dt.datetime.fromtimestamp(end // SECOND, ZoneInfo(zone)).date() + dt.timedelta(days=3)
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def by_date(function, entries, start, end):
    """Steps of a function of a dated value: at every instant the entry in force then decides."""
    made = [function(value) for _, value in entries]
    chosen = Steps(0, [(time, index) for index, (time, _) in enumerate(entries) if index])
    return combine(lambda index, *values: values[index], chosen, *made)


def local_days(config, start, end):
    """Steps of the local date, as ISO text."""

    def days(zone):
        return Steps(
            "", [(instant(zone, day, dt.time()), day.isoformat()) for day in local_dates(zone, start, end)]
        )

    return by_date(days, dated(config.get("timezone", "UTC")), start, end)


def shift_steps(config, start, end):
    """Steps of ``(shift, shift_date, planned)``, before planned downtime."""
    holidays = {str(day) for day in config.get("holidays") or ()}

    def of_zone(zone):
        return by_date(lambda shifts: of_shifts(zone, shifts), dated(config.get("shifts")), start, end)

    def of_shifts(zone, shifts):
        days = local_dates(zone, start, end)
        if not shifts:  # the whole local day is planned, but for holidays
            return Steps(
                ("none", "none", True),
                [(instant(zone, d, dt.time()), ("none", "none", str(d) not in holidays)) for d in days],
            )
        steps = Steps(("none", "none", False))
        for shift in shifts:
            for day in days:
                if DAYS[day.weekday()] in (shift.get("days") or DAYS):
                    steps = overlay(steps, occurrence(zone, shift, day, str(day) in holidays))
        return steps

    return by_date(of_zone, dated(config.get("timezone", "UTC")), start, end)


def overlay(below, above):
    """`above` where it says something, else `below`."""
    changes = {time: below.at(time) for time in below.times}
    for time in above.times:
        changes[time] = above.at(time) or below.at(time)
    for time in below.times:
        changes[time] = above.at(time) or below.at(time)
    return Steps(below.first, list(changes.items()))


def occurrence(zone, shift, day, holiday):
    """One occurrence of a shift as steps of ``(shift, shift_date, planned)``, None outside it."""
    begin, finish = clock_time(shift["start"]), clock_time(shift["end"])
    next_day = day + dt.timedelta(days=1)
    start = instant(zone, day, begin)
    end = instant(zone, next_day if finish <= begin else day, finish)
    pauses = []
    for pause in shift.get("breaks") or ():
        at = clock_time(pause["start"])
        # A break of a night shift after midnight is on the next date.
        pause_start = instant(zone, day if at >= begin else next_day, at)
        length = int(number(pause["minutes"]) * 60 * SECOND)
        pauses.append((max(pause_start, start), min(pause_start + length, end)))
    pausing = during(pauses)

    def value(time):
        if not start <= time < end:
            return None
        return (shift["name"], day.isoformat(), not holiday and not pausing.at(time))

    return Steps(None, [(time, value(time)) for time in {start, end, *pausing.times} if start <= time <= end])


def downtime(machine):
    """Steps that are True in a machine's planned downtime."""
    return during([(time_ns(d["start"]), time_ns(d["end"])) for d in machine.get("planned_downtime") or ()])


def factor(signal):
    """What a raw value of a signal is multiplied by: its unit and its scale."""
    scale = number(signal.get("scale", 1))
    return scale * UNITS.get(signal.get("unit"), Fraction(1))
