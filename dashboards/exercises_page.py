"""The page of the guided exercises: three cards, kept up with the running line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from nicegui import Client, ui

from dashboards import kit
from dashboards.exercise_cards import AWAY, LossCard, StopsCard
from dashboards.exercise_feed import Boards
from dashboards.exercise_weeks import WeeksCard
from dashboards.exercises import TASKS, Answer, Board, Task, address, overview, solved
from dashboards.kit import Box, Text
from dashboards.look import HEAD, TURN
from dashboards.wording import LANGUAGES, Language, as_language, say


class ExercisesPage:
    """One visitor's page.

    Parameters
    ----------
    boards : Boards
        How it stands, for all pages.
    client : Client
    query : mapping of str to str
        Of the link that was followed.
    style_url : str
    """

    def __init__(self, boards: Boards, client: Client, query: Mapping[str, str], style_url: str) -> None:
        self._boards, self._exercises = boards, boards.exercises
        self._client, self._style_url = client, style_url
        self.language: Language = as_language(query.get("lang"), self._exercises.site.language)
        theme = query.get("theme")
        self._theme = theme if theme in ("light", "dark") else "auto"
        self._board = boards.latest

    def _say(self, key: str, **values: str) -> str:
        return say(key, self.language, **values)

    def build(self) -> None:
        """Put everything in place, and keep it up to date."""
        ui.page_title(f"{self._say('exercises')} · Fieldlab")
        ui.add_head_html(HEAD.format(style=self._style_url, theme=json.dumps(self._theme)))
        with Box("div", "page exercises"):
            Text("a", self._say("skip"), "skip", href="#figures")
            self._header()
            with Box("nav", "pages", aria_label=self._say("nav")):
                Text(
                    "a",
                    self._say("exercises.back"),
                    "page-link",
                    href=overview(self.language, self._theme),
                    data_testid="back",
                )
                here = address(self.language, self._theme)
                Text("a", self._say("nav.exercises"), "page-link", href=here, aria_current="page")
            with Box("div", "tasks", id="figures", tabindex="-1"):
                with Box("div", "tasks-intro"):
                    Text("h1", self._say("exercises.invite"))
                    Text("p", self._say("exercises.how"), "task-text")
                    self._progress = Text("p", "", "tasks-progress", role="status", data_testid="progress")
                    self._notice = Text("p", "", "notice", role="status", data_testid="notice")
                    kit.hide(self._notice, hidden=True)
                self._cards = (
                    LossCard(self._exercises, self._ask, self.language, self._theme),
                    StopsCard(self._exercises, self._ask, self.language),
                    WeeksCard(self._exercises, self._ask, self.language),
                )
            Text("footer", self._say("exercises.foot"), "foot")
        self._show()
        self._client.on_delete(self._boards.listen(self._refresh))

    def _header(self) -> None:
        name = self._exercises.site.name or self._exercises.site.fieldlab
        with Box("header", "top"):
            with Box("div", "brand"):
                Box("span", "mark", aria_hidden="true")
                Text("span", name, "brand-name")
            Text("span", "", "live")
            with Box("nav", "tools", aria_label=self._say("choose.language")):
                for language in LANGUAGES:
                    link = Text("a", language.upper(), "tool", lang=language, data_testid=f"lang-{language}")
                    kit.put(link, href=address(language, self._theme))
                    kit.put(link, title=self._say(f"language.{language}"))
                    kit.put(link, aria_current="true" if language == self.language else None)
                turn = Text("button", self._say("theme"), "tool", type="button", data_testid="theme")
                turn.on("click", js_handler=TURN)

    def _refresh(self, board: Board | None) -> None:
        """Show how it stands; None: that cannot be read, and what stands there is old."""
        kit.write(self._notice, "" if board else self._say("exercises.trouble"))
        kit.hide(self._notice, board is not None)
        if board is not None:
            self._board = board
            self._show()

    async def _ask(self, task: Task, given: Mapping[str, str]) -> Answer | None:
        try:
            await asyncio.to_thread(self._exercises.answer, task, given)
        except OSError:
            return AWAY
        self._show()
        return None

    def _show(self) -> None:
        done = {"done": str(solved(self._exercises)), "all": str(len(TASKS))}
        key = "exercises.all_done" if solved(self._exercises) == len(TASKS) else "exercises.progress"
        kit.write(self._progress, self._say(key, **done))
        for card in self._cards:
            card.show(self._board)
