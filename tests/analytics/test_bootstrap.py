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


# Annual flow of the Nile at Aswan, 1871 to 1970 [1e8 m3] (G. W. Cobb, Biometrika 65 (1978); R's `Nile`).
NILE = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799,
    958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916,
    692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698,
    845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742,
    801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901,
    1170, 912, 746, 919, 718, 714, 740,
]  # fmt: skip


def generated(n, rho, seed):
    """An autoregression that any language can make again: sums of twelve numbers of a linear congruence."""
    found, before = [], 0.0
    for _ in range(n):
        total = 0.0
        for _ in range(12):
            seed = (1103515245 * seed + 12345) % 2**31
            total += seed / 2**31
        before = rho * before + (total - 6)
        found.append(before)
    return found


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (NILE, 12.333494258282622),
        (generated(60, 0.0, 1), 2.418726781032358),
        (generated(200, 0.7, 3), 9.476473964751397),
        (generated(500, 0.9, 4), 27.23183885996838),
        (generated(200, -0.4, 5), 1.718287884139761),
    ],
)
def test_the_block_length_is_that_of_another_implementation(series, expected):
    """As `optimal_block_length` of arch 8.0.0 (K. Sheppard) says for the stationary bootstrap.

    It scales its correlations by shifted sums, so where one lies at the limit it may go one lag further.
    """
    assert block_length(np.array(series, dtype=float)) == pytest.approx(expected, rel=1e-13)


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
