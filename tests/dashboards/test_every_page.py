"""Every page in both languages and themes, at three sizes: nothing cut or foreign, of use to everybody."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from itertools import product

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from dashboards.app import Address
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, requested_hosts, sized
from tests.dashboards.fakes import NS
from tests.dashboards.full import Full
from tests.dashboards.looking import AXE, FOREIGN, SMALL, STICKS_OUT, WORDS, all_drawn, axe
from tests.dashboards.pages import PAGES, SIZES
from tests.dashboards.serving import served
from tests.dashboards.test_page import attribute, click, text, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]
TAGS = {"nl": "nl", "en": "en-GB"}
LOOKS = [*product(TAGS, ("light", "dark"))]
_REACHABLE = """
return [...document.querySelectorAll('.page :is(a[href], button, select, input, summary, [tabindex="0"])')]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && e.tabIndex >= 0).length;
"""
_FOCUSED = """
const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
if (!e.closest('.page')) return null;
e.dataset.seen = 'yes';
return [e.outerHTML.slice(0, 120), style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        box.width > 0 && box.bottom > 0 && box.top < innerHeight];
"""
_CAUGHT = """
window.caught = [];
HTMLAnchorElement.prototype.click = function () { window.caught.push([this.download, this.href]); };
document.querySelectorAll('.png').forEach(e => e.checkVisibility() && e.click());
"""


@pytest.fixture(scope="module")
def screens() -> Full:
    """A fieldlab that has something everywhere."""
    return Full()


@pytest.fixture(scope="module")
def address(screens: Full) -> Iterator[Address]:
    """The app over it."""
    with served(screens) as found:
        yield found


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """One browser for all pages."""
    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def _laptop(driver: webdriver.Chrome) -> None:
    """Where a test says nothing else."""
    sized(driver, *SIZES["laptop"])


def opened(
    driver: webdriver.Chrome, address: Address, page: str, language: str = "nl", more: str = ""
) -> None:
    """A page with its figures on it, and its pictures, which come by its socket."""
    driver.get(f"{address.url}{PAGES[page]}&lang={language}&range=24h{more}")
    until(lambda: attribute(driver, "figures", "data-start-ns"), f"{page} in {language}")
    until(lambda: all_drawn(driver), f"the pictures of {page}")
    settled(driver)


def settled(driver: webdriver.Chrome) -> None:
    """Two frames later: what was told is drawn."""
    driver.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
    )


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_cut_or_foreign_at_any_size(driver, address, page) -> None:
    """No sideways scroll, no overlap, large enough for a thumb, one language, no complaint."""
    for language, theme in LOOKS:
        sized(driver, *SIZES["laptop"])
        opened(driver, address, page, language, f"&theme={theme}")
        assert driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == TAGS[language]
        for size in SIZES.values():
            sized(driver, *size)
            settled(driver)
            assert driver.execute_script(STICKS_OUT) == [], (page, language, theme, size)
            if size == SIZES["phone"]:
                assert driver.execute_script(SMALL) == [], (page, language)
        said = driver.execute_script(WORDS)
        for name in (*Full().names.values(), "Gereedschap", "Schoonmaken", "middag"):
            said = said.replace(name, "")
        found = re.findall(rf"^.*\b(?:{FOREIGN[language]})\b.*$", said, re.IGNORECASE | re.MULTILINE)
        assert found == [], (page, language)
        if language == "nl":
            assert re.findall(r"\d\.\d", re.sub(r"\d\d\.\d\d", "", said)) == []
    driver.get("about:blank")
    assert complaints(driver) == []
    assert requested_hosts(driver) <= {"127.0.0.1"}


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here: tools/peers.sh, with npm")
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing(driver, address, page) -> None:
    """Rules of WCAG 2.2 A and AA, and axe's best practices, in both themes."""
    for language, theme in (("nl", "light"), ("en", "dark")):
        for size in ("laptop", "phone"):
            sized(driver, *SIZES[size])
            opened(driver, address, page, language, f"&theme={theme}")
            assert axe(driver) == [], (page, theme, size)


def test_a_result_that_changes_keeps_its_unit(driver, address, screens, monkeypatch) -> None:
    """A row that is written over says what a new one would."""
    opened(driver, address, "experiment", "en")

    def shown() -> list[str]:
        rows = driver.find_elements(By.CSS_SELECTOR, "[data-testid=rows-results] tr")
        return [row.text for row in rows if "Wh per part" in row.text]

    before = until(shown, "energy in its unit")
    key = ("kpi", "experiment_result")
    monkeypatch.setitem(screens.kept, key, [row | {"estimate": -0.2} for row in screens.kept[key][:1]])
    after = until(lambda: [row for row in shown() if row not in before], "the row written over")
    assert "43.2 Wh per part" in after[0]


