"""What stands on a page is made once for all that look alike, and becomes what it would have been."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver

from dashboards.app import Address
from dashboards.chart_options import DARK, LIGHT
from dashboards.nodes import Node, changes, pictures
from dashboards.outcomes import outcomes
from dashboards.scene import Look, Scene
from dashboards.shown import Showing
from dashboards.snapshot import Answers, Snapshot, take
from dashboards.view import View
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium
from tests.dashboards.fakes import NS, START_NS
from tests.dashboards.full import Full
from tests.dashboards.looking import all_drawn
from tests.dashboards.serving import served
from tests.dashboards.test_page import attribute, click, until

LINE = View(None, "milling", "8h")
# Everything that the server keeps, drawn pictures apart: tags, attributes, texts.
KEPT = """
const told = (e) => [e.tagName, [...e.attributes]
  .map(a => a.name === 'hidden' ? 'hidden' : `${a.name}=${a.value}`)
  .filter(a => !/^(id|data-host|class=drawing|style=.*user-select|_echarts)/.test(a)).sort(),
  e.classList.contains('drawing') ? [] : [...e.children].map(told), e.children.length ? '' : e.textContent];
return [...document.querySelectorAll('[data-host]:not(#figures)')].map(told);
"""
# What ECharts has of every picture that has a size.
PICTURES = """
const told = ({series, xAxis, yAxis}) => [
  series.map(s => [s.name ?? '', s.data, s.itemStyle?.color ?? '']),
  [...xAxis ?? [], ...yAxis ?? []].map(a => a.data ?? [a.min ?? '', a.max ?? ''])];
return [...document.querySelectorAll('.drawing')]
  .map(e => e.clientWidth && fieldlab.chart(e) ? told(fieldlab.chart(e).getOption()) : null);
