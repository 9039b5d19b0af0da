"""``fieldlab company remove``: what is kept of a company goes."""

from __future__ import annotations

import argparse

from analytics.leaving import forget
from fieldlab.analysis import leased
from fieldlab.errors import WrongUse
from fieldlab.stores import JobStore, opened_store
from fieldlab.times import rfc3339
from fieldlab_configs import Site, load
from ingest.backups import kept_beside
from ingest.embedded import EmbeddedStore
from ingest.store import Store


def run(args: argparse.Namespace) -> int:
    """Delete a company's bucket, tokens, reasons and results; say what backups still hold."""
    site = load(args.config)
    companies = [company.id for company in site.companies]
    if args.company not in companies:
        known = f"it has {', '.join(companies)}" if companies else "it has none"
        raise WrongUse(
            f"{site.path}: companies: there is no company {args.company!r}, {known}; its experiments say"
            f" which windows are its own, so take it out of the config only afterwards"
        )
    store = opened_store(site)
    try:
        with leased(site, store):
            left = forget(site, JobStore(store), args.company)
            readers = _bucket_removed(store, args.company)
    finally:
        store.close()
    print(f"company {args.company}: its bucket {args.company}_shared is deleted")
    print(f"  users or tokens that opened it alone: {', '.join(readers) or 'none'}")
    print(
        f"  operators' reasons in its windows: {left.reasons}, and {left.stops} stops that told them;"
        f" values of its results: {left.results}"
    )
    print("  its machines' data and figures stay: they are the fieldlab's, without the company's name")
    _tell_what_is_kept(site)
    experiments = [e.id for e in site.experiments if e.company == args.company]
    print(
        f"now take company {args.company} out of {site.path}"
        + (f", with its experiments {', '.join(experiments)}" if experiments else "")
        + ", and delete the reports that were made for it"
    )
    return 0


def _bucket_removed(store: Store, company: str) -> list[str]:
    """Delete the bucket itself; whose access went with it."""
    if isinstance(store, EmbeddedStore):
        return []  # a bucket is its rows, and the file is opened by the fieldlab's own processes alone
    from ingest.influx import InfluxStore  # noqa: PLC0415 - its client takes a second to import

    return store.remove(f"shared:{company}") if isinstance(store, InfluxStore) else []


def _tell_what_is_kept(site: Site) -> None:
    path = site.store.path if site.store is not None else None
    kept = kept_beside({site.path.parent, *([path.parent] if path is not None else [])}, path)
    for each in kept:
        print(f"  {each.kind} of {rfc3339(each.at_ns)} still holds its data: {each.path}")
    if not kept:
        print("  no backup or export lies beside the config or the store")
    print(
        "  copies kept elsewhere hold its data too: delete them, or restore none without running this again"
    )
