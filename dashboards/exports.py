"""Every table as a file: of the same view, out of the same snapshot as the page's."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Literal, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from dashboards import moments
from dashboards.parts import parts, tables
from dashboards.poller import Poller
from dashboards.sheets import as_csv, as_parquet
from dashboards.view import Span, View, parse, scoped, span
from dashboards.visitors import LOCAL, SCOPE_POLLER, SCOPE_VISITOR
from dashboards.wording import as_language, one_line, say
from fieldlab_configs import Site
from fieldlab_configs.lacking import INSTALL_ALL

_TYPES: Final = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

exports = APIRouter()


@exports.get("/export/{name}.{kind}")
async def export(request: Request, name: str, kind: Literal["csv", "parquet"]) -> Response:
    """A table of a view as a file."""
    poller = cast("Poller", request.scope[SCOPE_POLLER])
    screens = poller.screens
    asked = parse(screens.site, request.query_params)
    language = as_language(request.query_params.get("lang"), screens.site.language)
    if asked.unclear:
        _, what = asked.unclear[0]
        return PlainTextResponse(say("export.unclear", language, asked=one_line(what)[:80]), status_code=404)
    visitor = request.scope.get(SCOPE_VISITOR) or LOCAL
    if name not in tables(asked.view) or asked.view.screen not in visitor.screens:
        return PlainTextResponse(say("export.unclear", language, asked=one_line(name)[:40]), status_code=404)
    if kind == "parquet" and find_spec("pyarrow") is None:
        return PlainTextResponse(f"Parquet needs pyarrow: {INSTALL_ALL}", status_code=501)

    def made() -> tuple[bytes, str]:
        at = span(screens, asked.view)
        machines = scoped(screens.site, asked.view)
        rows = parts(screens, asked.view, at, machines, whole=True, only=name)[name] if at else ()
        body = as_csv(name, rows, screens.site, language) if kind == "csv" else as_parquet(name, rows)
        return body, _named(screens.site, asked.view, name, at)

    try:
        body, named = await poller.ask(made)
    except OSError:
        return PlainTextResponse(say("export.away", language), status_code=503)
    header = f'attachment; filename="{named}.{kind}"'
    return Response(body, media_type=_TYPES[kind], headers={"Content-Disposition": header})


def _named(site: Site, view: View, name: str, at: Span | None) -> str:
    """What a file is called: of what it is and of when, so that two weeks of a table are not confused."""
    of = (view.machine or view.line,) if view.screen in ("line", "energy") else ()
    ends = (moments.local(site, ns) for ns in ((at.start_ns, at.end_ns) if at else ()))
    return "-".join((site.fieldlab, *of, name, *(f"{end:%Y%m%dT%H%M}" for end in ends)))
