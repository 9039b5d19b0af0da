"""The queries of each panel of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery

from analytics.fields import ATOM_FIELDS
from dashboards import influxql
from dashboards.catalogue import LOSSES, Panel, Sum, formulas
from dashboards.grafana_scope import Board
from dashboards.influxql import Scope
from dashboards.wording import has

_TAG_OF: Final = {
    "machine": "machine",
    "line": "line",
    "shift": "shift",
    "product": "product",
    "gateway": "gateway",
}
LOW, HIGH = "≥", "≤"


@dataclass(slots=True)
class InfluxQuery(Dataquery, Builder[Dataquery]):
    """An InfluxQL query: the SDK has none.

    Attributes
    ----------
    query : str
    ref_id : str
        A, B, C: its place in the panel.
    alias : str
        Name of the series; ``$tag_machine`` and ``$col`` are Grafana's.
    table : bool
        One table, tags among its columns, in place of series.
    source : str
        The variable with its data source.
    """

    query: str
    ref_id: str = "A"
    alias: str = ""
    table: bool = False
    source: str = "ds"

    def build(self) -> Dataquery:
        """Itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana keeps it."""
        return {
            "refId": self.ref_id,
            "datasource": {"type": "influxdb", "uid": f"${{{self.source}}}"},
            "rawQuery": True,
            "query": self.query,
            "resultFormat": "table" if self.table else "time_series",
            "alias": self.alias,
        }


def queries(board: Board, panel: Panel) -> list[InfluxQuery]:
    """What a panel asks, in the order in which it is drawn."""
    if panel.source == "atom":
        found = _losses(board, panel) if panel.kind == "waterfall" else _of_atoms(board, panel)
    elif panel.source in {"experiment_result", "baseline"}:
        found = [_told(board, panel)]
    elif panel.source == "stop":
        where = board.scope("stop", also=' AND "duration_s" > 0')
        found = [InfluxQuery(influxql.select('"reason_text", "duration_s"', "stop", where), table=True)]
    else:
        found = _as_written(board, panel)
    for number, query in enumerate(found):
        query.ref_id, query.source = chr(ord("A") + number), board.source(panel.source)
    return found


def bounds(board: Board, panel: Panel) -> list[InfluxQuery]:
    """Between what a figure of machines lies: low, as counted, high."""
    known, scope = formulas(board.site.convention, line=False), board.scope("atom")
    names = ((panel.low, LOW), (panel.measure[0], board.say(panel.id)), (panel.high, HIGH))
    return [
        InfluxQuery(influxql.quotient(known[name], scope), chr(ord("A") + number), label)
        for number, (name, label) in enumerate(names)
    ]


def ask(board: Board, measure: str, scope: Scope, *, line: bool) -> str:
    """One measure of atoms: a quotient of sums, or a sum."""
    known = formulas(board.site.convention, line=line)
    if measure in known:
        return influxql.quotient(known[measure], scope)
    return influxql.total(Sum((measure,)), scope)


def of_line(board: Board, panel: Panel) -> bool:
    """Whether a panel shows a line's own figure, and not one of its machines together."""
    if panel.group == "line":
        return True
    if not board.of_line or panel.group == "machine":
        return False
    measures = panel.of(line=True)
    both = [formulas(board.site.convention, line=line) for line in (False, True)]
    return measures != panel.measure or any(both[0].get(m) != both[1].get(m) for m in measures)


def scope_of(board: Board, panel: Panel) -> Scope:
    """Which atoms a panel sums: a line's whole, or those of the machines chosen."""
    tag = _TAG_OF.get(panel.group)
    without = ("machine",) if of_line(board, panel) else ()
    return board.scope("atom", by_time=panel.group == "time", by=(tag,) if tag else (), without=without)


