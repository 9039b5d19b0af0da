"""Experiments: whether the trial differed from the baseline, by how much, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analytics.atoms import Fragments
from analytics.bootstrap import block_length, error_of_sum, resampled
from analytics.groups import Row, group
from analytics.signals import Floats
from analytics.student import t_quantile
from fieldlab_configs import Experiment, Site

DRAWS: Final = 4000
LEAST_BLOCKS: Final = 6
LEAST_COVERAGE: Final = 0.5
_LEVEL, _POWER = 0.975, 0.8
_MOST_BLOCKS: Final = 9999
Sums = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Question:
    """A KPI as a ratio of two additive figures; `better` is +1 where more is better."""

    top: Callable[[Sums], float]
    bottom: Callable[[Sums], float]
    better: int


QUESTIONS: Final[dict[str, Question]] = {
    "oee_index": Question(
        lambda s: s["ideal_good_time_s"], lambda s: s["planned_busy_time_s"] - s["count_missing_s"], 1
    ),
    "availability": Question(
        lambda s: s["actual_production_time_s"], lambda s: s["planned_busy_time_s"] - s["unknown_time_s"], 1
    ),
    "effectiveness": Question(
        lambda s: s["ideal_production_time_s"] - s["ideal_production_unknown_s"],
        lambda s: s["actual_production_time_s"],
        1,
    ),
    "quality_ratio": Question(lambda s: s["ideal_good_time_s"], lambda s: s["ideal_production_time_s"], 1),
    "throughput_rate_per_h": Question(
        lambda s: 3600 * s["produced_quantity"],
        lambda s: s["planned_busy_time_s"] - s["unknown_time_s"],
        1,
    ),
    "energy_per_good_unit_kwh": Question(lambda s: s["energy_kwh"], lambda s: s["good_quantity"], -1),
    "material_per_good_unit_kg": Question(lambda s: s["material_kg"], lambda s: s["good_quantity"], -1),
}


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm's blocks.

    Attributes
    ----------
    strata : list of tuple
        What is matched on; one empty tuple where nothing is.
    top, bottom : ndarray of float64, shape (blocks, strata)
    coverage : float
        Share of its planned time that is known.
    """

    strata: list[tuple[str, ...]]
    top: Floats
    bottom: Floats
    coverage: float


def results(
    site: Site, experiment: Experiment, fragments: Sequence[Fragments], *, seed: int = 1
) -> list[Row]:
    """The effect on every KPI.

    Parameters
    ----------
    site : Site
    experiment : Experiment
    fragments : sequence of Fragments
        Of its machines, over its windows at least.
    seed : int
        The same seed draws the same.

    Returns
    -------
    list of dict
        Per KPI: ``experiment``, ``kpi``, ``verdict`` (``improved``, ``worsened``, ``no difference shown``,
        ``not enough data``) and ``reason``; ``baseline`` and ``trial`` as they are; and, matched where the
        config asks, ``effect`` (relative change), ``low``, ``high`` (95 %), ``probability_of_improvement``,
        ``detectable_effect`` (shown in 8 of 10 such experiments), ``more_blocks`` (that a verdict on an
        effect of this size would need), ``blocks_baseline``, ``blocks_trial``, ``block_length``,
        ``coverage``, ``left_out`` (strata that only one arm has).
    """
    own = [f for f in fragments if f.machine in experiment.machines]
    keys = ("arm", "shift_date", "shift", "day", *(k for k in experiment.match if k == "product"))
    rows = [r for r in group(site, own, ("experiment", *keys)) if r["experiment"] == experiment.id]
    return [
        {"experiment": experiment.id, "kpi": kpi, **_result(rows, experiment.match, question, seed)}
        for kpi, question in QUESTIONS.items()
    ]


def _arm(rows: Sequence[Row], arm: str, match: Sequence[str], question: Question) -> Arm:
    mine = [r for r in rows if r["arm"] == arm]
    blocks = {key: i for i, key in enumerate(dict.fromkeys(map(_block, mine)))}
    strata = {key: i for i, key in enumerate(dict.fromkeys(tuple(str(r[k]) for k in match) for r in mine))}
    top, bottom = np.zeros((2, len(blocks), len(strata)))
    planned = unknown = 0.0
    for row in mine:
        sums = {k: float(v) if isinstance(v, int | float) else math.nan for k, v in row.items()}
        at = blocks[_block(row)], strata[tuple(str(row[k]) for k in match)]
        top[at] += question.top(sums)
        bottom[at] += question.bottom(sums)
        planned, unknown = planned + sums["planned_busy_time_s"], unknown + sums["unknown_time_s"]
    known = (bottom.sum(axis=1) != 0) | np.isnan(bottom.sum(axis=1))
    coverage = 1 - unknown / planned if planned > 0 else 0.0
    return Arm(list(strata), top[known], bottom[known], coverage)


