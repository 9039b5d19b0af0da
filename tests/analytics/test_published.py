"""What others have published with its answer: regressions, control charts, a bootstrap of a ratio."""

import numpy as np
import pytest

from analytics.baseline import NotEnoughData, cusum, fit
from analytics.bootstrap import resampled

# NIST StRD, Longley (J. W. Longley, JASA 62 (1967)): y, x1 to x6; columns that nearly go together.
LONGLEY = np.array([
    60323, 83.0, 234289, 2356, 1590, 107608, 1947, 61122, 88.5, 259426, 2325, 1456, 108632, 1948,
    60171, 88.2, 258054, 3682, 1616, 109773, 1949, 61187, 89.5, 284599, 3351, 1650, 110929, 1950,
    63221, 96.2, 328975, 2099, 3099, 112075, 1951, 63639, 98.1, 346999, 1932, 3594, 113270, 1952,
    64989, 99.0, 365385, 1870, 3547, 115094, 1953, 63761, 100.0, 363112, 3578, 3350, 116219, 1954,
    66019, 101.2, 397469, 2904, 3048, 117388, 1955, 67857, 104.6, 419180, 2822, 2857, 118734, 1956,
    68169, 108.4, 442769, 2936, 2798, 120445, 1957, 66513, 110.8, 444546, 4681, 2637, 121950, 1958,
    68655, 112.6, 482704, 3813, 2552, 123366, 1959, 69564, 114.2, 502601, 3931, 2514, 125368, 1960,
    69331, 115.7, 518173, 4806, 2572, 127852, 1961, 70551, 116.9, 554894, 4007, 2827, 130081, 1962,
]).reshape(-1, 7)  # fmt: skip


def test_nist_longley():
    """Certified estimates and standard errors; residuals swing to and fro, so nothing is corrected."""
    names = ["base", *(f"x{i}" for i in range(1, 7))]
    found = fit(np.column_stack([np.ones(16), LONGLEY[:, 1:]]), LONGLEY[:, 0], names)
    estimates = [
        -3482258.63459582, 15.0618722713733, -0.358191792925910e-01, -2.02022980381683, -1.03322686717359,
        -0.511041056535807e-01, 1829.15146461355,
    ]  # fmt: skip
    errors = [
        890420.383607373, 84.9149257747669, 0.334910077722432e-01, 0.488399681651699, 0.214274163161675,
        0.226073200069370, 455.478499142212,
    ]  # fmt: skip
    assert found.rho < 0
    assert found.estimate == pytest.approx(estimates, rel=1e-7)
    assert found.error == pytest.approx(errors, rel=1e-7)
    assert found.r2 == pytest.approx(0.995479004577296, rel=1e-12)
    assert np.sqrt(found.variance) == pytest.approx(304.854073561965, rel=1e-9)


def test_nist_wampler():
    """NIST StRD, Wampler1 (R. H. Wampler, JASA 65 (1970)): all six terms are 1, and nothing is left."""
    x = np.arange(21.0)
    found = fit(np.vander(x, 6, increasing=True), sum(x**k for k in range(6)), ["base", *"abcde"])
    assert found.estimate == pytest.approx(np.ones(6), rel=1e-7)
    assert found.r2 == pytest.approx(1, abs=1e-14)


def test_columns_of_one_kind_are_told_from_columns_that_nearly_are():
    """Longley's can be told apart; a column that is the sum of two others cannot."""
    design = np.column_stack([np.ones(16), LONGLEY[:, 3], LONGLEY[:, 4], LONGLEY[:, 3] + LONGLEY[:, 4]])
    with pytest.raises(NotEnoughData, match="always change together"):
        fit(design, LONGLEY[:, 0], ["base", "a", "b", "c"])


def test_a_tabular_cusum_that_stays_in_control():
    """Montgomery, Runger, Applied Statistics and Probability for Engineers, tables 16-7 and 16-8.

    Chemical concentration, target 99, reference value 1 and limit 10: half and five times a deviation of 2.
    """
    x = [102.0, 94.8, 98.3, 98.4, 102.0, 98.5, 99.0, 97.7, 100.0, 98.1,
         101.3, 98.7, 101.1, 98.4, 97.0, 96.7, 100.3, 101.4, 97.2, 101.0]  # fmt: skip
    total, alarms = cusum(np.array(x) - 99.0, 2.0)
    published = [3.0, -1.2, -1.9, -2.5, 0.5, 0.0, 0.0, -1.3, -0.3, -1.2,
                 1.1, 0.8, 2.9, 2.3, 0.3, -2.0, -0.7, 1.7, -0.1, 1.9]  # fmt: skip
    # The book's last figure, 2.0, is its last but one plus 2.0, rounded.
    assert total.tolist() == pytest.approx(published, abs=0.11)
    assert alarms == []


def test_a_tabular_cusum_that_signals():
    """Montgomery, Introduction to Statistical Quality Control, table 9.1: it signals at observation 29."""
    x = [9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08,
         9.37, 10.62, 10.31, 8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31,
         10.52]  # fmt: skip
    _, alarms = cusum(np.array(x) - 10.0, 1.0)
    assert [block + 1 for block in alarms] == [29]


def test_the_error_of_a_ratio_by_bootstrap():
    """Efron, Tibshirani, An Introduction to the Bootstrap, 10.3: the patch data, -0.0713 with error 0.105.

    Eight subjects; numerator and denominator are drawn together. By the book's 400 draws; ours are more.
    """
    old_less_placebo = np.array([8406, 2342, 8187, 8459, 4795, 3516, 4796, 10238.0])
    new_less_old = np.array([-1200, 2601, -2705, 1982, -1290, 351, -638, -2719.0])
    assert new_less_old.sum() / old_less_placebo.sum() == pytest.approx(-0.0713, abs=5e-5)
    weights = resampled(8, 20_000, 1.0, np.random.default_rng(1))
    drawn = (weights @ new_less_old) / (weights @ old_less_placebo)
    assert drawn.std() == pytest.approx(0.105, abs=0.006)
