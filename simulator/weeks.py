"""Weeks of one oven, made at once: four usual ones, then a quiet one, a busy one, and one that really saves.

The oven is kept warm day and night, and each part takes its own heat: energy is so much an hour and so much a
part. What was saved is known, for it is what the same hours and parts would have taken without the saving.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from fieldlab_configs import Site
from simulator.plan import SECOND_NS, Plan, utc_ns
from simulator.readings import Reading

Kind = Literal["usual", "quiet", "busy", "saving"]
USUAL: Final = 4
"""Weeks to learn from, before the three that are to be judged."""
STEP_S: Final = 300
_WARM_KW, _PART_KWH = 12.0, 0.34
_LEVELS: Final[dict[Kind, float]] = {"usual": 1.0, "quiet": 0.84, "busy": 1.18, "saving": 1.0}
_SCRAP: Final = 0.02


@dataclass(frozen=True, slots=True)
class Week:
    """One week, and the truth about it.

    Attributes
    ----------
    kind : str
    start_ns, end_ns : int
        From Monday to Monday, on the wall clock.
    energy_kwh : float
        What it took.
    saved_kwh : float
        What the same work would have taken more.
    produced, good : int
        Parts.
    """

    kind: Kind
    start_ns: int
    end_ns: int
    energy_kwh: float
    saved_kwh: float
    produced: int
    good: int


def weeks(site: Site, *, seed: int, first: dt.date) -> tuple[list[Reading], list[Week]]:
    """Every reading of the site's one machine, and the truth of each week.

    Parameters
    ----------
    site : Site
        Its machine has the signals ``state``, ``total_count``, ``good_count`` and ``energy`` [kWh].
    seed : int
        Decides in which order the three weeks come, and how much is saved.
    first : date
        A Monday.
    """
    rng = random.Random(f"{seed}/weeks")
    judged: list[Kind] = ["quiet", "busy", "saving"]
    rng.shuffle(judged)
    share = rng.uniform(0.11, 0.14)
    oven = _Oven(site, rng)
    zone = ZoneInfo(site.timezone.at(utc_ns(first, dt.time(), ZoneInfo("UTC"))))
    found = []
    for number, kind in enumerate([*["usual"] * USUAL, *judged]):
        begin, end = (utc_ns(first + dt.timedelta(weeks=n), dt.time(), zone) for n in (number, number + 1))
        found.append(oven.live(kind, begin, end, share if kind == "saving" else 0.0))  # type: ignore[arg-type]  # of a list that mixes both
    oven.show(found[-1].end_ns)
    return oven.readings, found


class _Oven:
    """The machine, five minutes at a time."""

    def __init__(self, site: Site, rng: random.Random) -> None:
        (self._machine,) = site.machines()
        self._plan = Plan(site, self._machine)
        rate = self._machine.ideal_cycle_time_s
        self._ideal_s = rate.latest if rate is not None else 30.0
        self._rng = rng
        self._total, self._good, self._kwh = 4_000, 3_900, 20_000.0
        self._state = ""
        self.readings: list[Reading] = []

    def live(self, kind: Kind, start_ns: int, end_ns: int, saved_share: float) -> Week:
        """A week passes."""
        before = (self._kwh, self._total, self._good)
        saved, busy, of_shift = 0.0, 0.0, ""
        for at_ns in range(start_ns, end_ns, STEP_S * SECOND_NS):
            duty, until_ns = self._plan.duty(at_ns)
            if duty != "work":
                busy, of_shift = 0.0, ""
            elif not of_shift:  # each shift has its own day
                of_shift = str(until_ns)
                busy = self._rng.uniform(0.62, 0.82) * _LEVELS[kind]
                self._heat = _PART_KWH * self._rng.gauss(1.0, 0.02)
            self._enter(at_ns, "producing" if duty == "work" else "idle")
            saved += self._step(busy, saved_share)
        kwh, total, good = before
        return Week(kind, start_ns, end_ns, self._kwh - kwh, saved, self._total - total, self._good - good)

    def _step(self, busy: float, saved_share: float) -> float:
        """Five minutes; returns what they saved [kWh]."""
        self._kwh += _WARM_KW * self._rng.gauss(1.0, 0.03) * STEP_S / 3600
        if not busy:
            return 0.0
        parts = round(STEP_S / self._ideal_s * busy + self._rng.uniform(-0.5, 0.5))
        self._total += parts
        self._good += sum(self._rng.random() >= _SCRAP for _ in range(parts))
        heat = parts * self._heat
        self._kwh += heat * (1 - saved_share)
        return heat * saved_share

    def _enter(self, at_ns: int, state: str) -> None:
        if state != self._state:
            self._state = state
            self._tell(at_ns, "state", state)
        self.show(at_ns)

    def show(self, at_ns: int) -> None:
        """Counters and meter, as they are at an instant."""
        self._tell(at_ns, "total_count", self._total)
        self._tell(at_ns, "good_count", self._good)
        self._tell(at_ns, "energy", round(self._kwh, 3))

    def _tell(self, at_ns: int, signal: str, value: float | str) -> None:
        self.readings.append(Reading(self._machine.id, signal, at_ns, value))
