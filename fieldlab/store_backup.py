"""``fieldlab store backup``: the whole store in one file."""

from __future__ import annotations

import argparse
from pathlib import Path

from fieldlab.moving import account, buckets_of, movable_store, progress
from fieldlab_configs import load
from ingest.backup import back_up
from ingest.bundle import bundle
from ingest.embedded import EmbeddedStore


def run(args: argparse.Namespace) -> int:
    """Back up, and print the account of what the file holds."""
    site = load(args.config)
    store = movable_store(site)
    target = Path(args.file)
    try:
        if isinstance(store, EmbeddedStore):
            tallies = back_up(store.path, site.fieldlab, target)
        else:
            tallies = bundle(store, site.fieldlab, buckets_of(site), target, told=progress())
    finally:
        store.close()
    print(f"backup: {target}")
    print(account(tallies))
    return 0
