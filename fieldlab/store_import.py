"""``fieldlab store import``: an export into the store."""

from __future__ import annotations

import argparse
from pathlib import Path

from fieldlab.moving import movable_store, progress
from fieldlab_configs import load
from ingest.importing import Imported, import_archive


def run(args: argparse.Namespace) -> int:
    """Import; exit status 1 where the store does not hold all of it afterwards."""
    site = load(args.config)
    store = movable_store(site)
    try:
        result = import_archive(store, site.fieldlab, Path(args.folder), told=progress())
    finally:
        store.close()
    print(said(result))
    return int(not result.whole)


def said(result: Imported) -> str:
    """What came of an import, in a few lines."""
    lines = [
        f"written {result.written}, there already {result.there}, refused {result.refused}",
        f"  exported: {result.expected.rows} values, checksum {result.expected.checksum:016x}",
        f"  in store: {result.verified.rows} values, checksum {result.verified.checksum:016x}",
        "  verified" if result.whole else "  THE STORE DOES NOT HOLD ALL OF THE EXPORT",
    ]
    lines += [f"  refused: {refused.row}: {refused.reason}" for refused in result.examples[:5]]
    return "\n".join(lines)
