"""``fieldlab report --every-week``: makes and mails the reports of each week, until stopped."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from dashboards.report_period import Period
from fieldlab import weekly
from fieldlab.errors import Found, WrongUse
from fieldlab.mail import MailFailed
from fieldlab.secrets import hide_secrets
from fieldlab.sent import Account, Made
from fieldlab.services import horizon, pause, until_stopped
from fieldlab.stores import extent, opened_store
from fieldlab_configs import ReportsConfig, Site
from gateways.notify import Notifier
from ingest.store import Store, StoreUnavailable

STEP_S: Final = 20.0
PATIENCE_S: Final = 8.0
"""So long a letter on its way is waited for when the service is told to stop."""
FIRST_PAUSE_S: Final = 60.0
LONGEST_PAUSE_S: Final = 6 * 3600.0
GIVE_UP_NS: Final = 7 * 86_400 * 10**9
log = logging.getLogger(__name__)


class Weekly:
    """The reports of every week, over one store.

    Parameters
    ----------
    site : Site
    store : Store
    reports : ReportsConfig
        The site's.
    clock : callable
        Seconds that only ever grow; for the pauses between tries.
    """

    def __init__(
        self, site: Site, store: Store, reports: ReportsConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._site, self._store, self._reports, self._clock = site, store, reports, clock
        self._tries: dict[tuple[str, str, str], tuple[int, float]] = {}
        self.stopping = threading.Event()
        self.trouble = ""
        self.unsent: dict[tuple[str, str, str], str] = {}
        """Report, week and recipient to why it was not sent yet."""

    def step(self, now_ns: int) -> None:
        """Do what is due and what is to be tried again."""
        account = Account(self._reports.folder)
        try:
            with account.opened():
                for name in self._reports.weekly:
                    since_ns = account.first_seen(name, now_ns)
                    for period in weekly.due(self._site, self._reports, since_ns, now_ns):
                        self._report(account, name, period, now_ns)
        except BlockingIOError:
            log.info("another fieldlab report is at work; this one waits")

    def _report(self, account: Account, name: str, period: Period, now_ns: int) -> None:
        made = account.of(name, period.name)
        if made is None:
            made = weekly.make(self._site, self._store, name, period, now_ns)
            account.put(name, period.name, made)
            said = ", ".join(made.files) or "nothing that this company may see was done in that week"
            log.info("report %s of %s: %s", name, period.name, said)
        wanted = self._reports.weekly[name].mail
        for to in made.waiting():
            key = (name, period.name, to)
            if to not in wanted:  # the config has changed its mind
                self.unsent.pop(key, None)
            elif self.stopping.is_set():
                self.unsent.setdefault(key, "the service was stopped before its turn came")
            elif self._clock() >= self._tries.get(key, (0, 0.0))[1]:
                self._send(account, key, period, made, now_ns)

    def _send(
        self, account: Account, key: tuple[str, str, str], period: Period, made: Made, now_ns: int
    ) -> None:
        name, week, to = key
        try:
            weekly.deliver(self._site, name, period, made, to)
        except MailFailed as error:
            self._failed(account, key, made, str(error), now_ns, lasting=error.lasting)
        except OSError as error:
            why = f"{error.filename or 'its file'}: {error.strerror}"
            self._failed(account, key, made, why, now_ns, lasting=True)
        else:
            made.sent[to] = time.time_ns()
            account.put(name, week, made)
            self.unsent.pop(key, None)
            self._tries.pop(key, None)
            log.info("report %s of %s: mailed to %s", name, week, to)

    def _failed(
        self,
        account: Account,
        key: tuple[str, str, str],
        made: Made,
        why: str,
        now_ns: int,
        *,
        lasting: bool,
    ) -> None:
        name, week, to = key
        tries = self._tries.get(key, (0, 0.0))[0] + 1
        wait_s = LONGEST_PAUSE_S if lasting else min(FIRST_PAUSE_S * 2 ** (tries - 1), LONGEST_PAUSE_S)
        self._tries[key] = tries, self._clock() + wait_s
        self.unsent[key] = why
        if now_ns - made.made_ns > GIVE_UP_NS:
            made.given_up[to] = why
            account.put(name, week, made)
            log.error("report %s of %s to %s: given up after a week: %s", name, week, to, why)
            return
        log.warning(
            "report %s of %s to %s was not sent: %s; the next try is in %.0f min",
            name, week, to, why, wait_s / 60,
        )  # fmt: skip


def serve(site: Site) -> int:
    """Run until stopped; Found where something that is due was not sent."""
    reports = checked(site)
    store = opened_store(site)
    work = Weekly(site, store, reports)

    def step() -> None:
        work.step(horizon(site, extent(store)[1]))

    async def service(stop: asyncio.Event) -> None:
        notifier = Notifier()
        names = ", ".join(reports.weekly)
        print(f"report: {names}, every week when it is over; Ctrl-C stops it", flush=True)
        notifier.ready(f"weekly reports: {names}")
        while not stop.is_set():
            await _beside(step, work, stop, notifier)
            until = time.monotonic() + STEP_S
            while not stop.is_set() and time.monotonic() < until:
                notifier.alive()
                await pause(stop, 1.0)
        notifier.stopping()

    try:
        asyncio.run(until_stopped(service))
    finally:
        store.close()
    if work.unsent:
        raise Found(
            "\n".join(f"not sent: {r} of {w} to {to}: {why}" for (r, w, to), why in work.unsent.items())
        )
    return 0


async def _beside(step: Callable[[], None], work: Weekly, stop: asyncio.Event, notifier: Notifier) -> None:
    """One step in a thread that ends with the process, for a letter may hang longer than a stop may take."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - raised again below, in the service itself
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="reports")
    thread.start()
    while thread.is_alive() and not stop.is_set():
        notifier.alive()
        await pause(stop, 0.2)
    if stop.is_set():
        work.stopping.set()
    await asyncio.to_thread(thread.join, PATIENCE_S)
    if failed and not isinstance(failed[0], StoreUnavailable | OSError | WrongUse):
        raise failed[0]
    said = str(failed[0]) if failed else ""
    if said != work.trouble:
        work.trouble = said
        log.warning("reports wait: %s", said or "no longer")


def checked(site: Site) -> ReportsConfig:
    """The reports of the config, whose secrets can be read and whose account can be kept; else why not."""
    if site.reports is None:
        raise WrongUse(f"{site.path}: reports: the config says none; add when, and for whom")
    hide_secrets(site)
    if site.reports.server is not None and site.reports.server.password is not None:
        site.reports.server.password.read()
    try:
        with Account(site.reports.folder).opened():
            return site.reports
    except BlockingIOError:
        return site.reports
