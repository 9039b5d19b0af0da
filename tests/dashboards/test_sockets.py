"""A page belongs to the session that opened it: whoever learns its id hears nothing and says nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from dashboards import sockets
from dashboards.app import Address
from dashboards.gate import COOKIE
from tests.dashboards.test_gate import Clock, ask, gated, logged_in

PATIENCE_S = 60.0
CLOSED = "41"
"""The frame that ends a connection; a longer one may have these figures in it."""
SECRET = "Freesbank"  # a machine that company beta has nothing to do with


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Of the sessions."""
    return Clock()


@pytest.fixture(scope="module")
def address(clock) -> Iterator[Address]:
    """The app with a user of the fieldlab and one of a company."""
    with gated(clock) as found:
        yield found


_THEME = re.compile(
    r'"(\d+)":\{"tag":"button"[^{}]*"props":\{[^{}]*"data-testid":"theme".*?"listener_id":"([^"]+)"'
)


def html(address: Address, cookie: str) -> str:
    """A page that a session opens."""
    status, _, body = ask(address, "/?line=milling&range=all&theme=dark", cookie=cookie)
    assert status == 200
    return body


def opened(address: Address, cookie: str) -> str:
    """The id of a page that a session opens, as its HTML tells it."""
    return client_id(html(address, cookie))


def client_id(body: str) -> str:
    """The id of a page, out of its HTML."""
    found = re.search(r"'client_id': '([0-9a-f-]{36})'", body)
    assert found
    return found[1]


class Socket:
    """A socket.io client of the least kind: frames over a websocket, as any program can write them."""

    def __init__(self, line: ClientConnection) -> None:
        self.line = line
        assert line.recv(PATIENCE_S).startswith("0{")
        line.send("40")
        self.welcome = line.recv(PATIENCE_S)

    def emit(self, event: str, told: dict[str, Any], number: int = 1) -> None:
        """Send an event that wants an answer."""
        self.line.send(f"42{number}{json.dumps([event, told])}")

    def heard(self, until: str = "", seconds: float = PATIENCE_S) -> str:
        """Everything that comes until a word, the end of the line, or silence for so long."""
        found = [""]
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            while not until or until not in found[-1]:
                found.append(str(self.line.recv(seconds)))
        return "\n".join(found)

    def closed(self) -> bool:
        """Whether the other side ends the connection in time, whatever and however much it says before."""
        deadline = time.monotonic() + PATIENCE_S
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            while (left_s := deadline - time.monotonic()) > 0:
                if self.line.recv(left_s) == CLOSED:
                    return True
        return False


@contextlib.contextmanager
def socket(address: Address, cookie: str, **query: str) -> Iterator[Socket]:
    """A socket of a session."""
    asked = urlencode({"EIO": "4", "transport": "websocket", **query})
    url = f"ws://{address.host}:{address.port}/_nicegui_ws/socket.io/?{asked}"
    with connect(url, additional_headers={"Cookie": f"{COOKIE}={cookie}"}) as line:
        yield Socket(line)


def handshake(client_id: str) -> dict[str, Any]:
    """What a browser says first."""
    return {"client_id": client_id, "tab_id": "tab", "document_id": "document", "next_message_id": 0}


def test_the_session_that_opened_a_page_attaches_to_it(address) -> None:
    """What the others below are refused, works."""
    ines = logged_in(address, "ines")
    page = opened(address, ines)
    with socket(address, ines) as own:
        own.emit("handshake", handshake(page))
        assert "431[true]" in own.heard("431[true]")
        assert "fieldlab.show" in own.heard("fieldlab.show")


def test_another_session_that_knows_the_id_gets_nothing(address) -> None:
    """Neither a company, nor another session of the same user: the line is cut, and nothing was told."""
    ines = logged_in(address, "ines")
    for name in ("bo", "ines"):
        page = opened(address, ines)
        with socket(address, logged_in(address, name)) as other:
            other.emit("handshake", handshake(page))
            heard = other.heard(seconds=1.0)
        assert "update" not in heard
        assert "fieldlab.show" not in heard
        assert SECRET not in heard
        assert "[true]" not in heard
        with socket(address, ines) as own:  # and the page is still its own
            own.emit("handshake", handshake(page))
            assert "431[true]" in own.heard("431[true]")


