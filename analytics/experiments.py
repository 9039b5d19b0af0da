"""Experiments: whether the trial differed from the baseline, by how much, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from analytics.arms import Arm, Question, arm, of_line, questions
from analytics.atoms import Fragments
from analytics.bootstrap import block_length, error_of_sum, resampled
from analytics.groups import Row, group
from analytics.signals import Floats
from analytics.student import t_cdf, t_quantile
from fieldlab_configs import Experiment, Site
from fieldlab_configs.experiments import ARMS

DRAWS: Final = 4000
LEAST_BLOCKS: Final = 6
LEAST_COVERAGE: Final = 0.5
_LEVEL, _POWER = 0.975, 0.8
_MOST_BLOCKS: Final = 9999
_DUST: Final = 1e-12
"""What adding floats in another order may make of no effect at all."""
REASONS: Final = {
    "no_data": "the {arm} has no data",
    "nothing_in_common": "the arms have nothing in common to be compared",
    "not_measured": "it is not measured",
    "few_blocks": "blocks in the {arm}: {blocks}; at least {least} are needed",
    "nothing_made": "the {arm} has nothing to divide by, or made nothing",
    "low_coverage": "{coverage:.0%} of planned time is known; at least {least:.0%} are needed",
}
"""Why there is no verdict, by code; the blanks are in ``reason_values``."""


def results(
    site: Site, experiment: Experiment, fragments: Sequence[Fragments], *, seed: int = 1
) -> list[Row]:
    """The effect on every KPI.

    Parameters
    ----------
    site : Site
    experiment : Experiment
    fragments : sequence of Fragments
        Of its machines, over its windows at least, and none of time that no data reaches.
    seed : int
        The same seed draws the same.

    Returns
    -------
    list of dict
        Per KPI: ``experiment``, ``kpi``, ``verdict`` (``improved``, ``worsened``, ``no difference shown``,
        ``not enough data``) with ``reason``, ``reason_code`` and ``reason_values``; ``baseline`` and
        ``trial``, of the blocks and strata that are compared; and, matched where the config asks,
        ``effect`` (relative change), ``low``, ``high`` (95 %), ``probability_of_improvement``,
        ``detectable_effect`` (shown in 8 of 10 such experiments), ``more_blocks`` (per arm, that a
        verdict on an effect of this size would need), ``blocks_baseline``, ``blocks_trial``,
        ``block_length``, ``coverage``; and what is not among them: ``left_out`` and ``left_out_strata``
        (with nothing to divide by in one arm or both), ``left_out_blocks`` (per arm and cause: what
        was not read all through).

    Notes
    -----
    A single machine is judged by its own figures; several by those of the line where its output and its
    bottleneck are among them, else pooled.
    """
    own = [f for f in fragments if f.machine in experiment.machines]
    keys = ["arm", "shift_date", "shift", "day", *(k for k in experiment.match if k == "product")]
    rows, by_machine = (
        [r for r in group(site, own, ("experiment", *by)) if r["experiment"] == experiment.id]
        for by in (keys, [*keys, "machine"])
    )
    asked = questions(site.convention, line=of_line(site, experiment))
    return [
        {
            "experiment": experiment.id,
            "kpi": kpi,
            **_result(
                [arm(rows, by_machine, name, experiment.match, question) for name in ARMS],
                experiment.match,
                question,
                seed,
            ),
        }
        for kpi, question in asked.items()
    ]


_NOTHING: Final = dict.fromkeys((
    "baseline", "trial", "effect", "low", "high", "probability_of_improvement", "detectable_effect",
    "more_blocks", "block_length",
))  # fmt: skip


def _result(both: Sequence[Arm], match: Sequence[str], question: Question, seed: int) -> dict[str, Any]:
    shared = [s for s in both[0].strata if all(a.has(s) for a in both)]
    if "shift" in match:  # the part that was finished after its shift is no shift to compare
        in_shifts = [s for s in shared if s[match.index("shift")] != "none"]
        shared = in_shifts or shared
    alone = sorted({s for a in both for s in a.strata if s and s not in shared and a.touches(s)})
    base, trial = (a.only(shared) for a in both)
    told: dict[str, Any] = {
        **_NOTHING,
        "blocks_baseline": len(base.top),
        "blocks_trial": len(trial.top),
        "coverage": min(a.coverage for a in both),
        "left_out": [" ".join(s) for s in alone],
        "left_out_strata": [dict(zip(match, s, strict=True)) for s in alone],
        "left_out_blocks": {name: a.left_out for name, a in zip(ARMS, both, strict=True)},
    }
    code, values = _too_little(both, base, trial, told)
    if code is not None:
        more = LEAST_BLOCKS - min(len(base.top), len(trial.top)) if code == "few_blocks" else None
        told |= {"verdict": "not enough data", "more_blocks": more}
        return told | {
            "reason": REASONS[code].format(**values), "reason_code": code, "reason_values": values
        }  # fmt: skip
    return told | _effect(base, trial, question, seed)


def _too_little(
    both: Sequence[Arm], base: Arm, trial: Arm, told: Mapping[str, Any]
) -> tuple[str | None, dict[str, Any]]:
    named = list(zip(ARMS, both, (base, trial), strict=True))
    for name, whole, _ in named:
        if not len(whole.top) and not whole.left_out:
            return "no_data", {"arm": name}
    for name, whole, _ in named:
        if np.isnan(whole.top).any() or np.isnan(whole.bottom).any():
            return "not_measured", {}
        if whole.left_out and len(whole.top) < LEAST_BLOCKS:
            return "few_blocks", {"blocks": len(whole.top), "arm": name, "least": LEAST_BLOCKS}
        if not whole.bottom.sum() > 0:
            return "nothing_made", {"arm": name}
    if not base.strata:
        return "nothing_in_common", {}
    for name, _, shared in named:
        if len(shared.top) < LEAST_BLOCKS:
            return "few_blocks", {"blocks": len(shared.top), "arm": name, "least": LEAST_BLOCKS}
        if not (shared.bottom.sum() > 0 and shared.top.sum() > 0):
            return "nothing_made", {"arm": name}
    if told["coverage"] < LEAST_COVERAGE:
        return "low_coverage", {"coverage": told["coverage"], "least": LEAST_COVERAGE}
    return None, {}


def _effect(base: Arm, trial: Arm, question: Question, seed: int) -> dict[str, Any]:
    estimate = float(_log_ratio(base.top.sum(0), base.bottom.sum(0), trial.top.sum(0), trial.bottom.sum(0)))
    if abs(estimate) < _DUST:
        estimate = 0.0
    rng = np.random.default_rng(seed)
    swayed = _influence(base, trial)
    lengths = [block_length(series) for series in swayed]
    weights = [resampled(len(a.top), DRAWS, n, rng) for a, n in zip((base, trial), lengths, strict=True)]
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = _log_ratio(
            weights[0] @ base.top, weights[0] @ base.bottom, weights[1] @ trial.top, weights[1] @ trial.bottom
        )
    drawn = drawn[np.isfinite(drawn)]
    smaller = min(len(a.top) for a in (base, trial))
    error = max(
        float(drawn.std()) * math.sqrt(smaller / (smaller - 1)),
        math.hypot(*(error_of_sum(series) for series in swayed)),
        _DUST,
    )
    # Runs of neighbours stand for themselves: what is independent is their number, not the blocks'.
    dof = max(sum(len(a.top) / n for a, n in zip((base, trial), lengths, strict=True)) - 2, 1.0)
    reach = t_quantile(_LEVEL, dof) * error
    needed = (t_quantile(_LEVEL, dof) + t_quantile(_POWER, dof)) * error
    low, high = estimate - reach, estimate + reach
    blocks = min(len(base.top), len(trial.top))
    more = _blocks_for(estimate, error, dof, blocks) - blocks if estimate else math.inf
    verdict = "no difference shown"
    if low > 0 or high < 0:
        verdict = "improved" if (estimate > 0) == (question.better > 0) else "worsened"
    return {
        "verdict": verdict,
        "reason": None,
        "reason_code": None,
        "reason_values": {},
        "baseline": float(base.top.sum() / base.bottom.sum()),
        "trial": float(trial.top.sum() / trial.bottom.sum()),
        "effect": math.expm1(estimate),
        "low": math.expm1(low),
        "high": math.expm1(high),
        # By the same error as the interval, so that the two can never say different things.
        "probability_of_improvement": t_cdf(estimate * question.better / error, dof),
        "detectable_effect": math.expm1(needed),
        "more_blocks": _more(verdict, more),
        "block_length": max(lengths),
    }


def _blocks_for(estimate: float, error: float, dof: float, blocks: int) -> float:
    """So many an arm would show an effect of this size 8 times in 10; more of them are also better known."""
    wanted = float(blocks)
    for _ in range(8):
        grown = max((dof + 2) * wanted / blocks - 2, 1.0)
        needed = (t_quantile(_LEVEL, grown) + t_quantile(_POWER, grown)) * error
        wanted = blocks * min((needed / abs(estimate)) ** 2, 1e9)
    return wanted


def _more(verdict: str, blocks: float) -> int | None:
    """How many more blocks to hope for; None where no number of them would do."""
    if verdict != "no difference shown":
        return 0
    return max(math.ceil(blocks), 0) if blocks < _MOST_BLOCKS else None


def _influence(base: Arm, trial: Arm) -> tuple[Floats, Floats]:
    """What each block of either arm does to the logarithm of the effect, to first order."""
    top, bottom = base.top.sum(axis=0), base.bottom.sum(axis=0)
    there = (bottom > 0) & (top > 0)
    ratio = np.where(there, top / np.where(there, bottom, 1.0), 0.0)
    expected = ratio * trial.bottom.sum(axis=0)
    weight = expected / expected.sum()
    of_base = (
        base.top / np.where(there, top, np.inf) - base.bottom / np.where(there, bottom, np.inf)
    ) @ weight
    of_trial = (
        trial.top[:, there].sum(axis=1) / trial.top[:, there].sum() - trial.bottom @ ratio / expected.sum()
    )
    return of_base, of_trial


def _log_ratio(base_top: Floats, base_bottom: Floats, top: Floats, bottom: Floats) -> Floats:
    """Logarithm of what the trial did over what the baseline would have, in the trial's mix of strata.

    Arguments have strata last; a stratum that a draw of the baseline has none of is left out of both.
    """
    there = base_bottom > 0
    expected = np.where(there, base_top / np.where(there, base_bottom, 1.0) * bottom, 0.0)
    found: Floats = np.log(np.where(there, top, 0.0).sum(axis=-1) / expected.sum(axis=-1))
    return found
