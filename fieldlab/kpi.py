"""``fieldlab kpi``: figures of a range, from the store or from recordings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analytics import query
from analytics.groups import KEYS
from fieldlab.errors import WrongUse
from fieldlab.output import render
from fieldlab.stores import extent, opened_store
from fieldlab.times import time_ns
from fieldlab_configs import Site, load
from ingest.recording import RecordingStore
from ingest.store import Store


def run(args: argparse.Namespace) -> int:
    """Print the figures; what could not be used goes to standard error, counted."""
    site = load(args.config)
    by = [key.strip() for key in args.by.split(",") if key.strip()]
    for key in by:
        if key not in KEYS:
            raise WrongUse(f"--by: there is no group {key!r}; choose from {', '.join(KEYS)}")
    inputs = [_input(text, site) for text in args.input]
    if inputs:
        store: Store = RecordingStore(site, inputs)
        named = {machine for machine, _ in inputs if machine}
        machines = named if all(machine for machine, _ in inputs) else None
    else:
        store, machines = opened_store(site), None
    try:
        start_ns, end_ns = range_of(args, site, store)
        computed = query.compute(
            site,
            store,
            start_ns=start_ns,
            end_ns=end_ns,
            machines=machines,
            whole=bool(inputs),
            known_until_ns=extent(store)[1],
            by=by,
        )
        rows = query.grouped(site, computed, by)
    finally:
        store.close()
    _tell(store, computed)
    print(render(rows, by, args.format))
    return 0


def _input(text: str, site: Site) -> tuple[str | None, Path]:
    machine, separator, path = text.partition("=")
    if not separator:
        return None, Path(text)
    known = [m.id for m in site.machines()]
    if machine in known:
        return machine, Path(path)
    if Path(text).exists():
        return None, Path(text)
    raise WrongUse(f"--input {text}: the config has no machine {machine!r}; it has {', '.join(known)}")


def machine_input(text: str, site: Site) -> tuple[str, Path]:
    """An ``--input`` that has to say whose it is."""
    machine, path = _input(text, site)
    if machine is None:
        raise WrongUse(f"--input {text}: say whose recording it is: MACHINE={text}")
    return machine, path


def range_of(args: argparse.Namespace, site: Site, store: Store) -> tuple[int, int]:
    """The range that was asked for; without one, all there is."""
    first, last = extent(store)
    start_ns = time_ns(args.start, site, "--from") if args.start else first
    end_ns = time_ns(args.end, site, "--to") if args.end else last
    if start_ns is None or end_ns is None:
        raise WrongUse("there is no data yet; give a range with --from and --to, or let a gateway run first")
    if end_ns < start_ns:
        raise WrongUse("the range ends before it starts; --from must not be later than --to")
    return start_ns, end_ns


def _tell(store: Store, computed: query.Computed) -> None:
    if isinstance(store, RecordingStore):
        for line in store.complaints():
            print(line, file=sys.stderr)
    for machine, codes in computed.unknown_codes.items():
        for code, n in sorted(codes.items()):
            print(
                f"{machine}: state code {code[:100]!r} is in no map ({n} samples): its time is unknown;"
                f" add it under states in the config",
                file=sys.stderr,
            )
