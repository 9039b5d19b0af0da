"""What energy goes with what was made: a baseline by least squares, the savings against it, and its CUSUM.

References
----------
.. [1] ISO 50006, energy baselines; ISO 50001's relevant variables are the parts of each product here.
.. [2] ASHRAE Guideline 14: CV(RMSE), and the effective number of points n' = n (1 - rho) / (1 + rho).
.. [3] E. S. Page, Biometrika 41 (1954), CUSUM; reference value 0.5 and limit 5 standard deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.signals import Floats
from analytics.student import t_quantile

CONFIDENCE: Final = 0.95
SLACK, LIMIT = 0.5, 5.0
_SPARE: Final = 3
"""So many more blocks than terms are needed at least."""


REASONS: Final = {
    "no_meter": "no energy was measured",
    "few_blocks": "{blocks} blocks for {terms} terms; at least {least} are needed",
    "never_made": "{names}: never made in these blocks",
    "together": "{names} always change together: their shares cannot be told apart",
    "new_product": "reported period: {names}: not made in the reference period",
    "nothing_learned": "reference period: nothing to learn from",
    "nothing_reported": "reported period: no block with energy and counts",
}
"""Why a baseline or a saving cannot be told, by code."""


class NotEnoughData(ValueError):  # noqa: N818 - a verdict, not a defect
    """A baseline cannot be told from these blocks.

    Parameters
    ----------
    code : str
        One of `REASONS`.
    **values : int or str
        What fills its blanks.
    """

    def __init__(self, code: str, **values: int | str) -> None:
        super().__init__(REASONS[code].format(**values))
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class Fit:
    """A linear baseline.

    Attributes
    ----------
    names : tuple of str
        Of the p terms.
    estimate, error, low, high : ndarray of float64, shape (p,)
        Each term, its standard error, and its interval at `CONFIDENCE`.
    covariance : ndarray of float64, shape (p, p)
        Corrected for autocorrelation.
    variance : float
        Of the residuals.
    residuals : ndarray of float64, shape (n,)
    r2, cv_rmse : float
        CV(RMSE) is sqrt(SSE / (n - p)) over the mean.
    rho : float
        Lag-1 autocorrelation of the residuals.
    effective_n : float
        What so many independent blocks would be worth.
    """

    names: tuple[str, ...]
    estimate: Floats
    error: Floats
    low: Floats
    high: Floats
    covariance: Floats
    variance: float
    residuals: Floats
    r2: float
    cv_rmse: float
    rho: float
    effective_n: float

    @property
    def dof(self) -> float:
        """Degrees of freedom that the intervals go by."""
        return max(self.effective_n - len(self.names), 1.0)


@dataclass(frozen=True, slots=True)
class Saving:
    """Energy that the baseline says would have been used, and was not.

    Attributes
    ----------
    expected, used, saved, low, high : float
        [kWh]; the interval is that of `saved` at `CONFIDENCE`.
    """

    expected: float
    used: float
    saved: float
    low: float
    high: float


def fit(design: Floats, energy: Floats, names: Sequence[str]) -> Fit:
    """Least squares of energy on its drivers, block by block.

    Parameters
    ----------
    design : ndarray of float64, shape (n, p)
        Drivers; a column of ones, or of hours, for the base load.
    energy : ndarray of float64, shape (n,)
        [kWh], in the order of time.
    names : sequence of str
        Of the p columns.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        Shapes disagree, or a number is not finite: which array.
    NotEnoughData
        Too few blocks, or drivers that cannot be told apart.

    Notes
    -----
    Positive autocorrelation makes n blocks worth fewer: variances of the terms are multiplied by n / n'
    and degrees of freedom are n' - p.
    """
    design, energy = _table(design, energy, names)
    n, p = design.shape
    if n < p + _SPARE:
        raise NotEnoughData("few_blocks", blocks=n, terms=p, least=p + _SPARE)
    idle = [name for name, column in zip(names, design.T, strict=True) if not column.any()]
    if idle:
        raise NotEnoughData("never_made", names=", ".join(idle))
    scale = np.abs(design).max(axis=0)
    if np.linalg.matrix_rank(design / scale) < p:
        raise NotEnoughData("together", names=", ".join(names))
    q, r = np.linalg.qr(design / scale)
    estimate = np.linalg.solve(r, q.T @ energy) / scale
    residuals = energy - design @ estimate
    sse, total = float(residuals @ residuals), float(((energy - energy.mean()) ** 2).sum())
    variance = sse / (n - p)
    rho = _autocorrelation(residuals)
    effective = n * (1 - rho) / (1 + rho) if rho > 0 else float(n)
    inverse = np.linalg.inv(r) / scale[:, None]
    covariance = inverse @ inverse.T * variance * n / effective
    error = np.sqrt(np.diag(covariance))
    reach = t_quantile((1 + CONFIDENCE) / 2, max(effective - p, 1.0)) * error
    return Fit(
        names=tuple(names),
        estimate=estimate,
        error=error,
        low=estimate - reach,
        high=estimate + reach,
        covariance=covariance,
        variance=variance,
        residuals=residuals,
        r2=1 - sse / total if total > 0 else float("nan"),
        cv_rmse=float(np.sqrt(variance) / energy.mean()) if energy.mean() > 0 else float("nan"),
        rho=rho,
        effective_n=effective,
    )


def _table(design: Floats, energy: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Drivers and energy as arrays that fit together; ValueError where they do not."""
    design, energy = np.asarray(design, dtype=float), np.asarray(energy, dtype=float)
    if energy.ndim != 1 or design.shape != (len(energy), len(names)):
        wanted = f"({energy.size}, {len(names)}): blocks by terms"
        raise ValueError(f"design is {design.shape}, must be {wanted}; energy is {energy.shape}")
    for what, array in (("design", design), ("energy", energy)):
        if not np.isfinite(array).all():
            raise ValueError(f"{what}: every entry must be a finite number")
    return design, energy


