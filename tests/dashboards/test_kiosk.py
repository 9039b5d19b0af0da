"""A link to the wall opens that wall, and nothing else, until it expires or is withdrawn."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.by import By

from dashboards.app import Address
from dashboards.gate import COOKIE as SESSION
from dashboards.gate import Gate
from dashboards.kiosks import COOKIE, Kiosk, Kiosks, made
from dashboards.sessions import Sessions, User
from fieldlab_configs import parse
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints
from tests.dashboards.fakes import CONFIG, FakeScreens
from tests.dashboards.looking import AXE, axe
from tests.dashboards.serving import served
from tests.dashboards.test_gate import HASHES, SHARED, Clock, OwnScreens, logged_in
from tests.dashboards.test_gate import ask as asked
from tests.dashboards.test_page import until

OTHER = "  - {id: turning, name: Draailijn, machines: [{id: t1, signals: {total_count: {item: t}}}]}\n"
DAY_S = 86_400
SCOPES = {"hall": ("milling", None), "all": (None, None), "acme": (None, "beta")}


class Whole(FakeScreens):
    """Two lines and two companies."""

    def __init__(self) -> None:
        super().__init__()
        self._site = parse(CONFIG + OTHER + SHARED)

    def row(self, machines, start, end, *, line):
        """The second line says nothing."""
        return super().row([m for m in machines if m != "t1"] or ["m1"], start, end, line=line)

    def timeline(self, machine, start_ns, end_ns):
        """The second line says nothing."""
        return [] if machine == "t1" else super().timeline(machine, start_ns, end_ns)


class Links:
    """Kiosks whose hashes a test keeps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.kept: dict[str, str] = {}
        self.all = {name: Kiosk(partial(self.kept.get, name), *scope) for name, scope in SCOPES.items()}

    def make(self, name: str, days: float = 30) -> str:
        """A new key."""
        key, self.kept[name] = made(name, self.all[name], self.clock() + days * DAY_S)
        return key


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Of links and sessions."""
    return Clock()


@pytest.fixture(scope="module")
def links(clock) -> Links:
    """The links there are."""
    return Links(clock)


@pytest.fixture(scope="module")
def address(clock, links) -> Iterator[Address]:
    """The app with a user and kiosks."""
    users = {"ines": User(lambda: HASHES["ines"]), "bo": User(lambda: HASHES["bo"], "beta")}
    gate = Gate((), Sessions(users, 3600.0, clock), kiosks=Kiosks(links.all, clock, clock))
    with served(Whole(), gate=gate, companies={"beta": OwnScreens("beta")}) as found:
        yield found


def ask(address: Address, path: str, key: str = "", **more: str):
    """Status, headers and text of one request, with a link's key as its cookie."""
    return asked(address, path, **more, **({"Cookie": f"{COOKIE}={key}"} if key else {}))


