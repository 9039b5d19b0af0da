"""An experiment at a machine with two shifts and two products, whose truth is known."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

PLANT = """\
fieldlab: lab
name: Fieldlab Metaal & <Co>
timezone: Europe/Amsterdam
language: {language}
energy: {{price_eur_per_kwh: 0.25, co2_kg_per_kwh: 0.3, source: "a contract & a label, 2026"}}
shifts:
  - {{name: vroeg, days: [mon, tue, wed, thu, fri], start: "06:00", end: "14:00"}}
  - {{name: laat, days: [mon, tue, wed, thu, fri], start: "14:00", end: "22:00"}}
lines:
  - id: l1
    machines:
      - id: m1
        name: Freesbank 1
        ideal_cycle_time_s: 60
        products: {{a: {{ideal_cycle_time_s: 50}}, b: {{ideal_cycle_time_s: 80}}}}
        states: {{map: {{RUN: producing, DOWN: down, STOP: stopped, SETUP: setup}}}}
        signals:
          state: {{item: s}}
          total_count: {{item: c}}
          scrap_count: {{item: x}}
          product: {{item: p}}
          energy: {{item: e, unit: kWh}}
companies: [{{id: acme, name: "Acme \\"Fijn\\" B.V. 🛠"}}]
experiments:
  - id: coolant
    company: acme
    question: "{question}"
    machines: [m1]
    arms:
      baseline: [{{start: 2026-03-02, end: 2026-03-28}}]
      trial: [{{start: 2026-04-06, end: 2026-05-02}}]
    match: [product, shift]
store: {{kind: embedded, path: lab.db}}
"""
ZONE = ZoneInfo("Europe/Amsterdam")


def plant(language="nl", question="Bespaart minder koelmiddel energie, zonder kwaliteit te kosten?"):
    """The config's text."""
    return PLANT.format(language=language, question=question)


def recording(*, saved=0.1, faster=0.0, until=10_000, seed=3):
    """Twenty working days before, nineteen with a part of the energy saved; a part made is told each hour."""
    rng = random.Random(seed)
    rows = ["time,machine,signal,value"]
    total, scrap, energy = 0, 0, 5000.0
    days = [dt.datetime(2026, 3, 2, tzinfo=ZONE) + dt.timedelta(days=n) for n in range(62)]

    def tell(at, signal, value):
        rows.append(f"{at.isoformat()},m1,{signal},{value}")

    tell(days[0], "total_count", 0)
    tell(days[0], "scrap_count", 0)
    tell(days[0], "energy", energy)
    tell(days[0], "state", "STOP")
    for day in (d for d in days[:until] if d.weekday() < 5):
        trial = day >= dt.datetime(2026, 4, 6, tzinfo=ZONE)
        for begin, product, cycle, used in ((6, "a", 50, 0.5), (14, "b", 80, 0.9)):
            tell(day + dt.timedelta(hours=begin), "product", product)
            tell(day + dt.timedelta(hours=begin), "state", "SETUP")
            for hour in range(begin, begin + 8):
                at = day + dt.timedelta(hours=hour)
                down = rng.randint(2, 14)
                ran = 60 - down - (25 if hour == begin else 0)
                made = round(ran * 60 / cycle * (0.92 + faster * trial) * rng.uniform(0.94, 1.0))
                bad = sum(rng.random() < 0.03 for _ in range(made))
                if hour == begin:
                    tell(at + dt.timedelta(minutes=25), "state", "RUN")
                tell(at + dt.timedelta(minutes=60 - down), "state", "DOWN" if down >= 5 else "STOP")
                total, scrap = total + made, scrap + bad
                energy += (2.0 + used * made + rng.gauss(0, 0.6)) * (1 - saved * trial)
                last = at + dt.timedelta(hours=1) - dt.timedelta(milliseconds=1)
                tell(last, "total_count", total)
                tell(last, "scrap_count", scrap)
                tell(last, "energy", round(energy, 4))
                if hour < begin + 7:
                    tell(at + dt.timedelta(hours=1), "state", "RUN")
        tell(day + dt.timedelta(hours=22), "state", "STOP")
        energy += 8 * 0.8
        tell(day + dt.timedelta(hours=30) - dt.timedelta(milliseconds=1), "energy", round(energy, 4))
    return "\n".join(rows) + "\n"
