"""What machines of a kind are like: their pace, their troubles, their appetite for power and material."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Measure:
    """What a measurement of a machine is like.

    Attributes
    ----------
    mean : float
        Round which it moves, in whatever unit the configuration says.
    at_rest : float, optional
        What it is while nothing is made; default: the same.
    spread : float
        Of one reading to the next, as a share of the mean.
    per_part : float, optional
        It is no such value at all but a counter, and each part adds so much to it.
    """

    mean: float = 0.0
    at_rest: float | None = None
    spread: float = 0.01
    per_part: float | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """The habits of machines of one kind.

    Troubles come at random, on average once per so many seconds of production. Ranges are of what is
    drawn evenly.

    Attributes
    ----------
    ideal_s : float
        Ideal cycle time where the configuration names none. [s]
    power_kw : mapping of str to float
        Mean power by state class; idle where a class is not named. [kW]
    slow : float
        Mean speed loss: the real cycle is this much longer than the ideal one.
    micro_every_s, breakdown_every_s, starved_every_s, blocked_every_s : float
        Production between two of them. [s]
    breakdown_s, wait_s, setup_s : tuple of float
        How long they last. [s]
    batch_s : tuple of float
        Ideal production time of an order. [s]
    scrap, startup_scrap, rework : float
        Chance of a part to be scrap, the same for the first parts after a changeover, and of a good
        part to have needed rework.
    material_kg : float
        Per produced part.
    reasons : mapping of str to tuple of str
        What operators say of a stop, by state class.
    measures : mapping of str to Measure
        By the name of the signal; others are told by their unit.
    cleaning_orders : int
        After so many orders it is cleaned, in the state of maintenance; 0: never of itself.
    cleaning_s : tuple of float
        How long that lasts. [s]
    share : float
        Of its planned time in which it is about its work, where it is the slowest of its line: their pace.
    acting : bool
        It passes through the acting states of PackML, such as Holding on the way to Held.
    """

    ideal_s: float
    power_kw: Mapping[str, float]
    slow: float = 0.06
    micro_every_s: float = 480.0
    breakdown_every_s: float = 6_000.0
    starved_every_s: float = 1_200.0
    blocked_every_s: float = 1_800.0
    breakdown_s: tuple[float, float] = (340.0, 1_000.0)
    wait_s: tuple[float, float] = (15.0, 150.0)
    setup_s: tuple[float, float] = (90.0, 300.0)
    batch_s: tuple[float, float] = (1_000.0, 2_400.0)
    scrap: float = 0.02
    startup_scrap: float = 0.2
    rework: float = 0.015
    material_kg: float = 0.5
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    cleaning_orders: int = 0
    cleaning_s: tuple[float, float] = (600.0, 900.0)
    share: float = 0.68
    acting: bool = False


_REASONS: Final = {
    "stopped": ("jam", "sensor", "operator"),
    "down": ("drive fault", "hydraulics", "tool break"),
}

GENERIC: Final = Kind(
    ideal_s=30.0,
    power_kw={"producing": 8.0, "setup": 3.0, "idle": 1.5, "stopped": 1.8, "down": 0.8, "off": 0.1},
    reasons=_REASONS,
)

KINDS: Final[Mapping[str, Kind]] = {
    "mill": Kind(
        ideal_s=42.0,
        power_kw={"producing": 11.0, "setup": 3.5, "idle": 2.2, "stopped": 2.6, "down": 1.4, "off": 0.15},
        scrap=0.02,
        material_kg=1.2,
        reasons={
            "stopped": ("chips", "tool change", "door"),
            "down": ("spindle", "coolant pump", "axis fault"),
        },
    ),
    "press": Kind(
        ideal_s=12.0,
        power_kw={"producing": 22.0, "setup": 6.0, "idle": 5.0, "stopped": 5.5, "down": 2.5, "off": 0.2},
        slow=0.04,
        micro_every_s=360.0,
        setup_s=(150.0, 400.0),
        scrap=0.012,
        material_kg=0.35,
        reasons={"stopped": ("misfeed", "light curtain"), "down": ("die", "hydraulics", "feeder")},
    ),
    "packaging": Kind(
        ideal_s=6.0,
        power_kw={"producing": 4.5, "setup": 1.6, "idle": 1.0, "stopped": 1.2, "down": 0.6, "off": 0.08},
        slow=0.08,
        micro_every_s=300.0,
        starved_every_s=700.0,
        setup_s=(90.0, 240.0),
        scrap=0.01,
        startup_scrap=0.08,
        rework=0.03,
        material_kg=0.04,
        reasons={"stopped": ("film", "label", "jam"), "down": ("servo", "sealing bar")},
    ),
    "oven": Kind(
        ideal_s=60.0,
        power_kw={
            "producing": 36.0,
            "setup": 28.0,
            "idle": 18.0,
            "stopped": 16.0,
            "down": 6.0,
            "off": 0.3,
        },
        slow=0.03,
        micro_every_s=900.0,
        breakdown_every_s=7_000.0,
        setup_s=(200.0, 450.0),
        scrap=0.03,
        material_kg=2.0,
        reasons={"stopped": ("belt", "over-temperature"), "down": ("burner", "fan")},
    ),
}
