"""What goes wrong, by name: planned before the run, from its seed, over well before its end."""

from __future__ import annotations

import dataclasses
import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from fieldlab_configs import Site
from simulator.choices import CHOICES, Key, Window
from simulator.errors import CannotSimulate
from simulator.plant import Plant
from simulator.readings import Reading

FAULTS: Final[Mapping[str, str]] = MappingProxyType({
    "link-loss": "an OPC UA server and an MQTT machine are unreachable for a while",
    "counter-reset": "the counters of a machine begin again from 0",
    "spurious-zero": "a counter reads 0 once, between true readings",
    "nan": "power or a measurement is not a number",
    "bad-quality": "OPC UA state and counters have a Bad status for a while",
    "duplicate": "readings are sent twice",
    "late": "the readings of an MQTT machine arrive late, with their own timestamps",
})  # fmt: skip

FIRST, LAST = 0.2, 0.7  # shares of the planned run between which everything happens
REAL_S: Final = 1.8  # a silence lasts at least this long on the wall clock, for gateways to notice
BEATS: Final = 6  # and this many heartbeats
HALF_MS: Final = 500_000
UNPLANNED_S: Final = 1800.0

log = logging.getLogger(__name__)


def planned_run_s(planned_s: float | None, speed: float) -> float:
    """How long the run is taken to be [simulated s]."""
    return planned_s or max(UNPLANNED_S, 60 * speed)


def plan(
    names: Sequence[str], site: Site, *, seed: int, start_ns: int, planned_s: float | None, speed: float
) -> tuple[Window, ...]:
    """Place faults in a run, one after another, in order of time.

    Losses of the link come last: a gateway takes its time to come back, and a reset that happens
    meanwhile could not be told from what was made.

    Raises
    ------
    CannotSimulate
        If there is no such fault.
    """
    rng = random.Random(f"{seed}/faults")
    wanted: list[Window] = []
    for name in names:
        if name not in FAULTS:
            raise CannotSimulate(f"there is no fault {name}; choose from {', '.join(FAULTS)}")
        chosen = CHOICES[name](site, rng, wanted)
        if not chosen:
            log.warning("no machine of %s can have the fault %s", site.path.name or site.fieldlab, name)
        wanted += chosen
    rng.shuffle(wanted)
    wanted.sort(key=lambda window: window.fault == "link-loss")
    whole_s = planned_run_s(planned_s, speed)
    least_s = max(REAL_S * speed, BEATS * site.heartbeat_s)
    needs = [least_s if w.fault in ("link-loss", "bad-quality", "late") else whole_s * 0.01 for w in wanted]
    room_s = (LAST - FIRST) * whole_s
    slack = (room_s - sum(needs)) / max(len(needs), 1)
    if slack < 0:
        log.warning("the run is too short for its faults: they are over sooner than a gateway may notice")
    scale = min(1.0, 0.8 * room_s / max(sum(needs), 1e-9))
    slack = (room_s - sum(needs) * scale) / max(len(needs), 1)
    placed: list[Window] = []
    at_s = FIRST * whole_s
    for window, need_s in zip(wanted, needs, strict=True):
        begin_s = at_s + slack * rng.uniform(0.2, 0.8)
        begin_ns, end_ns = (start_ns + _half(begin_s), start_ns + _half(begin_s + need_s * scale))
        placed.append(dataclasses.replace(window, start_ns=begin_ns, end_ns=end_ns))
        at_s += slack + need_s * scale
    return tuple(placed)


def _half(seconds: float) -> int:
    return round(seconds * 1000) * 1_000_000 + HALF_MS


class Faults:
    """The faults of a run, as they begin and end.

    Parameters
    ----------
    windows : sequence of Window
        As planned.
    """

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows: Final = tuple(windows)
        self._gone: set[Key] = set()
        self._held: set[Key] = set()
        self._waiting: list[Reading] = []
        self._last: dict[Key, Reading] = {}

    @property
    def resets(self) -> dict[str, tuple[int, ...]]:
        """Per machine, when its counters begin again: the machine itself does that."""
        found: dict[str, tuple[int, ...]] = {}
        for window in self.windows:
            if window.fault == "counter-reset":
                for machine in window.machines:
                    found[machine] = (*found.get(machine, ()), window.start_ns)
        return found

    def edges(self, after_ns: int, to_ns: int) -> list[tuple[int, bool, Window]]:
        """What begins (True) or ends in ``(after, to]``, in order."""
        found = [(w.start_ns, True, w) for w in self.windows] + [(w.end_ns, False, w) for w in self.windows]
        return sorted((e for e in found if after_ns < e[0] <= to_ns), key=lambda e: e[0])

    def silent(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """When nobody could know the state of a machine."""
        return [
            (max(w.start_ns, start_ns), min(w.end_ns, end_ns))
            for w in self.windows
            if w.silent and machine in w.machines and w.start_ns < end_ns and w.end_ns > start_ns
        ]

    def through(self, readings: Iterable[Reading]) -> list[Reading]:
        """What of the readings gets out, now."""
        out = []
        for reading in readings:
            key = (reading.machine, reading.signal)
            if key in self._gone:
                continue
            if key in self._held:
                self._waiting.append(dataclasses.replace(reading, late=True))
                continue
            self._last[key] = reading
            out.append(reading)
        return out

    def begin(self, window: Window) -> list[Reading]:
        """A fault begins; the readings it makes."""
        if window.fault == "link-loss":
            self._gone |= set(window.keys)
        elif window.fault == "bad-quality":
            self._gone |= set(window.keys)
            return [Reading(m, s, window.start_ns, None, quality="BadSensorFailure") for m, s in window.keys]
        elif window.fault == "spurious-zero":
            return [Reading(m, s, window.start_ns, 0) for m, s in window.keys]
        elif window.fault == "nan":
            return [Reading(m, s, window.start_ns, float("nan")) for m, s in window.keys]
        elif window.fault == "duplicate":
            return [dataclasses.replace(self._last[k], again=True) for k in window.keys if k in self._last]
        elif window.fault == "late":
            self._held |= set(window.keys)
        return []

    def end(self, window: Window, plant: Plant) -> list[Reading]:
        """A fault is over; the readings that follow from it."""
        if window.fault == "late":
            self._held -= set(window.keys)
            waiting, self._waiting = self._waiting, []
            return waiting
        if window.fault in ("counter-reset", "duplicate"):
            return []
        self._gone -= set(window.keys)
        now = [r for r in plant.snapshot(window.machines) if (r.machine, r.signal) in window.keys]
        return self.through(now)


__all__: Sequence[str] = ["FAULTS", "Faults", "Window", "plan"]
