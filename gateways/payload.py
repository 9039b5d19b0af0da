"""MQTT payloads to values and times. Nothing here knows a broker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fieldlab_configs.paths import Path, Step
from fieldlab_configs.paths import parse_path as parse
from gateways.errors import Undecodable
from gateways.payload_paths import ABSENT, each, find
from gateways.payload_times import time_of
from ingest.rows import wants

__all__ = ["MOST_BYTES", "Field", "Plan", "Record", "Scalar", "clock", "life", "parse", "time_of"]

MOST_BYTES: Final = 1_048_576
TEXT_ROLES: Final = frozenset({"product", "order", "reason"})
_MOST_SAID: Final = 5

_UP: Final = frozenset({"1", "true", "online", "on", "up", "available"})
_DOWN: Final = frozenset({"0", "false", "offline", "off", "down", "unavailable"})
_NO_VALUE: Final = "UNAVAILABLE"
"""What MTConnect says in the place of a value that there is not (ANSI/MTC1.4, part 1)."""

Scalar = float | str | None


@dataclass(frozen=True, slots=True)
class Field:
    """Where in a message a signal's value and time stand.

    Attributes
    ----------
    machine, name : str
        Whose signal.
    path : Path
        The way into nested objects and arrays; empty for a bare value.
    time_path : Path
        Likewise for its time; empty for none.
    time_unit : str
        Of that time; see `time_of`.
    """

    machine: str
    name: str
    path: Path = ()
    time_path: Path = ()
    time_unit: str = "auto"


class Record(NamedTuple):
    """What a message says of one moment; `time_ns` is None where it does not say when."""

    time_ns: int | None
    values: list[tuple[Field, Scalar]]


class _Group(NamedTuple):
    """Fields side by side in one object, with one time."""

    parent: Path
    time_path: Path
    time_unit: str
    leaves: list[tuple[Field, str]]


class Plan:
    """How the messages of a topic are read.

    Parameters
    ----------
    fields : iterable of Field
        Every signal that is to be found in them.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        groups: dict[tuple[Path, Path, str], _Group] = {}
        self._others: list[Field] = []  # bare values, and records picked from an array
        for field in fields:
            last = field.path[-1] if field.path else None
            if isinstance(last, str):
                key = field.path[:-1], field.time_path, field.time_unit
                groups.setdefault(key, _Group(*key, [])).leaves.append((field, last))
            else:
                self._others.append(field)
        self._groups = list(groups.values())

    def read(self, payload: bytes) -> tuple[list[Record], list[str]]:
        """Everything wanted that a message tells, and what is wrong with the rest.

        A field that is not there is not wrong: many machines send only what changed. ``null`` is a
        reading without a value.

        Raises
        ------
        Undecodable
            If nothing in the message can be used.
        """
        text = _text(payload)
        document = _document(text)
        records: list[Record] = []
        wrong: list[str] = []
        try:
            for group in self._groups:
                _read_group(document, group, records, wrong)
            for field in self._others:
                _read_other(document, text, field, records, wrong)
        except RecursionError:
            raise Undecodable("nested too deeply") from None
        if not records and not wrong:
            raise Undecodable("none of the configured fields is in it")
        if len(wrong) > _MOST_SAID:
            wrong[_MOST_SAID:] = [f"and {len(wrong) - _MOST_SAID} more"]
        return records, wrong


def life(payload: bytes, path: Sequence[Step]) -> bool:
    """What a birth or last-will message says: alive or not."""
    text = _text(payload)
    content = find(_document(text), path) if path else text
    word = str(content).strip().strip('"').lower()
    if isinstance(content, float) or word.endswith(".0"):
        word = word.removesuffix(".0")
    if word in _UP:
        return True
    if word in _DOWN:
        return False
    raise Undecodable("neither 1, true, online nor 0, false, offline")


def clock(payload: bytes) -> int:
    """What a clock topic says; UTC nanoseconds."""
    text = _text(payload)
    document = _document(text)
    return time_of(text if document is ABSENT else document)


def _text(payload: bytes) -> str:
    if len(payload) > MOST_BYTES:
        raise Undecodable(f"more than {MOST_BYTES} bytes; at most so many are read")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise Undecodable("not UTF-8") from None
    if not text or text.isspace():
        raise Undecodable("empty")
    return text


def _document(text: str) -> Any:
    """The JSON in a text; ABSENT where it is none."""
    try:
        return json.loads(text)
    except RecursionError:
        raise Undecodable("nested too deeply") from None
    except ValueError:
        return ABSENT


def _read_group(document: Any, group: _Group, records: list[Record], wrong: list[str]) -> None:
    """Values side by side: most messages are nothing else."""
    node = document
    for step in group.parent:
        if type(node) is not dict or type(step) is not str:
            break
        node = node.get(step, ABSENT)
        if node is ABSENT:
            return
    else:
        if type(node) is dict:
            _read_object(document, node, group, records, wrong)
            return
    for field, _ in group.leaves:
        _read_each(document, field, records, wrong)


def _read_object(
    document: Any, node: dict[str, Any], group: _Group, records: list[Record], wrong: list[str]
) -> None:
    values: list[tuple[Field, Scalar]] = []
    for field, key in group.leaves:
        value = node.get(key, ABSENT)
        kind = type(value)
        if kind is float or (kind is str and value != _NO_VALUE) or value is None:
            values.append((field, value))
        elif value is not ABSENT:
            try:
                values.append((field, _scalar(field, value)))
            except Undecodable as error:
                wrong.append(f"{field.machine}.{field.name}: {error}")
    if not values:
        return
    try:
        time_ns = _time(find(document, group.time_path), group.time_unit) if group.time_path else None
    except Undecodable as error:
        wrong.extend(f"{field.machine}.{field.name}: {error}" for field, _ in values)
    else:
        records.append(Record(time_ns, values))


def _read_other(document: Any, text: str, field: Field, records: list[Record], wrong: list[str]) -> None:
    if field.path:
        _read_each(document, field, records, wrong)
        return
    written = document is ABSENT or (field.name in TEXT_ROLES and not isinstance(document, str))
    try:
        value = _scalar(field, text.strip() if written else document)
    except Undecodable as error:
        wrong.append(f"{field.machine}.{field.name}: {error}; say which field")
    else:
        records.append(Record(None, [(field, value)]))


def _read_each(document: Any, field: Field, records: list[Record], wrong: list[str]) -> None:
    """A value of each record of an array."""
    try:
        if document is ABSENT:
            raise Undecodable("not JSON")  # noqa: TRY301 - as everything else that is wrong with a field
        for found, time in each(document, field.path, field.time_path):
            try:
                if isinstance(found, Undecodable):
                    raise found
                records.append(Record(_time(time, field.time_unit), [(field, _scalar(field, found))]))
            except Undecodable as error:
                wrong.append(f"{field.machine}.{field.name}: {error}")
    except Undecodable as error:
        wrong.append(f"{field.machine}.{field.name}: {error}")


def _scalar(field: Field, found: Any) -> Scalar:
    if found is None or isinstance(found, str):
        return None if found == _NO_VALUE and wants(field.name) == "number" else found
    if isinstance(found, bool | int | float):
        try:
            return float(found)
        except OverflowError:
            raise Undecodable("a number beyond 1e308") from None
    kind = "an array" if isinstance(found, list) else "an object"
    raise Undecodable(f"{kind} where a value belongs")


def _time(found: Any, unit: str) -> int | None:
    return None if found is ABSENT or found is None else time_of(found, unit)
