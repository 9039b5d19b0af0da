"""What the commands that move data have in common: the store, its buckets, progress, accounts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import cast

from fieldlab.stores import opened_store
from fieldlab_configs import Site
from ingest.moving import MovableStore, Tally


def movable_store(site: Site) -> MovableStore:
    """The store of the config, which can tell what it holds: every store that can be configured can."""
    return cast("MovableStore", opened_store(site))


def buckets_of(site: Site, asked: str = "all") -> list[str]:
    """The buckets that are meant."""
    return [asked] if asked != "all" else ["raw", "kpi", *(f"shared:{c.id}" for c in site.companies)]


def progress(every_s: float = 1.0) -> Callable[[str], None]:
    """Print lines to standard error, no more than one a while."""
    last = 0.0

    def tell(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= every_s:
            last = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    return tell


def account(tallies: Mapping[str, Mapping[str, Tally]]) -> str:
    """Values by bucket and measurement, as a table, with a total."""
    lines = [f"  {b} {m}: {t.rows}" for b, of_it in tallies.items() for m, t in of_it.items()]
    total = sum((t for of_it in tallies.values() for t in of_it.values()), Tally())
    return "\n".join([*lines, f"  total: {total.rows} values, checksum {total.checksum:016x}"])
