"""What was seen as YAML to paste into a config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateways.browse import Result, Seen, quoted, shown

_ROLES: Final[Mapping[str, str]] = {
    # a name that is common for it -> the role
    "state": "state", "machine_state": "state", "execution": "state", "state_current": "state",
    "total": "total_count", "total_count": "total_count", "part_count": "total_count", "parts": "total_count",
    "good": "good_count", "good_count": "good_count", "good_parts": "good_count",
    "scrap": "scrap_count", "scrap_count": "scrap_count", "reject_count": "scrap_count",
    "product": "product", "power": "power", "energy": "energy",
}  # fmt: skip
_NUMBERS: Final = ("total_count", "good_count", "scrap_count", "power", "energy")
_RESERVED: Final = frozenset({"time"})


def id_of(text: str) -> str:
    """An id made of a name from elsewhere.

    Examples
    --------
    >>> id_of("SpindleTemp (°C)")
    'spindle_temp_c'
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
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
        line = f"{name}: {{source: {source}, {place}}}"
        now = shown(each.value) if each.quality == "good" else shown(each.quality)
        empty = each.value is None and each.quality != "good" and not each.quality.startswith("Bad")
        useless = empty or not all(text.isprintable() for text in each.place.values())
        yield f"{' ' * indent}{'# ' if useless else ''}{line}  # {each.kind} {now}".rstrip()


def source_line(name: str, source: Mapping[str, Any], indent: int) -> str:
    """The line of a source."""
    told = ", ".join(f"{key}: {_scalar(value)}" for key, value in source.items())
    return f"{' ' * indent}{name}: {{{told}}}"


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
