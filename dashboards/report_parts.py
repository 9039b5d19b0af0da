"""What an experiment's outcome rests on: what was done, where time and energy went, what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analytics.arms import of_line
from analytics.losses import CATEGORIES
from analytics.study import ArmTold, Study
from dashboards import amounts
from dashboards.html import Markup, el, table
from dashboards.moments import moment, window
from dashboards.report_outcome import measure
from dashboards.report_svg import pairs, running, signed
from dashboards.wording import Language, has, say
from fieldlab_configs import Site
from fieldlab_configs.experiments import ARMS

Numbers = Mapping[str, Any]
_LEAST_SHARE = 0.0005
"""A loss that is told as 0.0 % in both arms is not shown."""


def done(study: Study, until_ns: int | None, language: Language) -> Markup:
    """Arms, windows, machines, and what each arm made and used."""
    site = study.site
    machines = ", ".join(machine_name(site, m) for m in study.experiment.machines)
    facts = [
        (say("done.machines", language), machines),
        (say("done.matched", language), _matched(study, language)),
    ]
    facts += [
        (say(f"arm.{arm}", language), "; ".join(
            window(site, w.start_ns, w.end_ns, language) for w in study.arms[arm].windows
        ))
        for arm in ARMS
    ]  # fmt: skip
    notes = []
    if until_ns is not None and until_ns < max(w.end_ns for arm in ARMS for w in study.arms[arm].windows):
        notes.append(
            el("p", say("done.until", language, time=moment(site, until_ns, language)), class_="how")
        )
    if len(study.experiment.machines) > 1:
        of = "done.of_line" if of_line(site, study.experiment) else "done.pooled"
        notes.append(el("p", say(of, language), class_="how"))
    body = [el("tr", el("th", name, scope="row"), el("td", words)) for name, words in facts]
    head = [say("column.measure", language), *(say(f"arm.{arm}", language) for arm in ARMS)]
    return el(
        "section",
        el("h2", say("report.done", language)),
        el("table", el("tbody", body), class_="words"),
        notes,
        table(head, _amounts(study.arms, language)),
        el("p", say("done.figures", language), class_="how"),
    )


def machine_name(site: Site, machine: str) -> str:
    """What a machine is called, and its id where that is another word."""
    name = site.machine(machine).name
    return f"{name} ({machine})" if name and name != machine else machine


def _matched(study: Study, language: Language) -> str:
    match = [say(f"done.matched.{key}", language) for key in study.experiment.match]
    if not match:
        return say("done.matched.none", language)
    return match[0] if len(match) == 1 else say("done.and", language, first=match[0], second=match[1])


def _amounts(arms: Mapping[str, ArmTold], language: Language) -> list[list[str]]:
    figures: list[Numbers] = [arms[arm].figures or {} for arm in ARMS]

    def row(title: str, *texts: str) -> list[str]:
        return [say(title, language), *texts]

    def hours(f: Numbers) -> str:
        seconds = f.get("planned_busy_time_s")
        if seconds is None:
            return amounts.UNDEFINED
        return say("hours", language, hours=amounts.count(seconds / 3600, language))

    def kwh(f: Numbers) -> str:
        value = f.get("energy_kwh")
        return amounts.UNDEFINED if value is None else " ".join(amounts.energy(value, language))

    def co2(f: Numbers) -> str:
        value = f.get("co2_kg")
        return amounts.UNDEFINED if value is None else " ".join(amounts.mass(value, language))

    rows = [
        row("done.planned", *(hours(f) for f in figures)),
        row("done.coverage", *(amounts.percent(f.get("coverage"), language) for f in figures)),
    ]
    rows += [
        row(name, *(amounts.count(f.get(name), language) for f in figures))
        for name in ("produced_quantity", "good_quantity", "scrap_quantity")
    ]
    rows += [row("done.energy", *(kwh(f) for f in figures)), row("done.co2", *(co2(f) for f in figures))]
    return rows


def losses(study: Study, language: Language) -> Markup:
    """Where planned time went in either arm; nothing where no loss can be told."""
    shares = [{str(r["loss"]): r["share"] for r in study.arms[arm].waterfall} for arm in ARMS]
    rows = []
    for name in CATEGORIES:
        before, after = (s.get(name) for s in shares)
        if (
            isinstance(before, float)
            and isinstance(after, float)
            and max(abs(before), abs(after)) >= _LEAST_SHARE
        ):
            rows.append((say(f"loss.{name}", language), before, after))
    if not rows:
        return Markup()
    names = say("arm.baseline", language), say("arm.trial", language)
    return el(
        "section",
        el("h2", say("losses", language)),
        el("figure", pairs(rows, names, say("chart.losses", language), language)),
        el("p", say("losses.how", language), class_="how"),
    )


def energy(study: Study, language: Language) -> Markup:
    """The energy of the same work: each machine's law, its fit, and what was saved against it."""
    parts = [_law(study, law, language) for law in study.laws]
    return el(
        "section",
        el("h2", say("report.energy", language)),
        el("p", say("report.energy.how", language), class_="how"),
        parts,
    )


