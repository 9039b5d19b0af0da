"""Every check of a configuration says file, line and key, and what it should have been."""

from __future__ import annotations

import pytest

from tests.fieldlab_configs.texts import BASE, MARK, marked_lines, problems, spoilt

M1 = "lines.milling.machines.m1"
M2 = "lines.milling.machines.m2"
SIGNALS = f"{M1}.signals"
TABLES = "packml, packml30060, opc40001, opc40501, euromap, weihenstephan, mtconnect, opc30050, opc30060"

# name: what is replaced, by what (the mark is on the line that the message must name), the key, the message;
# and, where the message is about another line, what that line begins with
CASES = {
    # single values
    "text where a number belongs": (
        "minor_stop_s: 300", "minor_stop_s: abc #<",
        f"{M1}.minor_stop_s", 'must be a number of seconds above 0, got "abc"',
    ),
    "a number in quotes": (
        "minor_stop_s: 300", 'minor_stop_s: "300" #<',
        f"{M1}.minor_stop_s", 'must be a number of seconds above 0, got "300"; leave the quotes out',
    ),
    "a decimal comma": (
        "heartbeat_s: 10", "heartbeat_s: 2,5 #<",
        "heartbeat_s", 'must be a number of seconds above 0, got "2,5"; write 2.5',
    ),
    "zero where above zero belongs": (
        "ideal_cycle_time_s: 42\n", "ideal_cycle_time_s: 0 #<\n",
        f"{M1}.ideal_cycle_time_s", "must be a number of seconds above 0, got 0",
    ),
    "a negative number": (
        "price_eur_per_kwh: 0.21}", "price_eur_per_kwh: -1} #<",
        "energy.price_eur_per_kwh", "must be a number of euro per kWh of at least 0, got -1",
    ),
    "not a number": (
        "heartbeat_s: 10", "heartbeat_s: .nan #<",
        "heartbeat_s", 'must be a number of seconds above 0, got ".nan"',
    ),
    "a number too large to be one": (
        "heartbeat_s: 10", "heartbeat_s: 1e999 #<",
        "heartbeat_s", "must be a number of seconds above 0, got 1e999",
    ),
    "nothing behind a key": (
        "heartbeat_s: 10", "heartbeat_s: #<",
        "heartbeat_s", "must be a number of seconds above 0, got nothing",
    ),
    "a list where one value belongs": (
        "heartbeat_s: 10", "heartbeat_s: [10] #<", "heartbeat_s", "must be a single value, got a list",
    ),
    "a mapping where a list belongs": (
        "holidays: [2026-12-25]", "holidays: {xmas: 2026-12-25} #<",
        "holidays", "must be a list, got a mapping; write it as [ ] or with a dash per item",
    ),
    "a list where a mapping belongs": (
        "  plc1: {kind: opcua, endpoint: \"opc.tcp://10.0.0.5:4840\", user: gw, password: {env: PLC1_PASSWORD}}",
        "  plc1: [opcua] #<", "sources.plc1", "must be a mapping with a kind, got a list",
    ),
    "a cell that does not divide a quarter of an hour": (
        "cell_s: 300", "cell_s: 7 #<", "cell_s", "must be a whole number of seconds that divides 900, got 7",
    ),
    "a language nobody speaks here": (
        "language: nl", "language: no #<", "language", 'must be nl or en, got "no"',
    ),
    "a word near a known one": (
        "convention: iso22400", "convention: iso22000 #<",
        "convention", 'must be iso22400 or nakajima, got "iso22000"; did you mean iso22400?',
    ),
    "text where true or false belongs": (
        "tls: true, user: gw, password: {file: broker.password}}", "tls: yes} #<",
        "sources.broker.tls", 'must be true or false, got "yes"',
    ),
    "a timezone that is none": (
        "timezone: Europe/Amsterdam", "timezone: Amsterdam #<",
        "timezone", 'must be a timezone such as Europe/Amsterdam, got "Amsterdam"',
    ),
    "a control character in a name": (
        "name: Lab", 'name: "La\\u0007b" #<',
        "name", "must be a text on one line, without control characters, got '\"La\\x07b\"'",
    ),
    # keys
    "a typo in a key": (
        "minor_stop_s: 300", "minor_stops: 300 #<",
        f"{M1}.minor_stops", "nobody knows this key; did you mean minor_stop_s?",
    ),
    "a key nobody knows": (
        "price_eur_per_kwh: 0.21}", "zzz: 1} #<",
        "energy.zzz", "nobody knows this key; known are price_eur_per_kwh, co2_kg_per_kwh, source",
    ),
    "a key twice": (
        "cell_s: 300", "heartbeat_s: 20 #<", "heartbeat_s", "stands here twice; it is also in line 5",
    ),
    "a required key missing": (
        "  - id: m1\n", "  - name: m1 #<\n",
        M1, "id is missing",
    ),
    "a source without a kind": (
        "broker: {kind: mqtt, ", "broker: { #<\n    ", "sources.broker", "kind is missing; it is one of opcua, mqtt",
    ),
    "a source of an unknown kind": (
        "kind: mqtt", "kind: mqqt #<\n   ",
        "sources.broker.kind", 'must be opcua or mqtt, got "mqqt"; did you mean mqtt?',
    ),
    # ids
    "an id with capitals": (
        "- id: packing", "- id: Pack Ing #<",
        "lines.Pack Ing.id", 'must be an id of 1 to 64 of a-z, 0-9, _ and -, got "Pack Ing"; write pack-ing',
    ),
    "a signal's name with capitals": (
        "spindle_c:", "Spindle: #<\n           ",
        f"{SIGNALS}.Spindle",
        'must be an id of 1 to 64 of a-z, 0-9, _ and -, got "Spindle"; write spindle',
    ),
    "a signal named as the store names texts": (
        "spindle_c:", "state_text: #<\n           ",
        f"{SIGNALS}.state_text", 'can not be "state_text": that name has a meaning of its own',
    ),
    "a product named as nothing": (
        "A12: {ideal", "none: #<\n            {ideal",
        f"{M1}.products.none", 'can not be "none": that name has a meaning of its own',
    ),
    "two machines of one id in two lines": (
        "- id: p1", "- id: m1 #<",
        "lines.packing.machines.m1.id", 'there is another machine "m1" in line 22; ids are unique',
    ),
    "two machines of one id in one line": (
        "- id: m2", "- id: m1 #<",
        "lines.milling.machines[1].id", 'there is another machine "m1" in line 22; ids are unique',
    ),
    "two lines of one id": (
        "- id: packing", "- id: milling #<",
        "lines[1].id", 'there is another line "milling" in line 18; ids are unique',
    ),
    "two companies of one id": (
        "{id: bolt}", "{id: acme} #<",
        "companies[1].id", 'there is another company "acme" in line 49; ids are unique',
    ),
    "two experiments of one id": (
        "- id: speed", "- id: coolant #<",
        "experiments[1].id", 'there is another experiment "coolant" in line 52; ids are unique',
    ),
    # references
    "a source nobody configured": (
        'spindle_c: {source: plc1', "spindle_c: {source: plc2 #<\n           ",
        f"{SIGNALS}.spindle_c.source", 'must be one of plc1, broker, got "plc2"; did you mean plc1?',
    ),
    "a bottleneck in another line": (
        "bottleneck: m1", "bottleneck: p1 #<", "lines.milling.bottleneck", 'must be one of m1, m2, got "p1"',
    ),
    "an output that does not exist": (
        "output: m2", "output: m9 #<", "lines.milling.output",
        'must be one of m1, m2, got "m9"',
    ),
    "a gateway's source that does not exist": (
        "{sources: [plc1, broker]", "{sources: [plc1, broken] #<\n    ",
        "gateways.edge1.sources[1]", 'must be one of plc1, broker, got "broken"; did you mean broker?',
    ),
    "a gateway with one source twice": (
        "{sources: [plc1, broker]", "{sources: [plc1, plc1] #<\n    ",
        "gateways.edge1.sources[1]", 'names "plc1" twice',
    ),
    "a gateway that follows a broker without a clock": (
        "{sources: [plc1, broker]", "{sources: [plc1, broker], clock: source",
        "sources.broker", "needs a clock_topic: gateway edge1 has clock: source", "  broker: {kind",
    ),
    "an experiment's machine that does not exist": (
        "machines: [m1]", "machines: [m7] #<",
        "experiments.coolant.machines[0]", 'must be one of m1, m2, p1, got "m7"',
    ),
    "an experiment's company that does not exist": (
        "company: acme", "company: akme #<",
        "experiments.coolant.company", 'must be one of acme, bolt, got "akme"; did you mean acme?',
    ),
    "a table nobody made": (
        "states: packml", "states: packmel #<",
        f"{M1}.states",
        "must be a table: packml, packml30060, opc40001, opc40501, euromap, weihenstephan or mtconnect, "
        'got "packmel"; did you mean packml?',
    ),
    "a state class nobody knows": (
        "states: packml", "states: {map: {RUN: runing}} #<",
        f"{M1}.states.map.RUN",
        "must be a state: producing, setup, idle, starved, blocked, stopped, down, maintenance, off or unknown, "
        'got "runing"; did you mean producing?',
    ),
    "a match on something else": (
        "match: [product, shift]", "match: [shifts] #<",
        "experiments.coolant.match[0]", 'must be product or shift, got "shifts"; did you mean shift?',
    ),
    "a match on products a machine does not tell": (
        "machines: [m1]", "machines: [m1, p1]",
        "experiments.coolant.match[0]", "needs a signal product; machine p1 has none", "    match: [",
    ),
    "a machine that ends in another line": (
        "        kind: mill", "        line: [{from: 2026-01-01, value: packing}] #<",
        f"{M1}.line",
        'must end with "milling", the line that the machine stands under, got "packing"',
    ),
    "a machine that came from a line nobody knows": (
        "        kind: mill", "        line: [{from: 2026-01-01, value: old}, {from: 2026-02-01, value: milling}] #<",
        f"{M1}.line", 'must be one of milling, packing, got "old"',
    ),
    # units and roles
    "power in a unit of energy": (
        "field: p, unit: kW", "field: p,\n            unit: kWh #<\n           ",
        f"{SIGNALS}.power.unit", 'must be one of kW, W, MW for power, got "kWh"',
    ),
    "energy in a unit of power": (
        "field: e, unit: kWh", "field: e,\n            unit: kW #<\n           ",
        f"{SIGNALS}.energy.unit", 'must be one of kWh, Wh, MWh, J, kJ, MJ, GJ for energy, got "kW"',
    ),
    "a cycle time in metres": (
        "spindle_c: {source: plc1, node: \"nsu=urn:x;s=Temp\", unit: degC", "ideal_cycle_time: {item: C, unit: m #<\n           ",
        f"{SIGNALS}.ideal_cycle_time.unit", 'must be one of s, ms, min, h for ideal_cycle_time, got "m"',
    ),
    "material in litres": (
        "spindle_c: {source: plc1, node: \"nsu=urn:x;s=Temp\", unit: degC", "material: {item: C, unit: l #<\n           ",
        f"{SIGNALS}.material.unit", 'must be one of kg, g, t for material, got "l"',
    ),
    "a unit on a state": (
        's=State"}', 's=State", unit: kW} #<',
        f"{SIGNALS}.state.unit", "a state has no unit; leave it out",
    ),
    "a rollover of a power": (
        "field: p, unit: kW", "field: p, rollover: 65536 #<\n           ",
        f"{SIGNALS}.power.rollover",
        "has no meaning for power; it is for total_count, good_count, scrap_count, rework_count, energy, material",
    ),
    "a scale of a state": (
        's=State"}', 's=State", scale: 2} #<',
        f"{SIGNALS}.state.scale", "has no meaning for state: it is no quantity",
    ),
    "a scale of nothing": (
        's=Total"}', 's=Total", scale: 0} #<',
        f"{SIGNALS}.total_count.scale", "must be a number other than 0, got 0",
    ),
    "a quality above one": (
        "        kind: mill", "        assume_quality: 95 #<",
        f"{M1}.assume_quality", "must be a number from 0 to 1, got 95",
    ),
    # signals and their sources
    "a node on a broker": (
        "topic: lab/m1/order, field: product", 'node: "ns=2;s=Order" #<\n           ',
        f"{SIGNALS}.product.node", "does not fit broker, a source of kind mqtt; give a topic",
    ),
    "a topic on an OPC UA server": (
        'total_count: {source: plc1, node: "nsu=urn:x;s=Total"', "total_count: {source: plc1, topic: lab/m1/total #<\n           ",
        f"{SIGNALS}.total_count.topic", "does not fit plc1, a source of kind opcua; give a node",
    ),
    "a signal in two places": (
        's=Total"}', 's=Total", topic: lab/m1/total} #<',
        f"{SIGNALS}.total_count.topic", "stands beside node; a signal is read in one place",
    ),
    "a source without a node or topic": (
        ', node: "nsu=urn:x;s=Total"}', "} #<",
        f"{SIGNALS}.total_count", "needs a node (OPC UA) or a topic (MQTT) beside its source",
    ),
    "a node without a source": (
        'total_count: {source: plc1, node: "nsu=urn:x;s=Total"}', 'total_count: {node: "ns=2;i=7"} #<',
        f"{SIGNALS}.total_count.node", "needs a source; add source: and the name of one",
    ),
    "a node id that is none": (
        '"nsu=urn:x;s=Total"', "Total #<\n           ",
        f"{SIGNALS}.total_count.node", 'must be a node id such as "nsu=urn:x;s=State", got "Total"',
    ),
    "a topic with a wildcard": (
        "topic: lab/m1/order", 'topic: "lab/+/order" #<\n           ',
        f"{SIGNALS}.product.topic", 'must be one MQTT topic, without + or #, got "lab/+/order"',
    ),
    "a state without states": (
        "        states: packml\n", "",
        f"{SIGNALS}.state", f"needs states: beside signals:, to say what its codes mean: {TABLES}, or a map",
        "          state: {",
    ),
    "states from counts without a counter": (
        "good_count: {source", "other: {source",
        f"{M2}.states", "from_count needs a signal total_count or good_count", "states: {from_count",
    ),
    "states from power without power": (
        "power: {item: Power}", "other: {item: Power}",
        "lines.packing.machines.p1.states", "from_power needs a signal power", "states: {from_power",
    ),
    "a table without a state to map": (
        "states: {from_count: {stop_after_s: 120}}", "states: packml #<",
        f"{M2}.states", "needs a signal state whose codes it maps; without one use from_count or from_power",
    ),
    "two ways to a state": (
        "states: packml", "states: {table: packml, from_count: {}} #<",
        f"{M1}.states", "must be one of a table and a map, from_count, from_power",
    ),
    "limits of power the wrong way round": (
        "idle_below_kw: 3}}", "idle_below_kw: 0.1}} #<",
        "lines.packing.machines.p1.states.from_power.idle_below_kw", "must not be below off_below_kw",
    ),
    # calendar
    "a time of day that is none": (
        'start: "06:00"\n', 'start: "6 o\'clock" #<\n',
        "shifts.early.start", 'must be a time of day such as "14:30", got "6 o\'clock"',
    ),
    "a minute that does not exist": (
        'end: "14:30"', 'end: "14:60" #<', "shifts.early.end",
        'must be a time of day such as "14:30", got "14:60"',
    ),
    "a day that is none": (
        "days: [mon, tue]", "days: [mon, tuesday] #<",
        "shifts.early.days[1]", 'must be one of mon, tue, wed, thu, fri, sat, sun, got "tuesday"; did you mean tue?',
    ),
    "a day twice": (
        "days: [mon, tue]", "days: [mon, mon] #<", "shifts.early.days", "names a day twice",
    ),
    "no day": (
        "days: [mon, tue]", "days: [] #<", "shifts.early.days", "must name at least one day of the week",
    ),
    "a holiday that does not exist": (
        "[2026-12-25]", "[2026-02-30] #<", "holidays[0]", 'must be a date such as 2026-12-25, got "2026-02-30"',
    ),
    "shifts over one another": (
        "  - {name: night,", '  - {name: flex, days: [tue], start: "14:00", end: "15:00"} #<\n  - {name: night,',
        "shifts.flex", 'overlaps shift "early" on tue',
    ),
    "shifts over one another across midnight and the week's end": (
        'end: "06:00"}', 'end: "06:30"} #<', "shifts.night", 'overlaps shift "early" on mon',
    ),
    "a break outside its shift": (
        '{start: "09:00", minutes: 15}', '{start: "14:20", minutes: 15} #<\n           ',
        "shifts.early.breaks[0]", "must lie inside its shift, 06:00 to 14:30",
    ),
    "breaks over one another": (
        'minutes: 15}]', 'minutes: 15}, {start: "09:10", minutes: 5}] #<',
        "shifts.early.breaks[1]", "overlaps another break of the shift",
    ),
    "downtime that ends before it starts": (
        "end: 2026-11-23T11:00:00Z}", "end: 2026-11-23T09:00:00Z} #<",
        f"{M1}.planned_downtime[0].end", "must be after start",
    ),
    "a time that is none": (
        "end: 2026-11-23T11:00:00Z}", "end: tomorrow} #<",
        f"{M1}.planned_downtime[0].end",
        'must be a date or an RFC 3339 timestamp such as 2026-10-05T06:00:00Z, got "tomorrow"',
    ),
    "an hour that does not exist": (
        "end: 2026-11-23T11:00:00Z}", "end: 2026-11-23T25:00:00Z} #<",
        f"{M1}.planned_downtime[0].end",
        "must be a date or timestamp that exists (hour must be in 0..23), got \"2026-11-23T25:00:00Z\"",
    ),
    "a time before there was any": (
        "end: 2026-11-23T11:00:00Z}", "end: 1066-10-14} #<",
        f"{M1}.planned_downtime[0].end", 'must lie between 1970-01-02 and 2261-12-31, got "1066-10-14"',
    ),
    "two dated values from one moment": (
        "ideal_cycle_time_s: 42\n",
        "ideal_cycle_time_s: [{from: 2026-01-01, value: 42},\n          {from: 2025-12-31T23:00:00Z, value: 40}] #<\n",
        f"{M1}.ideal_cycle_time_s[1].from", "has the same moment as an earlier entry; keep one of them",
    ),
    "a dated value without a date": (
        "ideal_cycle_time_s: 42\n",
        "ideal_cycle_time_s: [{from: 2026-01-01, value: 42},\n          {value: 40}] #<\n",
        f"{M1}.ideal_cycle_time_s[1]", "from is missing; an entry is {from: 2026-10-05, value: ...}",
    ),
    "a dated value that is wrong": (
        "ideal_cycle_time_s: 42\n", "ideal_cycle_time_s: [{from: 2026-01-01, value: -4}] #<\n",
        f"{M1}.ideal_cycle_time_s[0].value", "must be a number of seconds above 0, got -4",
    ),
    # experiments
    "a window off the cells": (
        "baseline: [{start: 2026-10-05, end: 2026-10-17}]", "baseline: [{start: 2026-10-05T06:01, end: 2026-10-17}] #<",
        "experiments.coolant.arms.baseline[0].start", "must lie on the edge of a cell of 300 s",
    ),
    "a window that ends where it starts": (
        "trial: [{start: 2026-10-19, end: 2026-10-31}]", "trial: [{start: 2026-10-19, end: 2026-10-19}] #<",
        "experiments.coolant.arms.trial[0].end",
        "must be after start; an end that is a date is not itself in the window",
    ),
    "windows over one another": (
        "trial: [{start: 2026-10-19, end: 2026-10-31}]", "trial: [{start: 2026-10-16, end: 2026-10-31}] #<",
        "experiments.coolant.arms.trial[0]", "overlaps another window, of the arm baseline",
    ),
    "an arm missing": (
        "      trial: [{start: 2026-10-19, end: 2026-10-31}]\n    match", "    match",
        "experiments.coolant.arms",
        "the arm trial is missing; it needs at least one window {start, end}", "    arms:",
    ),
    "an arm too many": (
        "    match: [product, shift]", "      control: [{start: 2026-11-02, end: 2026-11-03}] #<",
        "experiments.coolant.arms.control", "must be baseline or trial",
    ),
    "an experiment without machines": (
        "machines: [m1]", "machines: [] #<", "experiments.coolant.machines", "must name at least one machine",
    ),
    # connections
    "a password in clear": (
        "password: {env: PLC1_PASSWORD}}", "password: hunter2} #<",
        "sources.plc1.password",
        "a secret never stands in the config; name where it is kept: {env: NAME} or {file: PATH}",
    ),
    "a token in clear": (
        "token: {env: INFLUX_TOKEN}", "token: hunter2 #<",
        "store.token",
        "a secret never stands in the config; name where it is kept: {env: NAME} or {file: PATH}",
    ),
    "a secret kept nowhere": (
        "token: {env: INFLUX_TOKEN}", "token: {} #<", "store.token", "must be either {env: NAME} or {file: PATH}",
    ),
    "a password in an address": (
        "url: https://10.0.0.7:8086", "url: https://me:hunter2@10.0.0.7:8086 #<",
        "store.url", "must not hold a name or password; use the keys for them",
    ),
    "a password without a user": (
        'user: gw, password: {env: PLC1_PASSWORD}}', "password: {env: X}} #<",
        "sources.plc1.user", "is missing; a password needs a user",
    ),
    "an address of another scheme": (
        '"opc.tcp://10.0.0.5:4840"', "http://10.0.0.5 #<\n   ",
        "sources.plc1.endpoint", 'must be an address such as opc.tcp://10.0.0.5:4840, got "http://10.0.0.5"',
    ),
    "a port in an address that is none": (
        '"opc.tcp://10.0.0.5:4840"', '"opc.tcp://10.0.0.5:99999" #<\n   ',
        "sources.plc1.endpoint",
        'must be an address such as opc.tcp://10.0.0.5:4840, got "opc.tcp://10.0.0.5:99999"',
    ),
    "a port that is none": (
        "tls: true", "port: 70000 #<\n   ",
        "sources.broker.port", "must be a whole number of a port from 1 to 65535, got 70000",
    ),
    "a host with a scheme": (
        "host: 10.0.0.6", "host: mqtt://10.0.0.6 #<\n   ",
        "sources.broker.host",
        'must be a host name or address, without a scheme, port or path, got "mqtt://10.0.0.6"',
    ),
    "security nobody offers": (
        "user: gw, password: {env: PLC1_PASSWORD}", "security: encrypt #<\n   ",
        "sources.plc1.security",
        'must be none, sign or sign_and_encrypt, got "encrypt"; did you mean sign_and_encrypt?',
    ),
    "a size that is none": (
        "max_bytes: 4GB", "max_bytes: much #<\n   ",
        "gateways.edge1.spool.max_bytes", 'must be a size such as 500MB or 4GB, got "much"',
    ),
    "a retention that is none": (
        "raw: 400d", "raw: 400 #<\n   ",
        "store.retention.raw", 'must be a time such as 36h, 400d, 52w or 10y, got "400"',
    ),
    "a retention of a bucket that is none": (
        "raw: 400d", "rwa: 400d #<\n   ",
        "store.retention.rwa", 'must be the name of a bucket: raw or kpi, got "rwa"; did you mean raw?',
    ),
    "a store without its address": (
        "  url: https://10.0.0.7:8086\n", "",
        "store", "url is missing; a store of kind influxdb needs it", "store:",
    ),
    "a path for InfluxDB": (
        "  org: lab", "  path: lab.db #<",
        "store.path", "has no meaning for a store of kind influxdb; leave it out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_value_is_named_by_file_line_and_key(name: str) -> None:
    """One thing is spoilt in a good file; exactly that is said, and where."""
    old, new, key, message, *elsewhere = CASES[name]
    text = spoilt((old, new))
    lines = text.splitlines()
    line = next(n for n, t in enumerate(lines, 1) if (elsewhere[0] if elsewhere else MARK) in t)
    assert problems(text) == [f"lab.yaml:{line}: {key}: {message}"]


def test_windows_of_two_companies_may_not_overlap_on_one_machine() -> None:
    """Each window that overlaps another company's is named."""
    said = problems(spoilt(("machines: [m2]", "machines: [m2, m1]")))
    assert [s.split(": ", 1)[1] for s in said] == [
        "experiments.speed.arms.baseline[0]: overlaps a window of experiment coolant of acme on machine m1",
        "experiments.speed.arms.trial[0]: overlaps a window of experiment coolant of acme on machine m1",
    ]


def test_a_secret_in_clear_is_never_repeated() -> None:
    """The message about a password must not spread it."""
    said = problems(spoilt(("password: {env: PLC1_PASSWORD}}", "password: hunter2}")))
    assert "hunter2" not in "".join(said)
    said = problems(spoilt(("url: https://10", "url: https://me:hunter2@10")))
    assert "hunter2" not in "".join(said)


def test_all_problems_are_said_at_once_in_order_of_line() -> None:
    """Values, keys, doubles and references that are wrong are gathered in one error."""
    text = spoilt(
        ("heartbeat_s: 10", "heartbeat_s: soon #<"),
        ("minor_stop_s: 300", "minor_stops: 300 #<"),
        ("bottleneck: m1", "bottleneck: m8 #<"),
        ("fieldlab: lab\nname: Lab", "fieldlab: lab\nname: Lab\nname: Lab2 #<"),
    )
    assert [int(s.split(":")[1]) for s in problems(text)] == marked_lines(text)
    assert len(problems(text)) == 4


def test_the_base_itself_is_right() -> None:
    """Or else every case above proves nothing."""
    with pytest.raises(AssertionError, match="holds no"):
        spoilt(("nowhere to be found", ""))
    with pytest.raises(pytest.fail.Exception):
        problems(BASE)
