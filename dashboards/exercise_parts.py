"""What the exercises' cards are made of: a heading with its state, a hint, a choice, a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from dashboards import kit
from dashboards.exercises import Answer, Task, told
from dashboards.html import share
from dashboards.kit import Box, Text
from dashboards.wording import Language, say
from fieldlab_configs import Site

VALUE: Final = "(e) => emit(e.target.value)"


class Heading:
    """Number, title, minutes, and whether it is done."""

    def __init__(self, number: int, task: Task, language: Language) -> None:
        self._language = language
        with Box("header", "task-head"):
            self._badge = Text("span", str(number), "task-number", aria_hidden="true")
            with Box("div"):
                Text("h2", say(f"exercise.{task}", language), id=f"task-{task}")
                Text("p", say(f"exercise.{task}.minutes", language), "question")
            self._state = Text("span", "", "task-state", data_testid=f"state-{task}", data_done="no")
        self._number = str(number)

    def show(self, answer: Answer | None) -> None:
        """Show how far one is."""
        done = answer is not None and answer.right
        kit.put(self._state, data_done="yes" if done else "no")
        kit.write(self._state, say("exercise.done", self._language) if done else "")
        kit.write(self._badge, "✓" if done else self._number)
        kit.put(self._badge, data_done="yes" if done else None)


class Waiting:
    """How long something takes yet, and how far it is."""

    def __init__(self, testid: str) -> None:
        with Box("div", "wait", role="status", data_testid=testid) as self.box:
            self._words = Text("p", "")
            self._meter = Box("div", "meter", aria_hidden="true")

    def show(self, words: str, part: float = 0.0) -> None:
        """Show it; without words nothing is waited for."""
        kit.hide(self.box, not words)
        kit.write(self._words, words)
        kit.hide(self._meter, part <= 0)
        kit.put(self._meter, style=f"--at: {share(part)}")


class Select:
    """A choice from a list."""

    def __init__(
        self,
        testid: str,
        label: str,
        options: Sequence[tuple[str, str]],
        language: Language,
        chosen: str = "",
    ) -> None:
        self.value = chosen
        with Box("label", "field"):
            Text("span", say(label, language))
            self._box = Box("select", "", data_testid=testid)
            with self._box:
                Text("option", say("exercise.choose", language), value="")
                for value, words in options:
                    option = Text("option", words, value=value)
                    kit.put(option, selected="selected" if value == chosen else None)
            self._box.on("change", lambda e: self._take(str(e.args)), js_handler=VALUE)

    def _take(self, value: str) -> None:
        self.value = value


class Radio:
    """One of a few, all in sight."""

    def __init__(
        self, name: str, question: str, options: Sequence[tuple[str, str]], chosen: str = ""
    ) -> None:
        self.value = chosen
        with Box("fieldset", "radio") as self.box:
            Text("legend", question)
            for value, words in options:
                with Box("label", "radio-option"):
                    at = Box("input", "", type="radio", name=name, value=value, data_testid=f"{name}-{value}")
                    kit.put(at, checked="checked" if value == chosen else None)
                    at.on("change", lambda e: self._take(str(e.args)), js_handler=VALUE)
                    Text("span", words)

    def _take(self, value: str) -> None:
        self.value = value


class Verdict:
    """What is said of an answer."""

    def __init__(self, task: Task, language: Language, site: Site) -> None:
        self._language, self._site = language, site
        self._kept: Answer | None = None
        self._said: Answer | None = None
        with Box("div", "verdict", role="status", data_testid=f"verdict-{task}", data_right="") as self._box:
            self._title = Text("p", "", "verdict-title")
            self._words = Text("p", "")
        kit.hide(self._box, hidden=True)

    def show(self, kept: Answer | None) -> None:
        """Say it, unless something was said to this page alone."""
        self._kept = kept
        answer = self._said or kept
        kit.hide(self._box, answer is None)
        if answer is None:
            return
        kit.put(self._box, data_right="yes" if answer.right else "no", data_key=answer.key)
        kit.write(self._title, say("exercise.right" if answer.right else "exercise.not_yet", self._language))
        kit.write(self._words, told(answer, self._site, self._language))

    def tell(self, said: Answer | None) -> None:
        """Say to this page alone, until a button is pressed again; None: no more."""
        self._said = said
        self.show(self._kept)


def hint(task: Task, language: Language) -> None:
    """Closed, until it is wanted."""
    with Box("details", "hint", data_testid=f"hint-{task}"):
        Text("summary", say("exercise.hint", language))
        Text("p", say(f"exercise.{task}.hint", language))


def button(testid: str, words: str, pressed: Callable[[], object]) -> Text:
    """A button that something is done by."""
    made = Text("button", words, "main-button", type="button", data_testid=testid)
    made.on("click", lambda _: pressed())
    return made


@contextmanager
def table(testid: str, title: str) -> Iterator[Box]:
    """A table that scrolls by itself where it is too wide; its rows are made in the block."""
    scroll = Box("div", "scroll", tabindex="0", role="region", aria_label=title)
    with scroll, Box("table", "sheet-table task-table", data_testid=testid):
        Text("caption", title, "visually-hidden")
        yield scroll
