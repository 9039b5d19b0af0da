"""The energy baseline of a machine: its blocks out of atoms, its law, and what was saved against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from analytics.atoms import Fragments, pick
from analytics.baseline import Fit, NotEnoughData, cusum, fit, saving
from analytics.fields import ATOM_FIELDS
from analytics.groups import Row, group, keyed, labelled
from analytics.signals import NO_TIMES, Floats, Times
from fieldlab_configs import Site

Per = Literal["shift", "day"]
BLOCK_KEYS: Final[dict[Per, tuple[str, ...]]] = {"shift": ("shift_date", "shift"), "day": ("day",)}
MISSING_AT_MOST: Final = 0.01
"""Share of a block whose energy or counts nobody read at which the block is left out."""
HOURS: Final = "base"
_CALENDAR: Final = ATOM_FIELDS.index("calendar_time_s")
_EVER: Final = 2**62


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
    start_ns : ndarray of int64, shape (n,)
        The first cell of each.
    excluded : int
        Blocks that were left out, for want of energy readings or counts.
    measured : bool
        Whether there is any meter.
    """

    products: tuple[str, ...]
    design: Floats
    energy: Floats
    start_ns: Times
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
        ``shift`` (each shift of each date, and outside shifts each day) or ``day``.
    products : sequence of str, optional
        Columns that are wanted in any case.
    """
    keys, fragments = BLOCK_KEYS[per], [_dated(site, f) for f in fragments]
    whole = {tuple(str(r[k]) for k in keys): r for r in group(site, fragments, keys)}
    begins = _begins(site, fragments, keys)
    made: dict[tuple[Any, ...], dict[str, float | None]] = {}
    for row in group(site, fragments, (*keys, "product")):
        made.setdefault(tuple(str(row[k]) for k in keys), {})[str(row["product"])] = _number(
            row["produced_quantity"]
        )
    kept = [
        key
        for key, sums in sorted(whole.items(), key=lambda item: begins[item[0]])
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
    return Blocks(
        products=tuple(names),
        design=design,
        energy=np.array(energy, dtype=float),
        start_ns=np.array([begins[key] for key in kept], np.int64),
        excluded=len(whole) - len(kept),
        measured=measured,
    )


def _dated(site: Site, f: Fragments) -> Fragments:
    """With the day for the date of a shift where there is none: all nights and weekends are not one block."""
    (days,), _ = labelled(site, [f], ("day",))
    return replace(f, shift_date=np.where(f.shift == "none", days, f.shift_date))


def _begins(site: Site, fragments: Sequence[Fragments], keys: Sequence[str]) -> dict[tuple[str, ...], int]:
    """The first cell of each block [ns]."""
    held = [pick(f, f.values[:, _CALENDAR] > 0) for f in fragments]
    names, index, _ = keyed(site, held, keys)
    first = np.full(len(names), _EVER)
    np.minimum.at(first, index, np.concatenate([NO_TIMES, *(f.cell_ns for f in held)]))
    return {tuple(map(str, name)): int(start) for name, start in zip(names, first, strict=True)}


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
        The period that the law is learned from; empty where there is nothing of it.
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
        ``used_kwh``, ``saved_kwh``, ``saved_low_kwh``, ``saved_high_kwh`` and ``alarms``. Per block of the
        reported period, or without one of the reference: ``block_ns`` (its start), ``block_used_kwh``,
        ``block_expected_kwh`` and ``cusum_kwh``, the running sum of used less expected.
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
        row |= _told(law) | _by_block(law, learned)
        if reported:
            row |= _reported(law, learned, blocks(site, reported, per, learned.products))
    except NotEnoughData as error:
        why = {"reason": str(error), "reason_code": error.code, "reason_values": error.values}
        return row | {"verdict": "not enough data"} | why
    return row


def _law(learned: Blocks) -> Fit:
    if not (len(learned.energy) or learned.excluded):
        raise NotEnoughData("nothing_learned")
    if not learned.measured:
        raise NotEnoughData("no_meter")
    return fit(learned.design, learned.energy, [HOURS, *learned.products])


_FIGURES = (
    "equation", "terms", "r2", "cv_rmse", "rho", "effective_blocks", "blocks_reported", "expected_kwh",
    "used_kwh", "saved_kwh", "saved_low_kwh", "saved_high_kwh", "alarms", "block_ns", "block_used_kwh",
    "block_expected_kwh", "cusum_kwh",
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
    _, alarms = cusum(found.energy - found.design @ law.estimate, float(np.sqrt(law.variance)))
    return {
        "blocks_reported": len(found.energy),
        "expected_kwh": won.expected,
        "used_kwh": won.used,
        "saved_kwh": won.saved,
        "saved_low_kwh": won.low,
        "saved_high_kwh": won.high,
        "alarms": alarms,
    } | _by_block(law, found)


def _by_block(law: Fit, found: Blocks) -> dict[str, Any]:
    expected = found.design @ law.estimate
    return {
        "block_ns": found.start_ns.tolist(),
        "block_used_kwh": found.energy.tolist(),
        "block_expected_kwh": expected.tolist(),
        "cusum_kwh": np.cumsum(found.energy - expected).tolist(),
    }


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
