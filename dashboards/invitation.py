"""On the demo's first page: the exercises, where somebody who just came sees them."""

from __future__ import annotations

from dashboards.exercises import TASKS, Exercises, address, solved
from dashboards.kit import Box, Text
from dashboards.wording import Language, say


def invitation(exercises: Exercises, language: Language, theme: str) -> None:
    """A band with what there is to learn, and how far one is."""
    done = solved(exercises)
    with Box("section", "invite", aria_label=say("exercises", language), data_testid="invitation"):
        with Box("div", "invite-words"):
            Text("h2", say("exercises.invite", language))
            Text("p", say("exercises.invite.what", language), "question")
        with Box("div", "invite-go"):
            if done:
                count = {"done": str(done), "all": str(len(TASKS))}
                Text("span", say("exercises.progress", language, **count), "invite-done")
            key = "exercises.go_on" if done else "exercises.start"
            words = say("exercises.again" if done == len(TASKS) else key, language)
            Text("a", words, "main-button", href=address(language, theme), data_testid="invite")
