"""Speaking to an InfluxDB of any version: finding out which it is, posting lines, asking InfluxQL."""

from __future__ import annotations

import base64
import email.utils
import gzip
import ipaddress
import json
import math
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from ingest.store import StoreUnavailable

V2: Final = (2, 0)
V3: Final = (3, 0)
_FIRST_WITH_TOKENS: Final = (1, 8)
_WRITTEN: Final = 204
_OK: Final = 200
_NOBODY: Final = 401
_CHUNK_ROWS: Final = 50_000
_LONGEST_SAYING: Final = 300
_LONGEST_WAIT_S: Final = 300.0
_READ_BYTES: Final = 1 << 20
_LONGEST_ERROR_BYTES: Final = 1 << 16
_LONGEST_LINE_BYTES: Final = 1 << 28
# Ten times smaller at 2 million lines/s on a core; the client library's level: 14 times at 0.16 million.
_GZIP_LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to lines.

    Attributes
    ----------
    status : int
        Only 204 means written.
    message : str
    about_lines : bool
        Whether the message is InfluxDB's own, and not some proxy's.
    retry_after_s : float or None
    """

    status: int
    message: str = ""
    about_lines: bool = False
    retry_after_s: float | None = None

    @property
    def written(self) -> bool:
        """Whether the lines are stored."""
        return self.status == _WRITTEN


class InfluxHttp:
    """A connection to one InfluxDB.

    Parameters
    ----------
    url : str
    token : str or None
        For 1.x with accounts ``user:password``.
    org : str or None
    timeout_s : float
        Of a write, and of each pause in an answer.
    compress : bool, optional
        Whether lines are sent compressed; default: unless the server is on this computer.
    """

    def __init__(
        self, url: str, token: str | None, org: str | None, timeout_s: float, *, compress: bool | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.org = org or "-"
        self._token = token
        self._timeout_s = timeout_s
        self._compress = not _is_here(url) if compress is None else compress
        self._pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=urllib3.Timeout(timeout_s))
        self._version: tuple[int, int] | None = None
        self._client: InfluxDBClient | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of connections."""
        self._pool.clear()
        with self._lock:
            if self._client is not None:
                self._client.close()  # type: ignore[no-untyped-call]  # the library has no types
                self._client = None

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version, as the server tells it; asked once."""
        if self._version is None:
            with self.unavailable():
                answer = self._pool.request(
                    "GET", f"{self.url}/ping", headers=_token_header(self._token), redirect=False
                )
            told = re.match(r"v?(\d+)\.(\d+)", answer.headers.get("X-Influxdb-Version", ""))
            if told is None:
                what = "token" if answer.status == _NOBODY else "url"
                raise StoreUnavailable(
                    f"{self.url} does not answer like an InfluxDB (status {answer.status}): check the {what}"
                )
            self._version = int(told[1]), int(told[2])
        return self._version

    @property
    def client(self) -> InfluxDBClient:
        """The official client, for what 1.8 and later have in common."""
        with self._lock:
            if self._client is None:
                self._client = InfluxDBClient(
                    self.url,
                    token=self._token or "",
                    org=self.org,
                    timeout=round(self._timeout_s * 1000),
                )
            return self._client

    def request(
        self, method: str, path: str, *, as_nobody: bool = False, **more: Any
    ) -> urllib3.BaseHTTPResponse:
        """A request of our own, with the token in the words of the server's version, or without."""
        with self.unavailable():
            headers = {} if as_nobody else self._authorization()
            headers |= more.pop("headers", {})
            return self._pool.request(method, self.url + path, headers=headers, redirect=False, **more)

    def _authorization(self) -> dict[str, str]:
        if self._token and ":" in self._token and self.version < _FIRST_WITH_TOKENS:
            return {"Authorization": f"Basic {base64.b64encode(self._token.encode()).decode()}"}
        return _token_header(self._token)

    def post(self, database: str, body: bytes) -> Answer:
        """Post lines; StoreUnavailable where there is no answer at all."""
        coding = {"Content-Encoding": "gzip"} if self._compress else {}
        sent = gzip.compress(body, _GZIP_LEVEL) if self._compress else body
        # InfluxDB 3 answers 500 on the way of 2.x where a line is bad; its way of 1.x says that lines are.
        if not _FIRST_WITH_TOKENS <= self.version < V3:
            where = f"/write?{urlencode({'db': database, 'precision': 'ns'})}"
            answer = self.request("POST", where, body=sent, headers=coding)
            return answer_of(answer.status, answer.headers, answer.data)
        with self.unavailable():
            service = WriteService(self.client.api_client)  # type: ignore[no-untyped-call]  # the library has no types
            try:
                _, status, headers = service.post_write_with_http_info(  # type: ignore[no-untyped-call]  # the library has no types
                    self.org,
                    database,
                    sent,
                    precision="ns",
                    content_type="text/plain; charset=utf-8",
                    content_encoding=coding.get("Content-Encoding", "identity"),
                )
            except ApiException as error:
                if not error.status:  # no answer at all: the library tells a false certificate like that
                    why = _untrusted(error) or f"no answer: {str(error.reason)[:_LONGEST_SAYING]}"
                    raise StoreUnavailable(f"{self.url}: {why}") from error
                return answer_of(error.status, error.headers or {}, error.body)
            return answer_of(status, headers, b"")

    def ask(self, database: str | None, statements: str) -> Iterator[dict[str, Any]]:
        """The results of InfluxQL statements, as they come, a part of each at a time."""
        fields = {"q": statements, "epoch": "ns", "chunked": "true", "chunk_size": str(_CHUNK_ROWS)}
        if database is not None:
            fields["db"] = database
        with self.unavailable():
            answer = self.request(
                "POST", "/query", fields=fields, encode_multipart=False, preload_content=False
            )
            try:
                if answer.status != _OK:
                    said = answer_of(answer.status, answer.headers, answer.read(_LONGEST_ERROR_BYTES))
                    raise StoreUnavailable(
                        f"{self.url} answers {said.status}: {said.message}", said.retry_after_s
                    )
                for line in _lines(answer):
                    if line.strip():
                        part = json.loads(line)
                        if "error" in part:
                            raise StoreUnavailable(f"{self.url}: {part['error']}")
                        yield from part.get("results", [])
            finally:
                answer.release_conn()

    def unavailable(self) -> _Unavailable:
        """A block in which no answer, or none that can be read, is a StoreUnavailable."""
        return _Unavailable(self.url)


