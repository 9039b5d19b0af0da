"""``fieldlab opportunities``: what half of each loss would be worth in a year."""

from __future__ import annotations

import argparse

from analytics import opportunities
from fieldlab.asked import asked, keys
from fieldlab.output import table

_COLUMNS = (
    ("hours", "h a year", "0"),
    ("good_parts", "good parts", "0"),
    ("kwh", "kWh", "0"),
    ("eur", "EUR", "0"),
    ("reason", "", "text"),
)
_ASSUMED = """\
Assumed: the coming year is like this range, on the config's calendar; half of a loss goes, all else stays."""


def run(args: argparse.Namespace) -> int:
    """Print the losses of each machine, or of its groups, the most rewarding first."""
    by = tuple(dict.fromkeys(("machine", *keys(args))))
    with asked(args) as question:
        computed = question.compute()  # by cell, whatever the groups, as losses are: the parts then add up
        fragments = [r.fragments for r in computed.results.values()]
        rows = opportunities.opportunities(question.site, fragments, by, end_ns=question.end_ns)
    print(table(rows, [*by, "loss", "verdict"], _COLUMNS, args.format))
    if args.format == "table" and rows:
        print(_ASSUMED)
    return 0
