"""The pages' websockets: each may speak for the pages of its own session only, and ends with it.

NiceGUI finds the page that a message is for by an id in the message. Whoever learned such an id could
attach to the page of another. So every message is asked first whether its socket and its page were
opened by the same session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Final
from urllib.parse import parse_qs

from nicegui import Client, core
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from dashboards.login import LEAD
from dashboards.visitors import LOCAL, SCOPE_VISITOR, Visitor

log = logging.getLogger(__name__)

PATH: Final = "/_nicegui_ws/"
SWEEP_S: Final = 1.0
_GUARDED: Final = ("connect", "handshake", "event", "javascript_response", "ack", "log")

Handler = Callable[..., Any]


def guard() -> None:
    """Put the question before every message of every page; once per process."""
    for event in _GUARDED:
        core.sio.on(event, _asked_first(core.sio.handlers["/"][event], event))


def _asked_first(handler: Handler, event: str) -> Handler:
    async def asked(sid: str, data: Any, *more: Any) -> Any:
        environ = data if event == "connect" else core.sio.get_environ(sid)
        visitor, page = _visitor((environ or {}).get("asgi.scope", {})), _page(event, data)
        # A page that is no more gets NiceGUI's own answer: load it anew.
        foreign = page is not None and owner(page).session != visitor.session
        if foreign and event != "connect":
            await core.sio.disconnect(sid)
        if foreign or not visitor.welcome():
            return False  # the sweep sends those to the log-in whose session is over
        answer = handler(sid, data, *more)
        return await answer if isawaitable(answer) else answer

    return asked


def _page(event: str, data: Any) -> Client | None:
    """The page that a message is for."""
    if event == "connect":
        data = {key: values[0] for key, values in parse_qs(str(data.get("QUERY_STRING", ""))).items()}
    return Client.instances.get(str(data.get("client_id"))) if isinstance(data, dict) else None


def owner(page: Client) -> Visitor:
    """Who opened a page."""
    return _visitor(page.request.scope)


def _visitor(scope: Scope) -> Visitor:
    found = scope.get(SCOPE_VISITOR)
    return found if isinstance(found, Visitor) else LOCAL


def foreign(scope: Scope) -> bool:
    """Whether a request would go on with a connection that another session opened (long polling)."""
    if scope["type"] not in ("http", "websocket") or not scope["path"].startswith(PATH):
        return False
    sid = parse_qs(scope["query_string"].decode("latin-1")).get("sid", [""])[0]
    environ = core.sio.environ.get(sid)
    return environ is not None and _visitor(environ["asgi.scope"]).session != _visitor(scope).session


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Say no, in the way that a connection understands."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await PlainTextResponse("this connection is another session's", 403)(scope, receive, send)


async def sweep() -> None:
    """Until cancelled: send those to the log-in whose session is over, and end their sockets."""
    told: set[str] = set()
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            told = await _swept(told)
        except Exception:
            # A sweep that ended for good would leave every session open that should be over.
            log.exception("sessions that are over were not all ended; the next try is in %.0f s", SWEEP_S)


async def _swept(told: set[str]) -> set[str]:
    """One round; which sockets were told that they are over, and may leave by themselves."""
    for page in list(Client.instances.values()):
        if page.has_socket_connection and not owner(page).welcome():
            page.run_javascript(LEAD)
    over = {sid for sid, _ in core.sio.manager.get_participants("/", None) if _over(sid)}
    for sid in over & told:
        await core.sio.disconnect(sid)
    return over - told


def _over(sid: str) -> bool:
    environ = core.sio.get_environ(sid)
    return environ is not None and not _visitor(environ["asgi.scope"]).welcome()
