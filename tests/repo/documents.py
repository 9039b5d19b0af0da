"""What stands in the documents: links, code blocks, commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.md")])

_FENCE = re.compile(r"^( *)```(\w*)(?: (\S+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?:!?\[[^\]]*\]\(|^\[[^\]]+\]: +|\b(?:src|href)=\")([^)\s\"]+)", re.MULTILINE)
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document.

    Attributes
    ----------
    where : str
        Document and line, for messages.
    language : str
    file : str or None
        What stands beside the language: the name under which a reader keeps it.
    text : str
    """

    where: str
    language: str
    file: str | None
    text: str


def name(path: Path) -> str:
    """A document's name in messages."""
    return str(path.relative_to(ROOT))


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a document."""
    text = path.read_text()
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(f"{name(path)}:{line}", match[2], match[3], match[4])


def links(path: Path) -> list[str]:
    """Where a document's links go; those inside code are none."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", path.read_text()))
    return _LINK.findall(text)


def sentences(path: Path, program: str) -> Iterator[tuple[str, list[str]]]:
    """Calls of a program that stand between words: where, and their arguments."""
    text = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), path.read_text())
    for match in re.finditer(r"`([^`]+)`", text):
        where = f"{name(path)}:{text.count(chr(10), 0, match.start()) + 1}"
        if re.match(rf"(?:\w+=\S+ )*(?:\S*/)?{program} ", match[1]):
            block = Block(where, "sh", None, " ".join(match[1].split()))
            yield from ((where, arguments) for arguments in commands(block, program))


def anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", path.read_text())):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        found.add("".join(c for c in plain.replace(" ", "-") if c.isalnum() or c in "-_"))
    return found


def commands(block: Block, program: str) -> Iterator[list[str]]:
    """The arguments of each call of a program in a shell block."""
    for line in block.text.replace("\\\n", " ").splitlines():
        for part in re.split(r"\s(?:\||&&|;|>)\s", line):
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"\w+=.*", words[0]):
                words.pop(0)
            if words and (words[0] == program or words[0].endswith(f"/{program}")):
                yield words[1:]
