"""The energy baseline against published fits, closed forms and what was put in."""

import numpy as np
import pytest

from analytics.baseline import NotEnoughData, cusum, fit, saving
from analytics.student import t_cdf, t_quantile

P = np.array([380, 440, 460, 520, 320, 520, 240, 620, 600, 560, 440, 360, 420, 480, 540, 280, 260, 500.0])
E = np.array([340, 340, 380, 380, 300, 400, 280, 424, 420, 400, 360, 320, 340, 372, 380, 280, 280, 380.0])
# NIST StRD, Norris: y, x.
NORRIS = np.array([
    0.1, 0.2, 338.8, 337.4, 118.1, 118.2, 888.0, 884.6, 9.2, 10.1, 228.1, 226.5, 668.5, 666.3, 998.5, 996.3,
    449.1, 448.6, 778.9, 777.0, 559.2, 558.2, 0.3, 0.4, 0.1, 0.6, 778.1, 775.5, 668.8, 666.9, 339.3, 338.0,
    448.9, 447.5, 10.8, 11.6, 557.7, 556.0, 228.3, 228.1, 998.0, 995.8, 888.8, 887.6, 119.6, 120.2, 0.3, 0.3,
    0.6, 0.3, 557.6, 556.8, 339.3, 339.1, 888.0, 887.2, 998.5, 999.0, 778.9, 779.0, 10.2, 11.1, 117.6, 118.3,
    228.9, 229.2, 668.4, 669.1, 449.2, 448.9, 0.2, 0.5,
]).reshape(-1, 2)  # fmt: skip


def with_base(drivers):
    """A column of ones beside the drivers."""
    return np.column_stack([np.ones(len(drivers)), drivers])


def test_nist_norris():
    """To the digits that NIST certifies."""
    found = fit(with_base(NORRIS[:, 1]), NORRIS[:, 0], ["base", "x"])
    assert found.estimate[1] == pytest.approx(1.00211681802045, rel=1e-13)
    assert found.estimate[0] == pytest.approx(-0.262323073774029, rel=1e-11)
    assert found.r2 == pytest.approx(0.999993745883712, rel=1e-13)


def test_the_energy_managers_example():
    """Bureau of Energy Efficiency of India, book 1, chapter 8: the fit and the CUSUM."""
    found = fit(with_base(P[:9]), E[:9], ["base", "unit"])
    assert found.estimate == pytest.approx([182.102169, 0.396361], abs=5e-7)
    total, _ = cusum(E - (0.4 * P + 180), 1.0)
    assert total.tolist() == pytest.approx([8, -8, 8, 0, -8, 4, 8, 4, 4, 0, 4, 0, -8, -8, -24, -36, -40, -40])


@pytest.mark.parametrize(
    ("probability", "dof", "expected"),
    [(0.975, 1, 12.7062047362), (0.975, 7, 2.3646242516), (0.95, 30, 1.6972608866),
     (0.975, 1000, 1.9623390808), (0.025, 10, -2.2281388520), (0.9, 2, 1.8856180832)],
)  # fmt: skip
def test_quantiles_of_students_t(probability, dof, expected):
    """Against tables."""
    assert t_quantile(probability, dof) == pytest.approx(expected, rel=1e-9)
    assert t_cdf(t_quantile(probability, dof), dof) == pytest.approx(probability, abs=1e-12)


def made(rng, n, *, rho=0.0, saved=0.0):
    """Blocks of two products with a known law: 12 + 0.5 a + 0.2 b kWh, noise of 3."""
    drivers = np.column_stack([np.ones(n), rng.integers(50, 150, n), rng.integers(0, 200, n)])
    noise = np.zeros(n)
    for i in range(n):
        noise[i] = (rho * noise[i - 1] if i else 0) + rng.normal(0, 3 * np.sqrt(1 - rho**2))
    return drivers, drivers @ [12, 0.5, 0.2] * (1 - saved) + noise


def test_the_law_that_was_put_in_is_found_within_its_intervals():
    """Of 300 baselines about 95 in 100 intervals hold the true term."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(300):
        found = fit(*made(rng, 40), ["base", "a", "b"])
        held += int(((found.low < [12, 0.5, 0.2]) & (found.high > [12, 0.5, 0.2])).sum())
    assert 0.93 <= held / 900 <= 0.975


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_the_interval_of_a_saving_holds_the_truth(rho):
    """Also where blocks hang together; without the correction it would hold far less often."""
    rng = np.random.default_rng(11)
    held = naive = 0
    for _ in range(300):
        law = fit(*made(rng, 60, rho=rho), ["base", "a", "b"])
        drivers, used = made(rng, 30, rho=rho, saved=0.05)
        truth = float((drivers @ [12, 0.5, 0.2]).sum()) * 0.05
        found = saving(law, drivers, used)
        held += found.low < truth < found.high
        naive += abs(found.saved - truth) < 2 * np.sqrt(30 * law.variance)
    assert held / 300 >= 0.91
    if rho:
        assert naive < held


def test_what_cannot_be_told_is_said():
    """Too few blocks, a product never made, two that always go together; and arrays that do not fit."""
    rng = np.random.default_rng(1)
    drivers, energy = made(rng, 40)
    with pytest.raises(NotEnoughData, match="5 blocks for 3 terms; at least 6"):
        fit(drivers[:5], energy[:5], ["base", "a", "b"])
    with pytest.raises(NotEnoughData, match="b: never made"):
        fit(drivers * [1, 1, 0], energy, ["base", "a", "b"])
    with pytest.raises(NotEnoughData, match="always change together"):
        fit(drivers[:, [0, 1, 1]] * [1, 1, 2], energy, ["base", "a", "b"])
    with pytest.raises(ValueError, match=r"design is \(40, 3\), must be \(40, 2\)"):
        fit(drivers, energy, ["base", "a"])
    with pytest.raises(ValueError, match="energy: every entry"):
        fit(drivers, np.where(energy > 60, np.nan, energy), ["base", "a", "b"])


def test_an_alarm_tells_a_saving_from_chance():
    """Nothing in 100 blocks of noise of one deviation; soon after a shift of two."""
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1, 100)
    assert len(cusum(noise, 1.0)[1]) <= 1
    _, alarms = cusum(np.concatenate((noise[:50], noise[50:] - 2)), 1.0)
    assert alarms[-1] > 50
    assert min(a for a in alarms if a >= 50) <= 58
