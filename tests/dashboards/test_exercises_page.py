"""A button of an exercise that is pressed while the store is away: the page says so, and goes on after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from dashboards.exercises import Answer, Board, LossTask, StopsTask, Task
from fieldlab_configs import Site
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium
from tests.dashboards.fakes import HOUR_NS, START_NS, FakeScreens
from tests.dashboards.serving import served
from tests.dashboards.test_page import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]


class Line:
    """A line whose first hours are over, and whose store may be away for whoever answers."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.answers: dict[Task, Answer] = {}
        self.away, self.halved = False, 0

    def board(self) -> Board:
        """Both exercises on the line can be done."""
        loss = LossTask(START_NS, START_NS + HOUR_NS, None, tuple(m.id for m in self.site.machines()))
        return Board(loss, StopsTask("m1", None, "ready"))

    def halve(self, prediction: str) -> Answer | None:
        """Begins, where the store is there."""
        self._reach()
        self.halved += 1
        return None if prediction else Answer(right=False, key="stops.predict")

    def answer(self, task: Task, given: Mapping[str, str]) -> Answer:
        """Never right."""
        self._reach()
        self.answers[task] = Answer(right=False, key="loss.choose", given=given)
        return self.answers[task]

    def _reach(self) -> None:
        if self.away:
            raise ConnectionError("the store is away")


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """A laptop's browser."""
    with chromium() as found:
        yield found


def said(browser: webdriver.Chrome, task: str) -> str:
    """What is said of an answer."""
    return browser.find_element(By.CSS_SELECTOR, f"[data-testid='verdict-{task}']").text


@pytest.mark.parametrize(
    ("language", "words", "after"),
    [
        ("nl", "Probeer het over een paar tellen opnieuw", "Kies een"),
        ("en", "Try again in a few", "Choose a"),
    ],
)
def test_a_check_while_the_store_is_away_is_told_where_it_was_pressed(
    browser, language, words, after
) -> None:
    """Beside the button, until it is pressed again; nothing is kept of an answer that nobody checked."""
    screens = FakeScreens()
    line = Line(screens.site)
    with served(screens, exercises=line) as address:
        browser.get(f"{address.url}exercises?lang={language}")

        def press(button: str) -> None:
            def pressed() -> bool:
                found = browser.find_element(By.CSS_SELECTOR, f"[data-testid='{button}']")
                if found.get_attribute("disabled"):
                    return False
                found.click()
                return True

            until(pressed, f"{button} can be pressed")

        def choose() -> bool:
            machine = browser.find_element(By.CSS_SELECTOR, "[data-testid='loss-machine']")
            Select(machine).select_by_value("m1")
            return True

        until(lambda: browser.find_elements(By.CSS_SELECTOR, "[data-testid='check-loss']"), "the exercises")
        line.away = True
        until(choose, "a machine can be chosen")
        press("check-loss")
        until(lambda: words in said(browser, "loss"), "the store is away")
        press("halve")
        until(lambda: words in said(browser, "stops"), "the store is away")
        assert (line.answers, line.halved) == ({}, 0)
        line.away = False
        press("check-loss")
        until(lambda: after in said(browser, "loss"), "the answer is checked")
        press("halve")
        until(lambda: line.halved == 1 and words not in said(browser, "stops"), "the line begins")
        assert line.answers["loss"].given["machine"] == "m1"
        browser.get("about:blank")
