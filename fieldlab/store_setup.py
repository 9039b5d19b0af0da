"""``fieldlab store setup``: make the databases that a gateway writes to."""

from __future__ import annotations

import argparse

from fieldlab.errors import WrongUse
from fieldlab_configs import load
from ingest.catalogue import remember_signals
from ingest.embedded import EmbeddedStore
from ingest.stores import open_store


def run(args: argparse.Namespace) -> int:
    """Set the config's store up; what is there already stays as it is."""
    site = load(args.config)
    if site.store is None:
        raise WrongUse(f"{site.path}: store: the config names no store; add one")
    store = open_store(site)
    try:
        if isinstance(store, EmbeddedStore):
            store.setup()
            print(f"store: {site.store.path} is ready")
        else:
            _set_up_influx(store)
            print(f"store: {site.store.url} is ready for {site.fieldlab}")
        remember_signals(site, store)
    finally:
        store.close()
    return 0


def _set_up_influx(store: object) -> None:
    from ingest.influx import InfluxStore  # noqa: PLC0415 - its client takes a second to import
    from ingest.influx_check import note_schema  # noqa: PLC0415

    if isinstance(store, InfluxStore):
        store.setup()
        note_schema(store)
