"""What figures are asked of: the store or recordings, and over which range."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analytics import query
from analytics.groups import CELL_KEYS, KEYS
from fieldlab.errors import WrongUse
from fieldlab.stores import extent, opened_store
from fieldlab.times import NS, rfc3339, time_ns
from fieldlab_configs import Site, load
from ingest.recording import RecordingStore
from ingest.store import Store

MOST_CELLS: Final = 1_500_000
"""Fourteen years of five minutes, some 3 GB a machine."""

YEAR_NS: Final = 365 * 86_400 * NS
LONGEST_NS: Final = 290 * YEAR_NS
"""A day more on each side has to fit as well."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: of what, and over which range.

    Attributes
    ----------
    site : Site
    store : Store
        The config's, or recordings.
    machines : set of str or None
        None: all.
    whole : bool
        Recordings, of which everything is read.
    start_ns, end_ns : int
    """

    site: Site
    store: Store
    machines: set[str] | None
    whole: bool
    start_ns: int
    end_ns: int

    def compute(self, by: Sequence[str] | None = None) -> query.Computed:
        """Raw data to atoms; what could not be used is said on standard error, counted."""
        check_length(self.site, self.start_ns, self.end_ns, by)
        computed = query.compute(
            self.site,
            self.store,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            machines=self.machines,
            whole=self.whole,
            known_until_ns=extent(self.store)[1],
            by=by,
        )
        _tell(self.store, computed)
        return computed


def check_length(site: Site, start_ns: int, end_ns: int, by: Sequence[str] | None = None) -> None:
    """WrongUse where a range has more cells than fit: most often one sample has a clock of its own."""
    cells = (end_ns - start_ns) // (site.cell_s * NS)
    if cells > MOST_CELLS and not (by is not None and CELL_KEYS.isdisjoint(by)):
        raise WrongUse(
            f"the range from {rfc3339(start_ns)} to {rfc3339(end_ns)} has {cells:,} cells of {site.cell_s} s,"
            f" more than the {MOST_CELLS:,} that can be worked out at once; give --from and --to, or look for"
            " a sample with a wrong date"
        )


def keys(args: argparse.Namespace) -> list[str]:
    """The groups of ``--by``."""
    by = list(dict.fromkeys(key.strip() for key in args.by.split(",") if key.strip()))
    for key in by:
        if key not in KEYS:
            raise WrongUse(f"--by: there is no group {key!r}; choose from {', '.join(KEYS)}")
    if args.by and not by:
        raise WrongUse(f"--by: {args.by!r} names no group; choose from {', '.join(KEYS)}, or leave --by out")
    return by


@contextlib.contextmanager
def opened_question(site: Site, inputs: Sequence[str]) -> Iterator[tuple[Store, set[str] | None]]:
    """The store, or recordings and whose they are."""
    files = [_input(text, site) for text in inputs]
    machines: set[str] | None = None
    if files:
        store: Store = RecordingStore(site, files)
        if all(machine for machine, _ in files):
            machines = {machine for machine, _ in files if machine}
    else:
        store = opened_store(site, ", or give recordings with --input")
    try:
        yield store, machines
    finally:
        store.close()


@contextlib.contextmanager
def asked(args: argparse.Namespace) -> Iterator[Asked]:
    """The question that the options ask."""
    site = load(args.config)
    with opened_question(site, args.input) as (store, machines):
        yield Asked(site, store, machines, bool(args.input), *range_of(args, site, store))


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
    if end_ns < start_ns and bool(args.start) != bool(args.end):
        given, edge = ("--from", "ends at") if args.start else ("--to", "begins at")
        found = rfc3339(end_ns if args.start else start_ns)
        raise WrongUse(
            f"{given} {args.start or args.end}: what there is {edge} {found};"
            " give both --from and --to for a range without data"
        )
    if end_ns < start_ns:
        raise WrongUse("the range ends before it starts; --from must not be later than --to")
    if end_ns - start_ns >= LONGEST_NS:
        raise WrongUse(
            f"the range from {rfc3339(start_ns)} to {rfc3339(end_ns)} is longer than the"
            f" {LONGEST_NS // YEAR_NS} years that nanoseconds can tell;"
            " give --from and --to, or look for a sample with a wrong date"
        )
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
