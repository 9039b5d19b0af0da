"""Atoms by Polars, lazy, on all cores: states cut at the calendar, the rest joined as of a time.

Tried to make it fast: one table of all events, sorted and filled forward (1.4 times as slow as this);
`over("machine")` windows (twice as slow as windows over the whole table, which the first rows of each
machine allow); the streaming engine (no gain: as-of joins need everything in order).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.peers.common import CLASSES, CO2, IDEAL_S, MINOR_NS, PRICE, calendar
from benchmarks.plants import NS, Plant

HOUR_NS = 3600 * NS
SIGNALS = ("state", "power", "good_count", "scrap_count")
KEYS = ("machine", "cell", "shift")
HELD = ("state", "cell", "shift", "planned")


def frames(plant: Plant) -> dict[str, pl.DataFrame]:
    """The readings, a frame per signal, as a user would have them; and the calendar."""
    made = {
        signal: pl.concat(
            [
                pl.DataFrame({"time": time, "value": value}).with_columns(machine=pl.lit(number, pl.UInt16))
                for number, name in enumerate(plant.names)
                for time, value in [plant.raw[name][signal]]
            ],
            rechunk=True,
        )
        for signal in SIGNALS
    }
    machines = pl.DataFrame({"machine": np.arange(len(plant.names), dtype=np.uint16)})
    return made | {"calendar": machines.join(pl.DataFrame(calendar(plant)), how="cross")}


def atoms(given: dict[str, pl.DataFrame], end_ns: int) -> pl.DataFrame:
    """Every field of common.FIELDS per machine, cell and shift, sorted by them."""
    calendar = given["calendar"].lazy()
    spent = _intervals(given, end_ns).group_by(KEYS).agg(_spent())
    made = [
        _gains(given[signal].lazy(), calendar)
        .group_by(KEYS)
        .agg(
            pl.col("gain").sum().alias(name), (pl.col("gain") * pl.col("planned")).sum().alias(f"{name}_pbt")
        )
        for signal, name in (("good_count", "good"), ("scrap_count", "scrap"))
    ]
    joined = spent.join(made[0], on=KEYS, how="left").join(made[1], on=KEYS, how="left").fill_null(0.0)
    return joined.with_columns(_parts()).sort(KEYS).collect()


def _gains(counter: pl.LazyFrame, calendar: pl.LazyFrame) -> pl.LazyFrame:
    """What a counter gained at each reading, with what held just before it; a drop is a reset."""
    step = pl.col("value").diff()
    same = pl.col("machine") == pl.col("machine").shift(1)
    gain = pl.when(same).then(pl.when(step < 0).then(pl.col("value")).otherwise(step)).otherwise(0.0)
    gains = counter.select("machine", gain.alias("gain"), time=pl.col("time") - 1)
    return gains.join_asof(calendar, on="time", by="machine", strategy="backward", check_sortedness=False)


def _intervals(given: dict[str, pl.DataFrame], end_ns: int) -> pl.LazyFrame:
    """What held, for how long, and what was used meanwhile."""
    nothing = pl.lit(None)
    state = given["state"].lazy().select(
        "machine", "time", rank=pl.lit(1, pl.UInt8), state=pl.col("value").cast(pl.Int8),
        cell=nothing.cast(pl.Int64), shift=nothing.cast(pl.Int32), planned=nothing.cast(pl.Boolean),
    )  # fmt: skip
    grid = given["calendar"].lazy().select(
        "machine", "time", "cell", "shift", "planned",
        rank=pl.lit(0, pl.UInt8), state=nothing.cast(pl.Int8),
    ).select("machine", "time", "rank", "state", "cell", "shift", "planned")  # fmt: skip
    power, hours = pl.col("value"), (pl.col("time").shift(-1) - pl.col("time")) / HOUR_NS
    same = pl.col("machine") == pl.col("machine").shift(-1)
    used = given["power"].lazy().select(
        "machine", "time", power, since=pl.col("time"),
        used=pl.when(same).then(power * hours).otherwise(0.0).cum_sum().shift(1).fill_null(0.0),
    )  # fmt: skip
    before = pl.col("used") + pl.col("value") * ((pl.col("time") - pl.col("since")) / HOUR_NS)
    return (
        pl.concat([state, grid])
        .sort("machine", "time", "rank")
        .with_columns(pl.col(HELD).forward_fill())
        .join_asof(used, on="time", by="machine", strategy="backward", check_sortedness=False)
        .with_columns(before=before)
        .with_columns(
            ns=pl.col("time").shift(-1) - pl.col("time"), kwh=pl.col("before").shift(-1) - pl.col("before")
        )
        .filter((pl.col("time") < end_ns) & (pl.col("ns") > 0))
        .with_columns(stopping=pl.col("state") >= 6)
        .with_columns(run=pl.struct("machine", "stopping").rle_id(), s=pl.col("ns") / NS)
        .with_columns(minor=pl.col("ns").sum().over("run") < MINOR_NS)
    )


def _spent() -> list[pl.Expr]:
    s, planned, state, kwh = pl.col("s"), pl.col("planned"), pl.col("state"), pl.col("kwh")
    stopping = pl.col("stopping") & planned
    sums = {
        "calendar_time_s": s,
        "planned_busy_time_s": s * planned,
        "actual_production_time_s": s * (planned & (state == 1)),
        "actual_unit_setup_time_s": s * (planned & (state == 2)),
        "actual_unit_delay_time_s": s * (planned & (state > 2)),
        "minor_stop_s": s * (stopping & pl.col("minor")),
        "breakdown_s": s * (stopping & ~pl.col("minor")),
        "idle_s": s * (planned & (state == 3)),
        "overtime_production_s": s * (~planned & (state == 1)),
        "energy_kwh": kwh,
        "energy_cost_eur": kwh * PRICE,
        "co2_kg": kwh * CO2,
    }
    for code, name in CLASSES.items():
        sums[f"state_{name}_s"] = s * (state == code)
        sums[f"energy_{name}_kwh"] = kwh * (state == code)
    return [what.sum().alias(name) for name, what in sums.items()]


def _parts() -> list[pl.Expr]:
    good, scrap = pl.col("good"), pl.col("scrap")
    return [
        (good + scrap).alias("produced_quantity"),
        good.alias("good_quantity"),
        scrap.alias("scrap_quantity"),
        ((pl.col("good_pbt") + pl.col("scrap_pbt")) * IDEAL_S).alias("ideal_production_time_s"),
        (pl.col("good_pbt") * IDEAL_S).alias("ideal_good_time_s"),
    ]
