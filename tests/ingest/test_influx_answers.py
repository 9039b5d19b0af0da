"""Every answer that an InfluxDB, or something in its way, may give to a write."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ingest.influx import InfluxStore
from ingest.store import Row, StoreUnavailable
from tests.ingest.contract import M1, T0, assert_unavailable, row
from tests.servers import free_port

Reply = tuple[int, dict[str, str], bytes]
Script = Callable[[list[str]], Reply]


class Double(ThreadingHTTPServer):
    """A server that answers writes as a script says, and keeps what it said 204 to."""

    version = "v2.9.0"
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.kept: list[str] = []
        self.posts: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Ping and write."""

    server: Double
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Ping."""
        self.reply((204, {"X-Influxdb-Version": self.server.version}, b""))

    def do_POST(self) -> None:
        """Write."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        lines = body.decode().split("\n")
        self.server.posts.append((self.path, dict(self.headers)))
        answer = self.server.script(lines)
        if answer[0] == 204:
            self.server.kept += lines
        self.reply(answer)

    def reply(self, answer: Reply) -> None:
        """Send an answer."""
        status, headers, body = answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def double(script: Script) -> Iterator[tuple[Double, InfluxStore]]:
    """The double, and a store that talks to it."""
    server = Double(script)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    store = InfluxStore(server.url, "lab", token="secret", org="acme", timeout_s=2.0)
    try:
        yield server, store
    finally:
        store.close()
        server.shutdown()
        server.server_close()
        thread.join()


def v2_error(status: int, code: str, message: str) -> Reply:
    """An error as 2.x words it: `http/errors.go`, code and message."""
    return (
        status,
        {"Content-Type": "application/json"},
        json.dumps({"code": code, "message": message}).encode(),
    )


ROWS = [row("power", t, float(t)) for t in range(100)]
POISON = {7, 50, 51}


def test_204_means_written() -> None:
    """One compressed post, to the bucket's own name, with token and precision."""
    with double(lambda _: (204, {}, b"")) as (server, store):
        assert store.write("raw", ROWS) == []
        assert len(server.kept) == 100
        ((path, headers),) = server.posts
        assert path == "/api/v2/write?org=acme&bucket=lab_raw&precision=ns"
        assert headers["Authorization"] == "Token secret"
        assert headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(("status", "code"), [(400, "invalid"), (422, "unprocessable entity")])
def test_refused_lines_are_found_by_halving(status: int, code: str) -> None:
    """Exactly the bad ones are rejected, with the server's reason; all others are written."""

    def script(lines: list[str]) -> Reply:
        bad = any(int(line.rpartition(" ")[2]) - T0 in POISON for line in lines)
        return (
            v2_error(status, code, "partial write: field type conflict dropped=1") if bad else (204, {}, b"")
        )

    with double(script) as (server, store):
        rejected = store.write("raw", ROWS)
        assert {r.row.time_ns - T0 for r in rejected} == POISON
        assert all("field type conflict" in r.reason for r in rejected)
        assert len(server.kept) == 97
        assert len(server.posts) < 45


def test_too_large_is_halved() -> None:
    """413 until it fits; a single line that does not is rejected."""

    def script(lines: list[str]) -> Reply:
        size = sum(map(len, lines))
        return (413, {}, b"") if size > 1000 else (204, {}, b"")

    long = Row("machine", M1, "note_text", T0 + 1000, "x" * 2000)
    with double(script) as (server, store):
        rejected = store.write("raw", [*ROWS, long])
        assert [r.row for r in rejected] == [long]
        assert len(server.kept) == 100


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (v2_error(401, "unauthorized", "unauthorized access"), "check the token"),
        (v2_error(403, "forbidden", "insufficient permissions"), "right to this bucket"),
        (v2_error(404, "not found", 'bucket "lab_raw" not found'), "store setup"),
        (v2_error(429, "too many requests", "slow down"), "429"),
        (v2_error(500, "internal error", "oops"), "500"),
        ((503, {"Retry-After": "7"}, b"engine"), "503"),
        ((200, {}, b"<html>log in, please</html>"), "200"),
        ((202, {}, b""), "202"),
        ((307, {"Location": "http://127.0.0.1:1/"}, b""), "307"),
        ((400, {}, b"<html>Bad Request</html>"), "400"),
        ((502, {}, b"\xff\xfe not UTF-8"), "502|cannot be reached"),
    ],
)
def test_anything_else_is_held_back_and_never_dropped(answer: Reply, told: str) -> None:
    """Rights, addresses, overload, proxies, portals: try again later, with a message that says what to do."""
    with double(lambda _: answer) as (server, store):
        with pytest.raises(StoreUnavailable, match=told) as error:
            store.write("raw", ROWS)
        assert error.value.retry_after_s == (7.0 if answer[0] == 503 else None)
        assert server.kept == []


def test_a_server_that_is_not_there_or_not_influxdb() -> None:
    """Refused connections, and a stranger on the port."""
    assert_unavailable(InfluxStore(f"http://127.0.0.1:{free_port()}", "lab"))
    with double(lambda _: (204, {}, b"")) as (server, store):
        server.version = ""
        with pytest.raises(StoreUnavailable, match="check the url"):
            store.write("raw", ROWS)


def test_a_server_that_does_not_answer_is_given_up_in_time() -> None:
    """A time-out is worth a retry like any other silence."""
    release = threading.Event()

    def script(_: list[str]) -> Reply:
        release.wait(10)
        return 204, {}, b""

    with double(script) as (_server, store):
        with pytest.raises(StoreUnavailable):
            store.write("raw", ROWS[:1])
        release.set()
