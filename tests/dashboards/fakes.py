"""A fieldlab that is made up: figures by hand, so that a page can be held against them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Sequence
from typing import Any

from analytics.fields import ATOM_FIELDS
from analytics.losses import waterfall
from fieldlab_configs import Site, parse
from fieldlab_configs.states import STATE_CLASSES

NS = 1_000_000_000
HOUR_NS = 3600 * NS
START_NS = 1_795_413_600 * NS  # 2026-11-23T06:00:00Z

CONFIG = """
fieldlab: demo
name: Fieldlab Metaal & <Co>
timezone: Europe/Amsterdam
language: nl
lines:
  - id: milling
    name: Freeslijn
    bottleneck: m1
    output: m3
    machines:
      - {id: m1, name: Freesbank 1, kind: mill, ideal_cycle_time_s: 40, states: packml,
         signals: {state: {item: s}, total_count: {item: t}, good_count: {item: g},
                   energy: {item: e, unit: kWh}}}
      - {id: m2, name: Pers, kind: press, ideal_cycle_time_s: 30, states: packml,
         signals: {state: {item: s}, total_count: {item: t}, good_count: {item: g},
                   energy: {item: e, unit: kWh}}}
      - {id: m3, name: Verpakking, kind: packaging, ideal_cycle_time_s: 20, states: packml,
         signals: {state: {item: s}, total_count: {item: t}}}
