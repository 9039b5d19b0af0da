"""Topics and devices by pattern: each signal's own names are filled in when the file is read."""

from __future__ import annotations

import pytest

from fieldlab_configs import Signal, parse
from tests.fieldlab_configs.texts import problems

_LAB = """
fieldlab: lab
timezone: UTC
lines:
  - id: milling
    machines:
      - {{id: m1, ideal_cycle_time_s: 10, signals: &all {{{signals}}}}}
      - {{id: m2, ideal_cycle_time_s: 10, signals: *all}}
sources: {{broker: {{{source}}}}}
"""


def signal(source: str, signals: str, name: str = "total_count", machine: str = "m2") -> Signal:
    """A signal of the second machine, which is written with an alias of the first one's."""
    site = parse(_LAB.format(source=source, signals=signals))
    return site.machine(machine).signals[name]


def test_a_topic_per_signal() -> None:
    """Line, machine and signal stand in the topic; its messages are bare values."""
    found = signal(
        'kind: mqtt, host: h, topics: "plant/{line}/{machine}/{signal}"', "total_count: {source: broker}"
    )
    assert (found.topic, found.field) == ("plant/milling/m2/total_count", None)


def test_a_message_per_machine() -> None:
    """No signal in the topic: each signal is the field of its own name."""
    found = signal(
        "kind: mqtt, host: h, topics: {topic: 'plant/+/{machine}/data', time_field: ts, time_unit: ms}",
        "total_count: {source: broker}",
    )
    assert (found.topic, found.field, found.time_field, found.time_unit) == (
        "plant/+/m2/data", "total_count", "ts", "ms",
    )  # fmt: skip


def test_names_in_topics_may_differ_from_ids() -> None:
    """A name is said once per id, whatever it is the id of."""
    found = signal(
        "kind: mqtt, host: h, topics: {topic: '{line}/{machine}', field: 'values[id={signal}].v'},"
        " names: {milling: Hall 2, m2: Mill-07, total_count: Parts.Total}",
        "total_count: {source: broker}",
    )
    assert (found.topic, found.field) == ("Hall 2/Mill-07", "values[id=Parts.Total].v")


def test_a_signal_may_say_its_own() -> None:
    """With a topic of its own it takes nothing from the pattern; with a field alone it takes the rest."""
    source = "kind: mqtt, host: h, topics: {topic: 'x/{machine}', time_field: ts}"
    own = signal(source, "total_count: {source: broker, topic: 'own/{machine}/n'}")
    assert (own.topic, own.field, own.time_field) == ("own/m2/n", None, None)
    part = signal(source, "total_count: {source: broker, field: n.total}")
    assert (part.topic, part.field, part.time_field) == ("x/m2", "n.total", "ts")


def test_sparkplug_devices_and_metrics() -> None:
    """A device per machine; a metric has the signal's name where it says none."""
    source = "kind: sparkplug, host: h, devices: 'lab/edge-{line}/{machine}', names: {total_count: Parts}"
    found = signal(source, "total_count: {source: broker}")
    assert (found.device, found.metric) == ("lab/edge-milling/m2", "Parts")
    own = signal(source, "total_count: {source: broker, device: lab/e1, metric: 'Line {line}/Total'}")
    assert (own.device, own.metric) == ("lab/e1", "Line milling/Total")


@pytest.mark.parametrize(
    ("source", "signals", "said"),
    [
        ("kind: sparkplug, host: h", "total_count: {source: broker}",
         "signals.total_count: needs a device (group/node/device), or sources.broker a pattern: devices"),
        ("kind: sparkplug, host: h, devices: 'g/{machine}'", "link: {source: broker}",
         "signals.link: is not for Sparkplug B, where births and deaths tell that a machine is alive"),
        ("kind: sparkplug, host: h", "total_count: {source: broker, topic: x}",
         "signals.total_count.topic: does not fit broker, a source of kind sparkplug; give a device"),
        ("kind: sparkplug, host: h, devices: 'g/e'", "total_count: {source: broker}",
         "sources.broker.devices: must have {machine} in it, or all machines would be one device"),
        ("kind: sparkplug, host: h", "total_count: {source: broker, device: just-one}",
         "must be group/node or group/node/device, as Sparkplug names it"),
        ("kind: driver, driver: tail, address: x", "total_count: {source: broker}",
         "signals.total_count: needs an address beside its source"),
    ],
    ids=["no device", "link", "topic", "one for all", "half a device", "no address"],
)  # fmt: skip
def test_what_is_missing_is_said(source: str, signals: str, said: str) -> None:
    """Where a signal is to be found must follow from the file."""
    found = problems(_LAB.format(source=source, signals=signals))
    assert any(said in problem for problem in found), found


def test_the_places_are_filled_in_for_everyone() -> None:
    """What a pattern means is in the fingerprint, and in what simulators and drivers see."""
    site = parse(
        _LAB.format(
            source="kind: mqtt, host: h, topics: '{machine}/{signal}'",
            signals="total_count: {source: broker}",
        )
    )
    assert [m.signals["total_count"].topic for m in site.machines()] == ["m1/total_count", "m2/total_count"]
