"""A simulated week in a real InfluxDB, with both changes of clocks, made by the product's own job."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from analytics.job import Job
from analytics.keeper import Keeper
from analytics.shared import Shared
from fieldlab.stores import JobStore
from fieldlab_configs import Site, load
from ingest.stores import open_store
from tests.fieldlab.command import fieldlab
from tests.servers import InfluxServer

NS = 1_000_000_000
ZONE = ZoneInfo("Europe/Amsterdam")
PRODUCTS = ('A/12 "x"', "B 🛠 it's")
CONFIG = """
fieldlab: {lab}
name: Fieldlab "Metaal" & <Co> / 🏭
timezone: Europe/Amsterdam
language: en
heartbeat_s: 3600
cell_s: 900
energy: {{price_eur_per_kwh: 0.25, co2_kg_per_kwh: 0.3, source: made up}}
shifts:
  - {{name: early, days: [mon, tue, wed, thu, fri, sat, sun], start: "06:00", end: "14:00",
     breaks: [{{start: "09:00", minutes: 15}}]}}
  - {{name: night, days: [mon, tue, wed, thu, fri, sat, sun], start: "22:00", end: "06:00"}}
lines:
  - id: l1
    name: Line "1"
    bottleneck: m1
    output: m2
    machines:
      - {{id: m1, name: "Mill / 'one' 🛠", ideal_cycle_time_s: 50, products: {products}, states: {states},
         signals: {{state: {{item: s}}, total_count: {{item: c}}, scrap_count: {{item: x}},
                   product: {{item: p}}, energy: {{item: e, unit: kWh}}, material: {{item: k, unit: kg}},
                   reason: {{item: r}}}}}}
      - {{id: m2, ideal_cycle_time_s: 45, products: {products}, states: {states},
         signals: {{state: {{item: s}}, total_count: {{item: c}}, scrap_count: {{item: x}},
                   product: {{item: p}}, power: {{item: w, unit: kW, max_hold_s: 3600}}}}}}
  - id: l2
    machines:
      - {{id: m3, ideal_cycle_time_s: 40, assume_quality: 1, states: {states},
         signals: {{state: {{item: s}}, total_count: {{item: c}}, energy: {{item: e, unit: kWh}}}}}}
companies: [{{id: {company}, name: 'Acme "Fijn" / B.V. 🛠'}}, {{id: {other}}}]
experiments:
  - id: coolant
    company: {company}
    question: Does 'less' coolant / "save" energy? 🌱
    machines: [m1, m2]
    arms:
      baseline: [{{start: 2026-10-19, end: 2026-10-22}}]
      trial: [{{start: 2026-10-22, end: 2026-10-25}}]
    match: [shift]
  - id: later
    company: {other}
    machines: [m3]
    arms:
      baseline: [{{start: 2031-01-06, end: 2031-01-11}}]
      trial: [{{start: 2031-01-13, end: 2031-01-18}}]
