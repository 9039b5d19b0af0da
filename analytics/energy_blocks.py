"""The energy baseline of a machine: its blocks out of atoms, its law, and what was saved against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from analytics.atoms import Fragments
from analytics.baseline import Fit, NotEnoughData, cusum, fit, saving
from analytics.groups import Row, group
from analytics.signals import Floats
from fieldlab_configs import Site

Per = Literal["shift", "day"]
BLOCK_KEYS: Final[dict[Per, tuple[str, ...]]] = {"shift": ("shift_date", "shift"), "day": ("day",)}
MISSING_AT_MOST: Final = 0.01
"""Share of a block whose energy nobody read at which the block is left out."""
HOURS: Final = "base"


@dataclass(frozen=True, slots=True)
class Blocks:
    """One machine's blocks, in the order of time.

    Attributes
    ----------
    products : tuple of str
    design : ndarray of float64, shape (n, 1 + len(products))
        Hours, then parts of each product.
    energy : ndarray of float64, shape (n,)
        [kWh]
    excluded : int
        Blocks that were left out, for want of energy readings or counts.
    """

    products: tuple[str, ...]
    design: Floats
    energy: Floats
    excluded: int


def blocks(site: Site, fragments: Sequence[Fragments], per: Per, products: Sequence[str] = ()) -> Blocks:
    """Cut atoms into blocks.

    Parameters
    ----------
    site : Site
    fragments : sequence of Fragments
        Of one machine.
    per : str
        ``shift`` (each shift of each date) or ``day``.
    products : sequence of str, optional
        Columns that are wanted in any case.
    """
    keys = BLOCK_KEYS[per]
    whole = {tuple(r[k] for k in keys): r for r in group(site, fragments, keys)}
    made: dict[tuple[Any, ...], dict[str, float | None]] = {}
    for row in group(site, fragments, (*keys, "product")):
        made.setdefault(tuple(row[k] for k in keys), {})[str(row["product"])] = _number(
            row["produced_quantity"]
        )
    names = sorted({*products, *(p for parts in made.values() for p, n in parts.items() if n)})
    rows, energy, excluded = [], [], 0
    for key, sums in whole.items():
        hours, used = (_number(sums["calendar_time_s"]) or 0.0) / 3600, _number(sums["energy_kwh"])
        missing = (_number(sums["energy_missing_s"]) or 0.0) / 3600
        parts = [made[key].get(name, 0.0) for name in names]
        if used is None or missing > MISSING_AT_MOST * hours or None in parts:
            excluded += 1
            continue
        rows.append([hours, *parts])
        energy.append(used)
    design = np.array(rows, dtype=float).reshape(len(rows), 1 + len(names))
    return Blocks(tuple(names), design, np.array(energy), excluded)


def baseline(
    site: Site, machine: str, reference: Sequence[Fragments], reported: Sequence[Fragments], per: Per
) -> Row:
    """The law of a machine's energy, ``E = base x hours + sum(marginal x parts)``, and its savings.

    Parameters
    ----------
    site : Site
    machine : str
    reference : sequence of Fragments
        The period that the law is learned from.
    reported : sequence of Fragments
        The period that is held against it; may be empty.
    per : str

    Returns
    -------
    dict
        ``machine``, ``verdict`` (``ok`` or ``not enough data``) with ``reason``, ``blocks``,
        ``blocks_excluded``, ``equation``, ``terms`` (list of name, unit, estimate, error, low, high),
        ``r2``, ``cv_rmse``, ``rho``, ``effective_blocks``; and of the reported period ``expected_kwh``,
        ``used_kwh``, ``saved_kwh``, ``saved_low_kwh``, ``saved_high_kwh``, ``cusum_kwh`` and ``alarms``.
    """
    learned = blocks(site, reference, per)
    row: dict[str, Any] = {
        "machine": machine,
        "blocks": len(learned.energy),
        "blocks_excluded": learned.excluded,
    }
    try:
        law = fit(learned.design, learned.energy, [HOURS, *learned.products])
    except NotEnoughData as error:
        return row | {"verdict": "not enough data", "reason": str(error)} | dict.fromkeys(_FIGURES)
    row |= {"verdict": "ok", "reason": None} | dict.fromkeys(_FIGURES) | _told(law)
    if reported:
        row |= _reported(law, learned, blocks(site, reported, per, learned.products))
    return row


_FIGURES = (
    "equation", "terms", "r2", "cv_rmse", "rho", "effective_blocks", "blocks_reported", "expected_kwh",
    "used_kwh", "saved_kwh", "saved_low_kwh", "saved_high_kwh", "cusum_kwh", "alarms",
)  # fmt: skip


def _told(law: Fit) -> dict[str, Any]:
    units = ["kW" if name == HOURS else "kWh per part" for name in law.names]
    columns = zip(law.names, units, law.estimate, law.error, law.low, law.high, strict=True)
    terms = [
        {"name": n, "unit": u, "estimate": float(b), "error": float(e), "low": float(lo), "high": float(hi)}
        for n, u, b, e, lo, hi in columns
    ]
    written = " + ".join(f"{t['estimate']:.4g} {'h' if t['name'] == HOURS else t['name']}" for t in terms)
    return {
        "equation": f"E [kWh] = {written}",
        "terms": terms,
        "r2": law.r2,
        "cv_rmse": law.cv_rmse,
        "rho": law.rho,
        "effective_blocks": law.effective_n,
    }


def _reported(law: Fit, learned: Blocks, found: Blocks) -> dict[str, Any]:
    told = {"blocks_reported": len(found.energy)}
    if found.products != learned.products or not len(found.energy):
        new = sorted(set(found.products) - set(learned.products))
        why = (
            f"{', '.join(new)}: not made in the reference period"
            if new
            else "no block with energy and counts"
        )
        return told | {"verdict": "not enough data", "reason": f"reported period: {why}"}
    won = saving(law, found.design, found.energy)
    total, alarms = cusum(found.energy - found.design @ law.estimate, float(np.sqrt(law.variance)))
    return told | {
        "expected_kwh": won.expected,
        "used_kwh": won.used,
        "saved_kwh": won.saved,
        "saved_low_kwh": won.low,
        "saved_high_kwh": won.high,
        "cusum_kwh": [float(v) for v in total],
        "alarms": alarms,
    }


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
