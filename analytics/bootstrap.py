"""How certain a ratio of sums is: block bootstrap of numerator and denominator together.

References
----------
.. [1] D. N. Politis, J. P. Romano, The stationary bootstrap, JASA 89 (1994).
.. [2] D. N. Politis, H. White, Automatic block-length selection for the dependent bootstrap, Econometric
   Reviews 23 (2004); A. Patton, D. N. Politis, H. White, correction, Econometric Reviews 28 (2009).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.signals import Floats

Weights = npt.NDArray[np.float64]
_LEAST: Final = 5
"""With fewer points no block length can be told."""


def block_length(series: Floats) -> float:
    """Mean block length of the stationary bootstrap that serves a series best.

    Parameters
    ----------
    series : ndarray of float64, shape (n,)

    Returns
    -------
    float
        At least 1, at most ``min(3 sqrt(n), n / 3)``.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    n = len(_finite(series))
    centred = series - series.mean() if n else series
    power = float(centred @ centred) / n if n else 0.0
    if n < _LEAST or power <= 0:
        return 1.0
    run = max(5, math.ceil(math.sqrt(math.log10(n))))
    furthest = min(math.ceil(math.sqrt(n)) + run, n - 1)
    covariance = np.array([float(centred[k:] @ centred[: n - k]) / n for k in range(furthest + 1)])
    notable = np.abs(covariance[1:] / covariance[0]) >= 2 * math.sqrt(math.log10(n) / n)
    reach = min(2 * _first_quiet(notable, run), furthest)
    lag = np.arange(-reach, reach + 1)
    share = np.abs(lag) / reach
    taper = np.where(share <= 0.5, 1.0, 2 * (1 - share))  # noqa: PLR2004 - the flat top's edge
    weighed = taper * covariance[np.abs(lag)]
    slope, level = float((weighed * np.abs(lag)).sum()), float(weighed.sum())
    if level == 0:
        return 1.0
    length = (2 * slope**2 / (2 * level**2)) ** (1 / 3) * n ** (1 / 3)
    return float(min(max(length, 1.0), 3 * math.sqrt(n), n / 3))


def _first_quiet(notable: npt.NDArray[np.bool_], run: int) -> int:
    """The lag from which on so many in a row are no more than chance; else the last that is more.

    So do the programs of the correction's authors; the paper's words would have it one less.
    """
    for m in range(len(notable) - run + 1):
        if not notable[m : m + run].any():
            return m + 1
    found = np.flatnonzero(notable)
    return int(found[-1]) + 1 if len(found) else 1


def resampled(n: int, draws: int, length: float, rng: np.random.Generator) -> Weights:
    """How often each of n blocks comes in each of so many draws of the stationary bootstrap.

    Parameters
    ----------
    n, draws : int
    length : float
        Mean length of runs of neighbours; 1: each by itself.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape (draws, n)
        Rows sum to n; sums over a draw are this times the blocks.

    Raises
    ------
    ValueError
        If there is no block or draw, or the length is below 1.
    """
    if n < 1 or draws < 1 or not length >= 1:
        raise ValueError(f"n is {n}, draws is {draws} and length is {length}: each must be at least 1")
    anew = rng.random((draws, n)) < 1 / length
    anew[:, 0] = True
    place = np.arange(n)
    since = np.maximum.accumulate(np.where(anew, place, 0), axis=1)
    begin = rng.integers(0, n, (draws, n))
    index = (np.take_along_axis(begin, since, axis=1) + place - since) % n
    flat = index + n * np.arange(draws)[:, None]
    return np.bincount(flat.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def error_of_sum(series: Floats) -> float:
    """Standard error of the sum of a short series whose neighbours may hang together.

    Parameters
    ----------
    series : ndarray of float64, shape (n,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a number is not finite.

    Notes
    -----
    As for a first-order autoregression, its coefficient freed of its bias in short series,
    ``rho + (1 + 4 rho) / n`` [1]_, and never below 0. A block bootstrap of a few dozen blocks sees too
    little of their dependence; this sees the nearest of it whole.

    .. [1] F. H. C. Marriott, J. A. Pope, Bias in the estimation of autocorrelations, Biometrika 41 (1954).
    """
    n = len(_finite(series))
    centred = series - series.mean() if n else series
    power = float(centred @ centred)
    if n < _LEAST or power <= 0:
        return math.sqrt(power)
    rho = float(centred[1:] @ centred[:-1]) / power
    rho = min(max(rho + (1 + 4 * rho) / n, 0.0), 0.9)
    return math.sqrt(power * n / (n - 1) * (1 + rho) / (1 - rho))


def _finite(series: Floats) -> Floats:
    if series.ndim != 1 or not np.isfinite(series).all():
        raise ValueError("series: must be one row of finite numbers")
    return series