"""


class Uneven(Full):
    """Of the first machine no energy while it is down, of the second none while it makes something."""

    def kpis(self, *asked: Any, **more: Any) -> list[dict[str, Any]]:
        """The same count of states, under other names."""
        none = {"m1": "energy_down_kwh", "m2": "energy_producing_kwh"}
        return [
            row | ({none[m]: 0.0} if (m := row.get("machine")) in none else {})
            for row in super().kpis(*asked, **more)
        ]


@pytest.fixture
def screens() -> Full:
    """A fieldlab that has something everywhere."""
    return Uneven()


@pytest.fixture
def address(screens: Full) -> Iterator[Address]:
    """The app over it."""
    with served(screens) as found:
        yield found


def test_what_looks_alike_is_made_once_and_told_once(screens: Full) -> None:
    """The same for the same moment and look; another for another, and one text from one to the next."""
    showing, look = Showing(screens.site), Look("en", LIGHT, asks=True)
    first = take(LINE, Answers(screens))
    shown = showing.of(first, look)
    assert showing.of(first, look) is shown
    assert showing.of(first, Look("en", DARK, asks=True)) is not shown
    screens.now += 60 * NS
    later = showing.of(take(LINE, Answers(screens)), look)
    told = later.since(shown)
    assert told is later.since(shown)
    assert "data-end-ns" in told
    assert later.since(later) == ""
    assert len(told) < len(later.inside("boards"))


@pytest.mark.parametrize(
    ("language", "words"), [("en", "no experiment here yet"), ("nl", "nog geen experiment")]
)
def test_a_config_without_experiments_says_that_there_is_none(language, words) -> None:
    """And not that results are still to come."""
    site = Full().site.model_copy(update={"experiments": ()})
    nothing = Snapshot(View(None, "milling", "8h", screen="experiment"))
    assert words in outcomes(Scene(nothing, site, Look(language, LIGHT, asks=False))).html


def test_of_a_picture_only_what_is_different_is_told() -> None:
    """A part that went away cannot be merged by ECharts: then the picture is drawn anew."""

    def drawn(**options: Any) -> Node:
        return Node("div", options=options)

    old = drawn(
        series=[{"name": "a", "data": [1, 2]}, {"name": "b", "data": [3]}], xAxis={"min": 0, "max": 9}
    )
    new = drawn(
        series=[{"name": "a", "data": [1, 5]}, {"name": "b", "data": [3]}], xAxis={"min": 0, "max": 10}
    )
    assert list(changes(old, new)) == [
        [(), "redraw", {"series": [{"data": [1, 5]}, {}], "xAxis": {"max": 10}}]
    ]
    fewer = drawn(series=[{"name": "a", "data": [1, 5]}], xAxis={"min": 0, "max": 10})
    assert list(changes(new, fewer)) == [[(), "draw", fewer.options]] == list(pictures(fewer))
    swapped = drawn(
        series=[{"name": "b", "data": [3]}, {"name": "a", "data": [1, 2]}], xAxis={"min": 0, "max": 9}
    )
    assert list(changes(old, swapped)) == [[(), "draw", swapped.options]]
    without = drawn(series=fewer.options["series"]) if fewer.options else drawn()
    assert list(changes(fewer, without)) == [[(), "draw", without.options]]


def test_a_text_takes_the_place_of_children_after_they_went() -> None:
    """And is gone before children come: there is never both."""
    said, full = Node("p", text="nothing"), Node("p", children=(Node("b"), Node("i")))
    assert list(changes(full, said)) == [[(), "fewer", 2], [(), "say", "nothing"]]
    assert list(changes(said, full)) == [[(), "say", ""], [(), "more", "<b></b><i></i>"]]


@pytest.mark.browser
@pytest.mark.service
@pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")
def test_what_a_page_became_is_what_it_would_have_been(address: Address, screens: Full) -> None:
    """After machines, ranges, time and theme were changed, it has all that a page has which is opened now."""
    with chromium() as driver:
        driver.get(f"{address.url}?line=milling&lang=en&theme=light&range=all")
        until(lambda: attribute(driver, "figures", "data-end-ns"), "the page")
        for press, of, value in (
            ("scope-m1", "data-machine", "m1"),
            ("scope-m2", "data-machine", "m2"),
            ("scope-line-milling", "data-machine", ""),
        ):
            click(driver, press)
            until(lambda of=of, value=value: attribute(driver, "figures", of) == value, press)
        before = attribute(driver, "figures", "data-start-ns")
        click(driver, "range-1h")
        until(lambda: attribute(driver, "figures", "data-start-ns") != before, "an hour")
        screens.now += 600 * NS
        until(lambda: attribute(driver, "figures", "data-end-ns") == str(screens.now), "time goes on")
        click(driver, "theme")
        until(lambda: "theme=dark" in driver.current_url, "the dark")
        assert _as_opened_now(driver, screens) > 3

        driver.get(f"{address.url}?screen=energy&line=milling&lang=en&theme=dark&range=8h&machine=m1")
        until(lambda: attribute(driver, "figures", "data-machine") == "m1" and all_drawn(driver), "energy")
        click(driver, "scope-m2")
        until(lambda: attribute(driver, "figures", "data-machine") == "m2", "another machine")
        click(driver, "theme")
        until(lambda: "theme=light" in driver.current_url, "the light")
        assert _as_opened_now(driver, screens) > 1


@pytest.mark.browser
@pytest.mark.service
@pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")
def test_who_is_at_a_stops_button_stays_there_and_what_went_wrong_is_made_anew_once(
    address: Address, screens: Full
) -> None:
    """A new stop moves every row; a change that has no place makes a page come anew, once a minute."""

    def newest() -> int:
        return max(s["start_ns"] for s in screens.stops(START_NS, screens.now, ["m1"]))

    with chromium() as driver:
        driver.get(f"{address.url}?machine=m1&lang=en&range=8h")
        first = newest()
        until(lambda: attribute(driver, f"assign-m1-{first}", "type"), "the stop")
        driver.execute_script(f"document.querySelector('[data-stop=\"m1-{first}\"]').focus()")
        while newest() == first:
            screens.now += 60 * NS
        until(lambda: attribute(driver, f"assign-m1-{newest()}", "type"), "a new stop")
        assert driver.execute_script("return document.activeElement.dataset.stop") == f"m1-{first}"

        wrong = "window.old = true; fieldlab.show({figures: [[[99, 0], 'say', 'x']]})"
        driver.execute_script(wrong)
        until(lambda: not driver.execute_script("return window.old"), "the page anew")
        until(lambda: attribute(driver, f"assign-m1-{first}", "type"), "the stop again")
        driver.execute_script(wrong)
        screens.now += 60 * NS
        until(lambda: attribute(driver, "figures", "data-end-ns") == str(screens.now), "time goes on")
        assert driver.execute_script("return window.old")


def _as_opened_now(driver: webdriver.Chrome, screens: Full) -> int:
    """Hold a page and its pictures against itself, opened now; how many pictures it has."""
    until(lambda: all_drawn(driver), "its pictures")
    became, drawn = driver.execute_script(KEPT), driver.execute_script(PICTURES)
    driver.get(driver.current_url)
    until(lambda: attribute(driver, "figures", "data-end-ns") == str(screens.now), "the page anew")
    until(lambda: all_drawn(driver), "its pictures anew")
    assert len(became) > 5
    assert became == driver.execute_script(KEPT)
    assert drawn == driver.execute_script(PICTURES)
    return sum(one is not None for one in drawn)
