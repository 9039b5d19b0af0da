"""InfluxQL: names, texts, and what a statement answers."""

from __future__ import annotations

from typing import Any

from ingest.influx_http import InfluxHttp
from ingest.store import StoreUnavailable


def identifier(name: str) -> str:
    """A name in InfluxQL, whatever is in it."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def literal(text: str) -> str:
    """A text in InfluxQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def values(http: InfluxHttp, statement: str) -> list[list[Any]]:
    """The rows that a statement about the server itself answers.

    Raises
    ------
    StoreUnavailable
    """
    found: list[list[Any]] = []
    for result in http.ask(None, statement):
        if "error" in result:
            raise StoreUnavailable(f"{http.url}: {result['error']}")
        for series in result.get("series", []):
            found += series.get("values", [])
    return found
