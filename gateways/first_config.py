"""A first config: what an engineer answered, and what was seen, as YAML with comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateways.browse import Result, Seen, quoted
from gateways.browse_yaml import named, signal_lines, source_line, source_name, with_roles

_STATES: Final = "packml"


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of the fieldlab.

    Attributes
    ----------
    fieldlab, name, timezone, language : str
    line, machine : str
        Ids.
    cycle_s : float
        Ideal cycle time. [s]
    states : str
        Named table of the state codes.
    store : str
        A file for an embedded store, or the address of an InfluxDB.
    org : str or None
        Of an InfluxDB 2.
    """

    fieldlab: str
    name: str
    timezone: str
    language: str = "nl"
    line: str = "line1"
    machine: str = "machine1"
    cycle_s: float = 60.0
    states: str = _STATES
    store: str = ""
    org: str | None = None


@dataclass(slots=True)
class _Part:
    """A source, and the lines of its signals."""

    name: str
    source: Mapping[str, Any]
    signals: list[str] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)


def first_config(answers: Answers, results: Sequence[Result]) -> str:
    """The text of a config that `fieldlab check` passes."""
    parts = _parts(results)
    roles = {role for part in parts for role in part.roles}
    states = [f"        states: {answers.states}  # what the state codes mean"] if "state" in roles else []
    signals = [line for part in parts for line in part.signals]
    return "\n".join([
        "# Every key is in docs/reference/configuration.md; after a change: fieldlab check",
        f"fieldlab: {answers.fieldlab}",
        f"name: {quoted(answers.name)}",
        f"timezone: {answers.timezone}",
        f"language: {answers.language}",
        "# shifts:",
        '#   - {name: early, days: [mon, tue, wed, thu, fri], start: "06:00", end: "14:30"}',
        "lines:",
        f"  - id: {answers.line}",
        "    machines:",
        f"      - id: {answers.machine}",
        f"        ideal_cycle_time_s: {answers.cycle_s:g}",
        *states,
        *_signals(signals),
        *_sources(parts),
        _store(answers),
        "",
    ])  # fmt: skip


def _parts(results: Sequence[Result]) -> list[_Part]:
    parts: list[_Part] = []
    taken: set[str] = set()
    given: set[str] = set()
    for result in results:
        stem = name = source_name(result.source)
        number = 2
        while name in {part.name for part in parts}:
            name, number = f"{stem}_{number}", number + 1
        part = _Part(name, result.source)
        useful = [each for each in result.seen if not _of_the_server(each)]
        for signal, each in _apart(with_roles(list(named(useful, taken))), given):
            part.signals += signal_lines([(signal, each)], name, 10)
            if not part.signals[-1].lstrip().startswith("#"):
                part.roles.add(signal)
        parts.append(part)
    return parts


def _apart(names: Sequence[tuple[str, Seen]], given: set[str]) -> list[tuple[str, Seen]]:
    """No name twice, across sources: a role is given once."""
    found = []
    for name, each in names:
        own, number = name, 2
        while own in given:
            own, number = f"{name}_{number}", number + 1
        given.add(own)
        found.append((own, each))
    return found


def _of_the_server(seen: Seen) -> bool:
    """Nodes that every OPC UA server has."""
    node = seen.place.get("node")
    return node is not None and node.startswith(("i=", "ns=0;"))


def _signals(lines: Sequence[str]) -> list[str]:
    if any(not line.lstrip().startswith("#") for line in lines):
        return ["        signals:  # the key is the role, any other name is a measurement", *lines]
    return [
        "        # signals:  # what the machine tells; find it with: fieldlab browse",
        *(line if line.lstrip().startswith("#") else f"          # {line.lstrip()}" for line in lines),
        '        #   state: {source: plc1, node: "nsu=urn:example:mill;s=State"}',
    ]


def _sources(parts: Sequence[_Part]) -> list[str]:
    if not parts:
        return [
            "# sources:",
            '#   plc1: {kind: opcua, endpoint: "opc.tcp://10.0.0.5:4840"}',
            "# gateways: {edge1: {sources: [plc1]}}",
        ]
    lines = ["sources:", *(source_line(part.name, part.source, 2) for part in parts)]
    return [*lines, f"gateways: {{edge1: {{sources: [{', '.join(part.name for part in parts)}]}}}}"]


def _store(answers: Answers) -> str:
    if "://" not in answers.store:
        return f"store: {{kind: embedded, path: {quoted(answers.store or f'{answers.fieldlab}.db')}}}"
    org = f", org: {quoted(answers.org)}" if answers.org else ""
    return f"store: {{kind: influxdb, url: {quoted(answers.store)}{org}, token: {{env: INFLUX_TOKEN}}}}"
