"""Every page in both languages and themes, at three sizes: nothing cut or foreign, of use to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from dashboards.app import Address
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, requested_hosts, sized
from tests.dashboards.full import Full
from tests.dashboards.looking import AXE, FOREIGN, SMALL, STICKS_OUT, WORDS, axe
from tests.dashboards.pages import PAGES, SIZES
from tests.dashboards.serving import served
from tests.dashboards.test_page import attribute, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]
TAGS = {"nl": "nl", "en": "en-GB"}
LOOKS = [*product(TAGS, ("light", "dark"))]


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    """The app over a fieldlab that has something everywhere."""
    with served(Full()) as found:
        yield found


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """One browser for all pages."""
    with chromium() as found:
        yield found


def opened(
    driver: webdriver.Chrome, address: Address, page: str, language: str = "nl", more: str = ""
) -> None:
    """A page with its figures on it."""
    driver.get(f"{address.url}{PAGES[page]}&lang={language}&range=24h{more}")
    until(lambda: attribute(driver, "figures", "data-start-ns"), f"{page} in {language}", 20)
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
