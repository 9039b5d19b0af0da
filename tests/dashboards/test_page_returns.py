"""A page that was away: its browser stood still, as that of a closed laptop does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from nicegui import Client, core
from selenium import webdriver

from dashboards.app import Address
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium
from tests.dashboards.fakes import HOUR_NS, FakeScreens
from tests.dashboards.serving import served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]
END = "return document.querySelector(`[data-testid='figures']`)?.dataset.endNs"


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """A laptop's browser."""
    with chromium() as found:
        yield found


@pytest.fixture
def screens() -> FakeScreens:
    """Six hours of data that stand still until a test moves them."""
    return FakeScreens()


@pytest.fixture
def address(screens: FakeScreens, monkeypatch) -> Iterator[Address]:
    """The app, which lets go of a page after a second or two and not after most of a minute."""
    with served(screens) as found:
        monkeypatch.setattr(core.sio.eio, "ping_interval", 1)
        monkeypatch.setattr(core.sio.eio, "ping_timeout", 1)
        monkeypatch.setattr(core.app.config, "reconnect_timeout", 1.0)
        yield found


def until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.03)


def shows_the_latest(browser: webdriver.Chrome, screens: FakeScreens) -> None:
    """Wait until the page does."""
    until(lambda: browser.execute_script(END) == str(screens.now), "the page shows the latest")


@contextlib.contextmanager
def asleep(browser: webdriver.Chrome) -> Iterator[None]:
    """None of the browser's processes runs meanwhile."""
    found = psutil.Process(browser.service.process.pid).children(recursive=True)
    assert found
    try:
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        yield
    finally:
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def test_a_closed_laptop_that_opens_again_catches_up(browser, address, screens) -> None:
    """The app has let go of the page; by itself the page asks for another, of the same machine and range."""
    browser.get(f"{address.url}?machine=m2&range=1h&theme=light")
    shows_the_latest(browser, screens)
    # Not those that tests before this one left behind.
    pages = {name for name, client in Client.instances.items() if client.has_socket_connection}
    with asleep(browser):
        until(lambda: not pages & set(Client.instances), "the app lets go of the page")
        screens.now += HOUR_NS
    shows_the_latest(browser, screens)
    assert set(Client.instances).isdisjoint(pages)
    assert "machine=m2" in browser.current_url
    browser.get("about:blank")


def test_a_nap_costs_no_new_page(browser, address, screens) -> None:
    """Shorter than the app waits: the same page goes on, told what it missed."""
    core.app.config.reconnect_timeout = 60.0
    browser.get(f"{address.url}?machine=m2&range=1h&theme=light")
    shows_the_latest(browser, screens)
    browser.execute_script("window.same = true")
    with asleep(browser):
        until(lambda: not any(c.has_socket_connection for c in Client.instances.values()), "the socket ends")
        screens.now += HOUR_NS
    shows_the_latest(browser, screens)
    assert browser.execute_script("return window.same")
    browser.get("about:blank")
