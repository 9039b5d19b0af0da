"""A made-up fieldlab that has something in every table and picture, under names that a test chooses."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from analytics.schedule import schedule
from fieldlab_configs import parse
from tests.dashboards.fakes import HOUR_NS, NS, START_NS, FakeScreens

NAMES = {
    "company": "Fieldlab Metaal & Co", "line": "Freeslijn", "m1": "Freesbank 1", "m2": "Pers",
    "m3": "Verpakking",
    "reason": "Vastgelopen", "question": "Bespaart minder koelmiddel energie, zonder kwaliteit te kosten?",
    "product": "Beugel 40x12", "gateway": "edge1", "shift": "ochtend",
}  # fmt: skip
NASTY = {
    "company": "A \"B\" 'C' <script>alert(1)</script> & 🏭 " + "Zeerlangebedrijfsnaam" * 4,
    "line": "</script><script>document.title='owned'</script> lijn",
    "m1": "<img src=x onerror=\"document.title='owned'\"> 🛠 " + "W" * 60,
    "m2": "مكبس هيدروليكي רובוט",
    "m3": "'; drop table \"x\"; -- {x} %s ${7*7} {{7*7}}",
    "reason": "=HYPERLINK(\"x\") <b onmouseover=\"document.title='owned'\">עצור</b> 🧯 " + "r" * 70,
    "question": "Helpt \"<svg onload=document.title='owned'>\" echt? \u202eomgekeerd\u202c 🌱 "
                + "lang " * 40,
    "product": "<i>A/12</i> \"x\" 'y' " + "p" * 40,
    "gateway": "edge1",
    "shift": '<u>ochtend</u> & "vroeg"',
}  # fmt: skip
_SITE = """
fieldlab: demo
name: {company}
timezone: Europe/Amsterdam
language: nl
energy: {{price_eur_per_kwh: 0.25, co2_kg_per_kwh: 0.3, source: made up}}
shifts:
  - {{name: {shift}, days: [mon, tue, wed, thu, fri, sat, sun], start: "06:00", end: "14:00"}}
  - {{name: middag, days: [mon, tue, wed, thu, fri, sat, sun], start: "14:00", end: "22:00"}}
lines:
  - id: milling
    name: {line}
    bottleneck: m1
    output: m3
    machines:
      - {{id: m1, name: {m1}, ideal_cycle_time_s: 40, states: packml,
         signals: {{state: {{item: s}}, total_count: {{item: t}}, good_count: {{item: g}},
                   energy: {{item: e, unit: kWh}}}}}}
      - {{id: m2, name: {m2}, ideal_cycle_time_s: 30, states: packml,
         signals: {{state: {{item: s}}, total_count: {{item: t}}, good_count: {{item: g}},
                   energy: {{item: e, unit: kWh}}}}}}
      - {{id: m3, name: {m3}, ideal_cycle_time_s: 20, states: packml,
         signals: {{state: {{item: s}}, total_count: {{item: t}}}}}}
companies: [{{id: acme, name: {company}}}]
experiments:
  - id: coolant
    company: acme
    question: {question}
    machines: [m1]
    arms:
      baseline: [{{start: 2026-10-05, end: 2026-10-31}}]
      trial: [{{start: 2026-11-02, end: 2026-11-21}}]
