"""``fieldlab experiment``: what a trial changed against its baseline, and how certain that is."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any, Literal

from analytics.atoms import Fragments
from analytics.groups import Row
from analytics.kept import keep
from analytics.query import compute
from analytics.shared import Shared
from analytics.study import Study, clipped, study
from analytics.touched import merged_spans
from fieldlab.asked import check_length, opened_question
from fieldlab.errors import WrongUse
from fieldlab.output import table
from fieldlab.services import horizon
from fieldlab.stores import JobStore, extent
from fieldlab_configs import Experiment, Site, load
from ingest.recording import RecordingStore
from ingest.store import Store

Language = Literal["nl", "en"]
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
    with opened_question(site, args.input) as (store, _):
        until_ns = _known_until(site, store)
        found = study(site, experiment, _fragments(site, experiment, store, until_ns, whole=bool(args.input)))
        if not args.input and experiment.company not in Shared(site, JobStore(store)).gone():
            keep(site, JobStore(store), found.experiment, found.results, found.laws)
    if args.format == "html":
        print(_report(found, until_ns), end="")
        return 0
    if args.format == "table" and experiment.question:
        print(experiment.question)
    print(table(found.results, ["kpi", "verdict"], _COLUMNS, args.format))
    if args.format == "table":
        _tell(found.results)
    return 0


def _known_until(site: Site, store: Store) -> int | None:
    """Up to when anything can be said: a recording's last sample, else now."""
    last_ns = extent(store)[1]
    if last_ns is None or isinstance(store, RecordingStore):
        return last_ns
    return max(last_ns, horizon(site, last_ns))


def _fragments(
    site: Site, experiment: Experiment, store: Store, until_ns: int | None, *, whole: bool
) -> list[Fragments]:
    """The atoms of its windows, as far as there are data."""
    first_ns = extent(store)[0]
    spans = [s for windows in experiment.arms.values() for s in clipped(windows, first_ns, until_ns)]
    found: list[Fragments] = []
    for span in merged_spans(spans):
        check_length(site, span.start_ns, span.end_ns)
        computed = compute(
            site,
            store,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            machines=set(experiment.machines),
            whole=whole,
            known_until_ns=until_ns,
        )
        found += [r.fragments for r in computed.results.values()]
    return found


def report_of(site: Site, name: str, language: Language | None) -> str:
    """The report of an experiment over the config's store."""
    experiment = _named(site, name)
    with opened_question(site, ()) as (store, _):
        until_ns = _known_until(site, store)
        if until_ns is None:
            raise WrongUse(
                "there is no data yet; let a gateway run first. The report of a recording: "
                f"fieldlab experiment {site.path} {name} --input FILE --format html"
            )
        found = study(site, experiment, _fragments(site, experiment, store, until_ns, whole=False))
    return _report(found, until_ns, language)


def _report(found: Study, until_ns: int | None, language: Language | None = None) -> str:
    # Only now: the words and pictures of reports are nothing to the other formats.
    from dashboards.report import experiment_report  # noqa: PLC0415

    return experiment_report(found, made_ns=time.time_ns(), until_ns=until_ns, language=language)


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
