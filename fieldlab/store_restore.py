"""``fieldlab store restore``: a backup in the store's place."""

from __future__ import annotations

import argparse
from pathlib import Path

from fieldlab.errors import WrongUse
from fieldlab.moving import account, movable_store, progress
from fieldlab.store_import import said
from fieldlab_configs import load
from ingest.backup import restore
from ingest.bundle import is_bundle, unbundle
from ingest.embedded import EmbeddedStore
from ingest.embedded_file import SCHEMA_VERSION


def run(args: argparse.Namespace) -> int:
    """Restore, and print the account of what the store holds now."""
    site = load(args.config)
    store = movable_store(site)
    backup = Path(args.file)
    try:
        if is_bundle(backup):
            result = unbundle(store, site.fieldlab, backup, force=args.force, told=progress())
            print(said(result))
            return int(not result.whole)
        if not isinstance(store, EmbeddedStore):
            raise WrongUse(
                f"{backup} is no backup of an InfluxDB; one of an embedded store is restored under a config"
                " with such a store, and moved with: fieldlab store export, fieldlab store import"
            )
        tallies, version = restore(backup, store.path, site.fieldlab, force=args.force)
    finally:
        store.close()
    print(f"restored: {store.path}")
    print(account(tallies))
    if version < SCHEMA_VERSION:
        print("the backup is of an older Fieldlab; now run: fieldlab store migrate")
    return 0
