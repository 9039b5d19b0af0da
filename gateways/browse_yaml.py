"""What was seen as YAML to paste into a config."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fieldlab_configs.units import TEXT_ROLES, UNITS
from gateways.browse import Result, Seen, printable, quoted, shown

_NAMES: Final = {
    # the role: names that makers give it, in English, German and Dutch
    "state": "state machine_state execution state_current betriebszustand maschinenzustand zustand toestand",
    "total_count": "total total_count part_count parts total_parts stueckzahl stuckzahl teilezaehler aantal",
    "good_count": "good good_count good_parts gutteile aantal_goed goed",
    "scrap_count": "scrap scrap_count scrap_parts reject_count rejects ausschuss schlechtteile afkeur uitval",
    "product": "product produkt",
    "power": "power active_power wirkleistung vermogen",
    "energy": "energy active_energy wirkenergie energie",
}
_ROLES: Final[Mapping[str, str]] = {name: role for role, names in _NAMES.items() for name in names.split()}
_NUMBERS: Final = ("total_count", "good_count", "scrap_count", "power", "energy")
_MEASURED: Final = ("power", "energy")
_RESERVED: Final = frozenset({"time"})


def id_of(text: str) -> str:
    """An id made of a name from elsewhere.

    Examples
    --------
    >>> id_of("SpindleTemp (°C)")
    'spindle_temp_c'
    >>> id_of("Stückzahl")
    'stuckzahl'
    """
    latin = "".join(
        c for c in unicodedata.normalize("NFKD", text.replace("ß", "ss")) if not unicodedata.combining(c)
    )
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", latin)
    plain = re.sub(r"[^a-z0-9_-]+", "_", words.lower()).strip("_-")[:60] or "value"
    return f"{plain}_value" if plain in _RESERVED or plain.endswith("_text") else plain


def named(seen: Sequence[Seen], taken: set[str]) -> Iterator[tuple[str, Seen]]:
    """A name for each, all different: as much of its path as that takes."""
    for each in seen:
        for length in range(1, len(each.path) + 1):
            name = id_of("_".join(each.path[-length:]))
            if name not in taken and name[0].isalpha():
                break
        number = 2
        while name in taken:
            name, number = f"{id_of('_'.join(each.path))[:50]}_{number}", number + 1
        taken.add(name)
        yield name, each


def with_roles(names: Sequence[tuple[str, Seen]]) -> list[tuple[str, Seen]]:
    """The same, each role given to the first whose name is common for it and whose value fits."""
    given: set[str] = {name for name, _ in names}
    found = []
    for name, each in names:
        role = _ROLES.get(name)
        fits = role is not None and (isinstance(each.value, float) or role not in _NUMBERS)
        if role is not None and fits and (role == name or role not in given):
            given.add(role)
            found.append((role, each))
        elif name in _ROLES.values():
            found.append((f"{name}_value", each))  # a role of another kind of value would be refused
        else:
            found.append((name, each))
    return found


def signal_lines(names: Sequence[tuple[str, Seen]], source: str, indent: int) -> Iterator[str]:
    """A line per signal; what no signal can hold is there as a comment."""
    for name, each in names:
        place = ", ".join(f"{key}: {quoted(text)}" for key, text in each.place.items())
        unit, remark = _unit(name, each)
        line = f"{name}: {{source: {source}, {place}{unit}}}"
        now = shown(each.value) if each.quality == "good" else shown(each.quality)
        empty = each.value is None and each.quality != "good" and not each.quality.startswith("Bad")
        useless = empty or not all(text.isprintable() for text in each.place.values())
        yield f"{' ' * indent}{'# ' if useless else ''}{line}  # {each.kind} {now}{remark}".rstrip()


def _unit(name: str, seen: Seen) -> tuple[str, str]:
    """The unit of a signal as its config says it, and what is to be looked at."""
    known = UNITS.get(name)
    if known is None:
        told = seen.unit if name not in TEXT_ROLES else None
        return (f", unit: {quoted(told)}", "") if told else ("", "")
    if seen.unit in known:
        return f", unit: {seen.unit}", ""
    if name not in _MEASURED:
        return "", ""
    usual, other, *_ = known
    told = f", in {seen.unit} as the server says" if seen.unit else ""
    return f", unit: {usual}", f"{printable(told)}; is it {usual}, or {other}?"


def source_line(name: str, source: Mapping[str, Any], indent: int) -> str:
    """The line of a source."""
    return f"{' ' * indent}{name}: {_flow(source)}"


def _flow(told: Mapping[str, Any]) -> str:
    inner = ", ".join(
        f"{key}: {_flow(value) if isinstance(value, Mapping) else _scalar(value)}"
        for key, value in told.items()
    )
    return f"{{{inner}}}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) and not value.isidentifier() else str(value)


def source_name(source: Mapping[str, Any]) -> str:
    """A name for a source of that kind."""
    return {"opcua": "plc1", "sparkplug": "nodes"}.get(str(source["kind"]), "broker")


def snippet(result: Result) -> str:
    """Source and signals, to paste."""
    name = source_name(result.source)
    names = list(named(result.seen, set()))
    return "\n".join([
        "sources:",
        source_line(name, result.source, 2),
        "# under a machine; give each the role it has (state, total_count, power, ...), or a name of its own",
        "signals:",
        *signal_lines(names, name, 2),
    ])  # fmt: skip
