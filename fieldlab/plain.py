"""Texts from elsewhere, so that a terminal obeys none of them and a reader takes none for another line."""

from __future__ import annotations

import json


def one_line(text: str) -> str:
    """A text with what cannot be printed written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def json_line(value: object, *, allow_nan: bool = True) -> str:
    """JSON on one line: letters of all languages as they are, nothing that cannot be printed."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=allow_nan)
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)
