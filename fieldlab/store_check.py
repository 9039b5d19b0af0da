"""``fieldlab store check``: whether the store is what the config wants, and holds what was written."""

from __future__ import annotations

import argparse

from fieldlab.stores import opened_store
from fieldlab_configs import load
from ingest.embedded import EmbeddedStore
from ingest.embedded_check import Health, check_file
from ingest.store import Store


def run(args: argparse.Namespace) -> int:
    """Say what is wrong, and what to do; exit status 1 where anything is."""
    site = load(args.config)
    store = opened_store(site)
    try:
        if isinstance(store, EmbeddedStore):
            health = check_file(store.path, site.fieldlab)
        else:
            config = site.store
            keep = {b: config.retention_s(b) for b in config.retention} if config is not None else {}
            health = _influx(store, {bucket: s for bucket, s in keep.items() if s is not None})
    finally:
        store.close()
    print(f"{health.about}: {'ok' if not health.wrong else f'{len(health.wrong)} wrong'}")
    for line in health.wrong:
        print(f"  {line}")
    return int(bool(health.wrong))


def _influx(store: Store, retention_s: dict[str, int]) -> Health:
    from ingest.influx import InfluxStore  # noqa: PLC0415 - its client takes a second to import
    from ingest.influx_check import check_influx  # noqa: PLC0415

    if not isinstance(store, InfluxStore):
        raise TypeError(store)
    return check_influx(store, retention_s)
