"""What a signal was when it was stored, and why a config may not say something else of it in silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fieldlab_configs.errors import ConfigError
from fieldlab_configs.plant import Machine, Signal
from fieldlab_configs.site import Site
from fieldlab_configs.tree import Node, dotted, grow
from fieldlab_configs.units import UNITS

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a signal.

    Attributes
    ----------
    unit : str
        Its units and when they changed; empty: nobody said.
    read_from : str
        Where it is read; empty: nobody said.
    """

    unit: str = ""
    read_from: str = ""


def known_of(site: Site) -> dict[tuple[str, str], Known]:
    """What a config says of every signal, by machine and signal."""
    return {
        (machine.id, name): Known(_unit_text(name, signal), _address(signal))
        for machine in site.machines()
        for name, signal in machine.signals.items()
    }


def check_known(site: Site, known: Mapping[tuple[str, str], Known]) -> None:
    """Refuse a config that would give another meaning to what is stored.

    Parameters
    ----------
    site : Site
    known : mapping of (machine, signal) to Known
        What was stored last.

    Raises
    ------
    ConfigError
        With file, line and key of each signal, and what to do.
    """
    root: Node | None = None
    said = []
    for i, line in enumerate(site.lines):
        for j, machine in enumerate(line.machines):
            for name, key, problem in _problems(machine, known):
                root = root or _tree(site)
                node = root.at("lines", i, "machines", j, "signals", name, *key)
                said.append(f"{site.path}:{node.line}: {dotted(node.path)}: {problem}")
    if said:
        raise ConfigError(said)


def _tree(site: Site) -> Node:
    try:
        return grow(site.path.read_text(encoding="utf-8-sig"), str(site.path))[0]
    except OSError:  # a config that came from no file
        return Node("map", 1)


def _problems(
    machine: Machine, known: Mapping[tuple[str, str], Known]
) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for name, signal in machine.signals.items():
        was = known.get((machine.id, name))
        now = _unit_text(name, signal)
        dated = signal.unit is not None and (signal.unit.edges or signal.unit.entries[0][0] != 0)
        if was and was.unit and now != was.unit and not dated and signal.since_ns is None:
            yield name, ("unit",), _other_unit(was.unit, now)
        former = _formerly(machine, name, known)
        if former is not None and signal.since_ns is None:
            yield name, (), _other_role(former, name)


def _formerly(machine: Machine, name: str, known: Mapping[tuple[str, str], Known]) -> str | None:
    """The name under which a signal was read until now, where it is another one and no longer is."""
    here = _address(machine.signals[name])
    was = known.get((machine.id, name))
    if not here or (was is not None and was.read_from == here):
        return None
    for (owner, other), told in known.items():
        if owner == machine.id and other != name and told.read_from == here:
            now = machine.signals.get(other)
            if now is None or _address(now) != here:
                return other
    return None


def _other_unit(was: str, now: str) -> str:
    first = was.partition(";")[0]
    last = was.rpartition(" ")[2] if ";" in was else was
    unit = now or last
    return (
        f"was {was} until now, and all that is stored would be read as {now or 'without a unit'}. If it"
        f" changed, say when: unit: [{{from: 2020-01-01, value: {first}}}, {{from: THE DAY IT CHANGED, value:"
        f" {unit}}}]; if it never was {last}, say that: unit: [{{from: 2020-01-01, value: {unit}}}]"
    )


def _other_role(former: str, name: str) -> str:
    return (
        f"was {former} until now: what is read there would be stored as {name} from here on, and stay"
        f" {former} before. If that is meant, say since when: from: 2026-11-24; else call it {former} again"
    )


def _unit_text(name: str, signal: Signal) -> str:
    if signal.unit is None:
        return next(iter(UNITS[name])) if name in UNITS else ""
    first, *changes = signal.unit.entries
    return first[1] + "".join(f"; from {_date(start_ns)} {unit}" for start_ns, unit in changes)


def _date(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns // _NS, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(signal: Signal) -> str:
    parts = (signal.source, signal.node, signal.topic, signal.field, signal.item)
    return " ".join(part for part in parts if part is not None)
