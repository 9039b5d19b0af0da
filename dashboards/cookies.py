"""Cookies that hold a key: no script reads them, no other site sends them, and by TLS they stay by TLS."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope


def give(
    answer: Response, request: Request, name: str, key: str, path: str, age_s: int | None = None
) -> None:
    """Hand out a key; without `age_s` the browser keeps it while it is open."""
    secure = by_tls(request.scope, request.headers)
    answer.set_cookie(
        safe_name(name, path) if secure else name, key, max_age=age_s, httponly=True, samesite="strict",
        secure=secure, path=path,
    )  # fmt: skip


def take_back(answer: Response, name: str, path: str) -> None:
    """By whichever way it was handed out."""
    for each, secure in ((safe_name(name, path), True), (name, False)):
        answer.delete_cookie(each, httponly=True, samesite="strict", secure=secure, path=path)


def read(scope: Scope, headers: Headers, name: str, path: str) -> str:
    """The key that was sent; where the visitor speaks TLS, only one that was handed out by TLS."""
    try:
        sent = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    safe = safe_name(name, path)
    found = sent.get(safe) if safe in sent or by_tls(scope, headers) else sent.get(name)
    return found.value if found is not None else ""


def by_tls(scope: Scope, headers: Headers) -> bool:
    """Whether the visitor's browser speaks TLS, to us or to a proxy before us.

    The scheme is what a trusted proxy says; the origin is the browser's own word, where a proxy says nothing.
    """
    return scope["scheme"] in ("https", "wss") or urlsplit(headers.get("origin", "")).scheme == "https"


def safe_name(name: str, path: str) -> str:
    """A name under which browsers take a cookie from this very host by TLS alone (RFC 6265bis, 4.1.3)."""
    return f"__Host-{name}" if path == "/" else f"__Secure-{name}"
