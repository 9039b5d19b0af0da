"""A report on a shift or a week: what came off, where time and energy went, and how well it was seen."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from dashboards import amounts, sheets
from dashboards.boards import quality
from dashboards.html import Markup, el, table
from dashboards.moments import day, moment, window
from dashboards.parts import parts
from dashboards.report import page, whose
from dashboards.report_svg import pairs
from dashboards.screens import Row, Screens
from dashboards.snapshot import Snapshot
from dashboards.view import Span, View
from dashboards.wording import Language, has, say
from fieldlab_configs import Site, fingerprint

_FIGURES = ("oee_index", "availability", "effectiveness", "quality_ratio", "coverage")
_LEAST_SHARE = 0.0005
MOST_REASONS = 12


@dataclass(frozen=True, slots=True)
class Period:
    """A range with its name, and the one that it is held against.

    Attributes
    ----------
    kind : str
        ``shift`` or ``week``.
    name : str
    at, before : Span
    """

    kind: str
    name: str
    at: Span
    before: Span


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in a period, and in the one that it is held against.

    Attributes
    ----------
    site : Site
    period : Period
    view : View
        Which page shows the same.
    now, past : dict of str to sequence of Row
        The rows of every table; see :mod:`dashboards.parts`.
    """

    site: Site
    period: Period
    view: View
    now: dict[str, Sequence[Row]]
    past: dict[str, Sequence[Row]]


def measured(screens: Screens, period: Period) -> Measured:
    """Ask for everything that a report on a period tells."""
    machines = [m.id for m in screens.site.machines()]
    view = View(None, "", "custom", period.at.start_ns, period.at.end_ns, "overview")
    now, past = (parts(screens, view, at, machines) for at in (period.at, period.before))
    return Measured(screens.site, period, view, now, past)


def period_report(
    found: Measured, *, made_ns: int, company: str | None = None, language: Language | None = None
) -> str:
    """A report on a period, as one HTML file.

    Parameters
    ----------
    found : Measured
    made_ns : int
        When it is made; UTC nanoseconds.
    company : str, optional
        Whose it is: what was measured is what this company may see.
    language : str, optional
        Default: the config's.
    """
    site, period, view, now, past = found.site, found.period, found.view, found.now, found.past
    words = language or site.language
    title = heading(period, words)
    ends = window(site, period.at.start_ns, period.at.end_ns, words)
    return page(
        title,
        [
            el(
                "header",
                el("p", say(f"period.title.{period.kind}", words), class_="kind"),
                el("h1", title),
                el("p", f"{whose(site, company, words)} · {ends}", class_="whose"),
            ),
            _lines(site, now["by_line"], past["by_line"], words),
            _machines(site, now["by_machine"], words),
            _losses(now["losses"], past["losses"], period, words),
            _reasons(now["pareto"], words),
            _energy(site, now["by_line"], past["by_line"], words),
            _gains(site, now["opportunities"], words),
            _seen(Snapshot(view, period.at, parts=now), site, words),
            _defined(words),
            _foot(site, now["by_machine"], made_ns, words),
        ],
        words,
    )


def heading(period: Period, language: Language) -> str:
    """What a period is called: its week and year, or its shift and date."""
    if period.kind == "week":
        return say("period.week", language, week=week(period.name, language))
    date, shift = period.name.split("/", 1)
    on = day(dt.datetime.fromisoformat(date), language, year=True)
    return say("period.shift", language, name=shift, date=on)


def week(name: str, language: Language) -> str:
    """A week as people say it.

    Examples
    --------
    >>> week("2026-W02", "nl")
    '2 van 2026'
    """
    year, number = name.split("-W")
    return say("period.week.of", language, number=str(int(number)), year=year)


def _section(title: str, language: Language, *children: Markup) -> Markup:
    return el("section", el("h2", say(title, language)), list(children))


def named(site: Site, line: object) -> str:
    """What a line is called."""
    return next((each.name or each.id for each in site.lines if each.id == line), str(line))


def _lines(site: Site, now: Sequence[Row], past: Sequence[Row], language: Language) -> Markup:
    """Every line beside the period before."""
    before = {row["line"]: row for row in past}
    body = []
    for row in now:
        old = before.get(row["line"], {})
        body.append(
            [
                named(site, row["line"]),
                amounts.percent(row["oee_index"], language),
                amounts.percent(old.get("oee_index"), language),
                amounts.count(row["line_good_quantity"], language),
                amounts.count(old.get("line_good_quantity"), language),
                amounts.percent(row["coverage"], language),
            ]
        )
    head = ["col.line", "oee_index", "period.before", "col.line_good_quantity", "period.before", "coverage"]
    told = table([say(key, language) for key in head], body)
    above = any((row["oee_index"] or 0.0) > 1.0 for row in now)
    notes = [el("p", say("period.lines.above", language), class_="how")] if above else []
    return _section("period.lines", language, told if body else _nothing(language), *notes)


