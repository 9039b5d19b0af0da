"""``fieldlab baseline``: the energy that goes with what a machine makes, and what was saved against it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from analytics.atoms import Fragments, pick
from analytics.energy_blocks import Per, baseline
from analytics.groups import in_order, split
from analytics.query import compute
from fieldlab.asked import asked, check_length, keys
from fieldlab.errors import WrongUse
from fieldlab.output import Row, table
from fieldlab.stores import extent
from fieldlab.times import rfc3339, time_ns
from fieldlab_configs import Site

_COLUMNS = (
    ("blocks", "blocks", "0"),
    ("r2", "R2", "3"),
    ("cv_rmse", "CV(RMSE)", "%"),
    ("saved_kwh", "saved kWh", "1"),
    ("saved_low_kwh", "low", "1"),
    ("saved_high_kwh", "high", "1"),
    ("said", "", "text"),
)


def run(args: argparse.Namespace) -> int:
    """Print each machine's baseline, or that of each of its groups."""
    by = tuple(dict.fromkeys(("machine", *keys(args))))
    with asked(args) as question:
        site, store = question.site, question.store
        split_ns = time_ns(args.until, site, "--until") if args.until else question.end_ns
        if question.start_ns == question.end_ns:
            raise WrongUse("the range is empty: there is nothing to learn from; give --from and --to")
        if not question.start_ns < split_ns <= question.end_ns:
            raise WrongUse(
                f"--until {args.until}: must lie in the range, after {rfc3339(question.start_ns)} and not"
                f" after {rfc3339(question.end_ns)}; the baseline is learned before it"
            )
        check_length(site, question.start_ns, question.end_ns)
        spans = [(question.start_ns, split_ns), (split_ns, question.end_ns)]
        parts = [
            compute(
                site,
                store,
                start_ns=start_ns,
                end_ns=end_ns,
                machines=question.machines,
                whole=question.whole,
                known_until_ns=extent(store)[1],
            ).results
            for start_ns, end_ns in spans
            if end_ns > start_ns
        ]
        rows = [
            row for m in parts[0] for row in _of_machine(site, [p[m].fragments for p in parts], by, args.per)
        ]
    shown = [{**row, "said": row["reason"] or row["equation"]} for row in rows]
    print(table(rows if args.format == "json" else shown, [*by, "verdict"], _COLUMNS, args.format))
    if args.format == "table":
        for row in shown:
            _tell_alarms(row, by)
    return 0


def _of_machine(site: Site, parts: Sequence[Fragments], by: Sequence[str], per: Per) -> Iterator[Row]:
    """The baseline of each group of a machine, out of what is learned from and, if any, what is reported."""
    reference, *reported = [split(site, f, by) for f in parts]
    # A group that only the reported period has is told as well: its energy is no saving and no loss.
    for key in in_order(site, by, {key: None for groups in (reference, *reported) for key in groups}):
        learned = reference.get(key, [])
        later = [f for groups in reported for f in groups.get(key, [])]
        # Reported, and without this group: that is a verdict, and not the same as nothing to report.
        told = later or [pick(f, np.zeros(0, np.int64)) for f in parts[1:]]
        named = dict(zip(by, key, strict=True))
        yield {**named, **baseline(site, named["machine"], learned, told, per)}


def _tell_alarms(row: Mapping[str, Any], by: Sequence[str]) -> None:
    if row["verdict"] == "ok" and row["reason"] is None and row["alarms"]:
        first = row["alarms"][0] + 1
        named = ", ".join(str(row[key]) for key in by)
        print(f"{named}: its energy leaves the baseline from block {first} of the reported period on")