class _Unavailable:
    """No answer, or none that can be read: worth trying again."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (urllib3.exceptions.HTTPError, UnicodeDecodeError, json.JSONDecodeError)):
            why = _untrusted(error) or f"cannot be reached: {str(error)[:_LONGEST_SAYING]}"
            raise StoreUnavailable(f"{self.url}{':' if why.startswith('its') else ''} {why}") from error
        if isinstance(error, OSError) and not isinstance(error, StoreUnavailable):
            raise StoreUnavailable(f"{self.url} cannot be reached: {error}") from error


def _untrusted(error: BaseException | None) -> str | None:
    """What is wrong with the server's certificate, where that is what is wrong."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted: {error.verify_message}; it has to be of an authority of"
                " this computer, or of the file that SSL_CERT_FILE names"
            )
        error = next(
            (e for e in (error.__cause__, getattr(error, "reason", None), *error.args, error.__context__)
             if isinstance(e, BaseException)),
            None,
        )  # fmt: skip
    return None


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest: list[bytes] = []
    held = 0
    for chunk in answer.stream(_READ_BYTES):
        first, *others = chunk.split(b"\n")
        rest.append(first)
        held += len(first)
        if held > _LONGEST_LINE_BYTES:  # a compressed answer of 1 MB may be 1 GB of one line
            raise urllib3.exceptions.HTTPError(f"a line of more than {_LONGEST_LINE_BYTES} bytes")
        if others:
            yield b"".join(rest)
            yield from others[:-1]
            rest, held = [others[-1]], len(others[-1])
    yield b"".join(rest)


def answer_of(status: int, headers: Mapping[str, str], body: bytes | str | None) -> Answer:
    """What a server, or something before it, said."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    about_lines, message = False, text
    try:
        told = json.loads(text)
        message = str(told.get("message") or told.get("error") or text)
        about_lines = "error" in told or ("code" in told and "message" in told)
        message += "".join(f": {line['error_message']}" for line in (told.get("data") or [])[:1])  # 3.x
    except (ValueError, AttributeError, TypeError, KeyError):
        pass
    return Answer(
        status, message[:_LONGEST_SAYING].strip(), about_lines, _seconds(headers.get("Retry-After"))
    )


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds, told as such or as a date; never so long that it would be a standstill."""
    try:
        wait_s = float(text or "")
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(text or "").timestamp() - time.time()
        except ValueError:
            return None
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S) if math.isfinite(wait_s) else None


def _token_header(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Token {token}"} if token else {}


def _is_here(url: str) -> bool:
    """Whether a server is on this computer, by its address."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
