"""Kinds of machines by trade: metal, sheet and welding here, others beside it; for the examples, and yours.

Power is the mean of a whole machine with what hangs on it, in the middle of what its trade sees; each is
so that energy per part, worked out beside it, has the right order of magnitude and no more is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.kinds import GENERIC, KINDS, Kind, Measure
from simulator.trades_series import FOOD, PACKAGING, PLASTICS

_METAL: Final[Mapping[str, Kind]] = {
    # 8.5 kW and 240 s: 0.57 kWh a part, and what standing by takes comes on top.
    "machining_centre": Kind(
        ideal_s=240.0,
        share=0.79,
        power_kw={"producing": 8.5, "setup": 3.2, "idle": 2.4, "stopped": 2.6, "down": 1.6, "off": 0.2},
        slow=0.05,
        micro_every_s=1_500.0,
        breakdown_every_s=14_000.0,
        starved_every_s=2_400.0,
        blocked_every_s=4_000.0,
        setup_s=(600.0, 1_500.0),
        batch_s=(5_000.0, 12_000.0),
        scrap=0.012,
        startup_scrap=0.1,
        material_kg=1.6,
        reasons={
            "stopped": ("chips", "tool change", "probe"),
            "down": ("spindle", "coolant pump", "tool break"),
        },
        measures={
            "spindle_load_pct": Measure(42.0, at_rest=0.0, spread=0.05),
            "coolant_bar": Measure(28.0, at_rest=0.0),
            "spindle_c": Measure(38.0),
        },
    ),
    "lathe": Kind(
        ideal_s=150.0,
        power_kw={"producing": 6.5, "setup": 2.4, "idle": 1.8, "stopped": 1.9, "down": 1.2, "off": 0.15},
        slow=0.04,
        micro_every_s=1_200.0,
        breakdown_every_s=12_000.0,
        starved_every_s=2_400.0,
        blocked_every_s=4_000.0,
        setup_s=(400.0, 900.0),
        batch_s=(5_000.0, 12_000.0),
        scrap=0.01,
        startup_scrap=0.08,
        material_kg=1.9,
        reasons={"stopped": ("bar feed", "chips"), "down": ("turret", "chuck", "tool break")},
        measures={"spindle_load_pct": Measure(35.0, at_rest=0.0, spread=0.05)},
    ),
}

_SHEET: Final[Mapping[str, Kind]] = {
    # A 6 kW fibre laser at a third wall plug efficiency, its chiller, drives and extraction: 28 kW. Nitrogen
    # for 2 mm stainless: 30 m3/h at 1.17 kg/m3, so 35 kg/h; at 8 s a part 0.078 kg.
    "laser": Kind(
        ideal_s=8.0,
        power_kw={"producing": 28.0, "setup": 7.0, "idle": 6.0, "stopped": 7.0, "down": 4.0, "off": 0.4},
        slow=0.05,
        micro_every_s=900.0,
        breakdown_every_s=16_000.0,
        starved_every_s=2_000.0,
        blocked_every_s=4_000.0,
        setup_s=(120.0, 300.0),
        batch_s=(3_000.0, 6_000.0),
        scrap=0.008,
        startup_scrap=0.02,
        material_kg=0.078,
        reasons={"stopped": ("tip-up", "nozzle", "sheet exchange"), "down": ("lens", "chiller", "resonator")},
        measures={"gas_bar": Measure(14.0, at_rest=0.0, spread=0.02), "sheets": Measure(per_part=1 / 24)},
    ),
    "deburring": Kind(
        ideal_s=8.5,
        power_kw={"producing": 11.0, "setup": 4.0, "idle": 3.5, "stopped": 3.5, "down": 1.5, "off": 0.1},
        micro_every_s=1_200.0,
        breakdown_every_s=14_000.0,
        starved_every_s=900.0,
        setup_s=(120.0, 240.0),
        batch_s=(3_000.0, 6_000.0),
        scrap=0.004,
        startup_scrap=0.02,
        reasons={"stopped": ("belt tracking", "misfeed"), "down": ("grinding belt", "extraction")},
    ),
    # An electric press brake: 4.5 kW while it bends, 12 s a part: 0.015 kWh.
    "press_brake": Kind(
        ideal_s=12.0,
        share=0.68,
        power_kw={"producing": 4.5, "setup": 1.6, "idle": 1.2, "stopped": 1.2, "down": 0.8, "off": 0.1},
        slow=0.1,
        micro_every_s=600.0,
        breakdown_every_s=18_000.0,
        starved_every_s=1_800.0,
        setup_s=(300.0, 720.0),
        batch_s=(3_000.0, 6_000.0),
        scrap=0.01,
        startup_scrap=0.15,
        reasons={
            "stopped": ("angle check", "back gauge", "operator"),
            "down": ("tool clamp", "light curtain"),
        },
    ),
}

_WELDING: Final[Mapping[str, Kind]] = {
    # 250 A x 28 V / 0.85 = 8.2 kW while the arc burns, 45 % of the cycle; robot and extraction 2.5 kW: 6.2
    # kW. At 95 s a part 0.16 kWh. Wire of 1.2 mm at 8 m/min is 70 g/min: 50 g in 43 s; gas 15 l/min: 11 l.
    "welding_cell": Kind(
        ideal_s=95.0,
        share=0.71,
        power_kw={"producing": 6.2, "setup": 1.8, "idle": 1.4, "stopped": 1.5, "down": 0.9, "off": 0.15},
        slow=0.06,
        micro_every_s=900.0,
        breakdown_every_s=12_000.0,
        starved_every_s=1_500.0,
        blocked_every_s=3_000.0,
        setup_s=(420.0, 900.0),
        batch_s=(4_000.0, 9_000.0),
        scrap=0.012,
        startup_scrap=0.08,
        rework=0.04,
        material_kg=0.05,
        reasons={
            "stopped": ("nozzle cleaning", "part not seated", "arc start"),
            "down": ("wire feed", "torch", "seam tracking"),
        },
        measures={
            "weld_time_s": Measure(per_part=43.0),
            "gas_l": Measure(per_part=10.8),
            "current_a": Measure(250.0, at_rest=0.0, spread=0.02),
            "voltage_v": Measure(28.0, at_rest=0.0, spread=0.01),
        },
    ),
    "positioner": Kind(
        ideal_s=80.0,
        power_kw={"producing": 1.6, "setup": 0.8, "idle": 0.5, "stopped": 0.5, "down": 0.4, "off": 0.05},
        slow=0.05,
        micro_every_s=1_200.0,
        breakdown_every_s=16_000.0,
        setup_s=(180.0, 420.0),
        batch_s=(4_000.0, 9_000.0),
        scrap=0.008,
        startup_scrap=0.03,
        rework=0.05,
        reasons={"stopped": ("gauge", "spatter"), "down": ("clamp", "camera")},
    ),
}

TRADES: Final[Mapping[str, Kind]] = {
    **KINDS, **_METAL, **_SHEET, **PLASTICS, **PACKAGING, **FOOD, **_WELDING,
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """The habits of a kind; of one that nobody described, those of a generic machine."""
    return TRADES.get(name, GENERIC)
