"""``fieldlab store migrate``: a store of an older Fieldlab, brought up to date."""

from __future__ import annotations

import argparse

from fieldlab.moving import progress
from fieldlab.stores import opened_store
from fieldlab_configs import load
from ingest.embedded import EmbeddedStore
from ingest.migration import migrate


def run(args: argparse.Namespace) -> int:
    """Migrate; run again after an interruption, it goes on where it stopped."""
    site = load(args.config)
    store = opened_store(site)
    try:
        if isinstance(store, EmbeddedStore):
            backup = migrate(store.path, site.fieldlab, told=progress())
            print(f"store: {store.path} is up to date" + (f"; as it was: {backup}" if backup else ""))
        else:
            # So far an InfluxDB has had one schema; asking for anything finds a newer one, which is refused.
            store.last_before("raw", "schema", 0)
            print("store: the InfluxDB is up to date")
    finally:
        store.close()
    return 0
