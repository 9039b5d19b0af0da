"""``fieldlab store check``: whether the store is what the config wants, and holds what was written."""

from __future__ import annotations

import argparse

from fieldlab.stores import opened_store
from fieldlab_configs import Site, load
from fieldlab_configs.site import PRIMARY
from ingest.embedded import EmbeddedStore
from ingest.embedded_check import Health, check_file
from ingest.store import Store
from ingest.stores import open_also


def run(args: argparse.Namespace) -> int:
    """Say what is wrong with each store, and what to do; exit status 1 where anything is."""
    site = load(args.config)
    stores = {PRIMARY: opened_store(site), **open_also(site)}
    try:
        found = [_looked_at(site, name, store) for name, store in stores.items()]
    finally:
        for store in stores.values():
            store.close()
    for health in found:
        print(f"{health.about}: {'ok' if not health.wrong else f'{len(health.wrong)} wrong'}")
        for line in health.wrong:
            print(f"  {line}")
    return int(any(health.wrong for health in found))


def _looked_at(site: Site, name: str, store: Store) -> Health:
    if isinstance(store, EmbeddedStore):
        return check_file(store.path, site.fieldlab)
    config = site.stores()[name]
    keep = {bucket: config.retention_s(bucket) for bucket in config.retention}
    return _influx(store, {bucket: s for bucket, s in keep.items() if s is not None})


def _influx(store: Store, retention_s: dict[str, int]) -> Health:
    from ingest.influx import InfluxStore  # noqa: PLC0415 - its client takes a second to import
    from ingest.influx_check import check_influx  # noqa: PLC0415

    if not isinstance(store, InfluxStore):
        raise TypeError(store)
    return check_influx(store, retention_s)
