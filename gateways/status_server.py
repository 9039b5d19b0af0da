"""A few pages over HTTP, for Prometheus and for whoever asks whether the gateway is well. GET alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

from gateways.errors import SourceRefused

log = logging.getLogger(__name__)

MOST_ASKERS: Final = 16
HEAD_BYTES: Final = 8_192
WITHIN_S: Final = 5.0
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Page(NamedTuple):
    """An answer."""

    status: int
    kind: str
    body: str


Pages = Mapping[str, Callable[[], Page]]


class _Askers:
    """Answers requests, a few at a time; who is one too many is hung up on."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._open: set[asyncio.StreamWriter] = set()
        self._none = asyncio.Event()

    async def hang_up(self) -> None:
        """End every connection."""
        for writer in self._open:
            writer.transport.abort()
        if self._open:
            await self._none.wait()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one answer."""
        self._open.add(writer)
        self._none.clear()
        try:
            if len(self._open) > MOST_ASKERS:
                return
            async with asyncio.timeout(WITHIN_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(self._page(head), head.startswith(b"HEAD ")))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("a request that was none, or not in time")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._open.discard(writer)
            if not self._open:
                self._none.set()

    def _page(self, head: bytes) -> Page:
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):  # noqa: PLR2004 - method, path, version
            return _plain(400, "not HTTP")
        method, path = words[0], words[1].partition("?")[0]
        if method not in ("GET", "HEAD"):
            return _plain(405, "only GET")
        page = self._pages.get(path)
        if page is None:
            return _plain(404, f"pages: {', '.join(self._pages)}")
        try:
            return page()
        except Exception:
            # A page that fails must not end the gateway; whoever asks learns that it failed.
            log.exception("the page %s failed", path)
            return _plain(500, "see the log")


@asynccontextmanager
async def serving(pages: Pages, bind: str, port: int, where: str) -> AsyncIterator[int]:
    """Serve pages for the length of the block; its port, which the system chooses for 0.

    Raises
    ------
    SourceRefused
        Nobody can listen there; `where` is the key in the configuration.
    """
    askers = _Askers(pages)
    try:
        server = await asyncio.start_server(askers.answer, bind, port, limit=HEAD_BYTES)
    except OSError as error:
        raise SourceRefused(
            f"{where}: cannot listen on {bind}:{port} ({error.strerror or error}); "
            "stop what uses it, or choose another"
        ) from error
    async with server:
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            await askers.hang_up()


def _plain(status: int, text: str) -> Page:
    return Page(status, "text/plain; charset=utf-8", f"{text}\n")


def _response(page: Page, without_body: bool) -> bytes:
    body = page.body.encode()
    head = (
        f"HTTP/1.1 {page.status} {_REASONS[page.status]}\r\nContent-Type: {page.kind}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if without_body else body)
