"""``fieldlab app``: the pages over the config's store, until stopped."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import sys

from dashboards.app import serve
from dashboards.gate import Gate
from dashboards.kiosks import Kiosks
from dashboards.sessions import Sessions, User, hashed
from fieldlab import kiosk as links
from fieldlab.company_screens import CompanyScreens
from fieldlab.errors import WrongUse
from fieldlab.screens import StoreScreens
from fieldlab.services import pause, until_stopped
from fieldlab.stores import Reach, opened_store
from fieldlab_configs import Site, load
from gateways.notify import Notifier
from ingest.store import StoreUnavailable

log = logging.getLogger(__name__)

STEP_S = 1.0
WAIT_S = 10.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LEAST_LETTERS = 10


def run(args: argparse.Namespace) -> int:
    """Serve the pages; they read what analytics wrote."""
    site = load(args.config)
    if args.hash:
        return _print_hash()
    if args.kiosk is not None or args.revoke:
        return links.run(site, args)
    gate = gate_of(site, args.host)
    store = opened_store(site)

    async def service(stop: asyncio.Event) -> None:
        notifier = Notifier()
        screens = StoreScreens(site, store)
        companies = {company: CompanyScreens(site, store, company) for company in _companies(site)}

        reach = Reach(site, store)

        def refresh() -> None:
            found = reach.now()
            if found is not None:
                for each in (screens, *companies.values()):
                    each.refresh(*found)

        await asyncio.to_thread(refresh)
        proxies = site.app.proxies if site.app else ()
        served = serve(
            screens, host=args.host, port=args.port, gate=gate, companies=companies, proxies=proxies
        )
        async with served as address:
            print(f"page: {address.url}; Ctrl-C stops it", flush=True)
            notifier.ready(f"page: {address.url}")
            while not stop.is_set():
                await pause(stop, STEP_S)
                try:
                    await asyncio.to_thread(refresh)
                except StoreUnavailable as error:
                    log.warning("the page shows what it had, for its store is away: %s", error)
                    await pause(stop, WAIT_S)
                notifier.alive()
            notifier.stopping()

    try:
        asyncio.run(until_stopped(service))
    finally:
        store.close()
    return 0


def _companies(site: Site) -> set[str]:
    """Those that anybody sees."""
    if site.app is None:
        return set()
    seen = {user.company for user in site.app.users.values()}
    seen |= {kiosk.company for kiosk in site.app.kiosks.values()}
    return {company for company in seen if company is not None}


def gate_of(site: Site, host: str) -> Gate:
    """Who may pass; other computers only with users, under names that the config gives."""
    if site.app is None:
        if host not in LOOPBACK:
            raise WrongUse(
                f"--host {host}: {site.path} has no app with hosts and users; only this computer may look;"
                f" add them, or leave --host out"
            )
        return Gate(language=site.language)
    users = {
        name: User(user.password.read, user.company, user.pseudonym) for name, user in site.app.users.items()
    }
    for user in users.values():
        user.password()  # a secret that is not there is said now, and not to whoever logs in
    sessions = Sessions(users, site.app.session_h * 3600)
    return Gate((*site.app.hosts, host), sessions, site.language, Kiosks(links.kiosks(site)))


def _print_hash() -> int:
    """The hash of a password, to be kept where the config says."""
    if sys.stdin.isatty():
        password = getpass.getpass("password: ")
        if password != getpass.getpass("again: "):
            raise WrongUse("the two are not the same; nothing was made")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < _LEAST_LETTERS:
        raise WrongUse(f"a password has at least {_LEAST_LETTERS} characters")
    print(hashed(password))
    return 0
