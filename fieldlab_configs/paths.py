"""Fields of JSON messages, as a config writes them: `values.temp`, `axes.0.load`, `values[id=temp].v`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Pick(NamedTuple):
    """The record of an array whose key holds a text."""

    key: str
    text: str


Step = str | Pick
Path = tuple[Step, ...]

_TOKEN: Final = re.compile(r'"([^"]+)"|\[([^\[\]=]+)=([^\[\]]*)\]|([^".\[\]]+)')


def parse_path(text: str | None) -> Path:
    """The steps of a path; a key with a dot in it stands between quotes.

    Examples
    --------
    >>> parse_path('values[id=Mill.Temp].v')
    ('values', Pick(key='id', text='Mill.Temp'), 'v')
    >>> parse_path('"Mill.Temp".v')
    ('Mill.Temp', 'v')
    """
    found = _TOKEN.finditer(text or "")
    return tuple(Pick(m[2], m[3]) if m[2] is not None else m[1] or m[4] for m in found)
