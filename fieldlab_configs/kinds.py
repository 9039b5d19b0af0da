"""The kinds of scalars in a config: how each is read from its text, and what is said where it is wrong."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from fieldlab_configs import times
from fieldlab_configs.dated import Dated
from fieldlab_configs.states import code_text
from fieldlab_configs.tree import Node

_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_ID: Final = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?(k|M|G|T)?(i)?B", re.ASCII)
_POWERS: Final = {None: 0, "k": 1, "M": 2, "G": 3, "T": 4}


class Wrong(ValueError):  # noqa: N818 - read aloud: raise Wrong("must be ...")
    """A value that can not be; the message begins with what it must be."""


@dataclass(slots=True)
class Context:
    """What reading a value may depend on."""

    folder: Path
    timezone: Dated[str] = field(default_factory=lambda: times.UTC)


class Kind(Protocol):
    """How a scalar is read."""

    @property
    def placeholder(self) -> Any:
        """Stands in for a wrong value while the rest of the file is checked."""

    def read(self, node: Node, context: Context) -> Any:
        """The value; Wrong where there is none."""


def nearest(text: str, known: Iterable[str]) -> str:
    """``; did you mean x?`` where something known is near, else nothing."""
    names = list(known)
    lower = {name.lower(): name for name in reversed(names)}
    close = difflib.get_close_matches(text[:100].lower(), lower, n=1, cutoff=0.6)
    return f"; did you mean {lower[close[0]]}?" if close else ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number, bounded; `what` says of what."""

    what: str = ""
    above: float | None = None
    least: float | None = None
    most: float | None = None
    whole: bool = False
    nonzero: bool = False
    choices: tuple[int, ...] = ()

    @property
    def placeholder(self) -> float:
        """A number that satisfies most."""
        return self.choices[0] if self.choices else 1

    def read(self, node: Node, _: Context) -> float:
        """The number; a text in quotes is none."""
        must = self._must()
        if not node.plain or not _NUMBER.fullmatch(node.text):
            raise Wrong(f"{must}, got {node.shown()}{self._hint(node)}")
        value = float(node.text)
        good = math.isfinite(value) and (self.above is None or value > self.above)
        good = good and (self.least is None or value >= self.least)
        good = good and (self.most is None or value <= self.most)
        good = good and not (self.whole and not value.is_integer()) and not (self.nonzero and value == 0)
        if not good or (self.choices and value not in self.choices):
            raise Wrong(f"{must}, got {node.text[:60]}")
        return int(value) if self.whole else value

    def _must(self) -> str:
        if self.choices:
            return f"must be a whole number of {self.what} that divides {self.choices[-1]}"
        words = "must be a whole number" if self.whole else "must be a number"
        words += f" of {self.what}" if self.what else ""
        if self.least is not None and self.most is not None:
            return f"{words} from {self.least:g} to {self.most:g}"
        words += " other than 0" if self.nonzero else ""
        words += f" above {self.above:g}" if self.above is not None else ""
        return words + (f" of at least {self.least:g}" if self.least is not None else "")

    def _hint(self, node: Node) -> str:
        if _NUMBER.fullmatch(node.text):
            return "; leave the quotes out"
        if _NUMBER.fullmatch(node.text.replace(",", ".", 1)):
            return f"; write {node.text.replace(',', '.', 1)}"
        return ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at least one character, on one line."""

    pattern: str = ""
    must: str = "must be a text"
    reserved: tuple[str, ...] = ()
    lines: bool = False
    placeholder: str = ""

    def read(self, node: Node, _: Context) -> str:
        """The text, exactly as written."""
        if node.null or not node.text.strip():
            raise Wrong(f"{self.must}, got nothing")
        if self.pattern and not re.fullmatch(self.pattern, node.text, re.ASCII):
            raise Wrong(f"{self.must}, got {node.shown()}")
        if not self.lines and not node.text.isprintable():
            raise Wrong(f"must be a text on one line, without control characters, got {node.shown()!r}")
        if node.text in self.reserved:
            raise Wrong(f'can not be "{node.text}": that name has a meaning of its own')
        return node.text


@dataclass(frozen=True, slots=True)
class Id:
    """A permanent name: lower case, digits, ``_`` and ``-``; it goes into tags, topics and file names."""

    reserved: tuple[str, ...] = ()
    placeholder: str = "-"

    def read(self, node: Node, _: Context) -> str:
        """The id."""
        if not _ID.fullmatch(node.text):
            better = re.sub(r"[^a-z0-9_-]+", "-", node.text.lower()).strip("-")
            hint = f"; write {better}" if _ID.fullmatch(better) else ""
            raise Wrong(f"must be an id of 1 to 64 of a-z, 0-9, _ and -, got {node.shown()}{hint}")
        if node.text in self.reserved or (self.reserved and node.text.endswith("_text")):
            raise Wrong(f'can not be "{node.text}": that name has a meaning of its own')
        return node.text


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]
    renamed: dict[str, str] = field(default_factory=dict)
    what: str = ""

    @property
    def placeholder(self) -> str:
        """The first of them."""
        return self.words[0]

    def read(self, node: Node, _: Context) -> str:
        """The word, by its main name."""
        text = self.renamed.get(node.text, node.text)
        if text not in self.words:
            listed = f"{', '.join(self.words[:-1])} or {self.words[-1]}" if self.words[1:] else self.words[0]
            what = f"{self.what}: " if self.what else ""
            raise Wrong(f"must be {what}{listed}, got {node.shown()}{nearest(node.text, self.words)}")
        return text


class Truth:
    """``true`` or ``false``; in YAML 1.2 ``yes`` and ``on`` are texts."""

    placeholder = False

    def read(self, node: Node, _: Context) -> bool:
        """Yes or no."""
        if not node.plain or node.text not in ("true", "True", "TRUE", "false", "False", "FALSE"):
            raise Wrong(f"must be true or false, got {node.shown()}")
        return node.text.lower() == "true"


class File:
    """A path; one that is not absolute starts at the folder of the config itself."""

    placeholder = Path()

    def read(self, node: Node, context: Context) -> Path:
        """The absolute path."""
        if node.null or not node.text.strip() or not node.text.isprintable():
            raise Wrong(f"must be a path, got {node.shown()}")
        if "\\" in node.text:
            raise Wrong(f"must be a path with / between its folders, got {node.shown()}")
        return context.folder / node.text


class Size:
    """A number of bytes: 500MB, 4GB, 2GiB."""

    placeholder = 1

    def read(self, node: Node, _: Context) -> int:
        """Bytes."""
        match = _SIZE.fullmatch(node.text)
        if match is None or float(match[1]) <= 0 or len(match[1]) > 12:  # noqa: PLR2004 - longer is no size
            raise Wrong(f"must be a size such as 500MB or 4GB, got {node.shown()}")
        return int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2]])


@dataclass(frozen=True, slots=True)
class Url:
    """An address with one of some schemes and a host."""

    schemes: tuple[str, ...]
    example: str
    placeholder: str = ""

    def read(self, node: Node, _: Context) -> str:
        """The address."""
        try:
            parts = urlsplit(node.text)
            good = parts.scheme in self.schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number, a bracket left open
            parts, good = None, False
        if not good or not node.text.isprintable() or " " in node.text:
            raise Wrong(f"must be an address such as {self.example}, got {node.shown()}")
        if parts is not None and (parts.username or parts.password):
            raise Wrong("must not hold a name or password; use the keys for them")
        return node.text


class Code:
    """A machine's code as tables are keyed by it: ``11`` and ``11.0`` are both ``11``."""

    placeholder = ""

    def read(self, node: Node, _: Context) -> str:
        """The canonical text."""
        if node.plain and _NUMBER.fullmatch(node.text):
            value = float(node.text)
            return code_text(value) if math.isfinite(value) else node.text
        return node.text
