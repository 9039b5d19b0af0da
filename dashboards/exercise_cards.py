"""The cards of the exercises on the running line: the biggest loss, and half of the micro stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from dashboards import amounts, kit, moments
from dashboards.exercise_parts import VALUE, Heading, Radio, Select, Verdict, Waiting, button, hint, table
from dashboards.exercises import LOSSES, PREDICTIONS, Answer, Board, Exercises, Stretch, Task
from dashboards.kit import Box, Text
from dashboards.view import Span, rfc3339
from dashboards.wording import Language, say

Ask = Callable[[Task, Mapping[str, str]], Awaitable[Answer | None]]
"""Holds an answer against the truth; something to say only where that cannot be now."""
AWAY: Final = Answer(right=False, key="away")
_LONG_S = 600.0


class LossCard:
    """Which machine loses most, and to what."""

    def __init__(self, exercises: Exercises, ask: Ask, language: Language, theme: str) -> None:
        self._exercises, self._ask, self.language, self._theme = exercises, ask, language, theme
        site = exercises.site
        machines = [(m.id, m.name or m.id) for m in site.machines()]
        with Box("section", "card task", aria_labelledby="task-loss", data_testid="task-loss"):
            self._heading = Heading(1, "loss", language)
            self._question = Text("p", "", "task-text")
            self._waiting = Waiting("wait-loss")
            with Box("div", "looks", role="group", aria_label=say("exercise.look", language)):
                Text("span", say("exercise.look", language), "looks-label", aria_hidden="true")
                tab = say("exercise.look.tab", language)
                self._links = {
                    m: Text("a", name, "look", target="_blank", title=tab, data_testid=f"look-{m}")
                    for m, name in machines
                }
            hint("loss", language)
            with Box("div", "answer"):
                losses = [(name, say(f"loss.{name}", language)) for name in LOSSES]
                answer = exercises.answers.get("loss")
                given = answer.given if answer else {}
                self._machine = Select(
                    "loss-machine", "exercise.loss.machine", machines, language, given.get("machine", "")
                )
                self._loss = Select(
                    "loss-loss", "exercise.loss.loss", losses, language, given.get("loss", "")
                )
                self._check = button("check-loss", say("exercise.check", language), self._press)
            self._verdict = Verdict("loss", language, site)

    async def _press(self) -> None:
        given = {"machine": self._machine.value, "loss": self._loss.value}
        self._verdict.tell(await self._ask("loss", given))

    def show(self, board: Board) -> None:
        """Show how it stands."""
        answer, task = self._exercises.answers.get("loss"), board.loss
        self._heading.show(answer)
        self._verdict.show(answer)
        kit.put(self._check, disabled="disabled" if task is None or task.wait_s is not None else None)
        if task is None:
            self._waiting.show(say("exercise.starting", self.language))
            return
        start, end = moments.ends(self._exercises.site, Span(task.from_ns, task.to_ns), self.language)
        kit.write(self._question, say("exercise.loss.question", self.language, start=start, end=end))
        ends = {"from": rfc3339(task.from_ns), "to": rfc3339(task.to_ns)}
        more = {"lang": self.language} | ({} if self._theme == "auto" else {"theme": self._theme})
        for machine, anchor in self._links.items():
            kit.put(anchor, href="/?" + urlencode({"machine": machine} | ends | more))
        self._waiting.show(waiting("exercise.loss.wait", task.wait_s, self.language))


class StopsCard:
    """Half of the micro stops: predicted, done, measured."""

    def __init__(self, exercises: Exercises, ask: Ask, language: Language) -> None:
        self._exercises, self._ask, self.language = exercises, ask, language
        answer = exercises.answers.get("stops")
        given = answer.given if answer else {}
        self._points = given.get("points", "")
        with Box("section", "card task", aria_labelledby="task-stops", data_testid="task-stops"):
            self._heading = Heading(2, "stops", language)
            self._question = Text("p", "", "task-text")
            self._table()
            with Box("div", "step") as self._before:
                options = [(name, say(f"exercise.stops.{name}", language)) for name in PREDICTIONS]
                self._predict = Radio(
                    "predict",
                    say("exercise.stops.prediction", language),
                    options,
                    given.get("prediction", ""),
                )
                self._press = button("halve", say("exercise.stops.halve", language), self._halve)
            self._waiting = Waiting("wait-stops")
            hint("stops", language)
            with Box("div", "answer") as self._after:
                with Box("label", "field"):
                    Text("span", say("exercise.stops.points", language))
                    box = Box("input", "short", type="text", inputmode="decimal", data_testid="stops-points")
                    kit.put(box, autocomplete="off", value=self._points)
                    box.on("input", lambda e: self._type(str(e.args)), js_handler=VALUE)
                button("check-stops", say("exercise.check", language), self._answer)
            self._verdict = Verdict("stops", language, exercises.site)

    def _table(self) -> None:
        names = ("oee", "minor_stop_s", "breakdown_s", "setup_s", "good", "planned_s")
        self._cells: dict[tuple[str, str], Text] = {}
        title = say("exercise.stops.table", self.language)
        with table("table-stops", title) as self._stretches:
            with Box("thead"), Box("tr"):
                Text("td", "", "words")
                self._heads = {which: Text("th", "", scope="col") for which in ("before", "after")}
            with Box("tbody"):
                for name in names:
                    with Box("tr", f"row-{name}"):
                        Text("th", say(f"exercise.stops.row.{name}", self.language), "words", scope="row")
                        for which in ("before", "after"):
                            cell = Text("td", "", data_testid=f"{which}-{name}", data_value="")
                            self._cells[which, name] = cell

    def _type(self, text: str) -> None:
        self._points = text

    async def _halve(self) -> None:
        try:
            said = await asyncio.to_thread(self._exercises.halve, self._predict.value)
        except OSError:
            said = AWAY
        self._verdict.tell(said)

    async def _answer(self) -> None:
        self._verdict.tell(await self._ask("stops", {"points": self._points}))

    def show(self, board: Board) -> None:
        """Show how it stands."""
        answer, task = self._exercises.answers.get("stops"), board.stops
        self._heading.show(answer)
        self._verdict.show(answer)
        phase = task.phase if task is not None else "waiting"
        kit.hide(self._before, phase in ("running", "done"))
        kit.put(self._press, disabled=None if phase == "ready" else "disabled")
        kit.hide(self._after, phase != "done")
        kit.hide(self._stretches, task is None or task.before is None)
        if task is None:
            self._waiting.show(say("exercise.starting", self.language))
            return
        names = {m.id: m.name or m.id for m in self._exercises.site.machines()}
        machine = names.get(task.machine, task.machine)
        kit.write(self._question, say("exercise.stops.question", self.language, machine=machine))
        self._column("before", task.before)
        self._column("after", task.after)
        if phase == "running" and task.wait_s is None:
            self._waiting.show(say("exercise.stops.beginning", self.language))
        else:
            key = "exercise.stops.running" if phase == "running" else "exercise.loss.wait"
            self._waiting.show(waiting(key, task.wait_s, self.language), task.done)

    def _column(self, which: str, stretch: Stretch | None) -> None:
        said = say(f"exercise.stops.{which}", self.language)
        if stretch is None:
            kit.write(self._heads[which], said)
            return
        site = self._exercises.site
        start, end = (moments.clock(site, at)[:5] for at in (stretch.from_ns, stretch.to_ns))
        kit.write(self._heads[which], f"{said} {start}–{end}")
        for name in ("minor_stop_s", "breakdown_s", "setup_s", "planned_s"):
            seconds = getattr(stretch, name)
            share = seconds / stretch.planned_s if seconds is not None and stretch.planned_s else None
            text = amounts.UNDEFINED if seconds is None else amounts.duration(seconds, self.language)
            if name != "planned_s" and share is not None:
                text = f"{text} · {amounts.percent(share, self.language)}"
            self._cell(which, name, seconds, text)
        self._cell(which, "oee", stretch.oee, amounts.percent(stretch.oee, self.language))
        self._cell(which, "good", stretch.good, amounts.count(stretch.good, self.language))

    def _cell(self, which: str, name: str, value: float | None, text: str) -> None:
        kit.write(self._cells[which, name], text)
        kit.put(self._cells[which, name], data_value="" if value is None else repr(value))


def waiting(key: str, wait_s: float | None, language: Language) -> str:
    """How long it takes yet; a demo that runs slowly is told how to run faster."""
    if wait_s is None:
        return ""
    words = say(key, language, wait=amounts.duration(wait_s, language))
    return f"{words} {say('exercise.slow', language)}" if wait_s > _LONG_S else words
