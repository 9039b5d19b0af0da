"""KPIs of a sum of atoms: MODEL section 4."""

from __future__ import annotations


def over(top, bottom):
    """A quotient; None where something is undefined or nothing is divided by."""
    return None if top is None or bottom is None or bottom == 0 else top / bottom


def minus(a, b):
    """A difference; None where something is undefined."""
    return None if a is None or b is None else a - b


def plus(a, b):
    """A sum; None where something is undefined."""
    return None if a is None or b is None else a + b


def times(*factors):
    """A product; None where something is undefined."""
    result = 1
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return result


def kpis(f, convention, *, line):
    """Every KPI of the sums `f`; with `line`, the line's figures where the model wants them."""
    pbt, apt, aust = f["planned_busy_time_s"], f["actual_production_time_s"], f["actual_unit_setup_time_s"]
    adet, unknown = f["actual_unit_delay_time_s"], f["unknown_time_s"]
    seen = pbt - unknown
    running = apt + f["minor_stop_s"] if convention == "nakajima" else apt
    aubt = apt + aust + adet
    effectiveness = over(minus(f["ideal_production_time_s"], f["ideal_production_unknown_s"]), running)
    quality = over(f["ideal_good_time_s"], f["ideal_production_time_s"])
    if line:
        oee = over(f["line_ideal_good_time_s"], f["line_planned_busy_time_s"])
        produced, good = f["line_produced_quantity"], f["line_good_quantity"]
    else:
        oee = over(f["ideal_good_time_s"], pbt - f["count_missing_s"])
        produced, good = f["produced_quantity"], f["good_quantity"]
    if produced is None:  # one counter only
        oee = None
    # Undefined where no energy could be read at all (rules, 21); cost and CO2 follow from energy.
    read = f["_metered_s"] > f["energy_missing_s"] if f["energy_missing_s"] is not None else False
    energy, co2, cost = (f[n] if read else None for n in ("energy_kwh", "co2_kg", "energy_cost_eur"))
    return {
        "availability": over(running, seen),
        "effectiveness": effectiveness,
        "quality_ratio": quality,
        "oee_index": oee,
        "oee_index_low": over(f["ideal_good_low_s"], pbt),
        "oee_index_high": over(plus(f["ideal_good_high_s"], f["count_missing_s"]), pbt),
        "nee_index": times(over(apt + aust, seen), effectiveness, quality),
        "utilization_efficiency": over(apt, aubt),
        "technical_efficiency": over(apt, apt + adet),
        "setup_ratio": over(aust, apt + aust),
        "scrap_ratio": over(f["scrap_quantity"], f["produced_quantity"]),
        "rework_ratio": over(f["rework_quantity"], f["produced_quantity"]),
        "throughput_rate_per_h": over(times(f["produced_quantity"], 3600), aubt),
        # Reading: of a line, its OEE x the pooled PBT over the pooled calendar time.
        "teep": times(oee, over(pbt, f["calendar_time_s"])),
        "energy_per_unit_kwh": over(energy, produced),
        "energy_per_good_unit_kwh": over(energy, good),
        "co2_per_good_unit_kg": over(co2, good),
        "material_per_good_unit_kg": over(f["material_kg"], good),
        "energy_cost_per_good_unit_eur": over(cost, good),
        "coverage": None if pbt == 0 else 1 - unknown / pbt,
    }
