"""``fieldlab stops``: when machines stood still, for how long and why; what those stops have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from analytics.atoms import MachineResult, pick
from analytics.groups import group, in_order, keys_of
from analytics.query import DAY_NS
from analytics.schedule import schedule
from analytics.stoppages import Stoppage, pareto, reliability, stoppages
from fieldlab.asked import Asked, asked, keys
from fieldlab.errors import WrongUse
from fieldlab.output import Row, table
from fieldlab.times import rfc3339
from fieldlab_configs import Site

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


Key = tuple[str, ...]
"""The values of the keys of ``--by``."""


def run(args: argparse.Namespace) -> int:
    """Print stops, their Pareto, or how reliable each machine is."""
    if args.pareto and args.reliability:
        raise WrongUse("--pareto and --reliability are two different answers; ask for one of them")
    by = keys(args)
    with asked(args) as question:
        found, reliable = _found(question, by)
        groups = [(dict(zip(by, key, strict=True)), found[key]) for key in in_order(question.site, by, found)]
    if args.reliability:
        print(table(reliable, _together(["machine"], by), _RELIABLE, args.format))
    elif args.pareto:
        ranked = [{**named, **row} for named, stops in groups for row in pareto(stops, args.pareto)]
        print(table(ranked, _together(by, [args.pareto]), _PARETO, args.format))
    else:
        rows = [
            # Of a machine that has moved while it stood still, `line` is its group's: where the range begins.
            {**named, **_row(stop), **named}
            for named, stops in groups
            for stop in sorted(stops, key=lambda stop: (stop.start_ns, stop.machine))
        ]
        print(table(rows, _together(by, ["start", "machine", "state"]), _LIST, args.format))
    return 0


def _together(first: Sequence[str], then: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*first, *then]))


def _found(question: Asked, by: Sequence[str]) -> tuple[dict[Key, list[Stoppage]], list[Row]]:
    """Stops by group, and how reliable each machine is in each."""
    finer = _together(["machine"], by)
    site, computed = question.site, question.compute(finer)
    runs = [r.stop_runs for r in computed.results.values() if len(r.stop_runs.start_ns)]
    first = min([question.start_ns, *(int(r.start_ns[0]) for r in runs)])
    last = max([question.end_ns, *(int(r.end_ns[-1]) for r in runs)])
    calendar = schedule(site, first - DAY_NS, last + DAY_NS)
    found: dict[Key, list[Stoppage]] = {}
    reliable: list[Row] = []
    span = {"start_ns": question.start_ns, "end_ns": question.end_ns}
    for machine, result in computed.results.items():
        stops = stoppages(site, question.store, machine, result.stops, calendar, **span)
        own = _grouped(site, result, stops, by)
        for key, some in own.items():
            found.setdefault(key, []).extend(some)
        whole: list[Row] = [{"machine": machine}] if finer == ["machine"] else []
        for sums in group(site, [result.fragments], finer) or whole:
            some = own.get(tuple(str(sums[k]) for k in by), [])
            reliable.append({**{k: sums[k] for k in finer}, **reliability(some, sums, **span)})
    return found, reliable


def _grouped(
    site: Site, result: MachineResult, stops: Sequence[Stoppage], by: Sequence[str]
) -> dict[Key, list[Stoppage]]:
    """One machine's stops, each in the group in which it begins, or the range does."""
    if result.start_ns == result.end_ns:
        # An empty range touches a stop and has no atoms: of its groups only the machine is known.
        named = {"machine": result.fragments.machine}
        return {tuple(named[key] for key in by): list(stops)} if stops and named.keys() >= set(by) else {}
    rows = result.rows_at(np.array([max(s.start_ns, result.start_ns) for s in stops], np.int64))
    touched, which = np.unique(rows, return_inverse=True)
    labels = keys_of(site, pick(result.fragments, touched), by)
    found: dict[Key, list[Stoppage]] = {}
    for i, stop in zip(which.tolist(), stops, strict=True):
        for key in labels[i]:
            found.setdefault(key, []).append(stop)
    return found


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
