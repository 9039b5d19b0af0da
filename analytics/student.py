"""Student's t distribution: how far from its estimate a value may lie.

References
----------
.. [1] W. J. Lentz, Applied Optics 15 (1976), the continued fraction as evaluated here; and DLMF 8.17.22
   for the fraction of the incomplete beta function.
"""

from __future__ import annotations

import math
from typing import Final

_TINY: Final = 1e-300
_NEAR: Final = 1e-15
_STEPS: Final = 500
_FAR: Final = 1e8


def t_cdf(t: float, dof: float) -> float:
    """Probability that a t of `dof` degrees of freedom is at most `t`.

    Parameters
    ----------
    t : float
    dof : float
        Above 0; need not be whole.

    Returns
    -------
    float

    Raises
    ------
    ValueError
    """
    if not dof > 0 or math.isnan(t):
        raise ValueError(f"t is {t} and dof is {dof}: a number, and one above 0, are needed")
    tail = 0.5 * _beta_share(dof / (dof + t * t), dof / 2, 0.5)
    return 1 - tail if t > 0 else tail


def t_quantile(probability: float, dof: float) -> float:
    """The value that a t of `dof` degrees of freedom stays below with that probability.

    Parameters
    ----------
    probability : float
        Above 0, below 1.
    dof : float
        Above 0; need not be whole.

    Returns
    -------
    float

    Raises
    ------
    ValueError

    Examples
    --------
    >>> round(t_quantile(0.975, 7), 6)
    2.364624
    """
    if not 0 < probability < 1 or not dof > 0:
        raise ValueError(f"a quantile of {probability} with {dof} degrees of freedom: there is none")
    if probability < 0.5:  # noqa: PLR2004 - the middle
        return -t_quantile(1 - probability, dof)
    low, high = 0.0, 1.0
    while t_cdf(high, dof) < probability and high < _FAR:
        high *= 2
    t = (low + high) / 2
    while low < t < high:
        short = probability - t_cdf(t, dof)
        low, high = (t, high) if short > 0 else (low, t)
        # Newton's step where it stays between what is known, else the middle.
        step = t + short / _density(t, dof)
        if abs(step - t) <= _NEAR * t:
            return step
        t = step if low < step < high else (low + high) / 2
    return t


def _density(t: float, dof: float) -> float:
    scale = math.lgamma((dof + 1) / 2) - math.lgamma(dof / 2) - math.log(dof * math.pi) / 2
    return math.exp(scale - (dof + 1) / 2 * math.log1p(t * t / dof))


def _beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    h = d
    for m in range(1, _STEPS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            c = 1 + numerator / c
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            h *= d * c
        if abs(d * c - 1) < _NEAR:
            break
    return h