def _of_atoms(board: Board, panel: Panel) -> list[InfluxQuery]:
    line, scope = of_line(board, panel), scope_of(board, panel)
    if panel.low and not line:
        return bounds(board, panel)
    measures = panel.of(line=line)
    if len(measures) > 2 and set(measures) <= set(ATOM_FIELDS):  # noqa: PLR2004 - a stack: by state
        columns = {field: state_label(board, field) for field in measures}
        return [InfluxQuery(influxql.side_by_side(columns, scope), alias="$col")]
    alias = f"$tag_{scope.by[0]}" if scope.by else None
    return [
        InfluxQuery(ask(board, m, scope, line=line), alias=alias or board.say(_label(m, panel)))
        for m in measures
    ]


def state_label(board: Board, field: str) -> str:
    """The state that a field is of: ``state_down_s``, ``energy_down_kwh``."""
    return board.say(f"state.{field.split('_')[1]}")


def _label(measure: str, panel: Panel) -> str:
    plain = measure.removeprefix("line_")
    return plain if has(plain) else panel.id


def _losses(board: Board, panel: Panel) -> list[InfluxQuery]:
    """Each loss by itself: one that cannot be told leaves the others standing."""
    scope = scope_of(board, panel)
    return [
        InfluxQuery(influxql.total(LOSSES[name], scope), alias=board.say(f"loss.{name}"))
        for name in panel.measure
    ]


def _told(board: Board, panel: Panel) -> InfluxQuery:
    """What was computed once and is only read; its time is the end of what it tells of, and not asked."""
    columns = {field: field for field in (*panel.measure, *filter(None, (panel.low, panel.high)))}
    if panel.measure == ("verdict",):
        columns["reason_code"] = "reason"
    where = board.where(panel.source)
    by: tuple[str, ...] = ("experiment", "kpi")
    if panel.source == "baseline":
        term = "\"unit\" = 'kWh per part'" if not panel.term else f'"term" = {influxql.text(panel.term)}'
        own = "\"experiment\" != 'none'" if panel.term == "saved" else "\"experiment\" = 'none'"
        where = f"{where} AND {term} AND {own}"
        by = ("machine", *(("experiment",) if panel.term == "saved" else () if panel.term else ("term",)))
    if panel.kind == "figure":
        # The same for every KPI but for those that need energy: the worst is told.
        return InfluxQuery(
            influxql.selected("MIN", columns, panel.source, Scope(where)), alias=board.say(panel.id)
        )
    return InfluxQuery(influxql.selected("LAST", columns, panel.source, Scope(where, by=by)), table=True)


def _as_written(board: Board, panel: Panel) -> list[InfluxQuery]:
    """Rows as a gateway or the job wrote them."""
    zone = board.site.timezone.latest
    if panel.source == "baseline_block":
        scope = board.scope(panel.source, by=("machine",), also=" AND \"experiment\" = 'none'")
        names = {field: board.say(f"label.{field}") for field in panel.measure}
        listed = ", ".join(f"{influxql.name(f)} AS {influxql.name(label)}" for f, label in names.items())
        query = influxql.select(listed, panel.source, scope)
        return [InfluxQuery(query, alias="$tag_machine · $col")]
    if panel.source == "gap":
        scope = board.scope("gap", by=("reason",))
        return [InfluxQuery(influxql.selected("SUM", {"count": "value"}, "gap", scope), alias="$tag_reason")]
    if panel.source == "link":
        scope = board.scope("link", by_time=True, by=("machine", "source"))
        query = influxql.selected("MIN", {"up": "value"}, "link", scope)
        return [InfluxQuery(query, alias="$tag_machine · $tag_source")]
    if panel.kind == "table":
        columns = {field: field for field in panel.measure}
        scope = board.scope(panel.source, by=("gateway",))
        return [InfluxQuery(influxql.selected("LAST", columns, panel.source, scope), table=True)]
    (field,) = panel.measure
    trend = panel.kind == "trend"
    scope = Scope(f"{board.where('gateway')} AND $timeFilter", trend, ("gateway",), zone)
    query = influxql.selected("MAX" if trend else "LAST", {field: "value"}, "gateway", scope)
    return [InfluxQuery(query, alias="$tag_gateway")]