def test_a_key_is_spent_for_a_cookie_that_goes_to_the_wall_alone(address, links) -> None:
    """Posted, not asked for by address; HttpOnly, strict, as long as the link is good."""
    key = links.make("hall")
    status, headers, _ = ask(address, "/wall/open?theme=light", body=urlencode({"key": key}))
    assert (status, headers["Location"]) == (303, "/wall?theme=light")
    cookie = headers["Set-Cookie"]
    for part in (f"{COOKIE}={key}", "HttpOnly", "SameSite=strict", "Path=/wall", f"Max-Age={30 * DAY_S}"):
        assert part in cookie
    status, headers, body = ask(address, "/wall", key)
    assert status == 200
    assert "Freesbank 1" in body
    assert "Draailijn" not in body
    assert key not in body
    assert headers["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert ask(address, "/wall/now", key)[0] == 200
    assert "Draailijn" in ask(address, "/wall", links.make("all"))[2]


def test_it_opens_nothing_else(address, links) -> None:
    """No page, file, socket or reason; not even with the key as a session."""
    key = links.make("hall")
    for path in ("/", "/?line=milling", "/?screen=gateways", "/wallet"):
        assert ask(address, path, key)[0] == 303, path
    for path in ("/export/stops.csv?line=milling", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"):
        assert ask(address, path, key)[0] == 401, path
        assert ask(address, path, Cookie=f"{SESSION}={key}")[0] == 401, path
    assert ask(address, "/_nicegui/3/static/x.js", key)[0] == 401


def test_only_its_own_line_or_company(address, links) -> None:
    """Another line is refused with one clear page; a company's has its windows, without states."""
    key = links.make("hall")
    for path in ("/wall?line=turning", "/wall/now?line=turning", "/wall?line=nothing"):
        status, _, body = ask(address, f"{path}&language=en", key)
        assert status == 403, path
        assert "This wall screen is not open" in body
        assert "Freesbank" not in body
    assert ask(address, "/wall?line=milling", key)[0] == 200
    status, _, body = ask(address, "/wall", links.make("acme"))
    assert status == 200
    assert "Pers" in body
    for word in ("Freesbank", "Draailijn", "Acme"):
        assert word not in body


def test_expired_forged_and_withdrawn_are_refused_alike(address, links, clock) -> None:
    """403 and the same page for each; nothing says which it was."""
    key = links.make("hall", days=1)
    other = links.make("all")
    forged = [
        f"hall.{other.split('.')[1]}",
        "hall.",
        "hall",
        "nobody.x",
        "hall." + "x" * 3000,
        "é.é",
        key[:-1],
    ]
    pages = {ask(address, "/wall?language=en", one)[::2] for one in forged[:4]}
    clock.now += DAY_S
    pages.add(ask(address, "/wall?language=en", key)[::2])
    assert {status for status, _ in pages} == {403}
    assert len(pages) == 1
    clock.now += 61
    for one in forged[4:]:
        assert ask(address, "/wall/open", body=urlencode({"key": one}))[0] == 403
    assert ask(address, "/wall/open")[0] == 403
    assert ask(address, "/wall/open", body="key=" + "x" * 9000)[0] == 403
    assert ask(address, "/wall", other)[0] == 200
    del links.kept["all"]
    assert ask(address, "/wall", other)[0] == 403
    clock.now += 61


def test_a_file_that_holds_something_else_opens_nothing(links) -> None:
    """Whatever letters are in it: a refusal, and no error of the app."""
    key = links.make("hall")
    kinds = Kiosks(links.all, links.clock)
    for kept in ("", "sesame", "kiosk1$2099-01-01T00:00:00Z$é", f"{links.kept['hall']}é"):
        links.kept["hall"] = kept
        assert kinds.visitor(key) is None


def test_who_changes_what_a_link_is_good_for_makes_it_void(address, links, clock) -> None:
    """Its end in the file, or its line in the config."""
    key = links.make("hall", days=1)
    kind, until_, digest = links.kept["hall"].split("$")
    links.kept["hall"] = "$".join((kind, until_.replace(until_[:4], "2999"), digest))
    assert ask(address, "/wall", key)[0] == 403
    for kept in ("", "$$", kind, f"{kind}$soon${digest}", links.kept["hall"].replace(kind, "md5")):
        links.kept["hall"] = kept
        assert Kiosks(links.all, clock).visitor(key) is None
    moved, kept = made("hall", Kiosk(lambda: None, "turning"), clock() + DAY_S)
    assert Kiosks({"hall": Kiosk(lambda: kept, "milling")}, clock).visitor(moved) is None
    assert Kiosks({"hall": Kiosk(lambda: kept, "turning")}, clock).visitor(moved) is not None
    clock.now += 61


def test_who_guesses_has_to_wait_and_an_open_wall_does_not(address, links, clock) -> None:
    """Five wrong keys from an address; a right one still opens, for nobody guesses it."""
    key = links.make("hall")
    wrong = urlencode({"key": "hall.guess"})
    assert [ask(address, "/wall/open", body=wrong)[0] for _ in range(6)] == [403] * 5 + [429]
    assert ask(address, "/wall", "hall.guess")[0] == 429
    assert ask(address, "/wall/now", key)[0] == 200
    clock.now += 61
    assert ask(address, "/wall", "hall.guess")[0] == 403


def test_what_is_kept_is_no_key_and_no_log_tells_it(address, links, caplog) -> None:
    """A hash, its end and its kind; nothing in the log of a whole visit."""
    with caplog.at_level(logging.DEBUG):
        key = links.make("hall")
        ask(address, "/wall/open", body=urlencode({"key": key}))
        ask(address, "/wall", key)
        ask(address, f"/wall?key={key}x", key[:-2])
    secret = key.split(".")[1]
    assert secret not in links.kept["hall"]
    assert secret[:20] not in caplog.text


def test_those_who_are_logged_in_have_their_wall_too(address, links) -> None:
    """The fieldlab's own every line, a company's user that company's; nobody without either."""
    for name, seen in (("ines", "Draailijn"), ("bo", "Pers")):
        session = {"Cookie": f"{SESSION}={logged_in(address, name)}"}
        status, _, body = ask(address, "/wall", **session)
        assert status == 200
        assert seen in body
        assert ("Freesbank" in body) == (name == "ines")
    status, _, body = ask(address, "/wall?line=%3Cb%3E&language=en", Cookie=session["Cookie"])
    assert status == 404
    assert "&lt;b&gt;" in body
    assert ask(address, "/wall")[0] == 403
    assert ask(address, "/wall", Host="evil.example")[0] == 421
    assert ask(address, "/wall/open", body="key=x", Origin="http://evil.example")[0] == 421


def test_a_wall_that_has_what_is_new_is_told_so(address, links) -> None:
    """304 for the same content: a wall costs little."""
    key = links.make("hall")
    status, headers, body = ask(address, "/wall/now", key)
    assert status == 200
    status, _, again = ask(address, "/wall/now", key, **{"If-None-Match": headers["ETag"]})
    assert (status, again) == (304, "")
    assert "<html" not in body


def sent(driver) -> list[dict[str, Any]]:
    """Every request that the browser made."""
    told = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    found = [m["params"]["request"] for m in told if m["method"] == "Network.requestWillBeSent"]
    assert any(asked["method"] == "POST" for asked in found)
    return found


@pytest.mark.browser
@pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")
def test_in_a_browser_a_link_opens_the_wall_leaves_no_trace_and_ends(address, links, clock) -> None:
    """The key goes out of the address at once; a wall that hangs closes when its link ends."""
    with chromium(1920, 1080) as driver:
        key = links.make("hall", days=2)
        driver.get(f"{address.url}wall?language=en#{key}")
        until(lambda: driver.find_elements(By.CSS_SELECTOR, "[data-testid='machine-m1']"), "the wall")
        until(lambda: driver.current_url == f"{address.url}wall?language=en", "an address without the key")
        assert key not in driver.execute_script("return document.cookie + document.documentElement.outerHTML")
        for asked in sent(driver):
            assert key not in asked["url"]
            assert key not in asked["headers"].get("Referer", "")
        driver.get(f"{address.url}wall?language=en#{key}")  # how a kiosk starts each morning
        until(lambda: driver.find_elements(By.CSS_SELECTOR, "[data-testid='machine-m1']"), "the wall again")
        until(lambda: "#" not in driver.current_url, "the address")
        clock.now += 2 * DAY_S
        until(lambda: driver.find_elements(By.CSS_SELECTOR, "[data-testid='closed']"), "the end")
        assert driver.find_elements(By.CSS_SELECTOR, "[data-testid='machine-m1']") == []
        assert not AXE.exists() or axe(driver) == []
        assert "expired" in driver.find_element(By.CSS_SELECTOR, "[data-testid='closed']").text
        assert [c for c in complaints(driver) if "403" not in c] == []
