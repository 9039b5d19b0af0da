"""The store that a configuration names."""

from __future__ import annotations

from typing import Final

from fieldlab_configs import Site, StoreConfig
from ingest.embedded import EmbeddedStore
from ingest.errors import StoreMisconfigured
from ingest.store import Store

TIMEOUT_S: Final = 10.0
"""How long an InfluxDB may take to answer, and pause within an answer."""


def open_store(site: Site) -> Store:
    """The store of a site; nothing is read or written before it is used.

    Raises
    ------
    StoreMisconfigured
        The config names none, or one that lacks what it needs.
    """
    if site.store is None:
        raise StoreMisconfigured(f"{site.path}: store: the config names no store; add one")
    return _open(site, "store", site.store)


def open_also(site: Site) -> dict[str, Store]:
    """The further stores of a site by name, likewise."""
    return {name: _open(site, f"also.{name}", config) for name, config in site.also.items()}


def _open(site: Site, key: str, config: StoreConfig) -> Store:
    keep = {bucket: config.retention_s(bucket) for bucket in config.retention}
    retention = {bucket: keep_s for bucket, keep_s in keep.items() if keep_s is not None}
    if config.kind == "embedded":
        if config.path is None:
            raise StoreMisconfigured(f"{site.path}: {key}: path is missing; an embedded store needs it")
        return EmbeddedStore(config.path, site.fieldlab, retention_s=retention)
    if config.url is None:
        raise StoreMisconfigured(f"{site.path}: {key}: url is missing; an InfluxDB needs it")
    # Its client takes a second to import, which the embedded store need not wait for.
    from ingest.influx_check import KnownInfluxStore  # noqa: PLC0415

    return KnownInfluxStore(
        config.url,
        site.fieldlab,
        token=config.token.read() if config.token is not None else None,
        org=config.org,
        retention_s=retention,
        # Companies' windows are kept in the first store alone.
        companies=[company.id for company in site.companies] if config is site.store else [],
        timeout_s=config.timeout_s or TIMEOUT_S,
        compress=config.gzip,
    )
