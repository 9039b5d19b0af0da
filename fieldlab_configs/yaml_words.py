"""What is wrong with a text that is not YAML, in words of who wrote it; the parser speaks of tokens."""

from __future__ import annotations

import re
from typing import Final

from ruamel.yaml.error import MarkedYAMLError

_TOKEN: Final = re.compile(r"found character '(.+)' that cannot start any token")
_ESCAPE: Final = r"in double quotes a \ begins a sign of its own; take single quotes: 'a\b'"
_SAID: Final = {
    "mapping values are not allowed": (
        'it stands further in than the line above, or has a second ": " in it; what belongs together '
        'starts in one column, and a text with ": " goes in quotes'
    ),
    "expected <block end>": (
        "it does not line up with the lines above; what belongs together starts in one column"
    ),
    "expected escape sequence": _ESCAPE,
    "found unknown escape": _ESCAPE,
    "could not find expected ':'": 'a ": " is missing, here or in the line above',
}
"""Part of what the parser says, and what is said instead."""


def what_is_wrong(error: MarkedYAMLError) -> tuple[int, str]:
    """The line to look at, counted from 1, and what to do about it.

    Parameters
    ----------
    error : MarkedYAMLError
        Of the parser.
    """
    mark, begin = error.problem_mark or error.context_mark, error.context_mark
    line = mark.line + 1 if mark else 1
    problem = str(error.problem or error.context)
    if token := _TOKEN.match(problem):
        return line, _token(token[1])
    if "unexpected end of stream" in problem and begin is not None:
        return begin.line + 1, "a quote is opened here and never closed"
    if problem.startswith("expected ',' or"):
        opened = f" of line {begin.line + 1}" if begin is not None and begin.line + 1 != line else ""
        return line, f"a comma, a quote or the closing bracket{opened} is missing"
    return line, next((said for part, said in _SAID.items() if part in problem), problem)


def _token(shown: str) -> str:
    if shown == "\\t":
        return "there is a tab; only spaces go here"
    if shown == "`":
        return (
            "a text cannot begin with `; leave out lines such as ```, they are of the page it was copied from"
        )
    return f"a text cannot begin with {shown}; put it in quotes"
