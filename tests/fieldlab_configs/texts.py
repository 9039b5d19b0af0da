"""A valid configuration to spoil, and how a test spoils it."""

from __future__ import annotations

import pytest

from fieldlab_configs import ConfigError, Site, parse

BASE = """\
fieldlab: lab
name: Lab
timezone: Europe/Amsterdam
language: nl
heartbeat_s: 10
cell_s: 300
convention: iso22400
energy: {price_eur_per_kwh: 0.21}
shifts:
  - name: early
    days: [mon, tue]
    start: "06:00"
    end: "14:30"
    breaks: [{start: "09:00", minutes: 15}]
  - {name: night, days: [sun], start: "22:00", end: "06:00"}
holidays: [2026-12-25]
lines:
  - id: milling
    bottleneck: m1
    output: m2
    machines:
      - id: m1
        kind: mill
        ideal_cycle_time_s: 42
        products:
          A12: {ideal_cycle_time_s: 42}
        states: packml
        minor_stop_s: 300
        planned_downtime:
          - {start: 2026-11-23T10:00:00Z, end: 2026-11-23T11:00:00Z}
        signals:
          state: {source: plc1, node: "nsu=urn:x;s=State"}
          total_count: {source: plc1, node: "nsu=urn:x;s=Total"}
          product: {source: broker, topic: lab/m1/order, field: product}
          power: {source: broker, topic: lab/m1/energy, field: p, unit: kW}
          energy: {source: broker, topic: lab/m1/energy, field: e, unit: kWh}
          spindle_c: {source: plc1, node: "nsu=urn:x;s=Temp", unit: degC}
      - id: m2
        states: {from_count: {stop_after_s: 120}}
        signals:
          good_count: {source: plc1, node: "nsu=urn:x;s=Good"}
  - id: packing
    machines:
      - id: p1
        states: {from_power: {off_below_kw: 0.2, idle_below_kw: 3}}
        signals:
          power: {item: Power}
companies:
  - {id: acme, name: Acme}
  - {id: bolt}
experiments:
  - id: coolant
    company: acme
    question: Does less coolant save energy?
    machines: [m1]
    arms:
      baseline: [{start: 2026-10-05, end: 2026-10-17}]
      trial: [{start: 2026-10-19, end: 2026-10-31}]
    match: [product, shift]
  - id: speed
    company: bolt
    machines: [m2]
    arms:
      baseline: [{start: 2026-10-05, end: 2026-10-17}]
      trial: [{start: 2026-10-19, end: 2026-10-31}]
sources:
  plc1: {kind: opcua, endpoint: "opc.tcp://10.0.0.5:4840", user: gw, password: {env: PLC1_PASSWORD}}
  broker: {kind: mqtt, host: 10.0.0.6, tls: true, user: gw, password: {file: broker.password}}
gateways:
  edge1: {sources: [plc1, broker], spool: {path: spool, max_bytes: 4GB}}
store:
  kind: influxdb
  url: https://10.0.0.7:8086
  org: lab
  token: {env: INFLUX_TOKEN}
  retention: {raw: 400d, kpi: 10y}
"""


def spoilt(*edits: tuple[str, str], text: str = BASE) -> str:
    """The base with each first text, which must be there, replaced by the second."""
    for old, new in edits:
        assert old in text, f"the base holds no {old!r}"
        text = text.replace(old, new, 1)
    return text


def problems(text: str, path: str = "lab.yaml") -> list[str]:
    """What is said of a text that is wrong."""
    with pytest.raises(ConfigError) as caught:
        parse(text, path)
    return list(caught.value.problems)


def valid(*edits: tuple[str, str]) -> Site:
    """The base so edited, which is still right."""
    return parse(spoilt(*edits), "lab.yaml")
