"""The card of the third exercise: three weeks, what they used, and what the energy baseline says of them."""

from __future__ import annotations

from dashboards import amounts, kit, moments
from dashboards.exercise_cards import Ask
from dashboards.exercise_parts import Heading, Radio, Verdict, Waiting, button, hint, table
from dashboards.exercises import Board, Exercises, WeekFigures, WeeksTask, signed
from dashboards.kit import Box, Text
from dashboards.wording import Language, say


class WeeksCard:
    """Which week really saved energy."""

    def __init__(self, exercises: Exercises, ask: Ask, language: Language) -> None:
        self._exercises, self._ask, self.language = exercises, ask, language
        self._shown = False
        with Box("section", "card task", aria_labelledby="task-weeks", data_testid="task-weeks"):
            self._heading = Heading(3, "weeks", language)
            Text("p", say("exercise.weeks.question", language), "task-text")
            self._waiting = Waiting("wait-weeks")
            self._data = Box("div", "weeks")
            hint("weeks", language)
            with Box("div", "answer"):
                given = exercises.answers.get("weeks")
                chosen = given.given.get("week", "") if given else ""
                options = [(str(n), say("exercise.weeks.name", language, number=str(n))) for n in (1, 2, 3)]
                self._week = Radio("week", say("exercise.weeks.which", language), options, chosen)
                self._check = button("check-weeks", say("exercise.check", language), self._press)
            self._verdict = Verdict("weeks", language, exercises.site)

    async def _press(self) -> None:
        self._verdict.tell(await self._ask("weeks", {"week": self._week.value}))

    def show(self, board: Board) -> None:
        """Show how it stands."""
        answer, task = self._exercises.answers.get("weeks"), board.weeks
        self._heading.show(answer)
        self._verdict.show(answer)
        kit.put(self._check, disabled="disabled" if task is None else None)
        self._waiting.show(say("exercise.weeks.making", self.language) if task is None else "")
        if task is not None and not self._shown:
            self._shown = True
            with self._data:
                self._totals(task)
                with Box("details", "baseline", data_testid="baseline"):
                    Text("summary", say("exercise.weeks.baseline", self.language))
                    self._baseline(task)

    def _name(self, number: int) -> str:
        return say("exercise.weeks.name", self.language, number=str(number))

    def _totals(self, task: WeeksTask) -> None:
        columns = ("energy", "good", "per_good")
        with table("table-weeks", say("exercise.weeks.table", self.language)):
            with Box("thead"), Box("tr"):
                Text("td", "", "words")
                for name in columns:
                    Text("th", say(f"exercise.weeks.{name}", self.language), scope="col")
            with Box("tbody"):
                self._row(say("exercise.weeks.usual", self.language), task.usual, None)
                for number, week in enumerate(task.weeks, 1):
                    begins = moments.day(moments.local(task.site, week.start_ns), self.language)
                    self._row(f"{self._name(number)} · {begins}", week, task.usual)

    def _row(self, name: str, week: WeekFigures, usual: WeekFigures | None) -> None:
        texts = (
            ("energy_kwh", amounts.count(round(week.energy_kwh), self.language)),
            ("good", amounts.count(round(week.good), self.language)),
            ("per_good_kwh", amounts.decimal(week.per_good_kwh, 3, self.language)),
        )
        with Box("tr"):
            Text("th", name, "words", scope="row")
            for field, text in texts:
                with Box("td", "", data_value=repr(getattr(week, field))):
                    Text("span", text)
                    if usual is not None:
                        change = getattr(week, field) / getattr(usual, field) - 1
                        Text("span", self._change(change), "change")

    def _change(self, ratio: float) -> str:
        sign = "+" if ratio > 0 else "−" if ratio < 0 else ""
        return f"{sign}{amounts.percent(abs(ratio), self.language)}"

    def _baseline(self, task: WeeksTask) -> None:
        law = {
            "base": amounts.decimal(task.base_kw, 1, self.language),
            "part": amounts.decimal(task.part_kwh, 3, self.language),
        }
        Text("p", say("exercise.weeks.law", self.language, **law), "question")
        reach = max(abs(v) for w in task.weeks for v in (w.low_kwh or 0.0, w.high_kwh or 0.0)) * 1.1 or 1.0
        with table("table-baseline", say("exercise.weeks.judged", self.language)):
            with Box("thead"), Box("tr"):
                Text("td", "", "words")
                for name in ("expected", "used", "saved"):
                    Text("th", say(f"exercise.weeks.{name}", self.language), f"col-{name}", scope="col")
                Text("th", say("exercise.weeks.interval", self.language), "interval-head", scope="col")
            with Box("tbody"):
                for number, week in enumerate(task.weeks, 1):
                    self._judged(number, week, reach)
        Text("p", say("exercise.weeks.command", self.language), "question")
        Text("code", task.command, "command")

    def _judged(self, number: int, week: WeekFigures, reach: float) -> None:
        low, saved, high = week.low_kwh or 0.0, week.saved_kwh or 0.0, week.high_kwh or 0.0
        with Box("tr"):
            Text("th", self._name(number), "words", scope="row")
            figures = {"expected": week.expected_kwh or 0.0, "used": week.energy_kwh, "saved": saved}
            for name, value in figures.items():
                Text("td", signed(value, 0, self.language), f"col-{name}", data_value=repr(value))
            with Box("td", "interval-cell"):
                ends = {"low": signed(low, 0, self.language)}
                ends |= {"high": signed(high, 0, self.language)}
                Text("span", say("exercise.weeks.between", self.language, **ends))
                places = {"from": low, "at": saved, "to": high}
                style = "; ".join(f"--{name}: {50 + 50 * at / reach:.2f}%" for name, at in places.items())
                with Box("div", "interval", aria_hidden="true", style=style):
                    Box("i", "interval-zero")
                    Box("i", "interval-bar")
                    Box("i", "interval-point")
