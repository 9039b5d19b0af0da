"""What is asked before anything else: whether it is for us, from our own page, from somebody who may."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards import cookies, login, wall_page
from dashboards import kiosks as links
from dashboards.kiosks import Kiosks
from dashboards.sessions import Sessions
from dashboards.visitors import LOCAL, SCOPE_VISITOR, Visitor
from dashboards.wording import Language

log = logging.getLogger(__name__)

COOKIE: Final = "fieldlab_session"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_THIS_COMPUTER: Final = ("127.0.0.1", "::1")
_OPEN: Final = wall_page.STATIC_PATHS | {"/healthz", login.STYLE_PATH, login.MARK_PATH}
_MOST_FORM: Final = 4096
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""NiceGUI's pages carry inline scripts and compile templates, hence both ``unsafe-`` words for scripts."""
_LOGIN_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Gate:
    """Lets through what may pass.

    Parameters
    ----------
    hosts : collection of str
        Under which the app is reached; loopback's own names are always among them.
    sessions : Sessions, optional
        None: everybody at this computer may look at all.
    language : str
        Of the log-in page.
    kiosks : Kiosks, optional
        Links that open the wall.
    """

    def __init__(
        self,
        hosts: Collection[str] = (),
        sessions: Sessions | None = None,
        language: Language = "nl",
        kiosks: Kiosks | None = None,
    ) -> None:
        self.hosts = LOOPBACK | {host.lower() for host in hosts}
        self.sessions, self.language = sessions, language
        self.kiosks = kiosks if kiosks is not None else Kiosks({})
        self._warned = False

    async def pass_through(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, ask to log in, or hand on with the visitor in the scope."""
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if _name(headers.get("host", "")) not in self.hosts or not self._from_us(scope, headers):
            refusal = PlainTextResponse("this host or origin is not one of the app's", status_code=421)
            await self._answer(refusal, scope, receive, send)
            return
        visitor = LOCAL if self.sessions is None else self.sessions.visitor(_session(scope, headers))
        if scope["type"] == "http" and scope["path"] in wall_page.PATHS:
            await self._wall(app, scope, receive, send, visitor)
            return
        if self.sessions is not None and scope["type"] == "http" and scope["path"] in ("/login", "/logout"):
            answer = await self._log_in(self.sessions, Request(scope, receive), visitor)
            await answer(scope, receive, _hardened(send, _LOGIN_POLICY))
            return
        if visitor is None and scope["path"] not in _OPEN:
            await self._answer(_to_login(scope), scope, receive, send)
            return
        scope[SCOPE_VISITOR] = visitor
        await app(scope, receive, _hardened(send, _POLICY) if scope["type"] == "http" else send)

    async def _wall(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, visitor: Visitor | None
    ) -> None:
        """The wall: for those who are logged in, and for those who come with a link of its own."""
        request = Request(scope, receive)
        sent = _hardened(send, wall_page.POLICY)
        language, theme = wall_page.looks(request.query_params, self.language)
        key = cookies.read(scope, request.headers, links.COOKIE, wall_page.PATH)
        if scope["path"] == wall_page.OPEN_PATH:
            key = (await _fields(request)).get("key", "") if request.method == "POST" else ""
            visitor = None
        visitor = visitor or self.kiosks.visitor(key)
        if visitor is None:
            answer = wall_page.closed(language, theme)
            if key and self.kiosks.limiter.failed_too_often(_address(request)):
                answer = wall_page.closed(language, theme, "wall.closed.slow", 429)
            await answer(scope, receive, sent)
        elif scope["path"] == wall_page.OPEN_PATH:
            await self._opened(request, key)(scope, receive, sent)
        else:
            scope[SCOPE_VISITOR] = visitor
            await app(scope, receive, sent)

    def _opened(self, request: Request, key: str) -> Response:
        """From now on the key is in a cookie that is sent to the wall alone."""
        query = request.url.query
        answer = RedirectResponse(f"{wall_page.PATH}?{query}" if query else wall_page.PATH, status_code=303)
        age_s = int(self.kiosks.left_s(key))
        cookies.give(answer, request, links.COOKIE, key, wall_page.PATH, age_s)
        return answer

    def _from_us(self, scope: Scope, headers: Headers) -> bool:
        """A browser says where a socket or a change comes from; programs carry no cookie by accident."""
        origin = headers.get("origin")
        if origin is None or (scope["type"] == "http" and scope["method"] in ("GET", "HEAD")):
            return True
        return _name(urlsplit(origin).netloc) in self.hosts

    async def _answer(self, answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await answer(scope, receive, _hardened(send, _LOGIN_POLICY))

    async def _log_in(self, sessions: Sessions, request: Request, visitor: Visitor | None) -> Response:
        wish = login.Wish(request.query_params, self.language)
        if request.url.path == "/logout":
            if request.method == "POST":
                sessions.log_out(_session(request.scope, request.headers))
            answer: Response = RedirectResponse("/login", status_code=303)
            cookies.take_back(answer, COOKIE, "/")
            return answer
        if request.method != "POST":
            return RedirectResponse(wish.after, 303) if visitor else login.page(wish)
        asked = await _fields(request)
        name, password = asked.get("user", ""), asked.get("password", "")
        keys = (f"user {name}", _address(request))
        if sessions.limiter.blocked(*keys):
            return login.page(wish, "login.slow", 429, name)
        self._warn(request)
        token = await asyncio.to_thread(sessions.log_in, name, password)
        if token is None:
            sessions.limiter.failed(*keys)
            return login.page(wish, "login.wrong", 401, name)
        answer = RedirectResponse(wish.after, status_code=303)
        cookies.give(answer, request, COOKIE, token, "/")
        return answer

    def _warn(self, request: Request) -> None:
        """Once, when a password has crossed a network in clear."""
        asker = request.client.host if request.client else ""
        if self._warned or asker in _THIS_COMPUTER or cookies.by_tls(request.scope, request.headers):
            return
        self._warned = True
        log.warning(
            "a password came from %s over plain HTTP, which others on the network can read; put a proxy with"
            " TLS before the app, and name it in app.proxies of the config",
            asker,
        )


def _name(netloc: str) -> str:
    """A host without its port, in small letters."""
    host, colon, port = netloc.lower().rpartition(":")
    return host if colon and port.isdigit() else netloc.lower()


def _address(request: Request) -> str:
    return f"address {request.client.host if request.client else ''}"


def _session(scope: Scope, headers: Headers) -> str:
    return cookies.read(scope, headers, COOKIE, "/")


def _to_login(scope: Scope) -> Response:
    path = scope["path"]
    if scope["type"] != "http" or path.startswith(("/_nicegui", "/export")):
        return PlainTextResponse("log in first", status_code=401)
    query = scope["query_string"].decode("latin-1")
    asked = quote(f"{path}?{query}" if query else path, safe="")
    return RedirectResponse(f"/login?next={asked}", status_code=303)


async def _fields(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_FORM:
            return {}
    return {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _hardened(send: Send, policy: str) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = policy
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return sent
