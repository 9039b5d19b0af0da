"""The example fieldlabs that are shipped, one per trade: which there are, and the text of each."""

from __future__ import annotations

from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

from fieldlab.errors import WrongUse
from fieldlab_configs.kinds import nearest

ENDING: Final = ".yaml"
_NO_TRADES: Final = ("demo", "recorded", "compose")


class Example(NamedTuple):
    """An example.

    Attributes
    ----------
    name : str
        As `--example` and `fieldlab demo` take it.
    about : str
        Its first sentence.
    text : str
        The whole file.
    """

    name: str
    about: str
    text: str


def examples() -> list[Example]:
    """All of them, the trades first."""
    folder = files("fieldlab_configs.examples")
    names = sorted(each.name.removesuffix(ENDING) for each in folder.iterdir() if each.name.endswith(ENDING))
    trades = [name for name in names if name not in _NO_TRADES]
    return [_read(name) for name in (*trades, *_NO_TRADES)]


def example(name: str) -> Example:
    """One by its name; WrongUse lists them where there is none of it."""
    known = {each.name: each for each in examples()}
    if name not in known:
        raise WrongUse(f"there is no example {name}{nearest(name, known)}; there are {', '.join(known)}")
    return known[name]


def _read(name: str) -> Example:
    text = (files("fieldlab_configs.examples") / f"{name}{ENDING}").read_text(encoding="utf-8")
    lines = takewhile(lambda line: line.startswith("# "), text.splitlines())
    head = " ".join(line.removeprefix("# ") for line in lines)
    return Example(name, head.split(". ", 1)[0].rstrip(".") + ".", text)


def is_name(what: str) -> bool:
    """Whether it is meant as the name of an example, and not as a file."""
    return not what.endswith((ENDING, ".yml")) and "/" not in what and not Path(what).exists()


def listed() -> str:
    """A line for each, to choose from."""
    all_of_them = examples()
    width = max(len(each.name) for each in all_of_them)
    return "\n".join(f"{each.name:{width}}  {each.about}" for each in all_of_them)
