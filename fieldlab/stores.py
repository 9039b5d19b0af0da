"""Opening the store that a config names, and how far its data reaches."""

from __future__ import annotations

from ingest.recording import RecordingStore
from ingest.stores import open_store

from fieldlab.errors import WrongUse
from fieldlab_configs import Site
from ingest.store import Store

_FIRST, _LAST = -(2**62), 2**62


def opened_store(site: Site) -> Store:
    """The store of the config; WrongUse where it names none."""
    if site.store is None:
        raise WrongUse(
            f"{site.path}: store: the config names no store; add one, or give recordings with --input"
        )
    return open_store(site)


def extent(store: Store) -> tuple[int | None, int | None]:
    """First and last time of anything a machine said, heartbeats included; None where there is nothing."""
    if isinstance(store, RecordingStore):
        return store.first_ns, store.last_ns
    first = [r.time_ns for r in store.first_from("raw", "machine", _FIRST)]
    last = [r.time_ns for m in ("machine", "link") for r in store.last_before("raw", m, _LAST)]
    return min(first, default=None), max(last, default=None)
