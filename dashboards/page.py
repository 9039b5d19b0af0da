"""The page: what a visitor chose, and the moment of it that stands there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import nicegui.elements.echart  # noqa: F401 - a page is told where ECharts is once somebody has it
from nicegui import Client, ui
from nicegui.events import GenericEventArguments

from dashboards import kit, moments
from dashboards.asking import ReasonForm
from dashboards.chart_options import DARK, LIGHT
from dashboards.exercises import Exercises
from dashboards.frame import Chosen, Frame, Theme, place
from dashboards.invitation import invitation
from dashboards.kit import Box, Text
from dashboards.login import LEAD
from dashboards.look import HEAD
from dashboards.poller import Poller
from dashboards.scene import Look
from dashboards.shown import Shown, showing
from dashboards.snapshot import Snapshot
from dashboards.tables import stop_id
from dashboards.view import View, line_of, link, machines_of, parse
from dashboards.visitors import LOCAL, Visitor
from dashboards.wording import Language, as_language, say
from fieldlab_configs import Site

_SCRIPT = '<script src="{script}" defer></script>'


class Page:
    """One visitor's page.

    Parameters
    ----------
    poller : Poller
    client : Client
        NiceGUI's side of the visitor's browser.
    query : mapping of str to str
        Of the link that was followed.
    urls : tuple of str
        Where its style and its script are.
    visitor : Visitor
    exercises : Exercises, optional
        Of the demo.
    """

    def __init__(
        self,
        poller: Poller,
        client: Client,
        query: Mapping[str, str],
        urls: tuple[str, str],
        visitor: Visitor = LOCAL,
        exercises: Exercises | None = None,
    ) -> None:
        self.visitor, self.exercises = visitor, exercises
        self.poller, self.client = poller, client
        self.site: Site = poller.screens.site
        self.language: Language = as_language(query.get("lang"), self.site.language)
        asked = query.get("theme")
        self.theme: Theme = "light" if asked == "light" else "dark" if asked == "dark" else "auto"
        self.dark = self.theme == "dark"
        understood = parse(self.site, query)
        self.view, self.unclear = understood.view, understood.unclear
        if self.view.screen not in visitor.screens:
            self.view = replace(self.view, screen=visitor.screens[-1])
        self._urls = urls
        self._stop: Callable[[], None] | None = None
        self._snapshot = poller.latest(self.view) or Snapshot(self.view)

    def build(self) -> None:
        """Put everything in place, as far as it is known."""
        self._shown = shown = self._made()
        style, script = self._urls
        ui.page_title(self._title())
        ui.add_head_html(HEAD.format(style=style, theme=json.dumps(self.theme)))
        ui.add_head_html(_SCRIPT.format(script=script))
        frame = Frame(
            self.poller.screens, self.visitor, self.exercises, self._chosen, self.choose, self.switch_theme
        )
        with Box("div", "page"):
            Text("a", self._say("skip"), "skip", href="#figures")
            frame.head(shown)
            frame.nav()
            if self.exercises is not None and self.view.screen == "overview":
                invitation(self.exercises, self.language, self.theme)
            frame.choices(shown)
            self.notice = Text("p", "", "notice", role="status", data_testid="notice")
            place("p", "waiting", shown, "waiting", data_testid="waiting")
            figures = {"id": "figures", "tabindex": "-1", "data_testid": "figures"}
            with place("div", "figures", shown, "grid", **figures):
                place("div", "first", shown, "cards")
                self._form()
                place("div", "boards", shown, "cards")
            Text("footer", self._say("foot"), "foot")
        self._mark, self._catch_up = frame.mark, frame.catch_up
        self._mark(self._chosen)
        self._notice()
        self._send(shown.pictures)

    def listen(self) -> None:
        """From now on, show what the poller finds."""
        self.leave()
        self._stop = self.poller.listen(self.view, self.show)
        latest = self.poller.latest(self.view)
        if latest is not None:
            self.show(latest)

    def leave(self) -> None:
        """No longer look."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    def show(self, snapshot: Snapshot | None) -> None:
        """Show a moment; None: the data cannot be read, what stands there is old."""
        if not self.visitor.welcome():
            self.leave()
            self.client.run_javascript(LEAD)
            return
        if snapshot is None:
            self._trouble()
            return
        self._notice()
        self._catch_up()
        self._snapshot = snapshot
        self._send(self._made().since(self._shown))
        self._shown = self._made()

    async def settle(self) -> None:
        """Learn which colours the browser took, where the link left it to the browser."""
        if self.theme == "auto":
            with suppress(TimeoutError):  # it went to sleep, or away
                dark = await self.client.run_javascript(
                    "return document.documentElement.dataset.theme", timeout=5
                )
                self._recolour(dark == "dark")

    def choose(self, view: View) -> None:
        """Look at something else."""
        if view == self.view:
            return
        self.view, self.unclear = view, ()
        self._mark(self._chosen)
        self.listen()
        self._address()

    def switch_theme(self) -> None:
        """Light to dark, or back."""
        self.theme = "light" if self.dark else "dark"
        self._recolour(not self.dark)
        self.client.run_javascript(f"document.documentElement.dataset.theme = {json.dumps(self.theme)}")
        self._mark(self._chosen)
        self._address()

    @property
    def _chosen(self) -> Chosen:
        return Chosen(self.view, self.language, self.theme, self.dark)

    def _say(self, key: str, **values: str) -> str:
        return say(key, self.language, **values)

    def _title(self) -> str:
        page = self._say(f"nav.{self.view.screen}")
        return f"{page} · {self.site.name or self.site.fieldlab} · Fieldlab"

    def _made(self) -> Shown:
        """What is to stand here: made once for all pages that look alike."""
        look = Look(self.language, DARK if self.dark else LIGHT, self.visitor.may_assign)
        return showing(self.poller).of(self._snapshot, look)

    def _send(self, javascript: str) -> None:
        """Have the browser do something; again after a lost connection, as what NiceGUI itself sends."""
        if javascript:
            self.client.outbox.enqueue_message("run_javascript", {"code": javascript}, self.client.id)

    def _form(self) -> None:
        """Where the visitor may, the question why a machine stood still."""
        if self.view.screen != "line" or not self.visitor.may_assign:
            return
        keep, code = self.poller.screens.assign, self.visitor.pseudonym
        form = ReasonForm(self.language, self.site, self.client, keep, code)

        def ask(event: GenericEventArguments) -> None:
            found = (row for row in self._snapshot.parts.get("stops", ()) if stop_id(row) == event.args)
            stop = next(found, None)  # what a browser sends may be of long ago, or made up
            if stop is not None:
                form.ask(stop)

        ui.on("assign", ask)

    def _recolour(self, dark: bool) -> None:
        if dark == self.dark:
            return
        self.dark = dark
        self._mark(self._chosen)
        self.show(self._snapshot)

    def _address(self) -> None:
        url = json.dumps(link(self.view, self.language, self.theme))
        self.client.run_javascript(f"history.pushState(null, '', {url})")

    def _notice(self) -> None:
        line = line_of(self.site, self.view) if self.site.lines else None
        names = {m.id: m.name or m.id for m in machines_of(self.site, self.view)}
        shown = names.get(self.view.machine or "") or (line and (line.name or line.id)) or ""
        words = []
        for key, asked in self.unclear:
            kinds = {"no_machine": shown, "no_screen": self._say(f"nav.{self.view.screen}")}
            what = kinds.get(key) or self._say(f"range.{self.view.range}")
            words.append(self._say(key, asked=asked, shown=what))
        now_ns = self.poller.screens.now_ns()
        if now_ns is not None and (self.view.from_ns or 0) > now_ns:
            words.append(self._say("future"))
        kit.write(self.notice, " ".join(words))
        kit.hide(self.notice, not words)

    def _trouble(self) -> None:
        at = self._snapshot.span
        words = self._say("trouble.never")
        if at is not None:
            words = self._say("trouble", time=moments.dated_clock(self.site, at.end_ns, self.language))
        kit.write(self.notice, words)
        kit.hide(self.notice, hidden=False)
