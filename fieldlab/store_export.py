"""``fieldlab store export``: the store, or a range of it, as Parquet."""

from __future__ import annotations

import argparse
from pathlib import Path

from fieldlab.errors import WrongUse
from fieldlab.moving import account, buckets_of, movable_store, progress
from fieldlab.times import time_ns
from fieldlab_configs import load
from ingest.exporting import export


def run(args: argparse.Namespace) -> int:
    """Export; run again after an interruption, it goes on where it stopped."""
    site = load(args.config)
    if site.store is not None and site.store.path is not None and not site.store.path.is_file():
        raise WrongUse(f"{site.store.path}: there is no store to export; look at store.path in {site.path}")
    store = movable_store(site)
    try:
        manifest = export(
            store,
            site.fieldlab,
            Path(args.folder),
            buckets=buckets_of(site, args.bucket),
            start_ns=time_ns(args.start, site, "--from") if args.start else None,
            end_ns=time_ns(args.end, site, "--to") if args.end else None,
            told=progress(),
        )
    finally:
        store.close()
    print(f"exported {len(manifest.parts)} files to {args.folder}")
    print(account(manifest.tallies))
    return 0
