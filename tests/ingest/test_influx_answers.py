"""Every answer that an InfluxDB, or something in its way, may give to a write."""

from __future__ import annotations

import datetime as dt
import email.utils
import gzip
import json
import math
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ingest.influx import InfluxStore
from ingest.influx_http import InfluxHttp
from ingest.store import Row, StoreUnavailable
from tests.ingest.contract import M1, T0, assert_unavailable, row
from tests.servers import free_port

Reply = tuple[int, dict[str, str], bytes]
Script = Callable[[list[str]], Reply]


# Where each version takes lines; 3.x answers 500 to a bad line on the way of 2.x, 400 on that of 1.x
# (influxdb3_server/src/http.rs:466-508 and 843-865 at branch 3.10).
WAYS = {
    "1.6.7": "/write?db=lab_raw&precision=ns",
    "1.8.10": "/api/v2/write?org=acme&bucket=lab_raw&precision=ns",
    "v2.9.1": "/api/v2/write?org=acme&bucket=lab_raw&precision=ns",
    "3.10.0": "/write?db=lab_raw&precision=ns",
}


class Double(ThreadingHTTPServer):
    """A server that answers writes as a script says, and keeps what it said 204 to."""

    daemon_threads = True

    def __init__(self, script: Script, version: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.version = version
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
    wbufsize = -1  # head and body in one packet, or each answer waits 40 ms for an acknowledgement

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
def double(script: Script, version: str = "v2.9.1", **more: Any) -> Iterator[tuple[Double, InfluxStore]]:
    """The double, and a store that talks to it."""
    server = Double(script, version)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    store = InfluxStore(server.url, "lab", **{"token": "secret", "org": "acme", "timeout_s": 30.0, **more})
    try:
        yield server, store
    finally:
        store.close()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(params=WAYS)
def version(request: pytest.FixtureRequest) -> str:
    """Each version that takes lines in a way of its own."""
    return str(request.param)


def told(status: int, told: object, **headers: str) -> Reply:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(told).encode()


def v2_error(status: int, code: str, message: str) -> Reply:
    """An error as 2.x words it: kit/transport/http/error_handler.go:49-62 at v2.9.1."""
    return told(status, {"code": code, "message": message})


def bad_lines(version: str, lines: list[str], bad: int) -> Reply:
    """How a version says that it took these lines, but for some of another type."""
    reason = 'field type conflict: input field "power" on measurement "machine" is type string'
    if version.startswith("v2"):
        # http/write_handler.go:192-201, tsdb/shard.go:114 at v2.9.1.
        message = f"failure writing points to database: partial write: {reason} dropped={bad}"
        return v2_error(422, "unprocessable entity", message)
    if version.startswith("3"):
        # influxdb3_server/src/http.rs:843-865 at branch 3.10: not how many, but which; the first are enough.
        lines = [
            {"original_line": line[:20], "line_number": 1, "error_message": reason} for line in lines[:3]
        ]
        return told(400, {"error": "partial write of line protocol occurred", "data": lines})
    # services/httpd/handler.go:791-795, tsdb/shard.go:120 at branch 1.6.
    return told(400, {"error": f"partial write: {reason} dropped={bad}"})


def unparsed(version: str, line: str, *, all_of_them: bool) -> Reply:
    """How a version says that a line cannot be read."""
    reason = f"unable to parse '{line[:40]}': invalid field format"
    if version.startswith("v2"):
        return v2_error(400, "invalid", reason)  # http/points/points_parser.go:70-90 at v2.9.1
    if version.startswith("3"):
        return bad_lines(version, [line], 1)
    # services/httpd/handler.go:766 and 805 at branch 1.6: of a part of them it has dropped none itself.
    return told(400, {"error": reason if all_of_them else f"partial write: {reason} dropped=0"})


ROWS = [row("power", t, float(t)) for t in range(100)]
POISON = {7, 50, 51}


def times(lines: list[str]) -> list[int]:
    """Of lines, counted from T0."""
    return [int(line.rpartition(" ")[2]) - T0 for line in lines]


def test_204_means_written(version: str) -> None:
    """One post, to the bucket's own name, with token and precision."""
    with double(lambda _: (204, {}, b""), version) as (server, store):
        assert store.write("raw", ROWS) == []
        assert len(server.kept) == 100
        ((path, headers),) = server.posts
        assert path == WAYS[version]
        assert headers["Authorization"] == "Token secret"


@pytest.mark.parametrize("compress", [True, False])
def test_lines_are_compressed_where_that_is_wanted(version: str, compress: bool) -> None:
    """On every way alike."""
    with double(lambda _: (204, {}, b""), version, compress=compress) as (server, store):
        assert store.write("raw", ROWS) == []
        ((_, headers),) = server.posts
        assert (headers.get("Content-Encoding") == "gzip") == compress
        assert (int(headers["Content-Length"]) < 2000) == compress
        assert times(server.kept) == list(range(100))


@pytest.mark.parametrize(
    ("url", "compressed"),
    [("http://127.0.0.1:8086", False), ("http://localhost", False), ("http://[::1]:8086", False),
     ("https://10.0.0.7:8086", True), ("http://influx:8086", True), ("http://localhost.example", True)],
)  # fmt: skip
def test_by_itself_it_compresses_what_goes_over_a_network(url: str, compressed: bool) -> None:
    """On the same computer it would only cost."""
    assert InfluxHttp(url, None, None, 1.0)._compress == compressed


def test_an_account_of_1x_is_told_as_a_version_can_read_it() -> None:
    """Before 1.8 there was no scheme Token (services/httpd/handler.go:1343-1375 at branch 1.6)."""
    for version, scheme in (("1.6.7", "Basic bGFiOnBhc3N3b3Jk"), ("1.8.10", "Token lab:password")):
        with double(lambda _: (204, {}, b""), version, token="lab:password") as (server, store):
            assert store.write("raw", ROWS[:1]) == []
            assert server.posts[0][1]["Authorization"] == scheme


def test_refused_lines_are_found_by_halving(version: str) -> None:
    """Exactly the bad ones are rejected, with the server's reason; all others are written."""

    def script(lines: list[str]) -> Reply:
        bad = [t for t in times(lines) if t in POISON]
        return bad_lines(version, lines, len(bad)) if bad else (204, {}, b"")

    with double(script, version) as (server, store):
        rejected = store.write("raw", ROWS)
        assert {r.row.time_ns - T0 for r in rejected} == POISON
        assert all("field type conflict" in r.reason for r in rejected)
        assert len(server.kept) == 97
        assert len(server.posts) < 45


@pytest.mark.parametrize("bad", [1, 4, 40])
def test_lines_that_cannot_be_read_are_found_in_few_posts(version: str, bad: int) -> None:
    """Of n = 4,096 lines some are bad: at most 2 bad log2(n / bad) + 4 bad posts."""
    poison = set(random.Random(bad).sample(range(4096), bad))

    def script(lines: list[str]) -> Reply:
        found = [line for line, t in zip(lines, times(lines), strict=True) if t in poison]
        if not found:
            return 204, {}, b""
        return unparsed(version, found[0], all_of_them=len(found) == len(lines))

    with double(script, version) as (server, store):
        rejected = store.write("raw", [row("power", t, 1.0) for t in range(4096)])
        assert {r.row.time_ns - T0 for r in rejected} == poison
        assert len(server.posts) <= 2 * bad * math.log2(4096 / bad) + 4 * bad
        assert sorted(times(server.kept)) == sorted(set(range(4096)) - poison)


def test_no_room_for_another_database_is_held_back() -> None:
    """3 Core has room for five: the lines are good (influxdb3_server/src/http.rs:844-862 at branch 3.10)."""
    reason = "Adding a new database would exceed limit of 5 databases"
    lines = [{"original_line": "machine", "line_number": 1, "error_message": reason}]
    answer = told(422, {"error": "partial write of line protocol occurred", "data": lines})
    with double(lambda _: answer, "3.10.0") as (server, store):
        with pytest.raises(StoreUnavailable, match="exceed limit of 5 databases"):
            store.write("raw", ROWS)
        assert len(server.posts) == 1


def test_when_all_are_refused_one_post_tells(version: str) -> None:
    """Where the server counts what it dropped, nothing is asked again: dropped=N of N lines."""
    with double(lambda lines: bad_lines(version, lines, len(lines)), version) as (server, store):
        rejected = store.write("raw", ROWS)
        assert len(rejected) == 100
        assert len(server.posts) == (199 if version.startswith("3") else 1)  # 3.x tells no number


def test_too_large_is_halved(version: str) -> None:
    """413 until it fits; a single line that does not is rejected."""

    def script(lines: list[str]) -> Reply:
        size = sum(map(len, lines))
        return (413, {}, b"") if size > 1000 else (204, {}, b"")

    long = Row("machine", M1, "note_text", T0 + 1000, "x" * 2000)
    with double(script, version) as (server, store):
        rejected = store.write("raw", [*ROWS, long])
        assert [r.row for r in rejected] == [long]
        assert len(server.kept) == 100


IN_AN_HOUR = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("answer", "says", "wait_s"),
    [
        (v2_error(401, "unauthorized", "unauthorized access"), "check the token", None),
        (v2_error(403, "forbidden", "insufficient permissions for write"), "right to this bucket", None),
        (v2_error(404, "not found", 'bucket "lab_raw" not found'), "store setup", None),
        (told(404, {"error": 'database not found: "lab_raw"'}), "store setup", None),
        (v2_error(429, "too many requests", "slow down"), "429", None),
        (v2_error(500, "internal error", "oops"), "500", None),
        ((503, {"Retry-After": "7"}, b"engine"), "503", 7.0),
        ((503, {"Retry-After": IN_AN_HOUR}, b"engine"), "503", 300.0),
        ((503, {"Retry-After": "later"}, b"engine"), "503", None),
        ((200, {}, b"<html>log in, please</html>"), "200", None),
        ((202, {}, b""), "202", None),
        ((307, {"Location": "http://127.0.0.1:1/"}, b""), "307", None),
        ((400, {}, b"<html>Bad Request</html>"), "400", None),
        ((422, {}, b"<html>dropped=100</html>"), "422", None),
        ((502, {}, b"\xff\xfe not UTF-8"), "502|cannot be reached", None),
        ((502, {}, b"[1, 2]"), "502", None),
    ],
)
def test_anything_else_is_held_back_and_never_dropped(
    version: str, answer: Reply, says: str, wait_s: float | None
) -> None:
    """Rights, addresses, overload, proxies, portals: try again later, with a message that says what to do."""
    with double(lambda _: answer, version) as (server, store):
        with pytest.raises(StoreUnavailable, match=says) as error:
            store.write("raw", ROWS)
        assert error.value.retry_after_s == wait_s
        assert server.kept == []
        assert len(server.posts) == 1
        server.script = lambda _: (204, {}, b"")
        assert store.write("raw", ROWS) == []
        assert times(server.kept) == list(range(100))


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
        release.wait(60)
        return 204, {}, b""

    with double(script, timeout_s=1.0) as (_server, store):
        with pytest.raises(StoreUnavailable):
            store.write("raw", ROWS[:1])
        release.set()
