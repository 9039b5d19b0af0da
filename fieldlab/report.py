"""``fieldlab report``: an experiment, a shift or a week in one file that needs nothing beside it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from dashboards.report_period import Period, measured, period_report
from fieldlab import report_service
from fieldlab.errors import WrongUse
from fieldlab.experiment import report_of
from fieldlab.mail import MailFailed
from fieldlab.periods import shift, week
from fieldlab.sent import Account
from fieldlab.services import horizon
from fieldlab.stores import extent, opened_store
from fieldlab.weekly import deliver, file_name, make, may_see, screens_of
from fieldlab_configs import ReportsConfig, Site, load
from ingest.store import Store
from ingest.whole_file import write_whole


def run(args: argparse.Namespace) -> int:
    """Make the report; to standard output, or to a file whose path is printed."""
    site = load(args.config)
    _together(args)
    if args.every_week:
        return report_service.serve(site)
    if args.mail:
        return _by_hand(site, args.week)
    if args.experiment is not None:
        name = f"{site.fieldlab}-experiment-{args.experiment}-{args.language or site.language}.html"
        text = report_of(site, args.experiment, args.language)
    else:
        name, text = _period(site, args)
    if args.out is None:
        print(text, end="")
        return 0
    path = Path(args.out) / name
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise WrongUse(f"--out {args.out}: {error.strerror}; give a folder that can be written") from None
    print(path)
    return 0


def _together(args: argparse.Namespace) -> None:
    """WrongUse where options do not go together."""
    if args.mail and args.week is None:
        raise WrongUse("--mail sends the reports of a week; say which: --week last, or --week 2026-W47")
    if args.mail or args.every_week:
        what = "--mail" if args.mail else "--every-week"
        for option in ("language", "out", "company"):
            if getattr(args, option) is not None:
                raise WrongUse(
                    f"{what} makes the reports that the config names; its section reports says their"
                    f" {option}, so leave --{option} out"
                )
    if args.company is not None and args.experiment is not None:
        raise WrongUse("--company goes with --week or --shift; an experiment is that of its company anyway")


def _period(site: Site, args: argparse.Namespace) -> tuple[str, str]:
    """The report of a shift or a week, and what its file is called."""
    if args.company is not None and args.company not in (known := [c.id for c in site.companies]):
        raise WrongUse(f"--company {args.company}: the config has {', '.join(known) or 'none'}")
    store = opened_store(site)
    try:
        now_ns = _now_ns(site, store)
        period = week(site, args.week, now_ns) if args.week else shift(site, args.shift)
        _past(period, now_ns)
        if not may_see(site, args.company, period):
            raise WrongUse(
                f"--{period.kind} {period.name}: {args.company} has no window of an experiment in it,"
                " so there is nothing that it may see"
            )
        found = measured(screens_of(site, store, args.company, now_ns), period)
    finally:
        store.close()
    text = period_report(found, made_ns=time.time_ns(), company=args.company, language=args.language)
    return file_name(site, args.company, period, args.language or site.language), text


def _now_ns(site: Site, store: Store) -> int:
    last_ns = extent(store)[1]
    if last_ns is None:
        raise WrongUse("there is no data yet; let a gateway and analytics run first")
    return max(last_ns, horizon(site, last_ns))


def _past(period: Period, now_ns: int) -> None:
    if period.at.start_ns >= now_ns:
        raise WrongUse(f"--{period.kind} {period.name}: lies in the future; there is no data of it yet")


def _by_hand(site: Site, asked: str) -> int:
    """Make and mail every report of the config now; 1 where a mail was not taken."""
    reports = report_service.checked(site)
    store = opened_store(site)
    account = Account(reports.folder)
    try:
        now_ns = _now_ns(site, store)
        period = week(site, asked, now_ns)
        _past(period, now_ns)
        with account.opened():
            failed = [_one(site, store, reports, account, name, period, now_ns) for name in reports.weekly]
            return int(any(failed))
    except BlockingIOError:
        raise WrongUse(
            f"another fieldlab report is at work in {reports.folder}; try again in a moment"
        ) from None
    finally:
        store.close()


def _one(
    site: Site, store: Store, reports: ReportsConfig, account: Account, name: str, period: Period, now_ns: int
) -> bool:
    """One report, noted so that the service does not send it again; whether a mail was not taken."""
    made = make(site, store, name, period, now_ns)
    over = period.at.end_ns <= now_ns

    def note() -> None:
        if over:  # of a week that is not over the service still has to tell the whole
            account.put(name, period.name, made)

    note()
    print("\n".join(f"{name}: {path}" for path in made.files) or _nothing(name, period, reports))
    failed = False
    for to in made.to:
        try:
            deliver(site, name, period, made, to)
        except MailFailed as error:
            print(f"{name}: not mailed to {to}: {error}", file=sys.stderr)
            failed = True
        else:
            made.sent[to] = time.time_ns()
            note()
            print(f"{name}: mailed to {to}")
    return failed


def _nothing(name: str, period: Period, reports: ReportsConfig) -> str:
    company = reports.weekly[name].company
    return f"{name}: {company} has no window of an experiment in {period.name}, so there is nothing to report"
