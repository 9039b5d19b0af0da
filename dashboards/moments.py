"""Instants as a page writes them: in the fieldlab's own time zone, whatever the browser's is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from dashboards.view import DAY_NS, HOUR_NS, MINUTE_NS, NS, Span, rfc3339
from dashboards.wording import Language
from fieldlab_configs import Site

_WEEKDAYS: Final[dict[Language, tuple[str, ...]]] = {
    "nl": ("ma", "di", "wo", "do", "vr", "za", "zo"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS: Final[dict[Language, tuple[str, ...]]] = {
    "nl": ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_STEPS_NS: Final = tuple(
    [n * MINUTE_NS for n in (1, 2, 5, 10, 15, 30)] + [n * HOUR_NS for n in (1, 2, 3, 6, 12)] + [DAY_NS]
)
_DAYS: Final = (1, 2, 7, 14, 30, 90, 365)


def local(site: Site, time_ns: int) -> dt.datetime:
    """An instant on the wall clock of the fieldlab."""
    return dt.datetime.fromtimestamp(time_ns // NS, ZoneInfo(site.timezone.at(time_ns)))


def day(moment: dt.datetime, language: Language, *, year: bool = False) -> str:
    """A date in short: ``ma 23 nov``."""
    short = f"{_WEEKDAYS[language][moment.weekday()]} {moment.day} {_MONTHS[language][moment.month - 1]}"
    return f"{short} {moment.year}" if year else short


def moment(site: Site, time_ns: int, language: Language) -> str:
    """A date, its year and the time of day: ``ma 23 nov 2026 06:00``."""
    at = local(site, time_ns)
    return f"{day(at, language)} {at:%Y %H:%M}"


def window(site: Site, start_ns: int, end_ns: int, language: Language) -> str:
    """From when to when, in words; whole days by their dates, the last of them included."""
    start, end = local(site, start_ns), local(site, end_ns)
    midnight = dt.time()
    if start.time() == end.time() == midnight and start < end:
        last = end - dt.timedelta(days=1)
        first = day(start, language, year=start.year != last.year)
        return (
            day(last, language, year=True)
            if start.date() == last.date()
            else f"{first} – {day(last, language, year=True)}"
        )
    until = f"{end:%H:%M}" if start.date() == end.date() else moment(site, end_ns, language)
    return f"{moment(site, start_ns, language)} – {until}"


def clock(site: Site, time_ns: int) -> str:
    """The time of day, to the second."""
    return local(site, time_ns).strftime("%H:%M:%S")


def dated_clock(site: Site, time_ns: int, language: Language) -> str:
    """The date and the time of day: what is old must not look as if it were of today."""
    return f"{day(local(site, time_ns), language)} {clock(site, time_ns)}"


def ends(site: Site, at: Span, language: Language) -> tuple[str, str]:
    """Both ends of a range, with the dates that are needed to tell them apart."""
    start, end = local(site, at.start_ns), local(site, at.end_ns)
    first = f"{day(start, language)} {start:%H:%M}"
    return first, f"{end:%H:%M}" if start.date() == end.date() else f"{day(end, language)} {end:%H:%M}"


def ticks(site: Site, at: Span, language: Language, most: int = 9) -> list[tuple[int, str]]:
    """Round local times inside a range, and their labels: seconds since 1970, text."""
    length = at.end_ns - at.start_ns
    step = next((s for s in _STEPS_NS if length / s <= most), None)
    if step is None or step == DAY_NS:
        return list(_midnights(site, at, language, most))
    found = []
    quarter_ns = min(step, 15 * MINUTE_NS)
    # Every zone's offset is a multiple of a quarter: step through UTC by that, keep what is round locally.
    time_ns = -(-at.start_ns // quarter_ns) * quarter_ns
    while time_ns < at.end_ns:
        moment = local(site, time_ns)
        since_midnight = (moment.hour * 60 + moment.minute) * MINUTE_NS
        if since_midnight % step == 0:
            midnight = since_midnight == 0
            found.append((time_ns // NS, day(moment, language) if midnight else f"{moment:%H:%M}"))
        time_ns += quarter_ns
    return found


def _midnights(site: Site, at: Span, language: Language, most: int) -> Iterator[tuple[int, str]]:
    days = next((d for d in _DAYS if (at.end_ns - at.start_ns) / DAY_NS / d <= most), _DAYS[-1])
    start = local(site, at.start_ns)
    date, zone = start.date(), start.tzinfo
    while True:
        date += dt.timedelta(days=days)
        moment = dt.datetime.combine(date, dt.time(), zone)
        if moment.timestamp() * NS >= at.end_ns:
            return
        yield round(moment.timestamp()), day(moment, language)


def buckets(site: Site, at: Span, language: Language) -> list[tuple[str, str, int]]:
    """Every cell, hour or day that a range touches: its name in rows, its label, its end (UTC ns)."""
    if at.bucket == "day":
        found = []
        date, last = local(site, at.start_ns).date(), local(site, at.end_ns - 1).date()
        zone = ZoneInfo(site.timezone.at(at.end_ns))
        while date <= last:
            following = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), zone)
            label = day(dt.datetime.combine(date, dt.time()), language)
            found.append((date.isoformat(), label, round(following.timestamp()) * NS))
            date += dt.timedelta(days=1)
        return found
    length = site.cell_s * NS if at.bucket == "cell" else HOUR_NS
    several_days = local(site, at.start_ns).date() != local(site, at.end_ns - 1).date()
    found = []
    for start in range(at.start_ns // length * length, at.end_ns, length):
        moment = local(site, start)
        label = (
            f"{_WEEKDAYS[language][moment.weekday()]} {moment:%H:%M}" if several_days else f"{moment:%H:%M}"
        )
        found.append((rfc3339(start), label, start + length))
    return found
