"""The page: what a visitor chose, and the cards that show it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, Literal, Protocol

from nicegui import Client, ui

from dashboards import bars, charts, kit, moments, palette
from dashboards.asking import ReasonForm
from dashboards.boards import boards
from dashboards.cards import (
    EnergyCard,
    FactorsCard,
    FiguresCard,
    OeeCard,
    PartsCard,
    StatesCard,
    TrendCard,
)
from dashboards.chart_options import DARK, LIGHT, Ink
from dashboards.exercises import Exercises, address
from dashboards.invitation import invitation
from dashboards.kit import Box, Text
from dashboards.look import HEAD
from dashboards.picker import Picker
from dashboards.poller import Poller
from dashboards.snapshot import Snapshot
from dashboards.view import RANGES_NS, SCREENS, View, line_of, link, machines_of, parse, wall_link
from dashboards.visitors import LOCAL, Visitor
from dashboards.wording import LANGUAGES, Language, as_language, say
from fieldlab_configs import Site

Theme = Literal["light", "dark", "auto"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark", "auto")


class Card(Protocol):
    """What a page is made of."""

    def show(self, snapshot: Snapshot, ink: Ink) -> None:
        """Show a moment."""
        ...


class Page:
    """One visitor's page.

    Parameters
    ----------
    poller : Poller
    client : Client
        NiceGUI's side of the visitor's browser.
    query : mapping of str to str
        Of the link that was followed.
    style_url : str
    visitor : Visitor
    exercises : Exercises, optional
        Of the demo.
    """

    def __init__(
        self,
        poller: Poller,
        client: Client,
        query: Mapping[str, str],
        style_url: str,
        visitor: Visitor = LOCAL,
        exercises: Exercises | None = None,
    ) -> None:
        self.visitor, self.exercises = visitor, exercises
        self.poller, self.client = poller, client
        self.site: Site = poller.screens.site
        self.language: Language = as_language(query.get("lang"), self.site.language)
        theme = query.get("theme")
        self.theme: Theme = "light" if theme == "light" else "dark" if theme == "dark" else "auto"
        self.dark = self.theme == "dark"
        asked = parse(self.site, query)
        self.view = asked.view
        if self.view.screen not in visitor.screens:
            self.view = replace(self.view, screen=visitor.screens[-1])
        self.unclear = asked.unclear
        self._style_url = style_url
        self._scoped = self.view.screen in ("line", "energy")
        self._ranged = self.view.screen != "experiment"
        self._stop: Callable[[], None] | None = None
        self._shown: Snapshot | None = None

    def build(self) -> None:
        """Put everything in place, empty."""
        ui.page_title(self._title())
        ui.add_head_html(HEAD.format(style=self._style_url, theme=json.dumps(self.theme)))
        with Box("div", "page"):
            Text("a", self._say("skip"), "skip", href="#figures")
            self._header()
            self._nav()
            if self.exercises is not None and self.view.screen == "overview":
                invitation(self.exercises, self.language, self.theme)
            self._choices()
            self.notice = Text("p", "", "notice", role="status", data_testid="notice")
            self.empty = Text("p", self._say("waiting"), "waiting", data_testid="waiting")
            self.main = Box("div", "grid", id="figures", tabindex="-1", data_testid="figures")
            with self.main:
                self._cards()
            Text("footer", self._say("foot"), "foot")
        self._mark()
        self._notice()
        kit.veil(self.main, veiled=True)

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
            self.client.open("/login")
            return
        if snapshot is None:
            self._trouble()
            return
        self._notice()
        self._shown = snapshot
        at = snapshot.span
        kit.hide(self.empty, at is not None)
        kit.veil(self.main, at is None)
        if at is None:
            return
        ink = DARK if self.dark else LIGHT
        for card in self.cards:
            card.show(snapshot, ink)
        kit.put(self.main, data_start_ns=str(at.start_ns), data_end_ns=str(at.end_ns))
        kit.put(self.main, data_machine=snapshot.view.machine or "", data_line=snapshot.view.line)
        kit.hide(self.live, snapshot.view.range == "custom")  # its end says nothing of how fresh the data are
        kit.write(
            self.live, self._say("until", time=moments.dated_clock(self.site, at.end_ns, self.language))
        )
        start, end = moments.ends(self.site, at, self.language)
        key = "shown.first" if at.from_first else "shown"
        kit.write(self.period, self._say(key, start=start, end=end))
        for machine, (dot, words) in self.latest.items():
            state = snapshot.latest.get(machine)
            kit.hide(dot, state is None)
            if state is not None:
                kit.put(dot, style=f"--c: {palette.STATE_COLOURS[state]}")
                kit.put(words, data_value=state)
                kit.write(words, self._say(f"state.{state}"))

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
        self._mark()
        self.listen()
        self._address()

    def switch_theme(self) -> None:
        """Light to dark, or back."""
        self.theme = "light" if self.dark else "dark"
        self._recolour(not self.dark)
        self.client.run_javascript(f"document.documentElement.dataset.theme = {json.dumps(self.theme)}")
        self._mark()
        self._address()

    def _say(self, key: str, **values: str) -> str:
        return say(key, self.language, **values)

    def _title(self) -> str:
        page = self._say(f"nav.{self.view.screen}")
        return f"{page} · {self.site.name or self.site.fieldlab} · Fieldlab"

    def _cards(self) -> None:
        """The cards of the page that was asked for."""
        self.cards: list[Card] = []
        ask = None
        if self.view.screen == "line":
            self.cards += [
                OeeCard(self.language, self.site),
                FactorsCard(self.language, self.site),
                StatesCard(self.language, self.site),
                PartsCard(self.language, self.site),
                EnergyCard(self.language, self.site),
            ]
            if self.visitor.may_assign:
                keep = self.poller.screens.assign
                code = self.visitor.pseudonym
                ask = ReasonForm(self.language, self.site, self.client, keep, code).ask
        if self.view.screen == "energy":
            self.cards += [
                FiguresCard(self.language, self.site),
                TrendCard("energy_trend", self.language, self.site, charts.energy),
                TrendCard("energy_by_state", self.language, self.site, bars.energy_by_state),
            ]
        self.cards += boards(self.view, self.language, self.site, ask)

    def _nav(self) -> None:
        with Box("nav", "pages", aria_label=self._say("nav")):
            self.pages = {}
            for name in SCREENS:
                if name in self.visitor.screens:
                    self.pages[name] = Text(
                        "a", self._say(f"nav.{name}"), "page-link", data_testid=f"nav-{name}"
                    )
            self.wall = Text("a", self._say("wall"), "page-link", data_testid="nav-wall")
            if self.exercises is not None:
                there = address(self.language, self.theme)
                Text("a", self._say("nav.exercises"), "page-link", href=there, data_testid="nav-exercises")

    def _header(self) -> None:
        with Box("header", "top"):
            with Box("div", "brand"):
                Box("span", "mark", aria_hidden="true")
                Text("h1", self.site.name or self.site.fieldlab)
            self.live = Text("span", "", "live", data_testid="until")
            with Box("nav", "tools", aria_label=self._say("choose.language")):
                self.languages = {
                    name: Text("a", name.upper(), "tool", lang=name, data_testid=f"lang-{name}")
                    for name in LANGUAGES
                }
                self.toggle = Text("button", "", "tool", type="button", data_testid="theme")
                self.toggle.on("click", self.switch_theme)
                if self.visitor.name:
                    with Box("form", "", method="post", action="/logout"):
                        out = Text("button", self._say("logout"), "tool", data_testid="logout")
                        kit.put(out, type="submit", title=self.visitor.name)

    def _choices(self) -> None:
        self.scopes: dict[str, Text | Box] = {}
        self.latest: dict[str, tuple[Box, Text]] = {}
        with Box("div", "choices" if self._ranged else "choices none"):
            with Box(
                "div",
                "scopes" if self._scoped else "scopes none",
                role="group",
                aria_label=self._say("choose.machine"),
            ):
                for line in self.site.lines if self._scoped else ():
                    several = len(self.site.lines) > 1
                    words = line.name or line.id if several else self._say("whole_line")
                    self._scope(f"line-{line.id}", words, line=line.id)
                    for machine in self.site.machines():
                        if machine.line.latest == line.id:
                            self._scope(machine.id, machine.name or machine.id, line.id, machine.id)
            with Box("div", "ranges", role="group", aria_label=self._say("choose.range")):
                self.ranges = {}
                for name in RANGES_NS:
                    button = Text(
                        "button", self._say(f"range.{name}"), type="button", data_testid=f"range-{name}"
                    )
                    button.on("click", lambda _, name=name: self._choose_range(name))
                    self.ranges[name] = button
                self.fixed = Text(
                    "button", self._say("range.custom"), type="button", data_testid="range-custom"
                )
            self.period = Text("p", "", "period", data_testid="period")
            self.picker = Picker(self.site, self.language, self.poller.screens.now_ns, self._choose_fixed)

    def _scope(self, key: str, words: str, line: str, machine: str | None = None) -> None:
        button = Box("button", "scope", type="button", data_testid=f"scope-{key}")
        with button:
            Text("span", words, "scope-name")
            with Box("span", "scope-state"):
                dot = Box("i", "dot", aria_hidden="true")
                count = sum(m.line.latest == line for m in self.site.machines())
                several = f"{count} machine" if count == 1 else f"{count} machines"  # alike in both languages
                state = Text("span", "" if machine else several, data_testid=f"latest-{key}")
        if machine is None:
            kit.hide(dot, hidden=True)
        else:
            self.latest[machine] = (dot, state)
        button.on("click", lambda _: self._choose_scope(machine, line))
        self.scopes[key] = button

    def _choose_scope(self, machine: str | None, line: str) -> None:
        self.choose(replace(self.view, machine=machine, line=line))

    def _choose_range(self, name: str) -> None:
        self.choose(replace(self.view, range=name, from_ns=None, to_ns=None))

    def _choose_fixed(self, from_ns: int, to_ns: int) -> None:
        self.choose(replace(self.view, range="custom", from_ns=from_ns, to_ns=to_ns))

    def _mark(self) -> None:
        """Show what is chosen, in the buttons and in the links."""
        chosen = self.view.machine or f"line-{self.view.line}"
        for key, scope in self.scopes.items():
            kit.put(scope, aria_pressed="true" if key == chosen else "false")
        for name, button in (*self.ranges.items(), ("custom", self.fixed)):
            kit.put(button, aria_pressed="true" if name == self.view.range else "false")
        kit.hide(self.fixed, self.view.range != "custom")
        for name, anchor in self.pages.items():
            kit.put(anchor, href=link(replace(self.view, screen=name), self.language, self.theme))
            kit.put(anchor, aria_current="page" if name == self.view.screen else None)
        kit.put(self.wall, href=wall_link(self.view, self.language, self.theme))
        for name, anchor in self.languages.items():
            kit.put(anchor, href=link(self.view, name, self.theme))
            kit.put(anchor, title=self._say(f"language.{name}"))
            kit.put(anchor, aria_current="true" if name == self.language else None)
        kit.write(self.toggle, self._say("theme.to_light" if self.dark else "theme.to_dark"))
        kit.put(self.toggle, title=self._say("theme"))

    def _recolour(self, dark: bool) -> None:
        if dark == self.dark:
            return
        self.dark = dark
        self._mark()
        if self._shown is not None:
            self.show(self._shown)

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
        at = self._shown.span if self._shown is not None else None
        words = self._say("trouble.never")
        if at is not None:
            words = self._say("trouble", time=moments.dated_clock(self.site, at.end_ns, self.language))
        kit.write(self.notice, words)
        kit.hide(self.notice, hidden=False)
