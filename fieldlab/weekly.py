"""Reports of every week: when each is due, for whom, and its files."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from analytics.shares import shares
from dashboards.report_period import Period, measured, period_report
from dashboards.report_summary import subject, summary
from fieldlab.company_screens import CompanyScreens
from fieldlab.errors import WrongUse
from fieldlab.mail import letter, send
from fieldlab.periods import last_monday, week_from
from fieldlab.screens import StoreScreens
from fieldlab.sent import Made
from fieldlab.stores import extent
from fieldlab_configs import ReportsConfig, Site, WeeklyReport
from fieldlab_configs.times import moment_ns
from ingest.store import Store
from ingest.whole_file import write_whole

MOST_WEEKS: Final = 8
"""So many weeks that were missed are caught up; what lies further back is made by hand."""


def screens_of(site: Site, store: Store, company: str | None, now_ns: int) -> StoreScreens:
    """What the whole fieldlab sees, or one company; WrongUse where there is nothing at all yet."""
    first_ns = extent(store)[0]
    if first_ns is None:
        raise WrongUse("there is no data yet; let a gateway and analytics run first")
    screens = StoreScreens(site, store) if company is None else CompanyScreens(site, store, company)
    screens.refresh(first_ns, now_ns)
    return screens


def may_see(site: Site, company: str | None, period: Period) -> bool:
    """Whether a period holds anything that a company may see."""
    return company is None or any(
        share.company == company
        and share.span.start_ns < period.at.end_ns
        and share.span.end_ns > period.at.start_ns
        for share in shares(site)
    )


def due(site: Site, reports: ReportsConfig, since_ns: int, now_ns: int) -> Iterator[Period]:
    """The weeks whose reports fell due after one moment and up to another, the earliest first."""
    monday = last_monday(site, now_ns)
    for back in range(MOST_WEEKS - 1, -1, -1):
        period = week_from(site, monday - dt.timedelta(weeks=back))
        if since_ns < due_ns(site, reports, period) <= now_ns:
            yield period


def due_ns(site: Site, reports: ReportsConfig, period: Period) -> int:
    """When the report of a week is made: the first time that its day and time come after it, locally."""
    year, number = period.name.split("-W")
    monday = dt.date.fromisocalendar(int(year), int(number), 1)
    date = monday + dt.timedelta(days=7 + reports.day)
    return moment_ns(f"{date}T{reports.time:%H:%M:%S}", site.timezone)


def make(site: Site, store: Store, name: str, period: Period, now_ns: int) -> Made:
    """Make the files of a report, and what the mail says."""
    if site.reports is None:
        raise WrongUse(f"{site.path}: reports: the config has none")
    report = site.reports.weekly[name]
    made = Made(now_ns)
    if not may_see(site, report.company, period):
        return made
    screens = screens_of(site, store, report.company, now_ns)
    found = measured(screens, period)
    folder = folder_of(site.reports, name)
    languages = report.languages or (site.language,)
    for language in languages:
        text = period_report(found, made_ns=time.time_ns(), company=report.company, language=language)
        path = folder / file_name(site, report.company, period, language)
        try:
            write_whole(path, text.encode())
        except OSError as error:
            raise WrongUse(
                f"reports.weekly.{name}: {folder} cannot be written: {error.strerror};"
                " name a folder that can be"
            ) from None
        made.files.append(str(path))
    made.subject = subject(site, period.name, report.company, languages[0])
    made.text = "\n\n".join(summary(found, language) for language in languages)
    made.to = list(report.mail)
    return made


def folder_of(reports: ReportsConfig, name: str) -> Path:
    """Where a report's files go."""
    report: WeeklyReport = reports.weekly[name]
    return report.folder or reports.folder / name


def file_name(site: Site, company: str | None, period: Period, language: str) -> str:
    """What a report's file is called."""
    parts = (site.fieldlab, *([company] if company else []), period.kind, period.name, language)
    return re.sub(r"[^A-Za-z0-9._-]", "_", "-".join(parts)) + ".html"


def deliver(site: Site, name: str, period: Period, made: Made, to: str) -> None:
    """Mail a report that was made to one recipient; MailFailed, or OSError where its file is gone."""
    if site.reports is None or site.reports.server is None:
        raise WrongUse(f"{site.path}: reports.server: the config names no mail server")
    server = site.reports.server
    files = {Path(path).name: Path(path).read_bytes() for path in made.files}
    # Of what is in it: the same letter once more is known as the same, a report made anew as another.
    said = [text.encode() for text in (site.fieldlab, name, period.name, to, made.subject, made.text)]
    mark = hashlib.sha256(b"\0".join((*said, *files.values()))).hexdigest()[:32]
    message = letter(
        sender=server.sender, name=site.name or site.fieldlab, to=to, subject=made.subject, text=made.text,
        files=files, mark=mark,
    )  # fmt: skip
    send(server, message, to)
