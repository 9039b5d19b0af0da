"""``fieldlab losses``: where planned time went, down to good parts."""

from __future__ import annotations

import argparse

from analytics import losses
from fieldlab.asked import asked, keys
from fieldlab.output import table

_COLUMNS = (
    ("minutes", "min", "1"),
    ("share", "of planned", "%"),
    ("parts", "parts", "0"),
    ("kwh", "kWh", "1"),
    ("eur", "EUR", "2"),
)


def run(args: argparse.Namespace) -> int:
    """Print the waterfall of every group."""
    by = keys(args)
    with asked(args) as question:
        computed = question.compute()  # by cell, as in a store: parts made in a break have no planned time
        rows = losses.losses(question.site, [r.fragments for r in computed.results.values()], by)
    print(table(rows, [*by, "loss"], _COLUMNS, args.format))
    return 0
