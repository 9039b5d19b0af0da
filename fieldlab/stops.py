"""``fieldlab stops``: when machines stood still, for how long and why; what those stops have in common."""

from __future__ import annotations

import argparse

from analytics.groups import group
from analytics.query import DAY_NS
from analytics.schedule import schedule
from analytics.stoppages import Stoppage, pareto, reliability, stoppages
from fieldlab.asked import Asked, asked
from fieldlab.errors import WrongUse
from fieldlab.output import Row, table
from fieldlab.times import rfc3339

_LIST = (
    ("end", "end", "text"),
    ("minutes", "min", "1"),
    ("planned_minutes", "planned", "1"),
    ("kind", "kind", "text"),
    ("reason", "reason", "text"),
)
_PARETO = (
    ("count", "stops", "0"),
    ("minutes", "min", "1"),
    ("share", "share", "%"),
    ("cumulative_share", "in all", "%"),
)
_RELIABLE = (("breakdowns", "breakdowns", "0"), ("mtbf_h", "MTBF h", "1"), ("mttr_min", "MTTR min", "1"))


def run(args: argparse.Namespace) -> int:
    """Print stops, their Pareto, or how reliable each machine is."""
    if args.pareto and args.reliability:
        raise WrongUse("--pareto and --reliability are two different answers; ask for one of them")
    with asked(args) as question:
        found, reliable = _found(question)
    if args.reliability:
        print(table(reliable, ["machine"], _RELIABLE, args.format))
    elif args.pareto:
        print(table(pareto(found, args.pareto), [args.pareto], _PARETO, args.format))
    else:
        rows = sorted((_row(s) for s in found), key=lambda row: (str(row["start"]), str(row["machine"])))
        print(table(rows, ["start", "machine", "state"], _LIST, args.format))
    return 0


def _found(question: Asked) -> tuple[list[Stoppage], list[Row]]:
    site, computed = question.site, question.compute(("machine",))
    runs = [r.stop_runs for r in computed.results.values() if len(r.stop_runs.start_ns)]
    first = min([question.start_ns, *(int(r.start_ns[0]) for r in runs)])
    last = max([question.end_ns, *(int(r.end_ns[-1]) for r in runs)])
    calendar = schedule(site, first - DAY_NS, last + DAY_NS)
    found: list[Stoppage] = []
    reliable: list[Row] = []
    for machine, result in computed.results.items():
        span = {"start_ns": question.start_ns, "end_ns": question.end_ns}
        own = stoppages(site, question.store, machine, result.stops, calendar, **span)
        found += own
        (sums,) = group(site, [result.fragments], ("machine",)) or [{}]
        reliable.append({"machine": machine, **reliability(own, sums, **span)})
    return found, reliable


def _row(stop: Stoppage) -> Row:
    return {
        "machine": stop.machine,
        "line": stop.line,
        "start": rfc3339(stop.start_ns),
        "end": rfc3339(stop.end_ns),
        "state": stop.state,
        "kind": "minor" if stop.minor else "breakdown",
        "reason": stop.reason,
        "duration_s": (stop.end_ns - stop.start_ns) / 1e9,
        "minutes": stop.within_s / 60,
        "planned_minutes": stop.planned_s / 60,
    }
