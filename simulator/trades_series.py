"""Kinds of machines of trades that make much of the same: plastics, packaging, food."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from simulator.kinds import Kind, Measure

# All-electric, with dryer and temperature control: 7.5 kW at 12 kg/h, 0.6 kWh/kg. A comparison of one part on
# two machines found 0.16 (electric) and 0.61 kWh/kg (hydraulic) for the machines alone (Socks, Vermont Energy
# Investment Corporation, The Promise of All-Electric Injection Molding Machines, 2005).
_MOULDING: Final = Kind(
    ideal_s=4.5,
    power_kw={"producing": 7.5, "setup": 5.0, "idle": 3.0, "stopped": 3.4, "down": 2.0, "off": 0.3},
    slow=0.03,
    micro_every_s=1_800.0,
    breakdown_every_s=14_000.0,
    starved_every_s=5_000.0,
    blocked_every_s=6_000.0,
    setup_s=(900.0, 2_400.0),
    batch_s=(9_000.0, 20_000.0),
    scrap=0.012,
    startup_scrap=0.4,
    material_kg=0.015,
    reasons={
        "stopped": ("part stuck", "robot", "hopper"),
        "down": ("mould", "heater band", "hot runner"),
    },
    measures={
        "cushion_mm": Measure(6.2, spread=0.02),
        "mould_c": Measure(42.0),
        "melt_c": Measure(228.0, spread=0.003),
        "last_cycle_ms": Measure(18_500.0, spread=0.005),
    },
)

PLASTICS: Final[Mapping[str, Kind]] = {
    "injection_moulding": _MOULDING,
    # Larger parts: 11 kW at 15 kg/h, 0.72 kWh/kg.
    "injection_moulding_large": dataclasses.replace(
        _MOULDING,
        ideal_s=9.0,
        power_kw={"producing": 11.0, "setup": 7.0, "idle": 4.5, "stopped": 5.0, "down": 3.0, "off": 0.4},
        material_kg=0.039,
    ),
    # The same on an old hydraulic machine that pumps all day: 16 kW at 17 kg/h, 0.94 kWh/kg.
    "hydraulic_moulding": Kind(
        ideal_s=14.0,
        power_kw={"producing": 16.0, "setup": 10.0, "idle": 8.0, "stopped": 8.5, "down": 3.0, "off": 0.3},
        slow=0.05,
        micro_every_s=1_500.0,
        breakdown_every_s=10_000.0,
        setup_s=(900.0, 2_400.0),
        batch_s=(9_000.0, 20_000.0),
        scrap=0.02,
        startup_scrap=0.4,
        material_kg=0.066,
        reasons={"stopped": ("part stuck", "hopper"), "down": ("oil temperature", "mould")},
    ),
}

PACKAGING: Final[Mapping[str, Kind]] = {
    # 4.2 kW and 2 s: 2.3 Wh a pack.
    "filler": Kind(
        ideal_s=2.0,
        share=0.65,
        power_kw={"producing": 4.2, "setup": 1.8, "idle": 1.2, "stopped": 1.4, "down": 0.7, "off": 0.1},
        slow=0.05,
        micro_every_s=420.0,
        breakdown_every_s=9_000.0,
        starved_every_s=1_500.0,
        blocked_every_s=1_500.0,
        setup_s=(300.0, 700.0),
        batch_s=(4_000.0, 9_000.0),
        scrap=0.008,
        startup_scrap=0.1,
        material_kg=0.012,
        acting=True,
        reasons={
            "stopped": ("film splice", "photo eye", "jam"),
            "down": ("sealing jaw", "servo", "guard door"),
        },
        measures={"speed_ppm": Measure(29.0, at_rest=0.0), "jaw_c": Measure(148.0, spread=0.003)},
    ),
    "checkweigher": Kind(
        ideal_s=1.8,
        power_kw={"producing": 0.6, "setup": 0.4, "idle": 0.3, "stopped": 0.3, "down": 0.2, "off": 0.05},
        slow=0.02,
        micro_every_s=900.0,
        breakdown_every_s=20_000.0,
        starved_every_s=900.0,
        setup_s=(60.0, 150.0),
        batch_s=(4_000.0, 9_000.0),
        scrap=0.006,
        startup_scrap=0.03,
        acting=True,
        reasons={"stopped": ("tipped pack", "metal detector test"), "down": ("load cell", "reject arm")},
        measures={"net_g": Measure(252.4, spread=0.004)},
    ),
    # Twelve packs a case: 2.8 kW and 21.6 s a case, 1.4 Wh a pack.
    "case_packer": Kind(
        ideal_s=1.8,
        power_kw={"producing": 2.8, "setup": 1.1, "idle": 0.8, "stopped": 0.9, "down": 0.5, "off": 0.08},
        slow=0.05,
        micro_every_s=700.0,
        breakdown_every_s=11_000.0,
        starved_every_s=900.0,
        setup_s=(120.0, 300.0),
        batch_s=(4_000.0, 9_000.0),
        scrap=0.003,
        startup_scrap=0.02,
        material_kg=0.02,
        acting=True,
        reasons={"stopped": ("case blank", "glue", "jam"), "down": ("vacuum", "servo")},
    ),
}

FOOD: Final[Mapping[str, Kind]] = {
    # A batch of 50 kg dough in five minutes: 160 packs of 0.31 kg, kneaded with 15 kW. Cleaned in place after
    # every second order: hot caustic and rinse water.
    "mixer": Kind(
        ideal_s=1.9,
        power_kw={
            "producing": 15.0,
            "setup": 3.0,
            "idle": 1.0,
            "stopped": 1.2,
            "down": 0.6,
            "maintenance": 24.0,
            "off": 0.2,
        },
        slow=0.05,
        micro_every_s=1_800.0,
        breakdown_every_s=16_000.0,
        starved_every_s=2_400.0,
        blocked_every_s=2_400.0,
        setup_s=(240.0, 480.0),
        batch_s=(3_000.0, 6_000.0),
        scrap=0.006,
        startup_scrap=0.02,
        rework=0.01,
        material_kg=0.3125,
        cleaning_orders=2,
        cleaning_s=(900.0, 1_500.0),
        reasons={
            "stopped": ("flour dosing", "sample"),
            "down": ("kneading arm", "scale"),
            "maintenance": ("cleaning in place",),
        },
        measures={"dough_c": Measure(24.0), "water_l": Measure(per_part=0.055)},
    ),
    # An electric tunnel oven: 160 kW at 360 kg/h baked, 0.44 kWh/kg; ovens for biscuits were measured between
    # 0.404 and 0.492 kWh/kg (bakerpacific.net, How efficient is your oven, 2015). It stays hot whatever the
    # line does.
    "tunnel_oven": Kind(
        ideal_s=2.5,
        share=0.75,
        power_kw={
            "producing": 160.0,
            "setup": 115.0,
            "idle": 95.0,
            "starved": 95.0,
            "blocked": 95.0,
            "stopped": 90.0,
            "down": 45.0,
            "maintenance": 10.0,
            "off": 1.5,
        },
        slow=0.03,
        micro_every_s=2_400.0,
        breakdown_every_s=14_000.0,
        starved_every_s=1_800.0,
        blocked_every_s=3_000.0,
        setup_s=(300.0, 600.0),
        batch_s=(3_000.0, 6_000.0),
        scrap=0.012,
        startup_scrap=0.15,
        cleaning_orders=5,
        cleaning_s=(600.0, 1_200.0),
        reasons={
            "stopped": ("band tracking", "colour"),
            "down": ("heater zone", "band drive"),
            "maintenance": ("band wash",),
        },
        measures={
            "zone1_c": Measure(205.0, spread=0.004),
            "zone2_c": Measure(235.0, spread=0.004),
            "moisture_pct": Measure(3.1, spread=0.02),
        },
    ),
    # Flow wrapper with checkweigher. Packs are sold as 250 g; what is in them above that is given away.
    "flow_wrapper": Kind(
        ideal_s=2.2,
        power_kw={
            "producing": 3.6,
            "setup": 1.6,
            "idle": 1.1,
            "stopped": 1.2,
            "down": 0.6,
            "maintenance": 0.8,
            "off": 0.1,
        },
        slow=0.05,
        micro_every_s=480.0,
        breakdown_every_s=10_000.0,
        starved_every_s=1_200.0,
        setup_s=(180.0, 420.0),
        batch_s=(3_000.0, 6_000.0),
        scrap=0.012,
        startup_scrap=0.08,
        rework=0.02,
        material_kg=0.2545,
        cleaning_orders=4,
        cleaning_s=(480.0, 900.0),
        reasons={
            "stopped": ("film", "crooked biscuit", "metal detector test"),
            "down": ("sealing jaw", "infeed"),
            "maintenance": ("dry cleaning",),
        },
        measures={"net_g": Measure(254.5, spread=0.004), "give_away_kg": Measure(per_part=0.0045)},
    ),
}
