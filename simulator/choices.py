"""Whom each fault happens to: chosen by a seed among those that can have it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fieldlab_configs import Machine, MqttSource, OpcUaSource, Site, SparkplugSource
from simulator.readings import COUNTS, ROLES

Key = tuple[str, str]  # machine and signal


@dataclass(frozen=True, slots=True)
class Window:
    """One thing that goes wrong, once.

    Attributes
    ----------
    fault : str
    source : str
        Id of the source it happens behind.
    keys : tuple of (str, str)
        Machine and signal of everything it touches.
    start_ns, end_ns : int
        On half milliseconds, where no machine does anything of itself.
    """

    fault: str
    source: str
    keys: tuple[Key, ...]
    start_ns: int = 0
    end_ns: int = 0

    @property
    def machines(self) -> tuple[str, ...]:
        """Whom it touches."""
        return tuple(dict.fromkeys(machine for machine, _ in self.keys))

    @property
    def silent(self) -> bool:
        """Whether nobody can know the state meanwhile."""
        return self.fault in ("link-loss", "bad-quality")


def _keys(
    site: Site, source: str, wanted: Callable[[str], bool], machine: str | None = None
) -> tuple[Key, ...]:
    return tuple(
        (m.id, name)
        for m in site.machines()
        if machine in (None, m.id)
        for name, signal in m.signals.items()
        if signal.source == source and wanted(name)
    )


def _all(_: str) -> bool:
    return True


def _on_a_device(machine: Machine, source: str) -> bool:
    """Whether a machine can be lost without its edge node: its signals are of a device, none of the node."""
    places = [s.device or "" for s in machine.signals.values() if s.source == source]
    return all(place.count("/") == 2 for place in places)  # noqa: PLR2004 - group/node/device


def _links(site: Site, rng: random.Random, _: Sequence[Window]) -> list[Window]:
    servers = [n for n, s in site.sources.items() if isinstance(s, OpcUaSource) and _keys(site, n, _all)]
    publishers = [
        (name, machine)
        for name, source in site.sources.items()
        if isinstance(source, MqttSource | SparkplugSource)
        for machine in dict.fromkeys(m for m, _ in _keys(site, name, _all))
        if not isinstance(source, SparkplugSource) or _on_a_device(site.machine(machine), name)
    ]
    chosen = []
    if servers:
        server = rng.choice(servers)
        chosen.append(Window("link-loss", server, _keys(site, server, _all)))
    if publishers:
        broker, machine = rng.choice(publishers)
        chosen.append(Window("link-loss", broker, _keys(site, broker, _all, machine)))
    return chosen


def _counting(site: Site) -> list[tuple[str, str]]:
    """Every source and machine that counts there."""
    return [
        (source, machine)
        for source in site.sources
        for machine in dict.fromkeys(m for m, _ in _keys(site, source, COUNTS.__contains__))
    ]


def _fresh(
    choices: list[tuple[str, str]], rng: random.Random, taken: Iterable[Window]
) -> tuple[str, str] | None:
    """One of the choices; a machine that nothing happens to yet where there is one."""
    busy = {machine for window in taken for machine in window.machines}
    free = [choice for choice in choices if choice[1] not in busy]
    return rng.choice(free or choices) if choices else None


def _resets(site: Site, rng: random.Random, taken: Sequence[Window]) -> list[Window]:
    resets = [w for w in taken if w.fault in ("counter-reset", "spurious-zero")]
    chosen = _fresh(_counting(site), rng, resets)
    if chosen is None:
        return []
    return [Window("counter-reset", chosen[0], _keys(site, chosen[0], COUNTS.__contains__, chosen[1]))]


def _zeros(site: Site, rng: random.Random, taken: Sequence[Window]) -> list[Window]:
    resets = [w for w in taken if w.fault in ("counter-reset", "spurious-zero")]
    chosen = _fresh(_counting(site), rng, resets)
    if chosen is None:
        return []
    return [
        Window(
            "spurious-zero", chosen[0], (rng.choice(_keys(site, chosen[0], COUNTS.__contains__, chosen[1])),)
        )
    ]


def _nans(site: Site, rng: random.Random, _: Sequence[Window]) -> list[Window]:
    # With a deadband a server takes NaN for no change, and the true value after it too.
    keys = [
        (source, key)
        for source in site.sources
        for key in _keys(site, source, lambda name: name == "power" or name not in ROLES)
        if not site.machine(key[0]).signals[key[1]].deadband
    ]
    return [Window("nan", source, (key,)) for source, key in rng.sample(keys, min(2, len(keys)))]


def _bad(site: Site, rng: random.Random, _: Sequence[Window]) -> list[Window]:
    wanted = {"state", *COUNTS}
    choices = [
        (source, machine)
        for source, kind in site.sources.items()
        if isinstance(kind, OpcUaSource)
        for machine in dict.fromkeys(m for m, _ in _keys(site, source, wanted.__contains__))
    ]
    if not choices:
        return []
    source, machine = rng.choice(choices)
    return [Window("bad-quality", source, _keys(site, source, wanted.__contains__, machine))]


def _duplicates(site: Site, rng: random.Random, _: Sequence[Window]) -> list[Window]:
    machines = [(s, m) for s in site.sources for m in dict.fromkeys(k[0] for k in _keys(site, s, _all))]
    return [
        Window("duplicate", source, _keys(site, source, lambda name: name != "link", machine))
        for source, machine in rng.sample(machines, min(3, len(machines)))
    ]


def _lates(site: Site, rng: random.Random, _: Sequence[Window]) -> list[Window]:
    """Only what bears its own time can be late: anything else would be another reading."""
    choices = []
    for source, kind in site.sources.items():
        if isinstance(kind, MqttSource):
            for machine in site.machines():
                signals = machine.signals
                keys = _keys(site, source, lambda name, s=signals: bool(s[name].time_field), machine.id)  # type: ignore[misc]  # bound at once
                if keys:
                    choices.append(Window("late", source, keys))
    return [rng.choice(choices)] if choices else []


CHOICES: Final[Mapping[str, Callable[[Site, random.Random, Sequence[Window]], list[Window]]]] = {
    "link-loss": _links,
    "counter-reset": _resets,
    "spurious-zero": _zeros,
    "nan": _nans,
    "bad-quality": _bad,
    "duplicate": _duplicates,
    "late": _lates,
}