def _autocorrelation(residuals: Floats) -> float:
    """Lag 1; 0 where the residuals are nothing but rounding."""
    centred = residuals - residuals.mean()
    power = float(centred @ centred)
    if power <= 1e-24 * len(centred):
        return 0.0
    return min(float(centred[1:] @ centred[:-1]) / power, 0.99)


def saving(baseline: Fit, design: Floats, energy: Floats) -> Saving:
    """What was saved in other blocks, with the uncertainty of terms and of blocks.

    Parameters
    ----------
    baseline : Fit
    design : ndarray of float64, shape (m, p)
        The same drivers, in the blocks that are judged.
    energy : ndarray of float64, shape (m,)
        [kWh]

    Returns
    -------
    Saving

    Raises
    ------
    ValueError
        Shapes disagree, or a number is not finite: which array.
    """
    design, energy = _table(design, energy, baseline.names)
    drivers = design.sum(axis=0)
    expected, used = float(drivers @ baseline.estimate), float(energy.sum())
    # Blocks that hang together err together: their sum is as uncertain as n / n' times as many.
    together = len(baseline.residuals) / baseline.effective_n
    variance = float(drivers @ baseline.covariance @ drivers) + len(energy) * baseline.variance * together
    reach = t_quantile((1 + CONFIDENCE) / 2, baseline.dof) * float(np.sqrt(variance))
    saved = expected - used
    return Saving(expected, used, saved, saved - reach, saved + reach)


def cusum(residuals: Floats, deviation: float) -> tuple[Floats, list[int]]:
    """The running sum of residuals, and the blocks at which it cannot be chance any more.

    Parameters
    ----------
    residuals : ndarray of float64, shape (n,)
        Used less expected [kWh]: falling is saving.
    deviation : float
        Standard deviation of the baseline's residuals; 0 where it fits without any: no alarm then.

    Returns
    -------
    total : ndarray of float64, shape (n,)
    alarms : list of int
        Blocks at which the two-sided tabular CUSUM passes `LIMIT` deviations; it begins anew after each.

    Raises
    ------
    ValueError
        If a residual is not finite, or the deviation is negative or no number.
    """
    residuals = np.asarray(residuals, dtype=float)
    if residuals.ndim != 1 or not np.isfinite(residuals).all():
        raise ValueError("residuals: must be one row of finite numbers")
    if not 0 <= deviation < np.inf:
        raise ValueError(f"deviation is {deviation}: must be 0 or above")
    alarms: list[int] = []
    high = low = 0.0
    for block, z in enumerate((residuals / deviation).tolist() if deviation > 0 else ()):
        high, low = max(high + z - SLACK, 0.0), max(low - z - SLACK, 0.0)
        if max(high, low) > LIMIT:
            alarms.append(block)
            high = low = 0.0
    return np.cumsum(residuals), alarms
