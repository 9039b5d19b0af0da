"""The rows of every table and picture of a page beyond its first figures: each asked of the screens once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from dashboards.screens import Row, Screens
from dashboards.view import DAY_NS, Span, View

Rows = list[dict[str, Any]]
MOST_STOPS: Final = 200
"""The latest stops on a page; an export has them all."""
_LEAST_SHARE: Final = 0.0005
"""A loss that is told as 0.0 % is not shown; an export has it."""
_LEARN_NS: Final = 30 * DAY_NS
_EXPERIMENT_FIELDS: Final = (
    "verdict", "reason_code", "baseline", "trial", "estimate", "low", "high", "coverage", "more_blocks",
)  # fmt: skip


def parts(
    screens: Screens, view: View, at: Span, machines: Sequence[str], *, whole: bool = False, only: str = ""
) -> dict[str, Sequence[Row]]:
    """The rows of every table of a page.

    Parameters
    ----------
    screens : Screens
    view : View
    at : Span
    machines : sequence of str
        Those that the view is of.
    whole : bool
        Every stop, not only the latest, and every loss, however small.
    only : str
        This one table.
    """
    names = (only,) if only else TABLES[_page(view)]
    return {name: _MADE[name](screens, at, machines, whole) for name in names}


def tables(view: View) -> tuple[str, ...]:
    """The tables of a view's page."""
    return TABLES[_page(view)]


def every_table(view: View) -> tuple[str, ...]:
    """The tables that a page may show: a line's page becomes a machine's with a click."""
    if view.screen != "line":
        return TABLES[view.screen]
    return tuple(dict.fromkeys((*TABLES["machine"][:-1], *TABLES["line"])))


def _page(view: View) -> str:
    return "machine" if view.screen == "line" and view.machine else view.screen


Maker = Callable[[Screens, Span, Sequence[str], bool], Sequence[Row]]


def _opportunities(screens: Screens, at: Span, machines: Sequence[str], _: bool) -> Sequence[Row]:
    """Of a month at least: a quiet hour says little of a year."""
    start_ns = min(at.start_ns, max(at.end_ns - _LEARN_NS, screens.first_ns() or at.start_ns))
    return screens.opportunities(start_ns, at.end_ns, machines)


def _grouped(*by: str) -> Maker:
    def rows(screens: Screens, at: Span, machines: Sequence[str], _: bool) -> Sequence[Row]:
        return screens.kpis(at.start_ns, at.end_ns, by, machines)

    return rows


def _losses(screens: Screens, at: Span, machines: Sequence[str], whole: bool) -> Sequence[Row]:
    found = screens.losses(at.start_ns, at.end_ns, (), machines)
    return [r for r in found if r["share"] and (whole or abs(r["share"]) >= _LEAST_SHARE)]


def _stops(screens: Screens, at: Span, machines: Sequence[str], whole: bool) -> Sequence[Row]:
    most = None if whole else MOST_STOPS
    found = screens.stops(at.start_ns, at.end_ns, machines, most)
    return sorted(found, key=lambda r: (-r["start_ns"], r["machine"]))[:most]


def _pareto(screens: Screens, at: Span, machines: Sequence[str], _: bool) -> Sequence[Row]:
    """Stops by reason, the most costly first: planned time, as ``fieldlab stops --pareto reason``."""
    return screens.pareto(at.start_ns, at.end_ns, machines)


def _results(screens: Screens, _: Span, __: Sequence[str], ___: bool) -> Sequence[Row]:
    asked = {e.id: e.question or e.id for e in screens.site.experiments}
    found: Rows = []
    for row in screens.latest("kpi", "experiment_result"):
        if row["experiment"] in asked:
            values = {name: row.get(name) for name in _EXPERIMENT_FIELDS}
            found.append(
                {
                    "experiment": row["experiment"],
                    "question": asked[row["experiment"]],
                    "kpi": row["kpi"],
                    "reason_values": json.loads(row.get("reason_values") or "{}"),
                    **values,
                }
            )
    return sorted(found, key=lambda r: (r["experiment"], r["estimate"] is None, r["kpi"]))


def _baselines(screens: Screens, _: Span, machines: Sequence[str], __: bool) -> Sequence[Row]:
    return [
        {name: r.get(name) for name in ("machine", "term", "unit", "estimate", "low", "high", "r2")}
        for r in screens.latest("kpi", "baseline")
        if r["experiment"] == "none" and r["machine"] in machines and r["term"] != "none"
    ]


def _gateways(screens: Screens, _: Span, __: Sequence[str], ___: bool) -> Sequence[Row]:
    fields = ("received", "stored", "replaced", "dead", "waiting", "lag_s", "autonomy_h", "rss_mb")
    return [
        {"gateway": r["gateway"], "time_ns": r["time_ns"], **{name: r.get(name) for name in fields}}
        for r in screens.latest("raw", "gateway")
    ]


def _links(screens: Screens, _: Span, __: Sequence[str], ___: bool) -> Sequence[Row]:
    return [
        {name: r.get(name) for name in ("gateway", "source", "machine", "up", "time_ns")}
        for r in screens.latest("raw", "link")
    ]


def _gaps(screens: Screens, at: Span, machines: Sequence[str], _: bool) -> Sequence[Row]:
    sums: dict[tuple[str, str], list[float]] = {}
    for row in screens.records("raw", "gap", at.start_ns, at.end_ns):
        if row["machine"] in (*machines, "none"):  # none: of a whole gateway
            sums.setdefault((row["machine"], row["reason"]), []).append(row.get("count") or 0.0)
    return [
        {"machine": machine, "reason": reason, "gaps": len(counts), "count": sum(counts)}
        for (machine, reason), counts in sorted(sums.items())
    ]


_MADE: Final[dict[str, Maker]] = {
    "opportunities": _opportunities,
    "by_line": _grouped("line"),
    "by_machine": _grouped("machine"),
    "by_shift": _grouped("shift_date", "shift"),
    "by_machine_shift": _grouped("machine", "shift_date", "shift"),
    "by_product": _grouped("machine", "product"),
    "losses": _losses,
    "stops": _stops,
    "pareto": _pareto,
    "results": _results,
    "baselines": _baselines,
    "gateways": _gateways,
    "links": _links,
    "gaps": _gaps,
}
TABLES: Final[dict[str, tuple[str, ...]]] = {
    "overview": ("opportunities", "by_line", "by_machine", "losses", "pareto", "gaps"),
    "line": ("losses", "pareto", "stops", "by_machine", "by_shift", "gaps"),
    "machine": ("losses", "pareto", "stops", "by_machine", "by_machine_shift", "by_product", "gaps"),
    "energy": ("by_machine", "baselines", "by_shift"),
    "experiment": ("results",),
    "gateways": ("gateways", "links", "gaps"),
}
"""The tables of each page, from top to bottom."""
