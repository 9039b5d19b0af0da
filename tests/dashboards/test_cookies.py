"""TLS before the app: its cookies, and which proxies are believed to speak for another."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from starlette.types import Message

from dashboards.app import Address
from dashboards.gate import COOKIE, Gate
from dashboards.kiosks import COOKIE as KIOSK
from dashboards.kiosks import Kiosk, Kiosks, made
from dashboards.sessions import Sessions, User, hashed
from tests.dashboards.fakes import FakeScreens
from tests.dashboards.serving import served
from tests.dashboards.test_gate import Clock

PASSWORD = "a long password 1"
HOST = {"Host": "lab.example"}
TOLD = {"X-Forwarded-Proto": "https"}
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
"""A proxy of the config, and one who is not; loopback's own address is believed without."""


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Of those who guess."""
    return Clock()


@pytest.fixture(scope="module")
def kiosk() -> tuple[str, str]:
    """A link's key, and what is kept of it."""
    return made("hall", Kiosk(lambda: None), 4e9)


@pytest.fixture(scope="module")
def address(clock, kiosk) -> Iterator[Address]:
    """The app as it stands behind a proxy."""
    known = hashed(PASSWORD)
    sessions = Sessions({"ines": User(lambda: known)}, 3600.0, clock)
    gate = Gate(("lab.example",), sessions, kiosks=Kiosks({"hall": Kiosk(lambda: kiosk[1])}))
    with served(FakeScreens(), gate=gate, proxies=(f"{PROXY}/32",)) as found:
        yield found


def ask(
    address: Address, path: str, form: dict[str, str] | None = None, *, by: str = "127.0.0.1", **headers: str
):
    """Status and cookies of one request that comes from an address of loopback."""
    line = http.client.HTTPConnection(address.host, address.port, timeout=60, source_address=(by, 0))
    try:
        body = None if form is None else urlencode(form)
        line.request("GET" if form is None else "POST", path, body, HOST | headers)
        answer = line.getresponse()
        answer.read()
        cookies: SimpleCookie = SimpleCookie()
        for told in answer.headers.get_all("Set-Cookie", []):
            cookies.load(told)
        return answer.status, cookies
    finally:
        line.close()


def log_in(address: Address, **headers: str):
    """The session's cookie."""
    status, cookies = ask(address, "/login", {"user": "ines", "password": PASSWORD}, **headers)
    assert (status, len(cookies)) == (303, 1)
    return next(iter(cookies.values()))


@pytest.mark.parametrize(
    "headers",
    [TOLD, TOLD | {"by": PROXY}, {"Origin": "https://lab.example"}],
    ids=["proxy here", "proxy of the config", "proxy that says nothing"],
)
def test_what_is_handed_out_by_tls_goes_by_tls_alone(address, kiosk, headers) -> None:
    """Sessions under ``__Host-``, walls under ``__Secure-``; under no other name do they open a page."""
    session = log_in(address, **headers)
    assert session.key == f"__Host-{COOKIE}"
    assert (session["secure"], session["httponly"], session["path"]) == (True, True, "/")
    assert (session["samesite"], session["domain"]) == ("strict", "")
    assert ask(address, "/", Cookie=f"{session.key}={session.value}")[0] == 200
    assert ask(address, "/", Cookie=f"{COOKIE}={session.value}", **TOLD)[0] == 303
    _, cookies = ask(address, "/wall/open", {"key": kiosk[0]}, **headers)
    wall = cookies[f"__Secure-{KIOSK}"]
    assert (wall["secure"], wall["httponly"], wall["path"], wall["samesite"]) == (
        True,
        True,
        "/wall",
        "strict",
    )
    assert ask(address, "/wall", Cookie=f"{wall.key}={wall.value}")[0] == 200
    assert ask(address, "/wall", Cookie=f"{KIOSK}={wall.value}", **TOLD)[0] == 403


def test_a_cookie_by_tls_outranks_one_that_another_host_of_the_domain_may_have_set(address) -> None:
    """Who can write plain cookies cannot put a visitor into another's session."""
    own, other = log_in(address, **TOLD), log_in(address)
    assert (other.key, other["secure"]) == (COOKIE, "")
    both = f"{other.key}={other.value}; {own.key}={{}}"
    assert ask(address, "/", Cookie=both.format(own.value))[0] == 200
    assert ask(address, "/", Cookie=both.format("over"))[0] == 303


def test_a_log_out_takes_both_back(address) -> None:
    """Whichever way one logged in."""
    own = log_in(address, **TOLD)
    sent = f"{own.key}={own.value}"
    status, cookies = ask(address, "/logout", {}, Cookie=sent, **TOLD)
    assert status == 303
    told = {name: (gone["max-age"], gone["secure"]) for name, gone in cookies.items()}
    assert told == {f"__Host-{COOKIE}": ("0", True), COOKIE: ("0", "")}
    assert ask(address, "/", Cookie=sent)[0] == 303


def test_only_a_declared_proxy_speaks_for_another(address, clock) -> None:
    """Who guesses is told apart by the address that the proxy names; a stranger's headers do not count."""
    assert log_in(address, by=STRANGER, **TOLD).key == COOKIE

    def guesses(by: str, names: str) -> list[int]:
        """Of ever other users, from ever other addresses as the headers have it."""
        return [
            ask(
                address, "/login", {"user": f"{names}{n}", "password": "x"}, by=by,
                **{"X-Forwarded-For": f"203.0.113.{n}"},
            )[0]
            for n in range(6)
        ]  # fmt: skip

    assert guesses(PROXY, "a") == [401] * 6
    assert guesses(STRANGER, "b") == [401] * 5 + [429]
    clock.now += 61


async def test_a_password_in_clear_from_another_computer_is_warned_of_once(caplog) -> None:
    """Not of this computer's own, nor of one that came by TLS."""
    known = hashed(PASSWORD)
    gate = Gate(("lab.example",), Sessions({"ines": User(lambda: known)}, 3600.0, Clock()))
    body = urlencode({"user": "ines", "password": PASSWORD}).encode()
    statuses: list[int] = []

    async def log_in_from(host: str, scheme: str) -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {
            "type": "http", "method": "POST", "path": "/login", "query_string": b"", "scheme": scheme,
            "headers": [(b"host", b"lab.example")], "client": (host, 50000), "server": ("lab.example", 80),
        }  # fmt: skip
        await gate.pass_through(FastAPI(), scope, receive, send)

    with caplog.at_level("WARNING", "dashboards.gate"):
        await log_in_from("127.0.0.1", "http")
        await log_in_from("192.0.2.7", "https")
        assert caplog.records == []
        for _ in range(2):
            await log_in_from("192.0.2.7", "http")
    assert statuses == [303] * 4
    assert [r.getMessage().count("from 192.0.2.7 over plain HTTP") for r in caplog.records] == [1]
    assert PASSWORD not in caplog.text
