"""Weeks and shifts by their names, on the fieldlab's own clock."""

from __future__ import annotations

import datetime as dt
import re
from typing import NoReturn
from zoneinfo import ZoneInfo

from analytics.schedule import schedule
from dashboards.report_period import Period
from dashboards.view import DAY_NS, NS, Span
from fieldlab.errors import WrongUse
from fieldlab_configs import Site

_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)


def week(site: Site, asked: str, now_ns: int) -> Period:
    """An ISO week, Monday to Monday on the fieldlab's own clock, and the week before."""
    return week_from(site, last_monday(site, now_ns) if asked == "last" else _monday(asked))


def week_from(site: Site, monday: dt.date) -> Period:
    """The week that begins on a Monday."""
    year, number, _ = monday.isocalendar()
    edges = [_midnight(site, monday + dt.timedelta(days=days)) for days in (-7, 0, 7)]
    return Period("week", f"{year}-W{number:02d}", Span(edges[1], edges[2]), Span(edges[0], edges[1]))


def last_monday(site: Site, now_ns: int) -> dt.date:
    """The Monday on which the last whole week began."""
    today = dt.datetime.fromtimestamp(now_ns // NS, ZoneInfo(site.timezone.at(now_ns))).date()
    return today - dt.timedelta(days=today.weekday() + 7)


def _monday(asked: str) -> dt.date:
    match = _WEEK.fullmatch(asked)
    try:
        return dt.date.fromisocalendar(int(match[1]), int(match[2]), 1) if match else _no_week(asked)
    except ValueError:
        return _no_week(asked)


def _no_week(asked: str) -> NoReturn:
    raise WrongUse(f"--week {asked}: is no week; write 2026-W47, or last") from None


def _midnight(site: Site, date: dt.date) -> int:
    moment = dt.datetime.combine(date, dt.time())
    for _, zone in reversed(site.timezone.entries):
        found = round(moment.replace(tzinfo=ZoneInfo(zone)).timestamp()) * NS
        if site.timezone.at(found) == zone:
            return found
    return round(moment.replace(tzinfo=ZoneInfo(site.timezone.latest)).timestamp()) * NS


def shift(site: Site, asked: str) -> Period:
    """A shift by date and name, and the same shift a week earlier."""
    text, slash, name = asked.partition("/")
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        date = None
    if not (slash and name) or date is None:
        raise WrongUse(f"--shift {asked}: write a date and a shift's name, such as 2026-11-23/early")
    found = _occurrence(site, date, name)
    if found is None:
        dated = site.shifts.entries if site.shifts else ()
        known = ", ".join(sorted({each.name for _, shifts in dated for each in shifts})) or "none"
        raise WrongUse(f"--shift {asked}: there is no such shift on that date; the config has {known}")
    before = _occurrence(site, date - dt.timedelta(days=7), name)
    if before is None:
        before = Span(found.start_ns - 7 * DAY_NS, found.end_ns - 7 * DAY_NS)
    return Period("shift", f"{date.isoformat()}/{name}", found, before)


def _occurrence(site: Site, date: dt.date, name: str) -> Span | None:
    noon = _midnight(site, date)
    for each in schedule(site, noon - DAY_NS, noon + 2 * DAY_NS).occurrences:
        if each.name == name and each.date == date:
            return Span(each.start_ns, each.end_ns)
    return None
