"""What simulated machines say is what a gateway of the same configuration finds."""

from __future__ import annotations

import pytest

from fieldlab_configs import Signal, parse
from fieldlab_configs.paths import parse_path
from gateways.mqtt_routes import Routes
from gateways.source import points_of
from simulator.errors import CannotSimulate
from simulator.mqtt_content import document, spoken, written

TIME_NS = 1_795_428_000_123_000_000
_LAB = """
fieldlab: lab
timezone: UTC
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 1
        signals: {{total_count: {{source: b, {count}}}, load: {{source: b, {load}}}}}
sources: {{b: {{kind: mqtt, host: h, topics: {topics}}}}}
"""


@pytest.mark.parametrize(
    ("topics", "count", "load"),
    [
        ('{topic: "p/{machine}", time_field: ts, time_unit: ms}', "field: count", "field: spindle.load"),
        ('{topic: "p/+/{machine}/#", time_field: ts, time_unit: s}', "field: count", "field: '\"a.b\".load'"),
        (
            '{topic: "p/{machine}", field: "v[id={signal}].x", time_field: v.t}',
            "time_unit: us",
            "time_unit: us",
        ),
        ('{topic: "p/{machine}", field: "[id={signal}].x", time_field: t}', "time_unit: ns", "time_unit: ns"),
        (
            '{topic: "p/{machine}", field: "a.{signal}.v", time_field: a.t}',
            "time_unit: rfc3339",
            "field: a.x.1",
        ),
    ],
)
def test_a_gateway_finds_what_a_simulated_machine_says(topics, count, load):
    """Patterns, wildcards, nested objects, records of arrays, times in every unit."""
    site = parse(_LAB.format(topics=topics, count=count, load=load))
    signals = site.machine("m1").signals
    content = {}
    for number, signal in enumerate(signals.values(), 1):
        content[parse_path(signal.field)] = float(number)
        content[parse_path(signal.time_field)] = written(TIME_NS, signal.time_unit)
    topic = spoken(signals["load"].topic)
    found = Routes(points_of(site, "b"), None, None).of(topic.encode())
    assert found is not None
    records, wrong = found[1].plan.read(document(content, topic).encode())
    assert wrong == []
    told = {field.name: value for record in records for field, value in record.values}
    assert told == {"total_count": 1.0, "load": 2.0}
    assert {record.time_ns for record in records} == {TIME_NS}


def test_fields_that_contradict_each_other_are_said():
    """An object here, an array there: no machine could say that."""
    content = {parse_path("v[id=x].y"): 1, parse_path("v.z.y"): 2, parse_path("v"): 3, (): 4}
    with pytest.raises(CannotSimulate, match="topic p: its signals' fields"):
        document(content, "p")


def test_a_bare_value_stays_bare():
    """A text as it is, a number as JSON has it."""
    assert document({(): "RUN"}, "p") == "RUN"
    assert document({(): 4.5}, "p") == "4.5"
    assert Signal(source="b", topic=spoken("a/+/b/#")).topic == "a/simulated/b/simulated"
