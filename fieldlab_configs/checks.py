"""What is wrong between the parts of a config though each of them is right: references, doubles, overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fieldlab_configs.broker_sources import MqttSource, SparkplugSource
from fieldlab_configs.connections import Source, StoreConfig
from fieldlab_configs.experiments import Experiment
from fieldlab_configs.kinds import nearest
from fieldlab_configs.opcua_source import OpcUaSource
from fieldlab_configs.plant import Line, Machine, Signal
from fieldlab_configs.site import Site
from fieldlab_configs.times import NS
from fieldlab_configs.tree import Node

Found = Iterator[tuple[Node, str]]

_KEYS_OF: Final = {
    "opcua": ("node", "field", "index"),
    "mqtt": ("topic", "field", "time_field", "time_unit"),
    "sparkplug": ("device", "metric"),
    "driver": ("address",),
}

MOST_ALSO: Final = 15
"""The spool's high-water mark has room for so many beside the first."""


def check(site: Site, root: Node, *, misread: frozenset[tuple[str, ...]] = frozenset()) -> Found:
    """Every problem between parts, with the node to point at.

    Parameters
    ----------
    site : Site
        As read; where it was wrong, with placeholders.
    root : Node
        The tree it was read from, item for item.
    misread : frozenset of paths
        What was already found wrong: a reference to it proves nothing.
    """
    ids = {
        "line": [(line.id, root.at("lines", i, "id")) for i, line in enumerate(site.lines)],
        "machine": [
            (machine.id, root.at("lines", i, "machines", j, "id"))
            for i, line in enumerate(site.lines)
            for j, machine in enumerate(line.machines)
        ],
        "company": [(c.id, root.at("companies", i, "id")) for i, c in enumerate(site.companies)],
        "experiment": [(e.id, root.at("experiments", i, "id")) for i, e in enumerate(site.experiments)],
    }
    doubled = [list(_doubles(pairs, what)) for what, pairs in ids.items()]
    yield from (found for some in doubled for found in some)
    nameless = any(node.path in misread or node.path[:-1] in misread for p in ids.values() for _, node in p)
    if nameless or any(doubled):
        return  # who is meant by a name is not clear yet; say the rest when it is
    for i, line in enumerate(site.lines):
        yield from _line(site, line, root.at("lines", i), misread)
    yield from _gateways(site, root)
    yield from _names(site, root)
    yield from _stores(site, root)
    for i, experiment in enumerate(site.experiments):
        yield from _experiment(site, experiment, root.at("experiments", i))
    yield from _shared_machines(site, root)
    yield from _shown_to(site, root)


def _shown_to(site: Site, root: Node) -> Found:
    """Whom the app or a report shows what a company may see, where there is no such company."""
    companies = [company.id for company in site.companies]
    users = site.app.users if site.app is not None else {}
    kiosks = site.app.kiosks if site.app is not None else {}
    weekly = site.reports.weekly if site.reports is not None else {}
    asked = [(user.company, ("app", "users", name, "company")) for name, user in users.items()]
    asked += [(kiosk.company, ("app", "kiosks", name, "company")) for name, kiosk in kiosks.items()]
    asked += [(report.company, ("reports", "weekly", name, "company")) for name, report in weekly.items()]
    for company, path in asked:
        if company is not None and company not in companies:
            yield root.at(*path), _unknown(company, companies, "company")
    lines = [line.id for line in site.lines]
    for name, kiosk in kiosks.items():
        if kiosk.line is not None and kiosk.line not in lines:
            yield root.at("app", "kiosks", name, "line"), _unknown(kiosk.line, lines, "line")
    if site.reports is not None and site.store is None:
        yield root.at("reports"), "needs a store, which its figures are read from"


def _doubles(ids: Iterable[tuple[str, Node]], what: str) -> Found:
    first: dict[str, Node] = {}
    for name, node in ids:
        if name in first:
            yield node, f'there is another {what} "{name}" in line {first[name].line}; ids are unique'
        first.setdefault(name, node)


def _unknown(name: str, known: Iterable[str], what: str) -> str:
    names = list(known)
    if not names:
        return f'must be the name of a {what}, got "{name}"; none is configured'
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")  # noqa: PLR2004 - a line of text
    return f'must be one of {listed}, got "{name}"{nearest(name, names)}'


def _line(site: Site, line: Line, node: Node, misread: frozenset[tuple[str, ...]]) -> Found:
    # A machine that was moved away still stands in for the time before.
    here = [m.id for m in site.machines() if any(name == line.id for _, name in m.line.entries)]
    here += [m.id for m in line.machines if m.id not in here]
    for key, dated in (("bottleneck", line.bottlenecks), ("output", line.outputs)):
        for name in dict.fromkeys(name for _, name in dated.entries):
            if name and name not in here:
                yield node.at(key), _unknown(name, here, "machine of this line")
    for j, machine in enumerate(line.machines):
        below = node.at("machines", j)
        yield from _homes(site, line, machine, below.at("line"))
        for role, signal in machine.signals.items():
            of = ("sources", str(signal.source))
            if not {of, (*of, "kind")} & misread:
                yield from _signal(site, role, signal, below.at("signals", role))


def _homes(site: Site, line: Line, machine: Machine, node: Node) -> Found:
    known = [other.id for other in site.lines]
    for _, name in machine.line.entries:
        if name not in known:
            yield node, _unknown(name, known, "line")
            return
    if machine.line.latest != line.id:
        yield (
            node,
            f'must end with "{line.id}", the line that the machine stands under, got "{machine.line.latest}"',
        )


