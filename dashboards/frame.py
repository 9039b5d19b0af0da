"""What stands around a page's figures: its head, the ways to other pages, and what can be chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from dashboards import kit
from dashboards.exercises import Exercises, address
from dashboards.kit import Box, Text
from dashboards.picker import Picker
from dashboards.screens import Screens
from dashboards.shown import Shown
from dashboards.view import RANGES_NS, SCREENS, View, link, wall_link
from dashboards.visitors import Visitor
from dashboards.wording import LANGUAGES, Language, say

Theme = Literal["light", "dark", "auto"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark", "auto")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a visitor chose.

    Attributes
    ----------
    view : View
    language : str
    theme : str
    dark : bool
        What the theme is on this visitor's screen.
    """

    view: View
    language: Language
    theme: Theme
    dark: bool


def place(tag: str, name: str, shown: Shown, classes: str = "", **attributes: str) -> Box:
    """A place of what changes with time, as it stands there when the page is sent; from then on it is ours.

    NiceGUI must not know of it again: the browser is told by :meth:`Shown.since` what is different there.
    """
    box = Box(tag, classes, data_host=name, **attributes)
    kit.put(box, **shown.places[name].attributes)
    if inner := shown.inside(name):
        box.props["innerHTML"] = inner
    return box


class Frame:
    """Built once for a visitor; of what changes with time it holds the places only.

    Parameters
    ----------
    screens : Screens
    visitor : Visitor
    exercises : Exercises, optional
        Of the demo.
    chosen : Chosen
    choose : callable
        Given another view.
    turn : callable
        From light to dark, or back.
    """

    def __init__(
        self,
        screens: Screens,
        visitor: Visitor,
        exercises: Exercises | None,
        chosen: Chosen,
        choose: Callable[[View], None],
        turn: Callable[[], None],
    ) -> None:
        self._screens, self.site = screens, screens.site
        self._visitor, self._exercises = visitor, exercises
        self._chosen, self._choose, self._turn = chosen, choose, turn
        self._language = chosen.language
        self._scoped = chosen.view.screen in ("line", "energy")
        self._ranged = chosen.view.screen != "experiment"

    def _say(self, key: str, **values: str) -> str:
        return say(key, self._language, **values)

    def head(self, shown: Shown) -> None:
        """The name, up to when it tells, languages and theme."""
        with Box("header", "top"):
            with Box("div", "brand"):
                Box("span", "mark", aria_hidden="true")
                Text("h1", self.site.name or self.site.fieldlab)
            place("span", "until", shown, "live", data_testid="until")
            with Box("nav", "tools", aria_label=self._say("choose.language")):
                self._languages = {
                    name: Text("a", name.upper(), "tool", lang=name, data_testid=f"lang-{name}")
                    for name in LANGUAGES
                }
                self._toggle = Text("button", "", "tool", type="button", data_testid="theme")
                self._toggle.on("click", self._turn)
                if self._visitor.name:
                    with Box("form", "", method="post", action="/logout"):
                        out = Text("button", self._say("logout"), "tool", data_testid="logout")
                        kit.put(out, type="submit", title=self._visitor.name)

    def nav(self) -> None:
        """The ways to other pages."""
        with Box("nav", "pages", aria_label=self._say("nav")):
            self._pages = {}
            for name in SCREENS:
                if name in self._visitor.screens:
                    self._pages[name] = Text(
                        "a", self._say(f"nav.{name}"), "page-link", data_testid=f"nav-{name}"
                    )
            self._wall = Text("a", self._say("wall"), "page-link", data_testid="nav-wall")
            if self._exercises is not None:
                there = address(self._language, self._chosen.theme)
                Text("a", self._say("nav.exercises"), "page-link", href=there, data_testid="nav-exercises")

    def choices(self, shown: Shown) -> None:
        """The machines, and the ranges."""
        self._scopes: dict[str, Text | Box] = {}
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
                    self._scope(shown, f"line-{line.id}", words, line=line.id)
                    for machine in self.site.machines():
                        if machine.line.latest == line.id:
                            self._scope(shown, machine.id, machine.name or machine.id, line.id, machine.id)
            with Box("div", "ranges", role="group", aria_label=self._say("choose.range")):
                self._ranges = {}
                for name in RANGES_NS:
                    button = Text(
                        "button", self._say(f"range.{name}"), type="button", data_testid=f"range-{name}"
                    )
                    button.on("click", lambda _, name=name: self._choose_range(name))
                    self._ranges[name] = button
                self._fixed = Text(
                    "button", self._say("range.custom"), type="button", data_testid="range-custom"
                )
            place("p", "period", shown, "period", data_testid="period")
            self._picker = Picker(self.site, self._language, self._screens.now_ns, self._choose_fixed)

    def _scope(self, shown: Shown, key: str, words: str, line: str, machine: str | None = None) -> None:
        button = Box("button", "scope", type="button", data_testid=f"scope-{key}")
        with button:
            Text("span", words, "scope-name")
            if machine is not None:
                place("span", f"latest-{machine}", shown, "scope-state")
            else:
                count = sum(m.line.latest == line for m in self.site.machines())
                several = f"{count} machine" if count == 1 else f"{count} machines"  # alike in both languages
                with Box("span", "scope-state"):
                    Text("span", several, data_testid=f"latest-{key}")
        button.on("click", lambda _: self._choose_scope(machine, line))
        self._scopes[key] = button

    def _choose_scope(self, machine: str | None, line: str) -> None:
        self._choose(replace(self._chosen.view, machine=machine, line=line))

    def _choose_range(self, name: str) -> None:
        self._choose(replace(self._chosen.view, range=name, from_ns=None, to_ns=None))

    def _choose_fixed(self, from_ns: int, to_ns: int) -> None:
        self._choose(replace(self._chosen.view, range="custom", from_ns=from_ns, to_ns=to_ns))

    def catch_up(self) -> None:
        """Offer what has come to be since the page was made."""
        self._picker.catch_up()

    def mark(self, chosen: Chosen) -> None:
        """Show what is chosen, in the buttons and in the links."""
        self._chosen, view = chosen, chosen.view
        pressed = view.machine or f"line-{view.line}"
        for key, scope in self._scopes.items():
            kit.put(scope, aria_pressed="true" if key == pressed else "false")
        for name, button in (*self._ranges.items(), ("custom", self._fixed)):
            kit.put(button, aria_pressed="true" if name == view.range else "false")
        kit.hide(self._fixed, view.range != "custom")
        self._picker.mark(view)
        for name, anchor in self._pages.items():
            kit.put(anchor, href=link(replace(view, screen=name), self._language, chosen.theme))
            kit.put(anchor, aria_current="page" if name == view.screen else None)
        kit.put(self._wall, href=wall_link(view, self._language, chosen.theme))
        for name, anchor in self._languages.items():
            kit.put(anchor, href=link(view, name, chosen.theme))
            kit.put(anchor, title=self._say(f"language.{name}"))
            kit.put(anchor, aria_current="true" if name == self._language else None)
        kit.write(self._toggle, self._say("theme.to_light" if chosen.dark else "theme.to_dark"))
        kit.put(self._toggle, title=self._say("theme"))
