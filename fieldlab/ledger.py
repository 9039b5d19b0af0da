"""``fieldlab ledger``: whether every sample is somewhere; dead letters, shown and sent again."""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import asdict
from typing import Any, Final

from fieldlab.errors import WrongUse
from fieldlab.gateway import gateway_name, told, told_of
from fieldlab.plain import json_line
from fieldlab_configs import Site, load
from fieldlab_configs.site import PRIMARY
from ingest.account import DeadLetter, Ledger
from ingest.errors import SpoolLocked
from ingest.ledger import Books, read_books
from ingest.resend import resend

MOST_SHOWN: Final = 1000


def run(args: argparse.Namespace) -> int:
    """Print each gateway's account with each store; status 1 if one does not balance or has dead letters."""
    site = load(args.config)
    if not site.gateways:
        raise WrongUse(f"{site.path}: gateways: the config has no gateway, so there is no account")
    if args.reason is not None and not args.resend:
        raise WrongUse("--reason says which dead letters to send again: give --resend too")
    names = [gateway_name(site, args.gateway)] if args.gateway else list(site.gateways)
    for name in names if args.resend else ():
        _resend(site, name, args.reason, quiet=args.format == "json")
    shown = MOST_SHOWN if args.dead else 0
    books = {name: _books(site, name, shown) for name in names}
    if args.format == "json":
        print(json_line([_document(n, b, dead=args.dead) for n, b in books.items()]))
    else:
        for name, book in books.items():
            print(_told(name, book))
    accounts = [each.ledger for book in books.values() for each in book.stores.values()]
    return int(any(account.dead or not account.balances for account in accounts))


def _books(site: Site, name: str, latest: int) -> Books:
    spool = site.gateways[name].spool
    return read_books(spool.path, name, spool.max_bytes, latest=latest)


def _resend(site: Site, name: str, reason: str | None, *, quiet: bool) -> None:
    _books(site, name, 0)  # says it where there is no spool yet, and makes none
    try:
        done = resend(site, name, reason)
    except SpoolLocked as error:
        raise WrongUse(f"--resend: {error}") from None
    if quiet:
        return
    print(f"gateway {name}: {done.waiting} dead letters wait again; the gateway delivers them when it runs")
    for why, n in done.left.items():
        print(f"  left: {n} x {why}")


def _document(name: str, book: Books, *, dead: bool) -> dict[str, Any]:
    room = book.room
    document: dict[str, Any] = {
        "gateway": name,
        **asdict(book.ledger),
        "reasons": book.reasons,
        "stores": {store: {**asdict(of.ledger), "reasons": of.reasons} for store, of in book.stores.items()},
        "waiting_bytes": room.waiting_bytes,
        "max_bytes": room.max_bytes,
        "autonomy_h": room.autonomy_h,
    }
    if dead:
        document["dead_letters"] = [_letter(letter) for letter in book.latest]
    return document


def _letter(letter: DeadLetter) -> dict[str, Any]:
    content = letter.content.decode("utf-8", "replace")
    return {
        "origin": letter.origin,
        "signal": letter.signal or None,
        "time_ns": letter.time_ns,
        "content": content,
        "reason": letter.reason,
        "store": letter.whom or None,
    }


def _told(name: str, book: Books) -> str:
    said = {store: f"{told(of.ledger)}: {_balance(of.ledger)}" for store, of in book.stores.items()}
    lines = []
    for line, of in zip(told_of(name, said), book.stores.values(), strict=True):
        lines += [line, *(f"  dead: {n} x {reason}" for reason, n in of.reasons.items())]
    lines.insert(1, f"  {_room(book)}")
    lines += [f"  {_line(letter)}" for letter in book.latest]
    return "\n".join(lines)


def _balance(account: Ledger) -> str:
    return "the account balances" if account.balances else "THE ACCOUNT DOES NOT BALANCE"


def _room(book: Books) -> str:
    room, left = book.room, book.room.autonomy_h
    without = "the store" if len(book.stores) == 1 else "them"
    lasts = "" if left is None else f", enough for {left:,.0f} h without {without} as fast as it fills now"
    return f"spool: {room.waiting_bytes / 1e6:,.1f} of {room.max_bytes / 1e6:,.0f} MB wait{lasts}"


def _line(letter: DeadLetter) -> str:
    """A dead letter for a person: when, whose, what, why."""
    at = "no time"
    if letter.time_ns is not None:
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=letter.time_ns // 1000)
        at = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    whose = f"{letter.origin}.{letter.signal}" if letter.signal else letter.origin
    refused = f" (store {letter.whom})" if letter.whom not in ("", PRIMARY) else ""
    return f"{at}  {whose}  {letter.content.decode('utf-8', 'replace')[:60]!r}  {letter.reason}{refused}"
