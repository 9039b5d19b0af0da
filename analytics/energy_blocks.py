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
"""Share of a block whose energy or counts nobody read at which the block is left out."""
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
    measured : bool
        Whether there is any meter.
    """

    products: tuple[str, ...]
    design: Floats
    energy: Floats
    excluded: int
    measured: bool


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
    kept = [
        key
        for key, sums in whole.items()
        if sums["energy_kwh"] is not None and None not in made[key].values() and not _unread(sums)
    ]
    names = sorted({*products, *(p for key in kept for p, n in made[key].items() if n)})
    rows = [
        [(_number(whole[key]["calendar_time_s"]) or 0.0) / 3600, *(made[key].get(n, 0.0) for n in names)]
        for key in kept
    ]
    energy = [_number(whole[key]["energy_kwh"]) for key in kept]
    design = np.array(rows, dtype=float).reshape(len(rows), 1 + len(names))
    measured = any(sums["energy_kwh"] is not None for sums in whole.values())
    return Blocks(tuple(names), design, np.array(energy, dtype=float), len(whole) - len(kept), measured)


def _unread(sums: Row) -> bool:
    """Whether nobody read too much of a block's energy, or of its counts."""
    shares = (("energy_missing_s", "calendar_time_s"), ("count_missing_s", "planned_busy_time_s"))
    return any(
        (_number(sums[lost]) or 0.0) > MISSING_AT_MOST * (_number(sums[whole]) or 0.0)
        for lost, whole in shares
    )


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
        ``machine``, ``verdict`` (``ok`` or ``not enough data``) with ``reason``, ``reason_code`` and
        ``reason_values``, ``blocks``,
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
    row |= {"verdict": "ok", "reason": None, "reason_code": None, "reason_values": {}} | dict.fromkeys(
        _FIGURES
    )
    try:
        law = _law(learned)
        row |= _told(law)
        if reported:
            row |= _reported(law, learned, blocks(site, reported, per, learned.products))
    except NotEnoughData as error:
        why = {"reason": str(error), "reason_code": error.code, "reason_values": error.values}
        return row | {"verdict": "not enough data"} | why
    return row


def _law(learned: Blocks) -> Fit:
    if not learned.measured:
        raise NotEnoughData("no_meter")
    return fit(learned.design, learned.energy, [HOURS, *learned.products])


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
        "r2": None if np.isnan(law.r2) else law.r2,
        "cv_rmse": None if np.isnan(law.cv_rmse) else law.cv_rmse,
        "rho": law.rho,
        "effective_blocks": law.effective_n,
    }


def _reported(law: Fit, learned: Blocks, found: Blocks) -> dict[str, Any]:
    new = sorted(set(found.products) - set(learned.products))
    if new:
        raise NotEnoughData("new_product", names=", ".join(new))
    if not len(found.energy):
        raise NotEnoughData("nothing_reported")
    won = saving(law, found.design, found.energy)
    total, alarms = cusum(found.energy - found.design @ law.estimate, float(np.sqrt(law.variance)))
    return {
        "blocks_reported": len(found.energy),
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