store: {{{store}}}
"""
STATES = "{map: {RUN: producing, SET: setup, WAIT: idle, STOP: stopped, DOWN: down}}"


def local(day: str, hour: int = 0) -> int:
    """UTC nanoseconds of a local hour."""
    return round(dt.datetime.fromisoformat(f"{day}T{hour:02}:00").replace(tzinfo=ZONE).timestamp()) * NS


EARLIER = local("2026-10-08")
"""From when on m3 was there already: its last week is held against the days before."""
AUTUMN = local("2026-10-19"), local("2026-10-26")
"""A week that ends with the day of 25 hours."""
SPRING = local("2026-03-29"), local("2026-03-31")
"""The day of 23 hours, and the one after."""


@dataclass(frozen=True)
class Week:
    """The fieldlab, its store, where it is, and the folder of the tokens that setup made."""

    site: Site
    path: Path
    server: InfluxServer
    company: str
    other: str
    tokens: Path

    def as_seen_by(self, name: str) -> InfluxServer:
        """The server, to whoever has one of its tokens: ``dashboards``, ``company-...``."""
        path = self.tokens / f"{name}.token"
        return replace(self.server, token=path.read_text().strip()) if path.exists() else self.server


def made(server: InfluxServer, folder: Path) -> Week:
    """Generate raw data, and let the product's job, keeper and shared buckets do their work."""
    mark = uuid.uuid4().hex[:8]
    company, other, path = f"acme{mark}", f"later{mark}", folder / "week.yaml"
    cycles = ", ".join(
        f"{_yaml(p)}: {{ideal_cycle_time_s: {c}}}" for p, c in zip(PRODUCTS, (48, 55), strict=True)
    )
    text = CONFIG.format(
        lab=f"week{mark}", company=company, other=other, store=server.config, states=STATES,
        products=f"{{{cycles}}}",
    )  # fmt: skip
    path.write_text(text, encoding="utf-8")
    site = load(path)
    tokens = folder / "tokens"
    done = fieldlab("store", "setup", path, "--tokens", tokens)
    assert done.returncode == 0, done.stderr
    raw = open_store(site)
    store = JobStore(raw)
    for number, (start, end) in enumerate((SPRING, AUTUMN)):
        for machine in site.machines():
            store.write("raw", _rows(site, machine.id, start, end, random.Random(f"{machine.id}{number}")))
    store.write("raw", _rows(site, "m3", EARLIER, AUTUMN[0], random.Random("earlier")))
    store.write("raw", _gateway(site, *AUTUMN))
    job, spans = Job(site, store, clock_ns=lambda: AUTUMN[1]), {}
    for start, end in (SPRING, AUTUMN):
        for machine, found in job.recompute(start, end).spans.items():
            spans.setdefault(machine, []).extend(found)
    job.recompute(EARLIER, AUTUMN[0], machines=["m3"], now_ns=AUTUMN[1])
    Keeper(site, store).update(spans, AUTUMN[1])
    Shared(site, store).update(spans, results=True)
    raw.close()
    return Week(site, path, server, company, other, tokens)


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _rows(site: Site, machine: str, start: int, end: int, rng: random.Random):
    line = site.machine(machine).line.latest
    tags = (("fieldlab", site.fieldlab), ("line", line), ("machine", machine))
    total = scrap = 0
    energy, material = 1000.0, 0.0
    step = 900 * NS

    def tell(at, field, value):
        return ("machine", tags, field, at, value)

    yield tell(start, "total_count", 0.0)
    if machine != "m3":
        yield tell(start, "scrap_count", 0.0)
    yield tell(start, "energy" if machine != "m2" else "power", energy if machine != "m2" else 2.0)
    if machine == "m1":
        yield tell(start, "material", 0.0)
    for number, at in enumerate(range(start, end, step)):
        state = rng.choices(("RUN", "SET", "WAIT", "STOP", "DOWN"), (12, 1, 1, 1, 1))[0]
        lasts = rng.randint(60, 840) if state != "RUN" else 0
        yield tell(at, "state_text", state)
        if lasts:
            yield tell(at + lasts * NS, "state_text", "RUN")
        if state in {"STOP", "DOWN"} and machine == "m1" and rng.random() < 0.7:
            yield tell(at + NS, "reason_text", rng.choice(("jam", "no tool", 'O\'Ring "B" / 🧯')))
        if machine != "m3" and number % 24 == 0:
            yield tell(at, "product_text", PRODUCTS[number // 24 % 2])
        made_now = round((900 - lasts) / 52 * rng.uniform(0.85, 1.0))
        bad = rng.randint(0, 1)
        total, scrap = total + made_now, scrap + bad
        energy += 0.5 + 0.05 * made_now + rng.uniform(0, 0.05)
        material += 0.2 * made_now
        last = at + step - NS
        yield tell(last, "total_count", float(total))
        if machine != "m3":
            yield tell(last, "scrap_count", float(scrap))
        if machine == "m2":
            yield tell(last, "power", 2.0 + rng.uniform(0, 1))
        else:
            yield tell(last, "energy", energy)
        if machine == "m1":
            yield tell(last, "material", material)


def _gateway(site: Site, start: int, end: int):
    """What a gateway writes of itself: its account, gaps, heartbeats; of no machine that has figures."""
    own = (("fieldlab", site.fieldlab), ("gateway", "edge1"))
    for number, at in enumerate(range(start, end, 3600 * NS)):
        figures = {
            "received": 100.0 * number, "stored": 100.0 * number - 3, "replaced": 1.0, "dead": 2.0,
            "waiting": 0.0, "lag_s": 0.4, "rss_mb": 80.0, "autonomy_h": 40.0, "certificate_days": 200.0,
        }  # fmt: skip
        yield from (("gateway", own, name, at, value) for name, value in figures.items())
        link = tuple(sorted((*own, ("machine", "m9"), ("source", "plc"))))
        yield "link", link, "up", at, float(number % 5 != 0)
    gap = tuple(sorted((*own, ("machine", "m9"), ("reason", "overflow"), ("signal", "state"))))
    yield "gap", gap, "count", start + 5 * NS, 7.0
    yield "gap", gap, "to_ns", start + 5 * NS, start + 9 * NS