def _law(study: Study, law: Numbers, language: Language) -> Markup:
    name = machine_name(study.site, str(law["machine"]))
    if law["saved_kwh"] is None:
        why = say(
            f"no_law.{law['reason_code']}", language, **{k: str(v) for k, v in law["reason_values"].items()}
        )
        return el("p", say("law.nothing", language, machine=name, why=why))
    worth = _worth(study, law, language)
    facts: list[tuple[str, str | Markup]] = [
        (say("law.equation", language), el("code", equation(law, language))),
        (say("law.fit", language), _fit(law, language)),
        (say("law.expected", language), " ".join(amounts.energy(law["expected_kwh"], language))),
        (say("law.used", language), " ".join(amounts.energy(law["used_kwh"], language))),
        (say("law.saved", language), " · ".join([_saved(law, language), *worth])),
    ]
    body = [el("tr", el("th", title, scope="row"), el("td", words)) for title, words in facts]
    notes = []
    if law["saved_low_kwh"] <= 0 <= law["saved_high_kwh"]:
        notes.append(el("p", say("law.not_shown", language)))
    if law["alarms"]:
        notes.append(el("p", say("law.alarm", language, block=str(law["alarms"][0] + 1))))
    source = study.site.energy.latest.source if worth and study.site.energy else ""
    if source:
        notes.append(el("p", say("law.factor", language, source=source.rstrip(".")), class_="how"))
    return el(
        "div",
        el("h3", name),
        el("table", el("tbody", body), class_="words"),
        notes,
        el("figure", running(law["cusum_kwh"], say("chart.cusum", language), language)),
        el("p", say("chart.cusum", language), class_="how"),
    )


def equation(law: Numbers, language: Language) -> str:
    """The law as a formula, in the reader's own numbers."""
    words = {"base": say("law.base", language), "none": say("unit.parts", language)}
    terms = [
        f"{amounts.significant(t['estimate'], language, 4)} × {words.get(t['name'], t['name'])}"
        for t in law["terms"]
    ]
    return "E [kWh] = " + " + ".join(terms)


def _fit(law: Numbers, language: Language) -> str:
    return say(
        "law.fit.told",
        language,
        r2=amounts.UNDEFINED if law["r2"] is None else amounts.decimal(law["r2"], 3, language),
        cv=amounts.percent(law["cv_rmse"], language),
        blocks=str(law["blocks"]),
        effective=amounts.decimal(law["effective_blocks"], 0, language),
    )


def _saved(law: Numbers, language: Language) -> str:
    saved, low, high = (
        amounts.significant(law[name], language) for name in ("saved_kwh", "saved_low_kwh", "saved_high_kwh")
    )
    share = (
        signed(law["saved_kwh"] / law["expected_kwh"], language) if law["expected_kwh"] else amounts.UNDEFINED
    )
    return say("law.saved.told", language, saved=saved, share=share, low=low, high=high)


def _worth(study: Study, law: Numbers, language: Language) -> list[str]:
    """The saving in euro and CO₂, by what a kWh cost and emitted in the trial."""
    (figures,) = [f for f in study.arms["trial"].machines if f["machine"] == law["machine"]] or [{}]
    used = figures.get("energy_kwh")
    told = []
    for what, field in (("eur", "energy_cost_eur"), ("co2", "co2_kg")):
        amount = figures.get(field)
        if isinstance(used, float) and isinstance(amount, float) and used > 0:
            values = [law[n] * amount / used for n in ("saved_kwh", "saved_low_kwh", "saved_high_kwh")]
            spelled = amounts.money if what == "eur" else amounts.significant
            saved, low, high = (spelled(v, language) for v in values)
            told.append(say(f"law.saved.{what}", language, saved=saved, low=low, high=high))
    return told


def left_out(study: Study, language: Language) -> Markup:
    """Everything that the effects are not made of, and why."""
    items = _unknown(study, language)
    items += [words for result in study.results for words in _of_result(result, language)]
    items += [
        say(
            "left.law",
            language,
            machine=machine_name(study.site, str(law["machine"])),
            blocks=str(law["blocks_excluded"]),
        )
        for law in study.laws
        if law["blocks_excluded"]
    ]
    return el(
        "section",
        el("h2", say("report.left_out", language)),
        el("ul", [el("li", words) for words in items or [say("left.nothing", language)]], class_="plain"),
        el("p", say("left.unplanned", language), class_="how"),
    )


def _unknown(study: Study, language: Language) -> list[str]:
    found = []
    for arm in ARMS:
        figures = study.arms[arm].figures or {}
        unknown, planned = figures.get("unknown_time_s"), figures.get("planned_busy_time_s")
        if isinstance(unknown, float) and isinstance(planned, float) and unknown > 0:
            said = {
                "duration": amounts.duration(unknown, language),
                "share": amounts.percent(unknown / planned, language),
            }
            found.append(say("left.unknown", language, arm=say(f"arm.in.{arm}", language), **said))
    return found


def _of_result(result: Numbers, language: Language) -> list[str]:
    name = measure(result["kpi"], language)
    found = []
    if result["left_out"]:
        strata = ", ".join(_stratum(s, language) for s in result["left_out_strata"])
        found.append(say("left.strata", language, measure=name, strata=strata))
    for arm, causes in result["left_out_blocks"].items():
        for cause, blocks in causes.items():
            at = say(f"arm.in.{arm}", language)
            found.append(say(f"left.{cause}", language, measure=name, blocks=str(blocks), arm=at))
    return found


def _stratum(stratum: Mapping[str, str], language: Language) -> str:
    def named(key: str, value: str) -> str:
        return say(f"{key}.{value}", language) if has(f"{key}.{value}") else value

    return " · ".join(named(key, value) for key, value in stratum.items())
