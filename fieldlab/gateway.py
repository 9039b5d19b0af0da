"""``fieldlab gateway``: read machines and deliver to the store, until stopped."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping

from fieldlab.errors import WrongUse
from fieldlab.gateway_service import Service, leave_in_time
from fieldlab.secrets import hide_secrets
from fieldlab.services import until_stopped
from fieldlab.stores import require_store
from fieldlab_configs import Site, load
from gateways.notify import Notifier
from ingest.account import Ledger


def run(args: argparse.Namespace) -> int:
    """Run one gateway; its account with each store is the last that it prints."""
    site = load(args.config)
    name = gateway_name(site, args.gateway)
    require_store(site)
    hide_secrets(site)
    service = Service(site, name, Notifier())
    reload = asyncio.Event()

    async def served(stop: asyncio.Event) -> None:
        leaving = leave_in_time(stop)
        accounts = await service.run(stop, reload)
        for line in told_of(name, {store: told(account) for store, account in accounts.items()}):
            print(line, flush=True)
        leaving.cancel()

    try:
        asyncio.run(until_stopped(served, hangup=reload.set))
    finally:
        service.close()
    return 0


def told_of(gateway: str, accounts: Mapping[str, str]) -> list[str]:
    """A line per account; the store is named where there are several."""
    alone = len(accounts) == 1
    return [
        f"gateway {gateway}{'' if alone else f', store {store}'}: {said}" for store, said in accounts.items()
    ]


def told(account: Ledger) -> str:
    """The account of samples in one line."""
    return (
        f"samples received {account.received} = stored {account.stored} + replaced {account.replaced}"
        f" + dead {account.dead} + waiting {account.waiting}; gaps {account.gaps}"
    )


def gateway_name(site: Site, asked: str | None) -> str:
    """The gateway meant; WrongUse where the config has none or leaves a choice."""
    names = list(site.gateways)
    if asked is not None and asked not in names:
        raise WrongUse(f"--gateway {asked}: the config has {', '.join(names) or 'no gateways'}")
    if asked is None and len(names) != 1:
        raise WrongUse(
            f"{site.path}: gateways: say which with --gateway: {', '.join(names)}"
            if names
            else f"{site.path}: gateways: the config has no gateway; add one to run it"
        )
    return asked or names[0]
