"""Speaking to an InfluxDB of any version: finding out which it is, posting lines, asking InfluxQL."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from ingest.store import StoreUnavailable

_FIRST_WITH_V2_WRITES = (1, 8)
_WRITTEN = 204
_OK = 200
_CHUNK_ROWS = 50_000
_LONGEST_SAYING = 300
_READ_BYTES = 1 << 20


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
    """

    def __init__(self, url: str, token: str | None, org: str | None, timeout_s: float) -> None:
        self.url = url.rstrip("/")
        self.org = org or "-"
        self._token = token
        self._timeout_s = timeout_s
        self._pool = urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=urllib3.Timeout(timeout_s),
            headers={"Authorization": f"Token {token}"} if token else {},
        )
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
            with self._unavailable():
                answer = self._pool.request("GET", f"{self.url}/ping", redirect=False)
            told = re.match(r"v?(\d+)\.(\d+)", answer.headers.get("X-Influxdb-Version", ""))
            if told is None:
                raise StoreUnavailable(
                    f"{self.url} does not answer like an InfluxDB (status {answer.status}): check the url"
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
                    enable_gzip=True,
                )
            return self._client

    def post(self, database: str, body: bytes) -> Answer:
        """Post lines; StoreUnavailable where there is no answer at all."""
        with self._unavailable():
            if self.version < _FIRST_WITH_V2_WRITES:
                where = f"{self.url}/write?{urlencode({'db': database, 'precision': 'ns'})}"
                answer = self._pool.request("POST", where, body=body, redirect=False)
                return _answer(answer.status, answer.headers, answer.data)
            service = WriteService(self.client.api_client)  # type: ignore[no-untyped-call]  # the library has no types
            try:
                _, status, headers = service.post_write_with_http_info(  # type: ignore[no-untyped-call]  # the library has no types
                    self.org, database, body, precision="ns", content_type="text/plain; charset=utf-8"
                )
            except ApiException as error:
                return _answer(error.status or 0, error.headers or {}, error.body)
            return _answer(status, headers, b"")

    def ask(self, database: str | None, statements: str) -> Iterator[dict[str, Any]]:
        """The results of InfluxQL statements, as they come, a part of each at a time."""
        fields = {"q": statements, "epoch": "ns", "chunked": "true", "chunk_size": str(_CHUNK_ROWS)}
        if database is not None:
            fields["db"] = database
        with self._unavailable():
            answer = self._pool.request(
                "POST",
                f"{self.url}/query",
                fields=fields,
                encode_multipart=False,
                redirect=False,
                preload_content=False,
            )
            try:
                if answer.status != _OK:
                    said = _answer(answer.status, answer.headers, answer.read())
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

    def _unavailable(self) -> _Unavailable:
        return _Unavailable(self.url)


class _Unavailable:
    """No answer, or none that can be read: worth trying again."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (urllib3.exceptions.HTTPError, UnicodeDecodeError, json.JSONDecodeError)):
            raise StoreUnavailable(f"{self.url} cannot be reached: {str(error)[:_LONGEST_SAYING]}") from error
        if isinstance(error, OSError) and not isinstance(error, StoreUnavailable):
            raise StoreUnavailable(f"{self.url} cannot be reached: {error}") from error


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in answer.stream(_READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    yield rest


def _answer(status: int, headers: Mapping[str, str], body: bytes | str | None) -> Answer:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    about_lines, message = False, text
    try:
        told = json.loads(text)
        message = str(told.get("message") or told.get("error") or text)
        about_lines = "error" in told or ("code" in told and "message" in told)
    except (ValueError, AttributeError):
        pass
    return Answer(
        status, message[:_LONGEST_SAYING].strip(), about_lines, _seconds(headers.get("Retry-After"))
    )


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; a date is as good as nothing here."""
    try:
        return max(float(text), 0.0) if text else None
    except ValueError:
        return None
