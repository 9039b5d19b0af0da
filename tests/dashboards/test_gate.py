"""Who may look at what: log-in, sessions that end, hosts and origins, and one company beside another."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.by import By
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dashboards.app import Address
from dashboards.gate import COOKIE, Gate
from dashboards.sessions import Limiter, Sessions, User, hashed, right
from fieldlab.company_screens import own_site
from fieldlab_configs import Site, parse
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, sized
from tests.dashboards.fakes import CONFIG, FakeScreens
from tests.dashboards.looking import AXE, axe
from tests.dashboards.pages import SIZES
from tests.dashboards.serving import served
from tests.dashboards.test_page import attribute, click, text, until

WORDS = {"ines": "a long password 1", "bo": "a long password 2"}
HASHES = {name: hashed(word) for name, word in WORDS.items()}
SHARED = """
companies: [{id: acme, name: Acme}, {id: beta, name: Beta 'n <Co> 🛠}]
experiments:
  - {id: oil, company: acme, machines: [m1], question: Secret of Acme?,
     arms: {baseline: [{start: 2026-11-20, end: 2026-11-21}], trial: [{start: 2026-11-22, end: 2026-11-24}]}}
  - {id: speed, company: beta, machines: [m2],
     arms: {baseline: [{start: 2026-11-20, end: 2026-11-21}], trial: [{start: 2026-11-22, end: 2026-11-24}]}}
"""


class OwnScreens(FakeScreens):
    """What a company is shown."""

    def __init__(self, company: str) -> None:
        super().__init__()
        self._site: Site = own_site(parse(CONFIG + SHARED), company)

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> None:  # type: ignore[override]
        """Not told."""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@contextmanager
def gated(clock: Clock, *hosts: str) -> Iterator[Address]:
    """The app under these names, with one user of the fieldlab and one of a company."""
    users = {
        "ines": User(lambda: HASHES["ines"], None, "i1"),
        "bo": User(lambda: HASHES["bo"], "beta"),
    }
    gate = Gate(hosts, Sessions(users, 3600.0, clock))
    whole = FakeScreens()
    whole._site = parse(CONFIG + SHARED)
    with served(whole, gate=gate, companies={"beta": OwnScreens("beta")}) as found:
        yield found


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Of the sessions."""
    return Clock()


@pytest.fixture(scope="module")
def address(clock) -> Iterator[Address]:
    """The app with one user of the fieldlab and one of a company."""
    with gated(clock, "lab.example") as found:
        yield found


def ask(address: Address, path: str, *, cookie: str = "", body: str | None = None, **headers: str):
    """Status, headers and text of one request, without following anything."""
    line = http.client.HTTPConnection(address.host, address.port, timeout=60)
    if cookie:
        headers["Cookie"] = f"{COOKIE}={cookie}"
    try:
        line.request("GET" if body is None else "POST", path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        line.close()


def logged_in(address: Address, name: str, **headers: str) -> str:
    """The session of a user."""
    status, got, _ = ask(
        address, "/login", body=urlencode({"user": name, "password": WORDS[name]}), **headers
    )
    assert status == 303
    told = got["Set-Cookie"]
    assert "HttpOnly" in told
    assert "SameSite=strict" in told
    return told.split("=", 1)[1].split(";")[0]


def test_without_a_session_nothing_is_told(address) -> None:
    """Pages lead to the log-in and back to the deep link; files and sockets are refused."""
    status, headers, body = ask(address, "/?machine=m1&range=1h")
    assert (status, headers["Location"]) == (303, "/login?next=%2F%3Fmachine%3Dm1%26range%3D1h")
    assert "Freesbank" not in body
    assert ask(address, "/export/stops.csv?machine=m1")[0] == 401
    assert ask(address, "/_nicegui_ws/socket.io/?EIO=4&transport=polling")[0] == 401
    assert ask(address, "/", cookie="made-up")[0] == 303
    assert ask(address, "/healthz")[0] == 200
    with pytest.raises(InvalidStatus):
        connect(f"ws://{address.host}:{address.port}/_nicegui_ws/socket.io/?EIO=4&transport=websocket")


def test_one_company_sees_nothing_of_another(address) -> None:
    """By page, export, deep link and socket: as if the other's machines were not there."""
    bo = logged_in(address, "bo")
    for path in (
        "/",
        "/?machine=m1",
        "/?screen=gateways",
        "/?screen=overview&range=all",
        "/?screen=experiment",
    ):
        status, _, body = ask(address, path, cookie=bo)
        assert status == 200, path
        for word in ("Freesbank", "Verpakking", "Acme", "Secret of"):
            assert word not in body, (path, word)
    for path in ("stops.csv?machine=m1", "gateways.csv?screen=gateways", "opportunities.csv?screen=overview"):
        assert ask(address, f"/export/{path}", cookie=bo)[0] == 404
    status, _, body = ask(address, "/export/by_machine.csv?line=milling&range=all", cookie=bo)
    assert status == 200
    assert "Pers" in body
    assert "Freesbank" not in body
    ines = logged_in(address, "ines")
    assert "Freesbank" in ask(address, "/export/by_machine.csv?line=milling&range=all", cookie=ines)[2]


def test_a_foreign_host_or_origin_is_refused(address) -> None:
    """Rebound names, other sites' forms and sockets; the names of the config pass."""
    ines = logged_in(address, "ines")
    assert ask(address, "/", cookie=ines, Host="evil.example")[0] == 421
    assert ask(address, "/", cookie=ines, Host="lab.example:8080")[0] == 200
    assert ask(address, "/login", body="user=ines", Origin="https://evil.example")[0] == 421
    logged_in(address, "ines", Origin="https://lab.example")
    url = f"ws://{address.host}:{address.port}/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    told = {"Cookie": f"{COOKIE}={ines}"}
    with connect(url, additional_headers=told, origin=f"http://{address.host}:{address.port}"):
        pass
    with pytest.raises(InvalidStatus):
        connect(url, additional_headers=told, origin="http://evil.example")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1.evil.example",
        "lab.example.evil.example",
        "evil.example:80",
        "lab.example@evil.example",
        "",
        "[::2]",
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "/export/stops.csv", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", "/wall"]
)
def test_no_name_that_only_looks_like_ours_passes(address, host, path) -> None:
    """Whatever is asked for, and before anybody is asked who they are."""
    assert ask(address, path, Host=host)[0] in (400, 421)


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://127.0.0.1.evil.example", "file://"]
)
def test_no_other_site_posts_or_polls(address, origin) -> None:
    """Log-out, log-in, a link to the wall, a socket's long polling."""
    ines = logged_in(address, "ines")
    for path in ("/logout", "/login", "/wall/open", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"):
        assert ask(address, path, cookie=ines, body="x=1", Origin=origin)[0] == 421, path
    assert ask(address, "/", cookie=ines)[0] == 200  # and nobody was logged out


def test_every_answer_is_hardened(address) -> None:
    """No frame, no sniffing, nothing from elsewhere; the log-in without any script."""
    _, page, _ = ask(address, "/", cookie=logged_in(address, "ines"))
    _, login, body = ask(address, "/login")
    for headers in (page, login):
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert "connect-src 'self'" in page["Content-Security-Policy"]
    assert "script" not in login["Content-Security-Policy"]
    assert "<script" not in body
    assert ask(address, "/login?next=//evil.example")[2].count("evil") == 0


def test_a_session_ends_and_so_does_a_log_out(address, clock) -> None:
    """After its time, and at once."""
    one, other = logged_in(address, "ines"), logged_in(address, "ines")
    assert ask(address, "/", cookie=one)[0] == 200
    assert ask(address, "/logout", cookie=one, body="")[0] == 303
    assert ask(address, "/", cookie=one)[0] == 303
    assert ask(address, "/", cookie=other)[0] == 200
    clock.now += 3601
    assert ask(address, "/", cookie=other)[0] == 303


@pytest.mark.browser
@pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")
def test_in_a_browser_one_logs_in_looks_and_is_asked_again_when_the_session_is_over(address, clock) -> None:
    """The policy lets the page work; a company has its own pages only."""
    with chromium() as driver:
        driver.get(f"{address.url}?line=milling&range=all&lang=en")
        driver.find_element(By.NAME, "user").send_keys("bo")
        driver.find_element(By.NAME, "password").send_keys(WORDS["bo"])
        driver.find_element(By.CSS_SELECTOR, "button.main-button").click()
        until(lambda: attribute(driver, "figures", "data-start-ns"), "the page", 20)
        assert "line=milling" in driver.current_url
        assert attribute(driver, "nav-energy", "href")
        assert attribute(driver, "nav-gateways", "href") is None
        assert attribute(driver, "scope-m2", "aria-pressed") == "false"
        assert attribute(driver, "scope-m1", "aria-pressed") is None
        click(driver, "scope-m2")
        until(lambda: attribute(driver, "figures", "data-machine") == "m2", "the press")
        drawn = "[data-testid='timeline'] canvas"
        until(lambda: driver.find_elements(By.CSS_SELECTOR, drawn), "the picture")
        assert text(driver, "latest-m2") == ""  # a company's bucket tells no state of now
        assert driver.find_elements(By.CSS_SELECTOR, "button.assign") == []
        assert complaints(driver) == []
        clock.now += 3601
        # It may be on its way already: where the button is there no more, nobody presses it.
        driver.execute_script("document.querySelector(`[data-testid='range-1h']`)?.click()")
        until(lambda: "/login" in driver.current_url, "the log-in")
        assert driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
        driver.find_element(By.NAME, "user").send_keys("bo")
        driver.find_element(By.NAME, "password").send_keys(WORDS["bo"])
        driver.find_element(By.CSS_SELECTOR, "button.main-button").click()
        until(lambda: attribute(driver, "figures", "data-machine") == "m2", "what was looked at last", 20)
        until(lambda: "machine=m2" in driver.current_url, "the link of it")


def test_the_log_in_speaks_the_language_of_the_link_that_led_to_it(address, clock) -> None:
    """Its colours too; a wrong password keeps the name, and nothing that was typed is markup."""
    _, _, body = ask(address, "/login?next=%2F%3Fline%3Dmilling%26lang%3Den%26theme%3Ddark")
    assert '<html lang="en" data-theme="dark">' in body
    assert "Password" in body
    assert "/login?next=%2F%3Fline%3Dmilling%26lang%3Den%26theme%3Ddark&amp;lang=nl&amp;theme=dark" in body
    _, _, body = ask(address, "/login?next=/")
    assert '<html lang="nl">' in body
    wrong = urlencode({"user": '"><b>x', "password": "y"})
    status, _, body = ask(address, "/login?lang=en", body=wrong)
    assert status == 401
    assert "User name or password is wrong." in body
    assert 'value="&quot;&gt;&lt;b&gt;x"' in body
    clock.now += 61
    assert ask(address, "/fieldlab/login.css")[0] == ask(address, "/fieldlab/favicon.svg")[0] == 200


@pytest.mark.browser
@pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")
def test_the_log_in_fits_a_phone_a_laptop_and_a_wall(address) -> None:
    """The cursor stands in the first box; nothing sticks out, nothing is complained of."""
    with chromium() as driver:
        for language, theme in (("nl", "light"), ("en", "dark")):
            driver.get(f"{address.url}login?lang={language}&theme={theme}")
            # The browser puts it there with its first picture of the page, which may come after the page.
            until(lambda: driver.switch_to.active_element.get_attribute("name") == "user", "the cursor")
            assert not AXE.exists() or axe(driver) == []
            for size in SIZES.values():
                sized(driver, *size)
                box = driver.find_element(By.TAG_NAME, "form").rect
                assert 0 <= box["x"] <= size[0] - box["width"]
                assert min(e.rect["height"] for e in driver.find_elements(By.TAG_NAME, "input")) >= 44
                assert driver.execute_script("return document.documentElement.scrollHeight") <= size[1]
        assert complaints(driver) == []


def test_who_guesses_has_to_wait(address, clock) -> None:
    """Five wrong ones by one address, and the right one is not taken either for a minute."""
    wrong = urlencode({"user": "ines", "password": "guess"})
    assert [ask(address, "/login", body=wrong)[0] for _ in range(6)] == [401] * 5 + [429]
    good = urlencode({"user": "ines", "password": WORDS["ines"]})
    assert ask(address, "/login", body=good)[0] == 429
    clock.now += 61
    logged_in(address, "ines")


def test_passwords_are_kept_as_hashes_with_a_salt_of_their_own() -> None:
    """And what is no hash opens nothing."""
    assert hashed("same same 123") != hashed("same same 123")
    assert right(WORDS["bo"], HASHES["bo"])
    assert not right(WORDS["ines"], HASHES["bo"])
    for broken in ("", WORDS["bo"], "scrypt$1$2", "scrypt$32768$8$1$!!$!!", "scrypt$999999999$8$1$AA==$AA=="):
        assert not right(WORDS["bo"], broken)


def test_patience_is_by_key() -> None:
    """One who guesses does not lock another out."""
    limiter = Limiter(Clock())
    for _ in range(5):
        limiter.failed("user a")
    assert limiter.blocked("user a", "address x")
    assert not limiter.blocked("user b", "address x")