"""
_RESULTS = (
    ("energy_per_good_unit_kwh", "improved", 0.0432, 0.0391, -0.095, -0.121, -0.068, "", {}),
    ("oee_index", "no difference shown", 0.712, 0.719, 0.0098, -0.018, 0.037, "", {}),
    ("quality_ratio", "worsened", 0.981, 0.962, -0.0194, -0.031, -0.008, "", {}),
    ("material_per_good_unit_kg", "not enough data", None, None, None, None, None, "not_measured", {}),
    (
        "throughput_rate_per_h",
        "not enough data",
        None,
        None,
        None,
        None,
        None,
        "few_blocks",
        {"arm": "trial", "blocks": 1, "least": 6},
    ),
)
_SPLIT = {"producing": 0.7, "idle": 0.1, "setup": 0.08, "stopped": 0.07, "down": 0.05}


class Full(FakeScreens):
    """Something in every table.

    Parameters
    ----------
    names : mapping of str to str, optional
        What things are called; those of `NAMES` where it has none.
    hours : float
    """

    def __init__(self, names: dict[str, str] | None = None, hours: float = 30.0) -> None:
        super().__init__(hours)
        self.names = NAMES | (names or {})
        # JSON is YAML: no name can say anything else than itself.
        self._site = parse(
            _SITE.format(**{key: json.dumps(text, ensure_ascii=False) for key, text in self.names.items()})
        )
        at, gateway = self.now - 5 * NS, self.names["gateway"]
        self.kept = {
            ("raw", "gap"): [
                {"machine": "m2", "reason": "outage", "time_ns": START_NS + HOUR_NS,
                 "to_ns": START_NS + 2 * HOUR_NS, "count": 40.0},
                {"machine": "m1", "reason": "overflow", "time_ns": START_NS + HOUR_NS,
                 "to_ns": START_NS + 2 * HOUR_NS, "count": 1.0},
            ],
            ("raw", "gateway"): [
                {"gateway": gateway, "time_ns": at, "received": 1_204_331.0, "stored": 1_204_320.0,
                 "replaced": 9.0, "dead": 0.0, "waiting": 2.0,
                 "lag_s": 0.21, "autonomy_h": 71.5, "rss_mb": 84.0}
            ],
            ("raw", "link"): [
                {"gateway": gateway, "source": "plc", "machine": m, "up": float(m != "m2"), "time_ns": at}
                for m in ("m1", "m2", "m3")
            ],
            ("kpi", "experiment_result"): [
                {"experiment": "coolant", "kpi": kpi, "verdict": verdict, "baseline": b, "trial": t,
                 "estimate": e, "low": low, "high": high, "coverage": 0.987, "time_ns": at,
                 "reason_code": code, "reason_values": json.dumps(why), "more_blocks": 5.0 if why else None}
                for kpi, verdict, b, t, e, low, high, code, why in _RESULTS
            ],
            ("kpi", "baseline"): [
                {"experiment": "none", "machine": m, "term": term, "unit": unit, "estimate": estimate,
                 "low": estimate * 0.93, "high": estimate * 1.07, "r2": 0.94, "time_ns": at}
                for m in ("m1", "m2")
                for term, unit, estimate in (
                    ("base", "kW", 2.13), (self.names["product"], "kWh per part", 0.0412),
                )
            ],
        }  # fmt: skip

    def kpis(
        self, start_ns: int, end_ns: int, by: Sequence[str] = (), machines: Collection[str] | None = None
    ) -> list[dict[str, Any]]:
        """Per shift of the calendar where that is asked."""
        rest = [key for key in by if key not in ("shift", "shift_date", "product")]
        if len(rest) == len(by):
            return [self._split(row) for row in super().kpis(start_ns, end_ns, by, machines)]
        found = []
        for o in schedule(self._site, start_ns, end_ns).occurrences if "shift" in by else (None,):
            low, high = (
                (start_ns, end_ns) if o is None else (max(o.start_ns, start_ns), min(o.end_ns, end_ns))
            )
            mine = {"product": self.names["product"]}
            if o is not None:
                mine |= {"shift": o.name, "shift_date": o.date.isoformat()}
            told = {key: mine[key] for key in by if key in mine}
            if low < high:
                found += [row | told for row in super().kpis(low, high, rest, machines)]
        return found

    def stops(
        self, start_ns: int, end_ns: int, machines: Collection[str], most: int | None = None
    ) -> list[dict[str, Any]]:
        """Every third with the reason that somebody gave."""
        found = super().stops(start_ns, end_ns, machines, most)
        for i, stop in enumerate(found):
            if i % 3 == 0 and stop["reason"] == "none":
                stop["reason"] = (self.names["reason"], "Gereedschap", "Schoonmaken")[i // 3 % 3]
        return found

    def opportunities(self, start_ns: int, end_ns: int, machines: Collection[str]) -> list[dict[str, Any]]:
        """A third loss, at the machine that waits."""
        found = super().opportunities(start_ns, end_ns, machines)
        few = {"reason_code": "planned_time", "reason_values": {"have": 6.0, "need": 8.0}}
        found[2] |= few
        return [
            *found[:2],
            found[0] | {"machine": "m2", "loss": "speed", "hours": 33.0, "eur": 4.0},
            *found[2:],
        ]

    @staticmethod
    def _split(row: dict[str, Any]) -> dict[str, Any]:
        total, good = row.get("energy_kwh"), row.get("line_good_quantity") or row["good_quantity"]
        if total is not None:
            row |= {"energy_per_unit_kwh": total / (good or 1) * 0.96, "co2_kg": total * 0.3,
                    "co2_per_good_unit_kg": total * 0.3 / (good or 1), "energy_cost_eur": total * 0.25,
                    "energy_cost_per_good_unit_eur": total * 0.25 / (good or 1)}  # fmt: skip
        return row | {
            f"energy_{s}_kwh": None if total is None else total * part for s, part in _SPLIT.items()
        }
