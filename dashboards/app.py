"""The local web app: mounted on FastAPI, served inside an event loop that somebody else runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from copy import copy
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, cast

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse
from nicegui import Client, ui
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards import login, sockets, wall_page
from dashboards.errors import CannotListen
from dashboards.exercise_feed import Boards
from dashboards.exercises import PATH, SCOPE_BOARDS, SCOPE_EXERCISES, Exercises
from dashboards.exercises_page import ExercisesPage
from dashboards.exports import exports
from dashboards.gate import Gate
from dashboards.listening import listen
from dashboards.page import Page
from dashboards.poller import INTERVAL_S, Poller
from dashboards.screens import Screens
from dashboards.visitors import LOCAL, SCOPE_POLLER, SCOPE_VISITOR
from dashboards.wording import Language

STATIC: Final = Path(str(resources.files("dashboards"))) / "static"
_STYLE_URL: Final = "/fieldlab/page.css"
_SCRIPT_URL: Final = "/fieldlab/page.js"
_STOP_WITHIN_S: Final = 1
_LOOPBACK: Final = ("127.0.0.1", "::1")
_QUASAR_LANGUAGES: Final[dict[Language, Literal["nl", "en-GB"]]] = {"nl": "nl", "en": "en-GB"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


class _Hand:
    """Hands the poller to the page: NiceGUI's pages belong to the process, not to an application."""

    poller: Poller | None = None
    companies: Mapping[str, Poller] = MappingProxyType({})
    gate = Gate()
    exercises: Exercises | None = None
    boards: Boards | None = None

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await type(self).gate.pass_through(self._with_poller, scope, receive, send)

    async def _with_poller(self, scope: Scope, receive: Receive, send: Send) -> None:
        if sockets.foreign(scope):
            await sockets.refuse(scope, receive, send)
            return
        visitor = scope.get(SCOPE_VISITOR)
        company = visitor.company if visitor is not None else None
        scope[SCOPE_POLLER] = type(self).poller if company is None else type(self).companies[company]
        scope[SCOPE_EXERCISES], scope[SCOPE_BOARDS] = type(self).exercises, type(self).boards
        await self.app(scope, receive, send)


def create_app(
    poller: Poller,
    gate: Gate | None = None,
    companies: Mapping[str, Poller] = MappingProxyType({}),
    exercises: Exercises | None = None,
) -> FastAPI:
    """The web app, showing what a poller finds.

    Parameters
    ----------
    poller : Poller
        Opened and closed by the caller; :func:`serve` does both.
    gate : Gate, optional
        Default: whoever sits at this computer.
    companies : mapping of str to Poller
        Of what each company's own users see.
    exercises : Exercises, optional
        Default: none, as on a real fieldlab.

    Returns
    -------
    FastAPI

    Notes
    -----
    NiceGUI keeps one application per process, so this is always the same one; the last poller counts.
    """
    _Hand.poller, _Hand.companies = poller, companies
    _Hand.gate = gate if gate is not None else Gate()
    _Hand.exercises = exercises
    _Hand.boards = Boards(exercises) if exercises is not None else None
    return _application()


@cache
def _application() -> FastAPI:
    app = FastAPI(title="Fieldlab", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_Hand)

    @app.get(_STYLE_URL)
    def style() -> FileResponse:
        return FileResponse(STATIC / "page.css", media_type="text/css", headers={"Cache-Control": "no-cache"})

    @app.get(_SCRIPT_URL)
    def script() -> FileResponse:
        return FileResponse(
            STATIC / "page.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"}
        )

    @app.get(login.STYLE_PATH)
    def login_style() -> FileResponse:
        return FileResponse(STATIC / "login.css", headers={"Cache-Control": "no-cache"})

    @app.get(login.MARK_PATH)
    def mark() -> FileResponse:
        return FileResponse(STATIC / "favicon.svg", media_type="image/svg+xml")

    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    app.include_router(exports)
    app.include_router(wall_page.routes)
    ui.run_with(
        app,
        title="Fieldlab",
        favicon=(STATIC / "favicon.svg").read_text(encoding="utf-8"),
        dark=False,  # our own style sheet does the colours
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=20.0,
        show_welcome_message=False,
    )
    sockets.guard()
    return app