def _machines(site: Site, rows: Sequence[Row], language: Language) -> Markup:
    columns = sheets.COLUMNS["by_machine"]
    body = [[sheets.cell(c, row.get(c.key), site, language) for c in columns] for row in rows]
    told = el("div", table([c.title(language) for c in columns], body, class_="wide"), class_="scroll")
    return _section("sheet.by_machine", language, told if body else _nothing(language))


def _losses(now: Sequence[Row], past: Sequence[Row], period: Period, language: Language) -> Markup:
    old = {row["loss"]: row["share"] or 0.0 for row in past}
    rows = [
        (say(f"loss.{row['loss']}", language), old.get(row["loss"], 0.0), row["share"] or 0.0)
        for row in now
        if max(abs(row["share"] or 0.0), abs(old.get(row["loss"], 0.0))) >= _LEAST_SHARE
    ]
    if not rows:
        return _section("losses", language, _nothing(language))
    names = [say(f"period.{when}.{period.kind}", language) for when in ("before", "this")]
    title = say("losses", language)
    if past:
        drawn = el("figure", pairs(rows, names, title, language))
    else:  # nothing to stand beside it
        drawn = el("figure", pairs([(name, share) for name, _, share in rows], names[1:], title, language))
    return _section("losses", language, drawn, el("p", say("losses.how", language), class_="how"))


def _reasons(rows: Sequence[Row], language: Language) -> Markup:
    none = say("reason.none", language)
    body = [
        [
            none if row["reason"] == "none" else str(row["reason"]),
            amounts.count(row["count"], language),
            amounts.duration(row["minutes"] * 60, language),
            amounts.percent(row["share"], language),
        ]
        for row in rows[:MOST_REASONS]
    ]
    head = [say(key, language) for key in ("col.reason", "col.count", "report.duration", "col.share")]
    return _section("sheet.pareto", language, table(head, body) if body else _nothing(language))


def _energy(site: Site, now: Sequence[Row], past: Sequence[Row], language: Language) -> Markup:
    before = {row["line"]: row for row in past}
    body = []
    for row in now:
        old = before.get(row["line"], {})
        body.append(
            [
                named(site, row["line"]),
                " ".join(amounts.energy(row["energy_kwh"], language)),
                amounts.money(row["energy_cost_eur"], language),
                " ".join(amounts.mass(row["co2_kg"], language)),
                *_per_good((row, old), language),
            ]
        )
    head = [
        "col.line",
        "energy_kwh",
        "energy_cost_eur",
        "co2_kg",
        "energy_per_good_unit_kwh",
        "period.before",
    ]
    notes = [el("p", say("period.energy.how", language), class_="how")]
    source = site.energy.latest.source if site.energy else ""
    if source:
        notes.append(el("p", say("law.factor", language, source=source.rstrip(".")), class_="how"))
    told = table([say(key, language) for key in head], body)
    return _section("nav.energy", language, told if body else _nothing(language), *notes)


def _per_good(rows: Sequence[Row], language: Language) -> list[str]:
    """Side by side, so in one unit."""
    values = [row.get("energy_per_good_unit_kwh") for row in rows]
    small = all(amounts.reads_small(v) for v in values if v)
    factor, unit = (1000.0, "unit.wh_per_unit") if small else (1.0, "unit.kwh_per_unit")
    return [_amount(None if v is None else v * factor, say(unit, language), language) for v in values]


def _amount(value: float | None, unit: str, language: Language) -> str:
    return amounts.UNDEFINED if value is None else f"{amounts.significant(value, language)} {unit}"


def _gains(site: Site, rows: Sequence[Row], language: Language) -> Markup:
    columns = [c for c in sheets.COLUMNS["opportunities"] if c.kind != "remark"]
    best = [row for row in rows if row["verdict"] == "ok" and row["loss"] not in sheets.ELSEWHERE][:5]
    body = [[sheets.cell(c, row.get(c.key), site, language) for c in columns] for row in best]
    how = el("p", say("sheet.opportunities.how", language), class_="how")
    told = table([c.title(language) for c in columns], body, class_="two") if body else _nothing(language)
    return _section("sheet.opportunities", language, told, how)


def _seen(snapshot: Snapshot, site: Site, language: Language) -> Markup:
    items = [el("li", words) for words in quality(snapshot, site, language)]
    return _section("data_quality", language, el("ul", items, class_="plain"))


def _defined(language: Language) -> Markup:
    rows = [
        el("tr", el("th", say(name, language), scope="row"), el("td", say(f"{name}.how", language)))
        for name in (*_FIGURES, "energy_per_good_unit_kwh")
        if has(f"{name}.how")
    ]
    return _section("report.defined", language, el("table", el("tbody", rows), class_="words"))


def _foot(site: Site, rows: Sequence[Row], made_ns: int, language: Language) -> Markup:
    data = hashlib.sha256(json.dumps(rows, sort_keys=True, default=str).encode()).hexdigest()[:12]
    said = say(
        "report.foot",
        language,
        config=fingerprint(site),
        data=data,
        version=version("fieldlab"),
        made=moment(site, made_ns, language),
    )
    return el("footer", el("div", said), el("div", say("report.foot.how", language)))


def _nothing(language: Language) -> Markup:
    return el("p", say("nothing", language))
