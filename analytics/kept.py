"""Results that are computed once and kept in the store, where screens read them (MODEL section 1)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from analytics.deliveries import Store
from analytics.fetch import Row as StoredRow
from analytics.groups import Row
from analytics.written import tags_of
from fieldlab_configs import Experiment, Site, fingerprint

RESULTS: Final = ("experiment_result", "baseline", "baseline_block")
"""The measurements that an experiment's results are kept in."""
_FIGURES: Final = {
    "estimate": "effect",
    "low": "low",
    "high": "high",
    "coverage": "coverage",
    "baseline": "baseline",
    "trial": "trial",
    "probability_of_improvement": "probability_of_improvement",
    "detectable_effect": "detectable_effect",
    "more_blocks": "more_blocks",
    "blocks_baseline": "blocks_baseline",
    "blocks_trial": "blocks_trial",
}
"""Field of `experiment_result` to what it is called among results."""


def keep(
    site: Site, store: Store, experiment: Experiment, results: Sequence[Row], laws: Sequence[Row]
) -> None:
    """Write what came out of an experiment, in place of what was there.

    Parameters
    ----------
    site : Site
    store : Store
    experiment : Experiment
    results : sequence of dict
        See :func:`analytics.experiments.results`.
    laws : sequence of dict
        Per machine, the energy of the trial against the baseline's law.
    """
    time_ns = max(w.end_ns for windows in experiment.arms.values() for w in windows)
    rows = [*_results(site, experiment, results, time_ns)]
    for law in laws:
        rows += baseline_rows(site, law, time_ns, experiment=experiment.id)
        rows += block_rows(site, law, experiment=experiment.id)
    for measurement in RESULTS:
        # A figure that can no longer be told would otherwise stay.
        store.delete("kpi", measurement, where={"experiment": experiment.id})
    store.write("kpi", rows)


def _results(site: Site, experiment: Experiment, results: Sequence[Row], time_ns: int) -> Iterator[StoredRow]:
    """One row of the store per figure; time is the end of the last window."""
    mark = fingerprint(site)
    for row in results:
        tags = tags_of(site, experiment=experiment.id, kpi=str(row["kpi"]))
        for field, name in _FIGURES.items():
            value = row[name]
            if isinstance(value, int | float):
                yield "experiment_result", tags, field, time_ns, float(value)
        for field in ("verdict", "reason"):
            yield "experiment_result", tags, field, time_ns, str(row[field] or "")
        # The reason as a code and its values, for screens to say in their own language.
        yield "experiment_result", tags, "reason_code", time_ns, str(row["reason_code"] or "")
        yield "experiment_result", tags, "reason_values", time_ns, json.dumps(row["reason_values"])
        yield "experiment_result", tags, "fingerprint", time_ns, mark


def window_rows(site: Site, store: Store, without: Collection[str] = ()) -> Iterator[StoredRow]:
    """Every window of every experiment, for screens to draw; one that the config no longer has ends at 0.

    Parameters
    ----------
    site : Site
    store : Store
    without : collection of str
        Companies that were removed.
    """
    wanted = {
        (tags_of(site, experiment=e.id, arm=arm), w.start_ns): w.end_ns / 1e6
        for e in site.experiments
        if e.company not in without
        for arm, windows in e.arms.items()
        for w in windows
    }
    for table in store.read("kpi", "experiment_window", fields=["end_ms"]):
        tags = tuple(sorted(table.tags.items()))
        for time_ns in table.time_ns.tolist():
            wanted.setdefault((tags, time_ns), 0.0)
    for (tags, time_ns), end_ms in wanted.items():
        told = dict(tags)
        yield "experiment_window", tags, "end_ms", time_ns, end_ms
        yield "experiment_window", tags, "text", time_ns, f"{told['experiment']}: {told['arm']}"


def baseline_rows(site: Site, law: Row, time_ns: int, *, experiment: str = "none") -> Iterator[StoredRow]:
    """A machine's energy baseline: each term, and the saving where one was asked for.

    Parameters
    ----------
    site : Site
    law : dict
        See :func:`analytics.energy_blocks.baseline`.
    time_ns : int
        The end of what it was told of.
    experiment : str
        ``none``: the machine's own, of no experiment.
    """
    mark = fingerprint(site)
    for name, unit, figures in _terms(law):
        tags = tags_of(site, experiment=experiment, machine=str(law["machine"]), term=name, unit=unit)
        figures |= {field: law[field] for field in ("r2", "cv_rmse", "blocks", "blocks_excluded")}
        for field, value in figures.items():
            if isinstance(value, int | float):
                yield "baseline", tags, field, time_ns, float(value)
        yield "baseline", tags, "verdict", time_ns, str(law["verdict"])
        yield "baseline", tags, "reason", time_ns, str(law["reason"] or "")
        yield "baseline", tags, "fingerprint", time_ns, mark


def block_rows(site: Site, law: Mapping[str, Any], *, experiment: str = "none") -> Iterator[StoredRow]:
    """What each block used, what it was expected to use, and the running sum of the difference.

    Parameters
    ----------
    site : Site
    law : dict
        See :func:`analytics.energy_blocks.baseline`.
    experiment : str
        ``none``: the machine's own, of no experiment.
    """
    tags = tags_of(site, experiment=experiment, machine=str(law["machine"]))
    fields = (
        ("used_kwh", "block_used_kwh"),
        ("expected_kwh", "block_expected_kwh"),
        ("cusum_kwh", "cusum_kwh"),
    )
    for field, name in fields:
        for time_ns, value in zip(law["block_ns"] or (), law[name] or (), strict=True):
            yield "baseline_block", tags, field, time_ns, float(value)


def _terms(law: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, unit, and estimate with interval; of a baseline that cannot be told, one without any."""
    interval = ("estimate", "low", "high")
    for term in law["terms"] or ():
        yield term["name"], term["unit"], {field: term[field] for field in interval}
    if law["saved_kwh"] is not None:
        saved = (law["saved_kwh"], law["saved_low_kwh"], law["saved_high_kwh"])
        yield "saved", "kWh", dict(zip(interval, saved, strict=True))
    if not law["terms"]:
        yield "none", "none", {}