@ui.page(PATH)
async def _exercise(request: Request, client: Client) -> None:
    boards = request.scope.get(SCOPE_BOARDS)
    if boards is None:
        client.open("/")
        return
    page = ExercisesPage(boards, client, request.query_params, _STYLE_URL)
    client.page = copy(client.page)
    client.page.language = _QUASAR_LANGUAGES[page.language]
    page.build()


@ui.page("/")
async def _show(request: Request, client: Client) -> None:
    poller = cast("Poller", request.scope[SCOPE_POLLER])
    visitor = request.scope.get(SCOPE_VISITOR) or LOCAL
    exercises = request.scope.get(SCOPE_EXERCISES)
    urls = (_STYLE_URL, _SCRIPT_URL)
    page = Page(poller, client, request.query_params, urls, visitor, exercises)
    # NiceGUI gives a route one language; ours has the visitor's, for screen readers and Quasar's own words.
    client.page = copy(client.page)
    client.page.language = _QUASAR_LANGUAGES[page.language]
    page.build()
    page.listen()
    client.on_delete(page.leave)
    await client.connected()
    await page.settle()


@asynccontextmanager
async def serve(
    screens: Screens,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    interval_s: float = INTERVAL_S,
    gate: Gate | None = None,
    companies: Mapping[str, Screens] = MappingProxyType({}),
    exercises: Exercises | None = None,
    proxies: Sequence[str] = (),
) -> AsyncIterator[Address]:
    """Serve the web app in the running event loop until the block ends.

    Parameters
    ----------
    screens : Screens
        The data to show.
    host : str
    port : int
        0: any free one.
    interval_s : float
        Between two looks at the data [s].
    gate : Gate, optional
        Default: whoever sits at this computer.
    companies : mapping of str to Screens
        What each company's own users see.
    exercises : Exercises, optional
        Of the demo.
    proxies : sequence of str
        Addresses and networks whose word on who asks, and by TLS or not, is taken; loopback's always is.

    Yields
    ------
    Address
        Where it listens, once it does.

    Raises
    ------
    AddressInUse
        If somebody else listens there.
    CannotListen
        If this machine has no such address, or the port is not ours to take.

    Notes
    -----
    Signals stay with the caller. NiceGUI keeps one application per process: one at a time.
    """
    listener = listen(host, port)
    try:
        async with AsyncExitStack() as stack:
            poller = await stack.enter_async_context(Poller(screens, interval_s=interval_s))
            own = {
                name: await stack.enter_async_context(Poller(each, interval_s=interval_s))
                for name, each in companies.items()
            }
            config = uvicorn.Config(
                create_app(poller, gate, own, exercises),
                log_config=None,
                log_level="warning",
                access_log=False,
                ws="websockets-sansio",
                timeout_graceful_shutdown=_STOP_WITHIN_S,
                forwarded_allow_ips=[*_LOOPBACK, *proxies],
            )
            server = _Server(config)
            task = asyncio.create_task(server.serve([listener]), name="web server")
            sweeping = asyncio.create_task(sockets.sweep(), name="sessions that are over")
            try:
                while not server.started:
                    if task.done():
                        task.result()
                        raise CannotListen(f"the web server on {host}:{port} ended before it began")
                    await asyncio.sleep(0.01)
                found_host, found_port = listener.getsockname()[:2]
                yield Address(found_host, found_port)
            finally:
                server.should_exit = True
                sweeping.cancel()
                await _ended(task)
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: those are the caller's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for a task to end; not for ever."""
    _, late = await asyncio.wait([task], timeout=_STOP_WITHIN_S * 2)
    for one in late:
        one.cancel()
        with suppress(asyncio.CancelledError):
            await one
