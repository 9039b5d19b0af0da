"""The bootstrap: its draws, its block length, and how often its interval holds the truth."""

import numpy as np
import pytest

from analytics.arms import Arm, Question
from analytics.bootstrap import block_length, resampled
from analytics.experiments import _effect

BETTER = Question(lambda _: 0.0, lambda _: 0.0, 1)


def autocorrelated(rng, n, rho):
    """A series of mean 0 and deviation 1."""
    noise = rng.normal(0, 1, n)
    for i in range(1, n):
        noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * noise[i]
    return noise


def arm(rng, n, level, rho):
    """Blocks of unequal size, whose ratio wanders around a level."""
    bottom = rng.uniform(300, 500, n)
    top = bottom * level * np.exp(0.08 * autocorrelated(rng, n, rho) - 0.0032)
    return Arm([()], top[:, None], bottom[:, None], 1.0)


def test_each_draw_has_as_many_blocks_and_neighbours_stay_together():
    """Rows sum to n; with long blocks neighbours come equally often."""
    rng = np.random.default_rng(1)
    single, long = resampled(50, 2000, 1.0, rng), resampled(50, 2000, 10.0, rng)
    assert (single.sum(axis=1) == 50).all()
    assert (long.sum(axis=1) == 50).all()
    assert np.abs(single.mean(axis=0) - 1).max() < 0.1

    def together(weights):
        return np.mean([np.corrcoef(weights[:, i], weights[:, i + 1])[0, 1] for i in range(49)])

    assert abs(together(single)) < 0.05
    assert together(long) > 0.6


def test_the_block_length_grows_with_dependence():
    """About 1 where blocks are independent; longer the longer they remember; within its bounds."""
    rng = np.random.default_rng(2)
    lengths = {
        rho: np.mean([block_length(autocorrelated(rng, 400, rho)) for _ in range(40)])
        for rho in (0, 0.5, 0.8)
    }
    assert lengths[0] < 3
    assert lengths[0] < lengths[0.5] < lengths[0.8]
    # Theory for an AR(1) process: (2 (2 rho / (1 - rho^2))^2 / 2)^(1/3) n^(1/3).
    theory = (2 * 0.8 / (1 - 0.64)) ** (2 / 3) * 400 ** (1 / 3)
    assert 0.6 * theory < lengths[0.8] < 1.4 * theory
    assert block_length(np.ones(50)) == 1
    assert block_length(np.arange(3.0)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.5])
def test_the_interval_holds_the_truth_and_no_effect_is_seldom_claimed(monkeypatch, rho):
    """1,000 simulated experiments: 93 to 97 % hold it; without an effect at most 6 % claim one."""
    monkeypatch.setattr("analytics.experiments.DRAWS", 500)
    rng = np.random.default_rng(7)
    held = claimed = 0
    for n in range(1000):
        effect = 0.05 if n % 2 else 0.0
        found = _effect(arm(rng, 60, 0.6, rho), arm(rng, 60, 0.6 * (1 + effect), rho), BETTER, n)
        held += found["low"] < effect < found["high"]
        claimed += n % 2 == 0 and found["verdict"] != "no difference shown"
    assert 930 <= held <= 970
    assert claimed <= 30