def test_every_picture_is_a_png_at_a_press(driver, address) -> None:
    """As sharp as a report needs, and called by its name."""
    for page, least in (("overview", 2), ("line", 5), ("energy", 2), ("experiment", 1)):
        opened(driver, address, page)
        driver.execute_script(_CAUGHT)
        found = until(lambda: driver.execute_script("return window.caught"), "pictures")
        assert len(found) >= least
        for name, url in found:
            kind, body = url.split(",", 1)
            image = base64.b64decode(body)
            assert kind == "data:image/png;base64"
            assert name.startswith("fieldlab-")
            assert name.endswith(".png")
            assert image[:8] == b"\x89PNG\r\n\x1a\n"
            assert int.from_bytes(image[16:20]) >= 800
            assert len(image) > 3000, name


@pytest.mark.parametrize("page", PAGES)
def test_every_control_is_reached_and_seen_with_the_keyboard_alone(driver, address, page) -> None:
    """Tab goes through all of them, in their order, each with a ring around it, none twice."""
    opened(driver, address, page, more="&theme=dark")
    many, seen = driver.execute_script(_REACHABLE), []
    keys = ActionChains(driver)
    for _ in range(many + 1):
        keys.send_keys(Keys.TAB).perform()
        focused = driver.execute_script(_FOCUSED)
        if focused is None:
            break
        what, ringed, there = focused
        assert ringed, what
        assert there, what
        seen.append(what)
    order = "return [...document.querySelectorAll('.page [data-seen]')].map(e => e.outerHTML.slice(0, 120))"
    assert len(seen) == many
    assert len(driver.execute_script(order)) == many


def test_escape_closes_and_the_focus_is_back_where_it_was(driver, address) -> None:
    """The question for a reason; and a tooltip that hides something."""
    opened(driver, address, "machine")
    button = driver.find_element(By.CSS_SELECTOR, "[data-testid^='assign-m1-']")
    mark = button.get_attribute("data-testid")
    button.send_keys(Keys.ENTER)
    asking = driver.find_element(By.CSS_SELECTOR, "[data-testid='asking']")
    until(asking.is_displayed, "the question")
    until(lambda: driver.switch_to.active_element.get_attribute("class") == "reason", "the first answer")
    ActionChains(driver).send_keys(Keys.ESCAPE).perform()
    until(lambda: not asking.is_displayed(), "closed")
    until(lambda: driver.switch_to.active_element.get_attribute("data-testid") == mark, "back")
    figure = driver.find_element(By.CSS_SELECTOR, ".huge")
    tip = figure.find_element(By.CSS_SELECTOR, ".tip")
    ActionChains(driver).move_to_element(figure).perform()
    until(tip.is_displayed, "the tooltip")
    assert "geplande tijd" in tip.text
    assert "ma 23 nov 13:00 tot di 24 nov 13:00" in tip.text
    ActionChains(driver).send_keys(Keys.ESCAPE).perform()
    until(lambda: not tip.is_displayed(), "no tooltip")


def test_a_screen_reader_is_told_facts_and_not_every_second(driver, address, screens) -> None:
    """Pictures say numbers; what moves each second is in no live region."""
    opened(driver, address, "machine", "en")
    labels = (
        "return [...document.querySelectorAll('.chart[role=img]')].map(e => e.getAttribute('aria-label'))"
    )
    for label in driver.execute_script(labels):
        assert "table below" in label or "highest" in label
    driver.execute_script(
        "window.told = [];"
        "for (const e of document.querySelectorAll('[aria-live], [role=status], [role=alert]'))"
        "new MutationObserver(() => window.told.push(e.outerHTML))"
        ".observe(e, {childList: true, characterData: true, subtree: true})"
    )
    before = text(driver, "until")
    screens.now += 60 * NS
    until(lambda: text(driver, "until") != before, "a minute later")
    settled(driver)
    assert driver.execute_script("return window.told") == []


def test_from_a_line_to_its_machine_with_a_click_the_tables_follow(driver, address) -> None:
    """What only a machine has comes, what only a line has goes; and back."""
    opened(driver, address, "line")
    shown = (
        "return [...document.querySelectorAll('.sheet')].filter(e => e.checkVisibility())"
        ".map(e => e.dataset.testid)"
    )
    of_line = driver.execute_script(shown)
    assert "card-by_shift" in of_line
    assert "card-by_product" not in of_line
    click(driver, "scope-m1")
    until(lambda: "card-by_product" in driver.execute_script(shown), "the machine's tables")
    of_machine = driver.execute_script(shown)
    assert "card-by_machine_shift" in of_machine
    assert {"card-by_shift", "card-by_machine"}.isdisjoint(of_machine)
    click(driver, "scope-line-milling")
    until(lambda: driver.execute_script(shown) == of_line, "the line's tables")
