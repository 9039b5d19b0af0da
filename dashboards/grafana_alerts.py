"""Alert rules as Grafana's provisioning takes them: what an engineer must hear of without looking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards import influxql
from dashboards.catalogue import BY_ID, ScreenId, formulas
from dashboards.grafana import boards, render
from dashboards.grafana_panels import title_of
from dashboards.grafana_scope import UID_LENGTH, uid
from dashboards.influxql import Scope
from dashboards.wording import Language, say
from fieldlab_configs import Site

SILENT_S: Final = 120
CERTIFICATE_DAYS: Final = 30
"""As a gateway warns in its log."""
ENERGY_ABOVE: Final = 1.1
"""Over a week, a tenth above the baseline of the days before."""
_HOUR_S: Final = 3600
Compared = Literal["gt", "lt"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a query, and when its last value is an alarm.

    Attributes
    ----------
    id : str
        Stable; the key of its words.
    query : str
    source : str
        ``kpi`` or ``raw``.
    compared, value
        An alarm where the last value is greater or less.
    seconds : int
        How far back the query looks.
    after : str
        For how long it must be so.
    screen, panel : str
        Where to look.
    silence_is_alarm : bool
        Whether no row at all is an alarm too.
    of : str
        The gateway or line that it is of; empty for a rule on each of them.
    """

    id: str
    query: str
    source: str
    compared: Compared
    value: float
    seconds: int
    after: str
    screen: ScreenId
    panel: str
    silence_is_alarm: bool = False
    of: str = ""


def rules(site: Site) -> list[Rule]:
    """Every rule of a fieldlab, in a fixed order."""
    return [*_of_gateways(site), *_of_figures(site)]


def _of_gateways(site: Site) -> Iterator[Rule]:
    own = f'"fieldlab" = {influxql.text(site.fieldlab)}'
    for gateway in site.gateways:
        of_it = Scope(f'{own} AND "gateway" = {influxql.text(gateway)} AND $timeFilter')
        heard = influxql.selected("COUNT", {"received": "value"}, "gateway", of_it)
        yield Rule(
            "gateway_silent", heard, "raw", "lt", 1, SILENT_S, "1m", "gateways", "gateway_waiting",
            silence_is_alarm=True, of=gateway,
        )  # fmt: skip
    each = Scope(f"{own} AND $timeFilter", by=("gateway",))

    def last(function: str, field: str) -> str:
        return influxql.selected(function, {field: "value"}, "gateway", each)

    yield Rule(
        "dead_letters", last("SPREAD", "dead"), "raw", "gt", 0, _HOUR_S, "0s", "gateways", "gateway_dead"
    )
    (autonomy,) = [t.at for t in BY_ID["gateway_autonomy"].thresholds if t.level == "fair"]
    hours = last("LAST", "autonomy_h")
    yield Rule("autonomy_low", hours, "raw", "lt", autonomy, _HOUR_S, "5m", "gateways", "gateway_autonomy")
    days = last("LAST", "certificate_days")
    yield Rule(
        "certificate_expires", days, "raw", "lt", CERTIFICATE_DAYS, 24 * _HOUR_S, "0s", "gateways",
        "gateway_certificate",
    )  # fmt: skip


def _of_figures(site: Site) -> Iterator[Rule]:
    own = f'"fieldlab" = {influxql.text(site.fieldlab)}'
    atoms = Scope(f'{own} AND "calendar_time_s" > 0 AND $timeFilter', by=("line",))
    oee = influxql.quotient(formulas(site.convention, line=True)["oee_index"], atoms)
    (target,) = [t.at for t in BY_ID["oee_by_line"].thresholds if t.level == "fair"]
    yield Rule("oee_low", oee, "kpi", "lt", target, 8 * _HOUR_S, "30m", "line", "oee_trend")
    blocks = Scope(f"{own} AND \"experiment\" = 'none' AND $timeFilter", by=("machine",))
    sums = influxql.selected(
        "SUM", {"used_kwh": "used", "expected_kwh": "expected"}, "baseline_block", blocks
    )
    energy = (
        f'SELECT "used" / "expected" AS "value" FROM ({sums})'  # noqa: S608 - made of the above
        ' WHERE "expected" > 0 GROUP BY "machine"'
    )
    yield Rule(
        "energy_above", energy, "kpi", "gt", ENERGY_ABOVE, 8 * 24 * _HOUR_S, "0s", "energy", "baseline_energy"
    )


def provisioned(site: Site, language: Language) -> dict[str, Any]:
    """The file of rules, of the first organisation; their folder's name has no slash, which would nest it."""
    known = _panel_ids(site, language)
    found = [_rule(site, rule, language, known[rule.screen, rule.panel]) for rule in rules(site)]
    group = {
        "orgId": 1,
        "name": f"fl-{site.fieldlab}",
        "folder": f"Fieldlab {site.fieldlab}",
        "interval": "1m",
        "rules": found,
    }
    return {"apiVersion": 1, "groups": [group]}


def _panel_ids(site: Site, language: Language) -> dict[tuple[ScreenId, str], int]:
    """The number of each panel within its dashboard."""
    found = {}
    for board in boards(site, language):
        numbers = {panel.get("title"): panel["id"] for panel in render(board)["panels"]}
        for panel in board.screen.panels:
            found[board.screen.id, panel.id] = numbers[title_of(board, panel)]
    return found


def _rule(site: Site, rule: Rule, language: Language, panel: int) -> dict[str, Any]:
    known = {"of": rule.of, "value": f"{rule.value:g}"}
    return {
        "uid": _uid(site, rule),
        "title": say(f"alert.{rule.id}", language, **known).strip(),
        "condition": "C",
        "for": rule.after,
        "noDataState": "Alerting" if rule.silence_is_alarm else "OK",
        "execErrState": "Error",
        "isPaused": False,
        "labels": {"fieldlab": site.fieldlab, "rule": rule.id},
        "annotations": {
            "summary": say(f"alert.{rule.id}.summary", language, **known),
            "__dashboardUid__": uid(site.fieldlab, rule.screen),
            "__panelId__": str(panel),
        },
        "data": list(_data(site, rule)),
    }


def _uid(site: Site, rule: Rule) -> str:
    what = f"{rule.id}-{rule.of}" if rule.of else rule.id
    return uid(site.fieldlab, what[: UID_LENGTH - 12])


def _data(site: Site, rule: Rule) -> Iterator[Mapping[str, Any]]:
    """The query, its last value, and the comparison: A, B, C."""
    asked = {
        "refId": "A",
        "rawQuery": True,
        "query": rule.query,
        "resultFormat": "time_series",
        "intervalMs": 60_000,
        "maxDataPoints": 1000,
    }
    evaluator = {"type": rule.compared, "params": [rule.value]}
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("A", uid(site.fieldlab, rule.source), asked),
        ("B", "__expr__", {"refId": "B", "type": "reduce", "expression": "A", "reducer": "last"}),
        (
            "C",
            "__expr__",
            {"refId": "C", "type": "threshold", "expression": "B", "conditions": [{"evaluator": evaluator}]},
        ),
    ]
    for ref, source, model in steps:
        yield {
            "refId": ref,
            "relativeTimeRange": {"from": rule.seconds, "to": 0},
            "datasourceUid": source,
            "model": model,
        }