def _signal(site: Site, role: str, signal: Signal, node: Node) -> Found:
    if signal.source is None:
        return
    source = site.sources.get(signal.source)
    if source is None:
        yield node.at("source"), _unknown(signal.source, site.sources, "source")
        return
    theirs = _KEYS_OF[source.kind]
    strange = False
    for key in dict.fromkeys(key for keys in _KEYS_OF.values() for key in keys):
        if key not in theirs and getattr(signal, key) is not None:
            strange = True
            yield (
                node.at(key),
                f"does not fit {signal.source}, a source of kind {source.kind}; give a {theirs[0]}",
            )
    if not strange:
        yield from _place(source, role, signal, node)


def _place(source: Source, role: str, signal: Signal, node: Node) -> Found:
    """Whether it is said where a signal is to be found."""
    if isinstance(source, SparkplugSource):
        if role == "link":
            yield node, "is not for Sparkplug B, where births and deaths tell that a machine is alive"
        elif signal.device is None and source.devices is None:
            yield node, f"needs a device (group/node/device), or sources.{signal.source} a pattern: devices"
    elif isinstance(source, MqttSource):
        if signal.topic is None and source.topics is None:
            yield node, f"needs a topic, or sources.{signal.source} a pattern for all: topics"
    elif getattr(signal, _KEYS_OF[source.kind][0]) is None:
        need = {"opcua": "a node (OPC UA)"}.get(source.kind, "an address")
        yield node, f"needs {need} beside its source"


def _names(site: Site, root: Node) -> Found:
    """Names in topics are given for ids; one for an id that nothing has would do nothing, in silence."""
    known = {line.id for line in site.lines} | {machine.id for machine in site.machines()}
    known |= {role for machine in site.machines() for role in machine.signals}
    for name, source in site.sources.items():
        for given in source.names if isinstance(source, MqttSource | SparkplugSource) else ():
            if given not in known:
                said = f"is the id of no line, machine or signal{nearest(given, known)}"
                yield root.at("sources", name, "names", given), said


def _gateways(site: Site, root: Node) -> Found:
    for name, gateway in site.gateways.items():
        node = root.at("gateways", name)
        for i, source in enumerate(gateway.sources):
            if source not in site.sources:
                yield node.at("sources", i), _unknown(source, site.sources, "source")
            elif gateway.clock == "source" and not _tells_time(site, source):
                yield root.at("sources", source), f"needs a clock_topic: gateway {name} has clock: source"


def _stores(site: Site, root: Node) -> Found:
    """Further stores without a first one, too many, or one place under two names."""
    if not site.also:
        return
    node = root.at("also")
    if site.store is None:
        yield node, "needs a store: the first one, which figures are read from"
        return
    if len(site.also) > MOST_ALSO:
        yield node, f"names {len(site.also)} stores; there can be {MOST_ALSO}"
    places = {_where(site.store): "store"}
    for name, config in site.also.items():
        place = _where(config)
        if place in places:
            key = "path" if config.kind == "embedded" else "url"
            yield node.at(name, key), f"is that of {places[place]} too; each store is a place of its own"
        places.setdefault(place, f"also.{name}")


def _where(config: StoreConfig) -> tuple[str, ...]:
    if config.kind == "embedded":
        return "embedded", str(config.path)
    # A database of InfluxDB is named after the fieldlab, so an organisation apart makes it another one.
    return "influxdb", (config.url or "").rstrip("/"), config.org or ""


def _tells_time(site: Site, name: str) -> bool:
    source = site.sources[name]
    # The messages of a Sparkplug edge node bear their time.
    return isinstance(source, OpcUaSource | SparkplugSource) or (
        isinstance(source, MqttSource) and source.clock_topic is not None
    )


def _experiment(site: Site, experiment: Experiment, node: Node) -> Found:
    companies = [company.id for company in site.companies]
    if experiment.company is not None and experiment.company not in companies:
        yield node.at("company"), _unknown(experiment.company, companies, "company")
    known = {machine.id: machine for machine in site.machines()}
    for i, name in enumerate(experiment.machines):
        if name not in known:
            yield node.at("machines", i), _unknown(name, known, "machine")
    for i, match in enumerate(experiment.match):
        if match == "shift" and site.shifts is None:
            yield node.at("match", i), "needs shifts; none are configured"
        for name in experiment.machines if match == "product" else ():
            if name in known and "product" not in known[name].signals:
                yield node.at("match", i), f"needs a signal product; machine {name} has none"
    cell_ns = site.cell_s * NS
    for arm, windows in experiment.arms.items():
        for i, window in enumerate(windows):
            for key, moment in (("start", window.start_ns), ("end", window.end_ns)):
                if moment % cell_ns:
                    yield node.at("arms", arm, i, key), f"must lie on the edge of a cell of {site.cell_s} s"


def _shared_machines(site: Site, root: Node) -> Found:
    """Windows of two companies on one machine at one time: neither may see what the other makes."""
    seen: list[tuple[Experiment, int, int]] = []
    for i, experiment in enumerate(site.experiments):
        mine: list[tuple[Experiment, int, int]] = []
        for arm, windows in experiment.arms.items():
            for j, window in enumerate(windows):
                for other, start, end in seen:
                    shared = [m for m in experiment.machines if m in other.machines]
                    apart = window.end_ns <= start or end <= window.start_ns
                    if shared and not apart and other.company != experiment.company:
                        whose = f"experiment {other.id} of {other.company or 'no company'}"
                        yield (
                            root.at("experiments", i, "arms", arm, j),
                            f"overlaps a window of {whose} on machine {shared[0]}",
                        )
                mine.append((experiment, window.start_ns, window.end_ns))
        seen.extend(mine)
