"""What a machine's planned time so far is good for, in parts."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.screens import Row
from fieldlab_configs import Machine


def target(machine: Machine, products: Sequence[Row], at_ns: int) -> float | None:
    """Parts that the planned time so far is good for: of each product, its planned time by its ideal time.

    Parameters
    ----------
    machine : Machine
    products : sequence of Row
        The shift's figures by product.
    at_ns : int
        Which entry of a dated ideal cycle time holds.

    Returns
    -------
    float or None
        None where nothing says how long a part should take.
    """
    total = 0.0
    for row in products:
        planned_s = float(row["planned_busy_time_s"] or 0.0)
        cycle_s = _cycle_s(machine, row, at_ns)
        if planned_s > 0 and not cycle_s:
            return None
        total += planned_s / cycle_s if cycle_s else 0.0
    return total if products else None


def _cycle_s(machine: Machine, row: Row, at_ns: int) -> float | None:
    """What a part should take: as the machine itself told on the mean, else as the config says."""
    if "ideal_cycle_time" in machine.signals:
        made, ideal_s = row.get("produced_quantity") or 0.0, row.get("ideal_production_time_s") or 0.0
        if made > 0 and ideal_s > 0:
            return float(ideal_s / made)
    product = machine.products.get(str(row.get("product")))
    dated = product.ideal_cycle_time_s if product is not None else None
    dated = dated or machine.ideal_cycle_time_s
    return dated.at(at_ns) if dated is not None else None
