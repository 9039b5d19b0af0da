"""A made-up plant for measuring: machines that tell state, counter and power, on change, day and night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.fetch import Row
from fieldlab_configs import Site, parse

NS = 1_000_000_000
START_NS = 1_794_783_600 * NS  # 2026-11-16T00:00:00+01:00, a Monday
CODES = (1, 2, 3, 6, 7)
SHARES = (0.62, 0.06, 0.10, 0.17, 0.05)

CONFIG = """
fieldlab: bench
timezone: Europe/Amsterdam
energy: {price_eur_per_kwh: 0.21, co2_kg_per_kwh: 0.27, source: made up}
shifts:
  - name: early
    days: [mon, tue, wed, thu, fri]
    start: "06:00"
    end: "14:30"
    breaks: [{start: "09:00", minutes: 15}]
  - name: late
    days: [mon, tue, wed, thu, fri]
    start: "14:30"
    end: "23:00"
    breaks: [{start: "18:00", minutes: 30}]
lines:
  - id: line
    machines:
MACHINES
"""
MACHINE = """      - id: NAME
        ideal_cycle_time_s: 5
        states: {map: {1: producing, 2: setup, 3: idle, 6: stopped, 7: down}}
        signals: {state: {item: s}, good_count: {item: c}, scrap_count: {item: x}, power: {item: p, unit: kW}}
"""


@dataclass(frozen=True, slots=True)
class Series:
    """One series as columns, as a store gives it."""

    tags: Mapping[str, str]
    time_ns: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[np.generic]]


class Plant:
    """Readings in memory, as a store gives them to analytics.

    Parameters
    ----------
    machines : int
    samples : int
        In all: a fifth states, two fifths counters, two fifths power.
    days : float
        How long they cover.
    seed : int
    """

    def __init__(self, machines: int, samples: int, *, days: float = 7.0, seed: int = 1) -> None:
        self.names = [f"m{i:03}" for i in range(machines)]
        self.start_ns, self.end_ns = START_NS, START_NS + round(days * 86_400) * NS
        self.site: Site = parse(
            CONFIG.replace("MACHINES", "".join(MACHINE.replace("NAME", name) for name in self.names))
        )
        self.samples = 0
        self.raw: dict[str, Mapping[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]] = {}
        rng = np.random.default_rng(seed)
        each = samples // machines
        for name in self.names:
            self.raw[name] = {
                "state": (self._times(rng, each // 5), rng.choice(CODES, each // 5, p=SHARES).astype(float)),
                "good_count": self._counter(rng, each * 3 // 10),
                "scrap_count": self._counter(rng, each // 10),
                "power": (
                    self._times(rng, each * 2 // 5),
                    np.round(rng.uniform(0.5, 12.0, each * 2 // 5), 2),
                ),
            }
            self.samples += sum(len(t) for t, _ in self.raw[name].values())

    def _times(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
        """Distinct milliseconds, ascending, from the very beginning on."""
        ms = np.unique(rng.integers(0, (self.end_ns - self.start_ns) // 1_000_000, n))
        while len(ms) < n:
            more = rng.integers(0, (self.end_ns - self.start_ns) // 1_000_000, n - len(ms))
            ms = np.unique(np.concatenate((ms, more)))
        ms[0] = 0
        return self.start_ns + ms * 1_000_000

    def _counter(
        self, rng: np.random.Generator, n: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        count = 1000 + np.cumsum(rng.integers(1, 3, n)).astype(np.float64)
        for at in rng.integers(0, n, 3):  # now and then it begins again
            count[at:] -= count[at]
        return self._times(rng, n), count

    # -- what analytics asks of a store

    def read(
        self,
        bucket: str,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Series]:
        """Every series of a machine, a column each."""
        if (bucket, measurement) != ("raw", "machine"):
            return []
        found = []
        for machine in self.names if not where else [where["machine"]]:
            for name, (time, value) in self.raw[machine].items():
                if fields is None or name in fields:
                    low = 0 if start_ns is None else int(np.searchsorted(time, start_ns))
                    high = len(time) if end_ns is None else int(np.searchsorted(time, end_ns))
                    tags = {"fieldlab": "bench", "line": "line", "machine": machine}
                    found.append(Series(tags, time[low:high], {name: value[low:high]}))
        return found

    def last_before(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """Nothing came before."""
        del bucket, measurement, time_ns, where
        return []

    def first_from(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """Nothing comes after."""
        del bucket, measurement, time_ns, where
        return []
