"""``fieldlab report``: an experiment, a shift or a week in one file that needs nothing beside it."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import time
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

from analytics.schedule import schedule
from dashboards.report_period import Period, period_report
from dashboards.view import DAY_NS, NS, Span
from fieldlab.errors import WrongUse
from fieldlab.experiment import report_of
from fieldlab.screens import StoreScreens
from fieldlab.services import horizon
from fieldlab.stores import extent, opened_store
from fieldlab_configs import Site, load

_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)


def run(args: argparse.Namespace) -> int:
    """Make the report; to standard output, or to a file whose path is printed."""
    site = load(args.config)
    if args.experiment is not None:
        name, text = f"experiment-{args.experiment}", report_of(site, args.experiment, args.language)
    else:
        name, text = _period(site, args)
    if args.out is None:
        print(text, end="")
        return 0
    print(_written(Path(args.out), f"{site.fieldlab}-{name}-{args.language or site.language}.html", text))
    return 0


def _period(site: Site, args: argparse.Namespace) -> tuple[str, str]:
    """The report of a shift or a week, and what its file is called."""
    store = opened_store(site)
    try:
        first_ns, last_ns = extent(store)
        if first_ns is None or last_ns is None:
            raise WrongUse("there is no data yet; let a gateway and analytics run first")
        now_ns = max(last_ns, horizon(site, last_ns))
        screens = StoreScreens(site, store)
        screens.refresh(first_ns, now_ns)
        period = week(site, args.week, now_ns) if args.week else shift(site, args.shift)
        if period.at.start_ns >= now_ns:
            raise WrongUse(f"--{period.kind} {period.name}: lies in the future; there is no data of it yet")
        text = period_report(screens, period, made_ns=time.time_ns(), language=args.language)
    finally:
        store.close()
    return f"{period.kind}-{period.name.replace('/', '-')}", text


def week(site: Site, asked: str, now_ns: int) -> Period:
    """An ISO week, Monday to Monday on the fieldlab's own clock, and the week before."""
    if asked == "last":
        today = dt.datetime.fromtimestamp(now_ns // NS, ZoneInfo(site.timezone.at(now_ns))).date()
        monday = today - dt.timedelta(days=today.weekday() + 7)
    else:
        monday = _monday(asked)
    year, number, _ = monday.isocalendar()
    edges = [_midnight(site, monday + dt.timedelta(days=days)) for days in (-7, 0, 7)]
    return Period("week", f"{year}-W{number:02d}", Span(edges[1], edges[2]), Span(edges[0], edges[1]))


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


def _written(folder: Path, name: str, text: str) -> Path:
    """Write a file whole or not at all."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f".{safe}.part"
        half.write_text(text, encoding="utf-8")
        half.replace(folder / safe)
    except OSError as error:
        raise WrongUse(f"--out {folder}: {error.strerror}; give a folder that can be written") from None
    return folder / safe
