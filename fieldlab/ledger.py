"""``fieldlab ledger``: whether every sample is somewhere."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from fieldlab.errors import WrongUse
from fieldlab.gateway import gateway_name, told
from fieldlab_configs import load
from ingest.ledger import Books, read_books


def run(args: argparse.Namespace) -> int:
    """Print the account of each gateway; exit status 1 if one does not balance or has dead letters."""
    site = load(args.config)
    if not site.gateways:
        raise WrongUse(f"{site.path}: gateways: the config has no gateway, so there is no account")
    names = [gateway_name(site, args.gateway)] if args.gateway else list(site.gateways)
    books = {name: read_books(site.gateways[name].spool.path, name) for name in names}
    if args.format == "json":
        print(
            json.dumps(
                [{"gateway": n, **asdict(b.ledger), "reasons": b.reasons} for n, b in books.items()],
                ensure_ascii=False,
            )
        )
    else:
        for name, book in books.items():
            print(_told(name, book))
    return int(any(b.ledger.dead or not b.ledger.balances for b in books.values()))


def _told(name: str, book: Books) -> str:
    balance = "the account balances" if book.ledger.balances else "THE ACCOUNT DOES NOT BALANCE"
    lines = [f"gateway {name}: {told(book.ledger)}: {balance}"]
    lines += [f"  dead: {n} x {reason}" for reason, n in book.reasons.items()]
    return "\n".join(lines)