def test_the_id_in_the_sockets_own_address_is_no_way_round(address) -> None:
    """NiceGUI takes a handshake from there too."""
    page = opened(address, logged_in(address, "ines"))
    query = {"client_id": page, "tab_id": "t", "document_id": "d", "implicit_handshake": "true"}
    with socket(address, logged_in(address, "bo"), **query) as other:
        assert other.welcome.startswith("44")  # refused
        assert SECRET not in other.heard(seconds=1.0)


def test_nobody_presses_anothers_buttons(address) -> None:
    """What is said for another's page cuts the line and does nothing; from its own session it does."""
    ines, bo = logged_in(address, "ines"), logged_in(address, "bo")
    body = html(address, ines)
    page, button = client_id(body), _THEME.search(body)
    assert button
    press = {"id": int(button[1]), "client_id": page, "listener_id": button[2], "args": {}}
    more = {"next_message_id": 99, "request_id": "1", "result": 1, "level": "info"}
    with socket(address, ines) as own:
        own.emit("handshake", handshake(page))
        own.heard(seconds=0.5)
        for event in ("event", "javascript_response", "ack", "log"):
            with socket(address, bo) as other:
                other.emit(event, press | more)
                assert other.closed()
        assert "dataset.theme" not in own.heard(seconds=0.5)
        own.emit("event", press)
        assert "dataset.theme" in own.heard("dataset.theme")


def test_long_polling_goes_on_for_the_session_that_began_it_only(address) -> None:
    """Whoever learns a connection's number cannot read from it or write to it."""
    ines, bo = logged_in(address, "ines"), logged_in(address, "bo")
    path = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
    number = json.loads(ask(address, path, cookie=ines)[2][1:])["sid"]
    assert ask(address, f"{path}&sid={number}", cookie=ines, body="40")[0] == 200
    assert ask(address, f"{path}&sid={number}", cookie=bo)[0] == 403
    assert ask(address, f"{path}&sid={number}", cookie=bo, body="41")[0] == 403
    assert ask(address, f"{path}&sid={number}", cookie=ines)[0] == 200
    url = f"ws://{address.host}:{address.port}{path.replace('polling', 'websocket')}&sid={number}"
    with pytest.raises(Exception, match="403"):
        connect(url, additional_headers={"Cookie": f"{COOKIE}={bo}"})


def test_a_socket_ends_with_a_log_out(address) -> None:
    """In another tab too."""
    ines = logged_in(address, "ines")
    page = opened(address, ines)
    with socket(address, ines) as own:
        own.emit("handshake", handshake(page))
        assert "431[true]" in own.heard("431[true]")
        assert ask(address, "/logout", cookie=ines, body="")[0] == 303
        assert "/login" in own.heard("/login")
        assert own.closed()


def test_a_socket_ends_with_its_session(address, clock) -> None:
    """It is sent to the log-in and closed, though nobody touches it and no figure changes."""
    ines = logged_in(address, "ines")
    page = opened(address, ines)
    with socket(address, ines) as own:
        own.emit("handshake", handshake(page))
        assert "431[true]" in own.heard("431[true]")
        clock.now += 3601
        assert "location.assign('/login" in own.heard("/login")
        assert own.closed()


async def test_a_sweep_that_failed_is_said_and_the_next_one_comes(monkeypatch, caplog) -> None:
    """It is what ends sessions: it must outlive whatever goes wrong in one round."""
    rounds: list[set[str]] = []
    third = asyncio.Event()

    async def swept(told: set[str]) -> set[str]:
        rounds.append(told)
        if len(rounds) == 1:
            raise KeyError("gone")
        if len(rounds) == 3:
            third.set()
        return {"one"}

    monkeypatch.setattr(sockets, "SWEEP_S", 0.0)
    monkeypatch.setattr(sockets, "_swept", swept)
    sweeping = asyncio.create_task(sockets.sweep())
    await asyncio.wait_for(third.wait(), 60)
    sweeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweeping
    assert rounds[:3] == [set(), set(), {"one"}]
    assert "were not all ended" in caplog.text
