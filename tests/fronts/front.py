"""What both fronts have in common: listening, and the real InfluxDB behind."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

from tests.servers import InfluxServer

_KEY = r"(?:\\.|[^\\,= \n])+"
_VALUE = r'(?:"(?:\\.|[^\\"])*"|-?[\d.]+(?:[eE][+-]?\d+)?[iu]?|[tTfF]\w*)'
_TEXT = r"(?:\\.|[^\\, \n])"
LINE = re.compile(
    rf"(?!\#){_TEXT}+(?:,{_KEY}={_KEY})* {_KEY}={_VALUE}(?:,{_KEY}={_VALUE})*(?: (?P<time>-?\d+))?(?:\n|$)"
)
"""A line of line protocol, as the server's parser takes it: models/points.go at v2.9.1."""
_TEXTS, _INTEGER = re.compile(r'"(?:\\.|[^\\"])*"'), re.compile(r"=(-?\d+)i\b")


def unreadable(text: str) -> Iterator[str]:
    """The lines of a body that the server's parser cannot read: grammar, integers over 64 bits."""
    at = 0
    while at < len(text):
        line = LINE.match(text, at)
        end = line.end() if line is not None else (text.find("\n", at) + 1 or len(text))
        told = _INTEGER.findall(_TEXTS.sub("", text[at:end]))
        if line is None or any(not -(2**63) <= int(n) < 2**63 for n in told):
            yield text[at:end].rstrip("\n")
        at = end


class Refused(Exception):  # noqa: N818 - an answer, not a mishap
    """An answer other than success."""

    def __init__(self, status: int, told: Mapping[str, object]) -> None:
        super().__init__(told)
        self.status, self.told = status, told


class Front(ThreadingHTTPServer):
    """Listens on a port of its own, and knows the server behind."""

    daemon_threads = True

    def __init__(self, behind: str, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.behind = behind
        self.lock = threading.RLock()
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def forward(
        self, path: str, query: Mapping[str, str], body: bytes = b"", **fields: str
    ) -> tuple[int, bytes]:
        """What the real server says to a post."""
        url = f"{self.behind}{path}?{urlencode(query)}"
        more: dict[str, Any] = {"fields": fields, "encode_multipart": False} if fields else {"body": body}
        answer = self._pool.request("POST", url, **more)
        return answer.status, answer.data

    def manage(self, statement: str, database: str = "") -> None:
        """Have the real server do something."""
        _, said = self.forward("/query", {"db": database}, q=statement)
        (result,) = json.loads(said)["results"]
        if "error" in result:
            raise RuntimeError(f"{statement}: {result['error']}")


class Handler(BaseHTTPRequestHandler):
    """Reads requests, finds who answers them, writes answers."""

    server: Front
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits 40 ms for an acknowledgement
    ROUTES: Mapping[str, str] = {}
    """``METHOD path`` as a regular expression, to the name of a method; its groups are the arguments."""

    def _answer(self) -> None:
        address = urlsplit(self.path)
        self.asked = {name: told[0] for name, told in parse_qs(address.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            self.asked |= {name: told[0] for name, told in parse_qs(self.body.decode()).items()}
        for route, name in self.ROUTES.items():
            match = re.fullmatch(route, f"{self.command} {address.path}")
            if match is not None:
                try:
                    getattr(self, name)(*match.groups())
                except Refused as refused:
                    self.reply(refused.status, refused.told)
                return
        self.reply(404, {"error": f"no such way: {self.command} {address.path}"})

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 - as the base class wants them

    def reply(self, status: int, told: object = None, **headers: str) -> None:
        """Answer in JSON, or with what the real server said."""
        body = told if isinstance(told, bytes) else b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(front: Front, server: InfluxServer) -> Iterator[InfluxServer]:
    """A front that answers until the block ends, as a server to test against."""
    thread = threading.Thread(target=front.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        front.shutdown()
        front.server_close()
        thread.join()
