"""``fieldlab kpi``: figures of a range, from the store or from recordings."""

from __future__ import annotations

import argparse

from analytics import query
from fieldlab.asked import asked, keys
from fieldlab.output import render


def run(args: argparse.Namespace) -> int:
    """Print the figures."""
    by = keys(args)
    with asked(args) as question:
        rows = query.grouped(question.site, question.compute(by), by)
    print(render(rows, by, args.format))
    return 0