"""

PATTERNS = {
    "m1": [("producing", 1500), ("stopped", 90), ("producing", 1200), ("setup", 420), ("producing", 900),
           ("down", 600), ("maintenance", 200), ("producing", 300), ("idle", 190)],
    "m2": [("producing", 2000), ("starved", 260), ("producing", 1100), ("unknown", 700), ("producing", 1300),
           ("blocked", 340)],
    "m3": [("off", 600), ("idle", 240), ("producing", 2800), ("stopped", 60), ("producing", 1700)],
}  # fmt: skip


def site() -> Site:
    """The made-up fieldlab."""
    return parse(CONFIG)


class FakeScreens:
    """Answers every question from a repeated pattern of states, by arithmetic of its own."""

    def __init__(self, hours: float = 6.0) -> None:
        self._site = site()
        self.now = START_NS + round(hours * 3600) * NS
        self.first: int | None = START_NS
        self.calls = 0
        self.broken = False
        self.reasons: dict[tuple[str, int], tuple[str, str]] = {}
        self.shift = {"shift": "none", "shift_date": "none"}
        self.kept: dict[tuple[str, str], list[dict[str, Any]]] = {}

    @property
    def site(self) -> Site:
        """The made-up fieldlab."""
        return self._site

    def first_ns(self) -> int | None:
        """When it all began."""
        return self.first

    def now_ns(self) -> int | None:
        """Up to where there is data."""
        if self.broken:
            raise ConnectionError("the store is away")
        return self.now

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        """The pattern, over and over."""
        self.calls += 1
        return self._lived(machine, start_ns, end_ns)

    def _lived(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        pattern, found, at = PATTERNS[machine], [], START_NS
        while at < min(end_ns, self.now):
            for state, seconds in pattern:
                low, high = max(at, start_ns), min(at + seconds * NS, end_ns, self.now)
                if low < high:
                    found.append((low, high, state))
                at += seconds * NS
        return found

    def kpis(
        self, start_ns: int, end_ns: int, by: Sequence[str] = (), machines: Collection[str] | None = None
    ) -> list[dict[str, Any]]:
        """One row per group that has any time."""
        self.calls += 1
        names = [m.id for m in self._site.machines() if machines is None or m.id in machines]
        step = {"cell": 300 * NS, "hour": HOUR_NS, "day": 24 * HOUR_NS}.get(
            by[-1] if by else "", end_ns - start_ns
        )
        low = start_ns // step * step if step != end_ns - start_ns else start_ns
        rows = []
        for group in [[n] for n in names] if "machine" in by else [names]:
            for start in range(low, end_ns, step):
                row = self.row(
                    group, max(start, start_ns), min(start + step, end_ns), line="machine" not in by
                )
                if row is None:
                    continue
                none = self.shift | {"product": "none"}
                keys = none | {
                    "machine": group[0],
                    "line": "milling",
                    "cell": _z(start),
                    "hour": _z(start),
                    "day": _z(start)[:10],
                }
                rows.append({key: keys[key] for key in by} | row)
        return rows

    def losses(
        self, start_ns: int, end_ns: int, by: Sequence[str], machines: Collection[str]
    ) -> list[dict[str, Any]]:
        """The waterfall of what the pattern says, of all machines together or of each."""
        found = []
        for name, group in [(n, [n]) for n in machines] if "machine" in by else [("", list(machines))]:
            row = self.row(group, start_ns, end_ns, line=False)
            keys = {"machine": name} | self.shift if by else {}
            found += [] if row is None else [keys | dict(part) for part in waterfall(row, 30.0)]
        return found

    def opportunities(self, start_ns: int, end_ns: int, machines: Collection[str]) -> list[dict[str, Any]]:
        """Two losses by hand, and one machine of which too little is known."""
        assert start_ns < end_ns
        assert "m1" in machines
        self.calls += 1
        known = {"verdict": "ok", "reason": None, "kwh": None, "eur": 12.0}
        return [
            {"machine": "m1", "loss": "minor_stop", "hours": 120.5, "good_parts": 900.0, **known},
            {"machine": "m2", "loss": "setup", "hours": 80.0, "good_parts": None, **known},
            {"machine": "m3", "loss": None, "hours": None, "good_parts": None, "kwh": None, "eur": None,
             "verdict": "not enough data", "reason": "6.0 h of planned time; at least 8 h are needed"},
        ]  # fmt: skip

    def stops(
        self, start_ns: int, end_ns: int, machines: Collection[str], most: int | None = None
    ) -> list[dict[str, Any]]:
        """Every stretch of the pattern that is stopped or down."""
        found = []
        for machine in machines:
            for low, high, state in self._lived(machine, start_ns, end_ns):
                if state in ("stopped", "down"):
                    seconds = (high - low) / NS
                    reason = self.reasons.get((machine, low), ("none", ""))[0]
                    found.append(
                        {"machine": machine, "line": "milling", "start_ns": low, "end_ns": high,
                         "state": state, "minor": seconds < 300, "reason": reason, "within_s": seconds,
                         "planned_s": seconds}
                    )  # fmt: skip
        return found if most is None else found[-most * len(machines) :]

    def pareto(self, start_ns: int, end_ns: int, machines: Collection[str]) -> list[dict[str, Any]]:
        """Their planned time by reason."""
        sums: dict[str, list[float]] = {}
        for stop in self.stops(start_ns, end_ns, machines):
            sums.setdefault(stop["reason"], []).append(stop["planned_s"])
        total = sum(map(sum, sums.values()))
        return [
            {"reason": reason, "count": len(each), "minutes": sum(each) / 60,
             "share": sum(each) / total if total else 0.0}
            for reason, each in sorted(sums.items(), key=lambda item: (-sum(item[1]), item[0]))
        ]  # fmt: skip

    def latest(self, bucket: str, measurement: str) -> list[dict[str, Any]]:
        """What a test put there."""
        return self.kept.get((bucket, measurement), [])

    def records(self, bucket: str, measurement: str, start_ns: int, end_ns: int) -> list[dict[str, Any]]:
        """What a test put there, of the range."""
        found = self.kept.get((bucket, measurement), [])
        return [r for r in found if start_ns <= r["time_ns"] < end_ns]

    def assign(self, machine: str, start_ns: int, reason: str, by: str) -> None:
        """Keep it."""
        if self.broken:
            raise ConnectionError("the store is away")
        self.reasons[machine, start_ns] = (reason, by)

    def row(self, machines: Sequence[str], start: int, end: int, *, line: bool) -> dict[str, Any] | None:
        """Figures of some machines over a range."""
        s: dict[str, Any] = dict.fromkeys(ATOM_FIELDS, 0.0) | dict.fromkeys(
            [f"state_{n}_s" for n in STATE_CLASSES], 0.0
        )
        produced = scrap = energy = ideal = ideal_good = 0.0
        last = 0.0
        for m in machines:
            cycle = self._site.machine(m).ideal_cycle_time_s.latest
            for a, b, state in self._lived(m, start, end):
                s[f"state_{state}_s"] += (b - a) / NS
            running = sum((b - a) / NS for a, b, x in self._lived(m, start, end) if x == "producing")
            made = math.floor(running / (cycle * 1.08))
            bad = made // 23
            produced, scrap, last = produced + made, scrap + bad, made - bad
            ideal, ideal_good = ideal + made * cycle, ideal_good + (made - bad) * cycle
            energy += 0.004 * running if m != "m3" else 0.0
        total = sum(s[f"state_{n}_s"] for n in STATE_CLASSES)
        if not total:
            return None
        unknown, apt = s["state_unknown_s"], s["state_producing_s"]
        metered = set(machines) != {"m3"}
        split = set(machines) != {"m3"} or line
        good = produced - scrap
        oee = ideal_good / total
        per_good = last if line else good
        s |= {
            "calendar_time_s": total, "planned_busy_time_s": total, "unknown_time_s": unknown,
            "actual_production_time_s": apt, "count_missing_s": 0.0,
            "produced_quantity": produced, "good_quantity": good if split else None,
            "scrap_quantity": scrap if split else None, "line_good_quantity": last,
            "line_produced_quantity": last, "ideal_production_time_s": ideal,
            "ideal_good_time_s": ideal_good if split else None,
            "energy_kwh": energy if metered else None, "energy_missing_s": 0.0 if metered else total,
            "availability": apt / (total - unknown) if total > unknown else None,
            "effectiveness": ideal / apt if apt else None,
            "quality_ratio": ideal_good / ideal if ideal and split else None,
            "oee_index": (last * 18 / (total / len(machines)) if line else oee) if split else None,
            "machines_oee_index": oee,
            "oee_index_low": oee if split else None,
            "oee_index_high": min(oee + unknown / total, 1.0) if split else None,
            "coverage": 1 - unknown / total,
            "energy_per_good_unit_kwh": energy / per_good if metered and per_good else None,
            "flags": [],
        }  # fmt: skip
        return s


def _z(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns // NS, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
