"""``fieldlab store setup``: make the databases that a gateway writes to, and who may do what in them."""

from __future__ import annotations

import argparse
from pathlib import Path

from fieldlab.errors import WrongUse
from fieldlab_configs import Site, load
from fieldlab_configs.site import PRIMARY
from ingest.catalogue import remember_signals
from ingest.embedded import EmbeddedStore
from ingest.store import Store
from ingest.stores import open_also, open_store


def run(args: argparse.Namespace) -> int:
    """Set the config's store up; what is there already stays as it is."""
    site = load(args.config)
    if site.store is None:
        raise WrongUse(f"{site.path}: store: the config names no store; add one")
    folder = Path(args.tokens) if args.tokens is not None else None
    if folder is not None and all(config.kind == "embedded" for config in site.stores().values()):
        raise WrongUse("--tokens: an embedded store has none; its file is opened by whoever may read it")
    stores = {PRIMARY: open_store(site), **open_also(site)}
    try:
        for name, store in stores.items():
            # Tokens are called after gateways, so those of a further store need a folder of their own.
            _set_up(site, name, store, folder if name == PRIMARY or folder is None else folder / name)
    finally:
        for store in stores.values():
            store.close()
    return 0


def _set_up(site: Site, name: str, store: Store, folder: Path | None) -> None:
    called = "store" if name == PRIMARY else f"store {name}"
    if isinstance(store, EmbeddedStore):
        store.setup()
        print(f"{called}: {store.path} is ready")
    else:
        _set_up_influx(site, called, store, folder)
    remember_signals(site, store)


def _set_up_influx(site: Site, called: str, store: Store, folder: Path | None) -> None:
    from fieldlab.tokens import Files, Screen, line  # noqa: PLC0415 - InfluxDB's client takes a second to import
    from ingest.influx import InfluxStore  # noqa: PLC0415
    from ingest.influx_check import note_schema  # noqa: PLC0415

    if not isinstance(store, InfluxStore):
        raise TypeError(store)
    store.setup()
    note_schema(store)
    print(f"{called}: {store.url} is ready for {site.fieldlab}")
    keeper = Files(folder) if folder is not None else Screen()
    given = store.give(list(site.gateways), keeper)
    if given is None:
        about = "is an InfluxDB 3 Core, whose tokens all open everything"
        about = about if store.server_version >= (3, 0) else "asks nobody who they are"
        print(f"tokens: none, for the server {about}")
        return
    print("tokens:" if store.server_version >= (2, 0) else "users:")
    for each in given:
        print(line(each, keeper), flush=True)  # at once: it is told once
