"""Plain data as YAML text, times as RFC 3339."""

from __future__ import annotations

import datetime as dt
import json
import re

from .recording import SECOND


class Plain(str):
    """A YAML scalar written without quotes."""

    __slots__ = ()


def block(value, indent=0):
    """YAML text of nested dicts and lists."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            name = str(key) if re.fullmatch(r"[A-Za-z_]\w*", str(key)) else json.dumps(str(key))
            nested = isinstance(item, dict | list) and item
            lines.append(f"{pad}{name}:" + ("\n" + block(item, indent + 1) if nested else " " + block(item)))
        return "\n".join(lines)
    if isinstance(value, list) and value:
        return "\n".join(
            f"{pad}-\n{block(i, indent + 1)}" if isinstance(i, dict) else f"{pad}- {block(i)}" for i in value
        )
    return str(value) if isinstance(value, Plain) else json.dumps(value)


def utc(time):
    """RFC 3339 of UTC nanoseconds."""
    moment = dt.datetime.fromtimestamp(time // SECOND, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{time % SECOND:09d}".rstrip("0") if time % SECOND else ""
    return f"{moment}{fraction}Z"
