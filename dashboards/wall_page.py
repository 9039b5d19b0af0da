"""The wall's addresses: its page, its content again and again, and the page of whoever may not see it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from dashboards import wall
from dashboards.html import Markup, el
from dashboards.poller import Poller
from dashboards.view import View
from dashboards.visitors import LOCAL, SCOPE_POLLER, SCOPE_VISITOR, Visitor
from dashboards.wall_feed import feed_of
from dashboards.wall_icons import colours
from dashboards.wording import Language, as_language, say
from fieldlab_configs import Site

PATH: Final = "/wall"
OPEN_PATH: Final = "/wall/open"
PATHS: Final = frozenset({PATH, OPEN_PATH, "/wall/now"})
STATIC_PATHS: Final = frozenset({"/fieldlab/wall.css", "/fieldlab/wall.js"})
"""Looks and script, without any data: everybody may have them."""
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Strict: the wall has no inline script, no inline style, no socket."""
_EVERY_MS: Final = 1000
_PATIENCE: Final = 5
_AGAIN_S: Final = 60
_STATIC: Final = Path(str(resources.files("dashboards"))) / "static"

routes = APIRouter()


@routes.get(PATH)
async def show(request: Request) -> Response:
    """The page, filled."""
    poller, visitor, language, theme = _asked(request)
    site = poller.screens.site
    view, refused = _view(request, site, visitor, language)
    if view is None:
        return refused or closed(language, theme)
    now, trouble = await feed_of(poller).ask(view)
    inner = wall.content(now, site, language, trouble, _turn())
    root = el(
        "div", inner, id="wall", class_="wall", data_every=str(_EVERY_MS), data_patience=str(_PATIENCE),
        data_build=_build(), data_lost=say("wall.lost", language),
    )  # fmt: skip
    lost = el("p", class_="notice lost", id="lost", role="status", hidden="")
    return HTMLResponse(_page(language, theme, _title(site, language), root, lost))


@routes.get(f"{PATH}/now")
async def content(request: Request) -> Response:
    """What stands on the wall now; 304 where it is what the asker has."""
    poller, visitor, language, theme = _asked(request)
    site = poller.screens.site
    view, _ = _view(request, site, visitor, language)
    if view is None:
        return closed(language, theme)
    now, trouble = await feed_of(poller).ask(view)
    body = wall.content(now, site, language, trouble, _turn()).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"ETag": tag, "X-Build": _build(), "Cache-Control": "no-store"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(body, headers=headers)


@routes.get("/fieldlab/wall.css")
def style() -> Response:
    """The looks; colours of states from where all pages have them."""
    body = colours() + (_STATIC / "wall.css").read_text(encoding="utf-8")
    return Response(body, media_type="text/css", headers={"Cache-Control": "no-cache"})


@routes.get("/fieldlab/wall.js")
def script() -> FileResponse:
    """The script."""
    return FileResponse(
        _STATIC / "wall.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"}
    )


def closed(
    language: Language, theme: wall.Theme, key: str = "wall.closed.why", status: int = 403
) -> Response:
    """One page for every link that does not open; it asks again by itself, should the link be good again."""
    body = el(
        "main",
        el("h1", say("wall.closed", language)), el("p", say(key, language)),
        el("p", el("a", say("login", language), href="/login?" + urlencode({"next": PATH}))),
        class_="closed", data_testid="closed", data_again=str(_AGAIN_S),
    )  # fmt: skip
    return HTMLResponse(_page(language, theme, say("wall.closed", language), body), status_code=status)


def looks(query: Mapping[str, str], default: Language) -> tuple[Language, wall.Theme]:
    """Language and theme of a link; dark is what a hall wants."""
    language = as_language(query.get("language") or query.get("lang"), default)
    return language, "light" if query.get("theme") == "light" else "dark"


def _asked(request: Request) -> tuple[Poller, Visitor, Language, wall.Theme]:
    poller = cast("Poller", request.scope[SCOPE_POLLER])
    visitor = request.scope.get(SCOPE_VISITOR) or LOCAL
    language, theme = looks(request.query_params, poller.screens.site.language)
    return poller, visitor, language, theme


def _view(
    request: Request, site: Site, visitor: Visitor, language: Language
) -> tuple[View | None, Response | None]:
    """The line that is asked for, or all; None where that is not this visitor's."""
    asked = request.query_params.get("line") or visitor.line or ""
    lines = {line.id: line.name or line.id for line in site.lines}
    if visitor.line is not None and asked != visitor.line:
        return None, None
    if asked and asked not in lines:
        if visitor.kiosk:
            return None, None
        words = say("wall.no_line", language, asked=asked[:80], lines=", ".join(lines))
        body = el("main", el("h1", say("wall", language)), el("p", words), class_="closed")
        _, theme = looks(request.query_params, language)
        return None, HTMLResponse(_page(language, theme, say("wall", language), body), status_code=404)
    return View(None, asked, screen="wall"), None


def _turn() -> int:
    return int(time.monotonic() // wall.TURN_S)


def _title(site: Site, language: Language) -> str:
    return f"{say('wall', language)} · {site.name or site.fieldlab}"


def _page(language: Language, theme: wall.Theme, title: str, *body: Markup) -> str:
    form = el("form", el("input", type="hidden", name="key"), id="open", method="post", hidden="")
    top = [
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        el("link", rel="icon", href="data:,"),
        el("link", rel="stylesheet", href="/fieldlab/wall.css"),
    ]
    inner = el("body", *body, form, el("script", src="/fieldlab/wall.js"))
    return f"<!doctype html>\n{el('html', el('head', top), inner, lang=language, data_theme=theme)}"


@cache
def _build() -> str:
    """Which looks and script a page has; one of before loads itself anew."""
    parts = [(_STATIC / name).read_bytes() for name in ("wall.css", "wall.js")]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]
