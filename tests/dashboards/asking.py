"""Asking an InfluxDB what a dashboard asks, with variables filled in as Grafana does."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.grafana_scope import Board
from tests.servers import InfluxServer

_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


def regex(values: Sequence[str]) -> str:
    """Values of a variable in the format ``regex``: one as it is, several between brackets."""
    escaped = [_SPECIAL.sub(lambda found: "\\" + found[0], value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def filled(
    query: str, chosen: Mapping[str, Sequence[str]], start_ns: int, end_ns: int, interval: str = "300s"
) -> str:
    """A query with its variables filled in; none may be left over."""
    values = {f"${{{name}:regex}}": regex(told) for name, told in chosen.items()}
    values["$timeFilter"] = f"time >= {start_ns // 1_000_000}ms and time <= {end_ns // 1_000_000 - 1}ms"
    values["$__interval"] = interval
    for name, value in values.items():
        query = query.replace(name, value)
    assert not re.search(r"\$(\{|__|timeFilter)", query), query
    return query


class Asker:
    """One InfluxDB, and the databases that data source variables stand for."""

    def __init__(self, server: InfluxServer, databases: Mapping[str, str]) -> None:
        self.server, self.databases = server, databases

    def ask(self, query: str, source: str = "ds") -> list[dict[str, Any]]:
        """The series of an answer; an error of the server fails the test."""
        parameters = urllib.parse.urlencode({"db": self.databases[source], "q": query, "epoch": "ms"})
        request = self.request(f"{self.server.url}/query?{parameters}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
                (result,) = json.loads(answer.read())["results"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.code}: {error.read().decode()}") from None
        assert "error" not in result, (result["error"], query)
        return result.get("series", [])

    def request(self, url: str, body: bytes | None = None) -> urllib.request.Request:
        """A request with the server's token, as a data source sends it: on 1.x user and password."""
        request = urllib.request.Request(url, data=body)  # noqa: S310 - our own server
        token = self.server.token
        if token and ":" in token:
            request.add_header("Authorization", f"Basic {base64.b64encode(token.encode()).decode()}")
        elif token:
            request.add_header("Authorization", f"Token {token}")
        return request

    def values(self, board: Board, **only: Sequence[str]) -> dict[str, list[str]]:
        """What each variable of a board offers, each asked with those before it set to All."""
        chosen: dict[str, list[str]] = {}
        for name in board.variables:
            source = board.source("gateway" if name == "gateway" else "atom")
            query = filled(board.values_of(name), chosen, 0, 0)
            found = sorted({row[1] for s in self.ask(query, source) for row in s["values"]})
            chosen[name] = [v for v in found if name not in only or v in only[name]]
        return chosen
