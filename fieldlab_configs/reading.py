"""From tree to model: each field by the kind its class gives it, every problem with its line and key."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from fieldlab_configs import kinds, time_kinds
from fieldlab_configs.base import Model
from fieldlab_configs.dated import Dated
from fieldlab_configs.tree import Node, Problem


@dataclass(frozen=True, slots=True)
class Key:
    """The key in the config, where it is not the field's own name."""

    name: str


class Internal:
    """A field that is not read from the config."""


class Filled:
    """A field that may be left out: the class around it fills it in."""


class Checked:
    """A check of a whole value, such as all shifts together; see `faults`."""

    def faults(self, value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """As `Model.faults`."""
        raise NotImplementedError


_BY_TYPE: Final[dict[Any, kinds.Kind]] = {
    str: kinds.Text(),
    float: kinds.Number(),
    int: kinds.Number(whole=True),
    bool: kinds.Truth(),
    Path: kinds.File(),
    dt.date: time_kinds.Date(),
    dt.time: time_kinds.Clock(),
}


@lru_cache(maxsize=128)
def hints(model: type[Model]) -> dict[str, Any]:
    """The annotations of a class, whole."""
    return {k: v for k, v in get_type_hints(model, include_extras=True).items() if k in model.model_fields}


def split(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A hint without `Annotated` and without `| None`, and the annotations."""
    notes: tuple[Any, ...] = ()
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            notes += tuple(more)
        elif get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint):
            rest = [a for a in get_args(hint) if a is not type(None)]
            if len(rest) > 1:
                return Union[tuple(rest)], notes  # noqa: UP007 - made at run time
            hint = rest[0]
        else:
            return hint, notes


class Reader:
    """Reads nodes by type hints and keeps what was wrong."""

    def __init__(self, context: kinds.Context, problems: list[Problem]) -> None:
        self.context = context
        self.problems = problems

    def wrong(self, node: Node, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(node.line, node.path, message))

    def read(self, hint: Any, node: Node) -> Any:
        """The value of that type; a placeholder, and a problem, where there is none."""
        base, notes = split(hint)
        before = len(self.problems)
        value = self._value(base, notes, node)
        for note in notes:
            if isinstance(note, Checked) and len(self.problems) == before:
                self._faults(note.faults(value), node)
        return value

    def _value(self, base: Any, notes: tuple[Any, ...], node: Node) -> Any:
        kind: kinds.Kind | None = next((n for n in notes if hasattr(n, "read")), None)
        origin, args = get_origin(base), get_args(base)
        if kind is None and origin is Literal:
            kind = kinds.OneOf(tuple(args))
        if origin in (Union, types.UnionType):
            return self._union(args, node)
        if origin is Dated:
            return self._dated(args[0], node)
        if origin is tuple:
            return self._tuple(args[0], node)
        if origin is dict:
            return self._dict(args[0], args[1], node)
        if isinstance(base, type) and issubclass(base, Model):
            return self._model(base, node)
        return self._scalar(kind or _BY_TYPE[base], node)

    def _scalar(self, kind: kinds.Kind, node: Node) -> Any:
        if node.kind == "scalar":
            try:
                return kind.read(node, self.context)
            except kinds.Wrong as error:
                self.wrong(node, str(error))
        else:
            self.wrong(node, f"must be a single value, got {node.shown()}")
        return kind.placeholder

    def _tuple(self, item: Any, node: Node) -> tuple[Any, ...]:
        if node.null:
            return ()
        if node.kind != "list":
            self.wrong(node, f"must be a list, got {node.shown()}; write it as [ ] or with a dash per item")
            return ()
        return tuple(self.read(item, child) for child in node.items)

    def _dict(self, key_hint: Any, value_hint: Any, node: Node) -> dict[Any, Any]:
        if node.null:
            return {}
        if node.kind != "map":
            self.wrong(node, f"must be a mapping of keys to values, got {node.shown()}")
            return {}
        found: dict[Any, Any] = {}
        for text, child in node.entries.items():
            key = self.read(key_hint, Node("scalar", child.line, text, child.key_plain, path=child.path))
            if key in found:
                self.wrong(child, f"means the same as another key here, {key}")
            found[key] = self.read(value_hint, child)
        return found

    def _dated(self, hint: Any, node: Node) -> Dated[Any]:
        listed = node.kind == "list" and any("from" in item.entries for item in node.items)
        if not listed:
            return Dated(((0, self.read(hint, node)),))
        entries: list[tuple[int, Any]] = []
        for item in node.items:
            self._unknown(item, ("from", "value"))
            for key in ("from", "value"):
                if key not in item.entries:
                    self.wrong(item, f"{key} is missing; an entry is {{from: 2026-10-05, value: ...}}")
            if "from" not in item.entries or "value" not in item.entries:
                continue
            value = self.read(hint, item.entries["value"])
            start = self._from(item.entries["from"], value, hint)
            if any(start == earlier for earlier, _ in entries):
                self.wrong(item.entries["from"], "has the same moment as an earlier entry; keep one of them")
            entries.append((start, value))
        if not entries:
            entries.append((0, self._placeholder(hint)))
        return Dated(tuple(sorted(entries, key=lambda entry: entry[0])))

    def _from(self, node: Node, value: Any, hint: Any) -> int:
        """The start of an entry; a timezone's own start is read in that timezone."""
        if any(isinstance(n, time_kinds.Timezone) for n in split(hint)[1]):
            inner = Reader(kinds.Context(self.context.folder, Dated(((0, value),))), self.problems)
            return int(inner.read(Annotated[int, time_kinds.Moment()], node))
        return int(self.read(Annotated[int, time_kinds.Moment()], node))

    def _union(self, members: tuple[Any, ...], node: Node) -> Any:
        """One of some classes that differ in their `kind`."""
        by_kind = {get_args(split(hints(m)["kind"])[0])[0]: m for m in members}
        if node.kind == "map" and "kind" not in node.entries:
            self.wrong(node, f"kind is missing; it is one of {', '.join(by_kind)}")
        elif node.kind == "map":
            choice = self._scalar(kinds.OneOf(tuple(by_kind)), node.entries["kind"])
            if node.entries["kind"].text in by_kind:
                return self._model(by_kind[choice], node)
        else:
            self.wrong(node, f"must be a mapping with a kind, got {node.shown()}")
        return self._placeholder(members[0])

    def _model(self, model: type[Model], node: Node) -> Any:
        if node.kind == "scalar" and not node.null and model.refusal is not None:
            self.wrong(node, model.refusal)
            return self._placeholder(model)
        if node.kind == "scalar" and not node.null and model.short_for is not None:
            node = Node("map", node.line, entries={model.short_for: node}, path=node.path)
        if node.kind == "map" or node.null:
            return self._fields(model, node)
        self.wrong(node, f"must be a mapping with {', '.join(_keys(model))}, got {node.shown()}"[:300])
        return self._placeholder(model)

    def _fields(self, model: type[Model], node: Node) -> Any:
        before = len(self.problems)
        keys = _keys(model)
        self._unknown(node, tuple(keys))
        values: dict[str, Any] = {}
        for key, name in keys.items():
            hint, info = hints(model)[name], model.model_fields[name]
            if key in node.entries:
                values[name] = self.read(hint, node.entries[key])
                if name == "timezone":
                    self.context.timezone = values[name]
            elif info.is_required():
                if not any(isinstance(n, Filled) for n in split(hint)[1]):
                    self.wrong(node, f"{key} is missing")
                values[name] = self._placeholder(hint)
            elif isinstance(info.default, Model):  # its own defaults may depend on the config's folder
                values[name] = self._model(type(info.default), Node("map", node.line, path=(*node.path, key)))
            elif isinstance(info.default, Path) and info.default != Path():
                values[name] = self.context.folder / info.default
        model.prepare(values)
        made = model(**values)
        if len(self.problems) == before:
            self._faults(made.faults(), node)
        return made

    def _placeholder(self, hint: Any) -> Any:
        base, notes = split(hint)
        origin, args = get_origin(base), get_args(base)
        kind = next((n for n in notes if hasattr(n, "read")), None)
        if kind is not None and origin not in (dict, tuple, Dated):
            return kind.placeholder
        if origin is Literal:
            return args[0]
        if origin is Dated:
            return Dated(((0, self._placeholder(args[0])),))
        if origin in (tuple, dict):
            return origin()
        if isinstance(base, type) and issubclass(base, Model):
            fields = {n: h for n, h in hints(base).items() if base.model_fields[n].is_required()}
            return base(**{n: self._placeholder(h) for n, h in fields.items()})
        return _BY_TYPE[base].placeholder

    def _unknown(self, node: Node, known: tuple[str, ...]) -> None:
        for key, child in node.entries.items():
            if key not in known:
                self.wrong(child, f"nobody knows this key{_meant(key, child, known)}")

    def _faults(self, faults: Iterator[tuple[tuple[str | int, ...], str]], node: Node) -> None:
        for keys, message in faults:
            self.wrong(node.at(*keys), message)


def _meant(key: str, node: Node, known: tuple[str, ...]) -> str:
    """What may have been meant by a key that nobody knows, as a hint."""
    if key.isdigit() and node.null and node.plain:
        return "; a number has a point: 0.25, and not 0,25"
    if key != key.strip() or not key.isprintable():
        return "; it begins or ends with a space that is none, as web pages have them: type it anew"
    return kinds.nearest(key, known) or f"; known are {', '.join(known)}"


def _keys(model: type[Model]) -> dict[str, str]:
    """Key in the config to name of the field."""
    keys: dict[str, str] = {}
    for name, hint in hints(model).items():
        notes = split(hint)[1]
        if not any(isinstance(n, Internal) for n in notes):
            keys[next((n.name for n in notes if isinstance(n, Key)), name)] = name
    return keys
