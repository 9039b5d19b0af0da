"""Where each signal is found, said in full: patterns of a source, filled in with a signal's own names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fieldlab_configs.broker_sources import MqttSource, SparkplugSource
from fieldlab_configs.plant import Machine, Signal
from fieldlab_configs.site import Site

_OPEN: Final = ("topic", "field", "time_field", "device", "metric")


def placed(site: Site) -> Site:
    """The same fieldlab, with every signal's topic or device said and no place left open.

    A signal with a topic of its own takes nothing from its source's pattern; places in it are filled in too.
    """
    lines = tuple(
        line.model_copy(update={"machines": tuple(_machine(site, machine) for machine in line.machines)})
        for line in site.lines
    )
    return site.model_copy(update={"lines": lines})


def _machine(site: Site, machine: Machine) -> Machine:
    signals = {role: _signal(site, machine, role, signal) for role, signal in machine.signals.items()}
    return machine.model_copy(update={"signals": signals})


def _signal(site: Site, machine: Machine, role: str, signal: Signal) -> Signal:
    source = site.sources.get(signal.source or "")
    if not isinstance(source, MqttSource | SparkplugSource):
        return signal
    told = _of_pattern(source, signal)
    fill = _filler({"line": machine.line.latest, "machine": machine.id, "signal": role}, source.names)
    filled = {key: fill(text) if key in _OPEN else text for key, text in told.items() if text is not None}
    return signal.model_copy(update=filled)


def _of_pattern(source: MqttSource | SparkplugSource, signal: Signal) -> dict[str, Any]:
    """What a signal says of its place, and where it says nothing its source's pattern."""
    if isinstance(source, SparkplugSource):
        return {"device": signal.device or source.devices, "metric": signal.metric or "{signal}"}
    pattern = source.topics
    if pattern is None or signal.topic is not None:
        return {key: getattr(signal, key) for key in ("topic", "field", "time_field")}
    # One message for all signals of a machine: each is the field of its own name.
    field = pattern.field or (None if "{signal}" in pattern.topic else "{signal}")
    return {
        "topic": pattern.topic,
        "field": signal.field or field,
        "time_field": signal.time_field or pattern.time_field,
        "time_unit": signal.time_unit or pattern.time_unit,
    }


def _filler(ids: Mapping[str, str], names: Mapping[str, str]) -> Callable[[str], str]:
    def filled(text: str) -> str:
        for place, own in ids.items():
            text = text.replace(f"{{{place}}}", names.get(own, own))
        return text

    return filled