def _block(row: Row) -> tuple[object, object]:
    """A shift of a date; outside shifts the day."""
    return (row["day"] if row["shift"] == "none" else row["shift_date"]), row["shift"]


_NOTHING: Final = dict.fromkeys((
    "baseline", "trial", "effect", "low", "high", "probability_of_improvement", "detectable_effect",
    "more_blocks", "block_length",
))  # fmt: skip


def _result(rows: Sequence[Row], match: Sequence[str], question: Question, seed: int) -> dict[str, Any]:
    arms = [_arm(rows, name, match, question) for name in ("baseline", "trial")]
    shared = [s for s in arms[0].strata if s in arms[1].strata]
    left_out = sorted({" ".join(s) for a in arms for s in a.strata if s not in shared})
    told: dict[str, Any] = {
        **_NOTHING,
        "blocks_baseline": len(arms[0].top),
        "blocks_trial": len(arms[1].top),
        "coverage": min(a.coverage for a in arms),
        "left_out": left_out,
    }
    base, trial = (_only(a, shared) for a in arms)
    reason = _too_little(base, trial, told)
    if reason is not None:
        return told | {"verdict": "not enough data", "reason": reason}
    return told | _effect(base, trial, question, seed)


def _only(arm: Arm, strata: Sequence[tuple[str, ...]]) -> Arm:
    columns = [arm.strata.index(s) for s in strata]
    return Arm(list(strata), arm.top[:, columns], arm.bottom[:, columns], arm.coverage)


def _too_little(base: Arm, trial: Arm, told: Mapping[str, Any]) -> str | None:
    if not base.strata:
        return (
            "the arms have nothing in common to be compared" if len(base.top) else "the baseline has no data"
        )
    for name, arm in (("baseline", base), ("trial", trial)):
        if np.isnan(arm.top).any() or np.isnan(arm.bottom).any():
            return "it is not measured"
        if len(arm.top) < LEAST_BLOCKS:
            return f"{len(arm.top)} blocks in the {name}; at least {LEAST_BLOCKS} are needed"
        if arm.bottom.sum() <= 0 or arm.top.sum() <= 0:
            return f"the {name} has nothing to divide by, or made nothing"
    if told["coverage"] < LEAST_COVERAGE:
        return f"{told['coverage']:.0%} of planned time is known; at least {LEAST_COVERAGE:.0%} are needed"
    return None


def _effect(base: Arm, trial: Arm, question: Question, seed: int) -> dict[str, Any]:
    estimate = float(_log_ratio(base.top.sum(0), base.bottom.sum(0), trial.top.sum(0), trial.bottom.sum(0)))
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
    )
    # Runs of neighbours stand for themselves: what is independent is their number, not the blocks'.
    dof = max(sum(len(a.top) / n for a, n in zip((base, trial), lengths, strict=True)) - 2, 1.0)
    reach = t_quantile(_LEVEL, dof) * error
    needed = (t_quantile(_LEVEL, dof) + t_quantile(_POWER, dof)) * error
    low, high = estimate - reach, estimate + reach
    blocks = min(len(base.top), len(trial.top))
    more = blocks * ((needed / abs(estimate)) ** 2 - 1) if estimate else math.inf
    verdict = "no difference shown"
    if low > 0 or high < 0:
        verdict = "improved" if (estimate > 0) == (question.better > 0) else "worsened"
    return {
        "verdict": verdict,
        "reason": None,
        "baseline": float(base.top.sum() / base.bottom.sum()),
        "trial": float(trial.top.sum() / trial.bottom.sum()),
        "effect": math.expm1(estimate),
        "low": math.expm1(low),
        "high": math.expm1(high),
        "probability_of_improvement": float((drawn * question.better > 0).mean()),
        "detectable_effect": math.expm1(needed),
        "more_blocks": _more(verdict, more),
        "block_length": max(lengths),
    }


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
