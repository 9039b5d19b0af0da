"""Configurations for the tests of the simulator, and readings as a gateway without servers would see them."""

from __future__ import annotations

from fieldlab_configs import Site, parse
from simulator.faults import Faults, plan
from simulator.plant import Plant
from simulator.readings import Reading

NS = 1_000_000_000
MONDAY_8 = 1_767_596_400 * NS  # 2026-01-05 08:00 in Amsterdam, 07:00 UTC

LINE = """
fieldlab: test
timezone: Europe/Amsterdam
heartbeat_s: 10
energy: {price_eur_per_kwh: 0.2, co2_kg_per_kwh: 0.3, source: test}
shifts:
  - name: early
    days: [mon, tue, wed, thu, fri]
    start: "06:00"
    end: "14:30"
    breaks: [{start: "09:00", minutes: 15}]
lines:
  - id: line
    bottleneck: mill
    output: pack
    machines:
      - id: mill
        kind: mill
        ideal_cycle_time_s: 20
        products: {a: {}, b: {ideal_cycle_time_s: 30}}
        states: {table: packml, map: {100: setup, 101: blocked, 102: maintenance, 103: off}}
        signals:
          state: {source: plc, node: "nsu=urn:test;s=mill.State"}
          total_count: {source: plc, node: "nsu=urn:test;s=mill.Total", trigger: status_value_timestamp}
          good_count: {source: plc, node: "nsu=urn:test;s=mill.Good", trigger: status_value_timestamp}
          rework_count: {source: plc, node: "nsu=urn:test;s=mill.Rework", trigger: status_value_timestamp}
          product: {source: plc, node: "nsu=urn:test;s=mill.Product"}
          power: {source: plc, node: "nsu=urn:test;i=7", unit: kW}
          energy: {source: plc, node: "nsu=urn:test;s=mill.Energy", unit: kWh}
          spindle_c: {source: plc, node: "nsu=urn:other;s=Temp", unit: degC}
      - id: pack
        kind: packaging
        ideal_cycle_time_s: 8
        products: {a: {}, b: {ideal_cycle_time_s: 9}}
        states:
          map: {RUN: producing, SET: setup, RDY: idle, LACK: starved, FULL: blocked, STOP: stopped, ERR: down,
            OFF: off}
        signals:
          link: {source: broker, topic: t/pack/online}
          state: {source: broker, topic: t/pack/state, field: value, time_field: ts}
          good_count: {source: broker, topic: t/pack/count, field: n.good, time_field: ts}
          scrap_count: {source: broker, topic: t/pack/count, field: n.scrap, time_field: ts}
          product: {source: broker, topic: t/pack/order, field: product, time_field: ts}
          order: {source: broker, topic: t/pack/order, field: order, time_field: ts}
          power: {source: broker, topic: t/pack/power, field: p, time_field: ts, unit: W}
          material: {source: broker, topic: t/pack/material, field: kg, time_field: ts}
sources:
  plc: {kind: opcua, endpoint: "opc.tcp://127.0.0.1:PLC", security: none}
  broker: {kind: mqtt, host: 127.0.0.1, port: BROKER, clock_topic: t/clock}
"""


def line(plc: int = 48400, broker: int = 18831, topics: str = "t") -> Site:
    """A mill behind OPC UA and a packaging cell behind MQTT, under topics of its own."""
    text = LINE.replace("PLC", str(plc)).replace("BROKER", str(broker))
    return parse(text.replace(" t/", f" {topics}/"))


def machine(body: str, *, head: str = "", products: str = "{}") -> Site:
    """One machine `m` behind OPC UA, with the given lines inside it; `head` stands at the top."""
    return parse(
        f"fieldlab: test\ntimezone: Europe/Amsterdam\n{head}\n"
        "sources: {plc: {kind: opcua, endpoint: 'opc.tcp://127.0.0.1:48400', security: none}}\n"
        f"lines:\n  - id: line\n    machines:\n      - id: m\n        products: {products}\n"
        + "\n".join(f"        {row}" for row in body.strip("\n").splitlines())
    )


def node(name: str, more: str = "") -> str:
    """A signal of one machine."""
    return f'{{source: plc, node: "nsu=urn:test;s={name}"{more}}}'


def played(
    site: Site, seconds: float, *, seed: int = 1, faults: tuple[str, ...] = (), step_s: float = 7.0
) -> tuple[list[Reading], Plant, Faults]:
    """Readings in the order in which they get out, of a run without any server."""
    end_ns = MONDAY_8 + round(seconds * NS)
    windows = plan(faults, site, seed=seed, start_ns=MONDAY_8, planned_s=seconds, speed=60)
    course = Faults(windows)
    plant = Plant(site, seed=seed, start_ns=MONDAY_8, resets=course.resets, low_counters=bool(windows))
    out = course.through(plant.advance(MONDAY_8))
    now_ns = MONDAY_8
    while now_ns < end_ns:
        to_ns = min(now_ns + round(step_s * NS), end_ns)
        for time_ns, begins, window in course.edges(now_ns, to_ns):
            out += course.through(plant.advance(time_ns))
            out += course.begin(window) if begins else course.end(window, plant)
        out += course.through(plant.advance(to_ns))
        now_ns = to_ns
    out += course.through(plant.closing())
    return out, plant, course


def of(readings: list[Reading], machine_id: str, signal: str) -> list[Reading]:
    """The readings of one signal, in the order in which they got out."""
    return [r for r in readings if (r.machine, r.signal) == (machine_id, signal)]
