"""``fieldlab experiment``: what a trial changed against its baseline, and how certain that is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from analytics.experiments import results
from analytics.groups import Row
from analytics.query import compute
from fieldlab.asked import opened_question
from fieldlab.errors import WrongUse
from fieldlab.output import table
from fieldlab.stores import JobStore, extent
from fieldlab_configs import Experiment, Site, fingerprint, load

_COLUMNS = (
    ("baseline", "baseline", "3"),
    ("trial", "trial", "3"),
    ("effect", "effect", "%"),
    ("low", "low", "%"),
    ("high", "high", "%"),
    ("probability_of_improvement", "better", "%"),
    ("detectable_effect", "detectable", "%"),
    ("more_blocks", "more blocks", "0"),
    ("reason", "", "text"),
)


def run(args: argparse.Namespace) -> int:
    """Print the effect on every KPI; with a store, keep it there for screens to read."""
    site = load(args.config)
    experiment = _named(site, args.experiment)
    windows = [w for arm in experiment.arms.values() for w in arm]
    start_ns, end_ns = min(w.start_ns for w in windows), max(w.end_ns for w in windows)
    with opened_question(site, args.input) as (store, _):
        computed = compute(
            site,
            store,
            start_ns=start_ns,
            end_ns=end_ns,
            machines=set(experiment.machines),
            whole=bool(args.input),
            known_until_ns=extent(store)[1],
        )
        rows = results(site, experiment, [r.fragments for r in computed.results.values()])
        if not args.input:
            JobStore(store).write("kpi", _stored(site, experiment, rows, end_ns))
    if args.format == "table" and experiment.question:
        print(experiment.question)
    print(table(rows, ["kpi", "verdict"], _COLUMNS, args.format))
    if args.format == "table":
        _tell(rows)
    return 0


def _named(site: Site, name: str) -> Experiment:
    for experiment in site.experiments:
        if experiment.id == name:
            return experiment
    known = ", ".join(e.id for e in site.experiments) or "none"
    raise WrongUse(f"{site.path}: experiments: there is no experiment {name!r}; the config has {known}")


def _tell(rows: Sequence[Row]) -> None:
    first = rows[0]
    print(
        f"{first['blocks_baseline']} blocks against {first['blocks_trial']}; "
        f"{100 * float(str(first['coverage'])):.1f} % of planned time is known; low and high hold 95 %."
    )
    left: Any = first["left_out"]
    if left:
        print(f"left out, for only one arm has it: {', '.join(left)}")


def _stored(
    site: Site, experiment: Experiment, rows: Sequence[Row], time_ns: int
) -> list[tuple[str, tuple[tuple[str, str], ...], str, int, float | int | str]]:
    """One row of the store per figure; time is the end of the last window."""
    found: list[tuple[str, tuple[tuple[str, str], ...], str, int, float | int | str]] = []
    mark = fingerprint(site)
    for row in rows:
        tags = (("experiment", experiment.id), ("fieldlab", site.fieldlab), ("kpi", str(row["kpi"])))
        figures = {
            "estimate": row["effect"],
            "low": row["low"],
            "high": row["high"],
            "coverage": row["coverage"],
        }
        for field, value in figures.items():
            if isinstance(value, float):
                found.append(("experiment_result", tags, field, time_ns, value))
        found.append(("experiment_result", tags, "verdict", time_ns, str(row["verdict"])))
        found.append(("experiment_result", tags, "fingerprint", time_ns, mark))
    return found
