"""YAML text to a tree of nodes that know their line and key, built so that no text can hurt.

It is built from the parser's events rather than from ready-made objects, because only so every scalar keeps
its text (a time to the nanosecond; `off`, `on`, `no` and `007` as they are), every node its line, and depth,
size and aliases their limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from fieldlab_configs.errors import ConfigError
from fieldlab_configs.yaml_words import what_is_wrong

MAX_BYTES: Final = 2_000_000
MAX_NODES: Final = 100_000
MAX_DEPTH: Final = 24

Kind = Literal["scalar", "list", "map"]
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Problem(NamedTuple):
    """What is wrong, and where."""

    line: int
    path: tuple[str, ...]
    message: str


@dataclass(slots=True)
class Node:
    """A scalar, a list or a mapping, and where it stands.

    Attributes
    ----------
    text : str
        A scalar as written, quotes removed.
    plain : bool
        Written without quotes; `key_plain` says it of the node's own key.
    path : tuple of str
        Keys from the top; an item of a list goes by its `id` or `name`, else by ``[number]``.
    """

    kind: Kind
    line: int
    text: str = ""
    plain: bool = False
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    key_plain: bool = True
    size: int = 1

    @property
    def null(self) -> bool:
        """Whether there is a key but nothing behind it."""
        return self.kind == "scalar" and self.plain and self.text in _NULLS

    def children(self) -> Iterator[tuple[str, Node]]:
        """Everything directly in it, with the last key of its path."""
        if self.kind == "map":
            yield from self.entries.items()
            return
        taken: set[str] = set()
        for number, item in enumerate(self.items):
            label = next((item.entries[k].text for k in ("id", "name") if k in item.entries), "")
            if not label or label in taken:
                label = f"[{number}]"
            taken.add(label)
            yield label, item

    def at(self, *keys: str | int) -> Node:
        """The node under those keys; where it is missing, an empty one at the nearest line above it."""
        node = self
        for key in keys:
            if isinstance(key, int) and node.kind == "list" and key < len(node.items):
                node = node.items[key]
            elif str(key) in node.entries:
                node = node.entries[str(key)]
            else:
                label = f"[{key}]" if isinstance(key, int) else key
                node = Node("scalar", node.line, plain=True, path=(*node.path, label))
        return node

    def shown(self) -> str:
        """What stands there, for a message."""
        if self.kind != "scalar":
            return "a list" if self.kind == "list" else "a mapping"
        if self.null:
            return "nothing"
        return f'"{self.text[:57]}..."' if len(self.text) > 60 else f'"{self.text}"'  # noqa: PLR2004 - a line


def dotted(path: tuple[str, ...]) -> str:
    """A path as people read it: ``lines.milling.machines.m1``, ``shifts[0]``."""
    text = ""
    for key in path:
        shown = key.encode("unicode_escape").decode() if not key.isprintable() else key
        text += shown if key.startswith("[") or not text else f".{shown}"
    return text


def grow(text: str, file: str) -> tuple[Node, list[Problem]]:
    """The tree of a YAML text, and its duplicate keys; ConfigError where there is no tree."""
    if len(text) > MAX_BYTES:
        raise ConfigError([f"{file}: longer than {MAX_BYTES} characters; no configuration is that long"])
    try:
        builder = _Builder(file)
        root = builder.build(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            [f"{file}:{line}: holds the character {error.character!r}, which YAML does not allow"]
        ) from None
    except MarkedYAMLError as error:
        line, wrong = what_is_wrong(error)
        raise ConfigError([f"{file}:{line}: is not YAML: {wrong}"]) from None
    except (YAMLError, ValueError, IndexError, KeyError, AttributeError, TypeError, AssertionError) as error:
        if isinstance(error, ConfigError):
            raise
        # The parser itself stumbles over some broken texts; to the reader it is a broken text all the same.
        raise ConfigError([f"{file}: is not YAML ({type(error).__name__})"]) from None
    _name(root, ())
    return root, [
        Problem(line, (*parent.path, key), f"stands here twice; it is also in line {first}")
        for parent, key, line, first in builder.twice
    ]


def _name(node: Node, path: tuple[str, ...]) -> None:
    node.path = path
    for label, child in node.children():
        _name(child, (*path, label))


class _Builder:
    def __init__(self, file: str) -> None:
        self._file = file
        self._anchors: dict[str, Node] = {}
        self._stack: list[tuple[Node, str | None]] = []
        self._pending: list[Node | None] = []  # per open mapping: the key that waits for its value
        self._nodes = 0
        self._root: Node | None = None
        self.twice: list[tuple[Node, str, int, int]] = []

    def build(self, text: str) -> Node:
        documents = 0
        for event in YAML(typ="safe", pure=True).parse(text):
            line = event.start_mark.line + 1
            match type(event).__name__:
                case "DocumentStartEvent":
                    documents += 1
                    if documents > 1:
                        raise self._wrong(line, "a second document starts here; one file is one fieldlab")
                case "AliasEvent":
                    self._alias(event.anchor, line)
                case "ScalarEvent":
                    self._tag(event, line)
                    plain = event.style is None or event.style == ""
                    self._open(Node("scalar", line, event.value, plain), event.anchor, close=True)
                case "SequenceStartEvent":
                    self._tag(event, line)
                    self._open(Node("list", line), event.anchor)
                case "MappingStartEvent":
                    self._tag(event, line)
                    self._open(Node("map", line), event.anchor)
                    self._pending.append(None)
                case "MappingEndEvent":
                    self._pending.pop()
                    self._close()
                case "SequenceEndEvent":
                    self._close()
        if self._root is None or self._root.null:
            raise ConfigError([f"{self._file}: is empty; it should start with `fieldlab:` and an id"])
        return self._root

    def _wrong(self, line: int, message: str) -> ConfigError:
        return ConfigError([f"{self._file}:{line}: {message}"])

    def _tag(self, event: Any, line: int) -> None:
        if event.tag not in (None, "!"):
            raise self._wrong(line, f"has the tag {event.tag}; tags are not used here, leave it out")

    def _count(self, line: int, more: int) -> None:
        self._nodes += more
        if self._nodes > MAX_NODES:
            raise self._wrong(
                line, f"more than {MAX_NODES} values, aliases counted; no configuration is that big"
            )

    def _alias(self, anchor: str, line: int) -> None:
        target = self._anchors.get(anchor)
        if target is None:
            raise self._wrong(line, f"*{anchor} refers to nothing above it, or to what it stands in")
        self._count(line, target.size)
        depth = len(self._stack) + _depth(target)
        if depth > MAX_DEPTH:
            raise self._deep(line)
        self._place(_copy(target), line)

    def _deep(self, line: int) -> ConfigError:
        return self._wrong(line, f"nested deeper than {MAX_DEPTH} levels; no configuration is that deep")

    def _open(self, node: Node, anchor: str | None, *, close: bool = False) -> None:
        self._count(node.line, 1)
        if len(self._stack) >= MAX_DEPTH:
            raise self._deep(node.line)
        self._stack.append((node, anchor))
        if close:
            self._close()

    def _close(self) -> None:
        node, anchor = self._stack.pop()
        if anchor is not None:
            self._anchors[anchor] = node
        self._place(node, node.line)

    def _place(self, node: Node, line: int) -> None:
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1][0]
        parent.size += node.size
        if parent.kind == "list":
            parent.items.append(node)
            return
        waiting = self._pending[-1]
        if waiting is None:
            if node.kind != "scalar":
                raise self._wrong(line, f"a key must be a text, got {node.shown()}")
            if node.text in parent.entries:
                first = parent.entries[node.text].line
                self.twice.append((parent, node.text, line, first))
            self._pending[-1] = node
            return
        node.line, node.key_plain = waiting.line, waiting.plain
        parent.entries[waiting.text] = node
        self._pending[-1] = None


def _depth(node: Node) -> int:
    return 1 + max((_depth(child) for _, child in node.children()), default=0)


def _copy(node: Node) -> Node:
    return Node(
        node.kind, node.line, node.text, node.plain,
        [_copy(item) for item in node.items],
        {key: _copy(child) for key, child in node.entries.items()},
        size=node.size,
    )  # fmt: skip
