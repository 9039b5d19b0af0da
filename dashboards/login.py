"""The log-in page: without any script, in the language and the colours of the link that led to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import HTMLResponse, Response

from dashboards.html import Markup, el
from dashboards.wording import LANGUAGES, Language, as_language, say

STYLE_PATH: Final = "/fieldlab/login.css"
MARK_PATH: Final = "/fieldlab/favicon.svg"
LEAD: Final = "location.assign('/login?next=' + encodeURIComponent(location.pathname + location.search))"
"""JavaScript of a page whose session is over: whoever logs in again is back at what was looked at last."""


class Wish:
    """What a link to the log-in asks for.

    Parameters
    ----------
    query : mapping of str to str
    default : str
        The language where nothing asks for another.
    """

    def __init__(self, query: Mapping[str, str], default: Language) -> None:
        self.after = local(query.get("next", "/"))
        led = dict(parse_qsl(urlsplit(self.after).query))
        self.language: Language = as_language(
            query.get("lang") or led.get("lang") or led.get("language"), default
        )
        theme = query.get("theme") or led.get("theme")
        self.theme = theme if theme in ("light", "dark") else None

    def link(self, language: Language) -> str:
        """The log-in again, in a language."""
        asked = {"next": self.after, "lang": language} | ({"theme": self.theme} if self.theme else {})
        return "/login?" + urlencode(asked)


def local(path: str) -> str:
    """A path of ours; the beginning for anything that would lead elsewhere."""
    good = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if good else "/"


def page(wish: Wish, key: str = "", status: int = 200, user: str = "") -> Response:
    """The page; with what was wrong, where something was."""
    language = wish.language
    form = el(
        "form",
        el("div", el("span", class_="mark", aria_hidden="true"), el("h1", "Fieldlab"), class_="brand"),
        _field("user", user, language, autocomplete="username", autofocus=None if user else "",
               autocapitalize="none", spellcheck="false"),
        _field("password", "", language, type="password", autocomplete="current-password",
               autofocus="" if user else None),
        el("p", say(key, language), class_="wrong", role="alert") if key else "",
        el("button", say("login", language), class_="main-button"),
        method="post", action=wish.link(language), class_="card", aria_label=say("login", language),
    )  # fmt: skip
    tongues = [
        el("a", say(f"language.{name}", name), href=wish.link(name), lang=name,
           aria_current="true" if name == language else None)
        for name in LANGUAGES
    ]  # fmt: skip
    head = [
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"{say('login', language)} · Fieldlab"),
        el("link", rel="icon", href=MARK_PATH),
        el("link", rel="stylesheet", href=STYLE_PATH),
    ]
    choice = el("nav", tongues, aria_label=say("choose.language", language))
    body = el("body", el("main", form, choice))
    whole = el("html", el("head", head), body, lang=language, data_theme=wish.theme)
    return HTMLResponse(f"<!doctype html>\n{whole}", status)


def _field(name: str, value: str, language: Language, **more: str | None) -> Markup:
    box = el("input", name=name, value=value or None, required="", maxlength="200", **more)
    return el("label", el("span", say(f"login.{name}", language)), box)
