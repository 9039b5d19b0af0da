"""What came out of an experiment: verdicts in words, a picture of the effects, all the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analytics.arms import MEASURES, of_line, questions
from analytics.study import Study
from dashboards import amounts
from dashboards.html import Child, Markup, el, table, text
from dashboards.report_svg import BETTER, PLAIN, WORSE, Bar, effects, signed
from dashboards.wording import Language, has, say

Result = Mapping[str, Any]
VERDICTS: Final = ("improved", "worsened", "no difference shown", "not enough data")
_COLOURS: Final = {"improved": BETTER, "worsened": WORSE}
_RATIOS: Final = frozenset({"oee_index", "availability", "effectiveness", "quality_ratio"})
_BETTER: Final = {name: question.better for name, question in questions("iso22400").items()}
_SMALL: Final = 0.1


def measure(kpi: str, language: Language) -> str:
    """What a measure is called."""
    return say(kpi, language)


def how(study: Study, kpi: str, language: Language) -> str:
    """How a measure is made, of what the experiment is of."""
    if of_line(study.site, study.experiment) and has(f"{kpi}.how_line"):
        return say(f"{kpi}.how_line", language)
    if study.site.convention == "nakajima" and has(f"{kpi}.how_nakajima"):
        return say(f"{kpi}.how_nakajima", language)
    return say(f"{kpi}.how", language)


def spelled(kpi: str, values: Sequence[float | None], language: Language) -> tuple[list[str], str]:
    """Values of a measure in one unit that suits them all, and the unit."""
    told = [v for v in values if v is not None]
    if kpi in _RATIOS:
        return [amounts.percent(v, language) for v in values], ""
    if kpi == "throughput_rate_per_h":
        factor, unit = 1.0, "unit.per_h"
    else:
        small = 0 < max(map(abs, told), default=1.0) < _SMALL
        names = ("wh", "kwh") if kpi.startswith("energy") else ("g", "kg")
        factor, unit = (1000.0 if small else 1.0), f"unit.{names[0 if small else 1]}_per_unit"
    texts = [amounts.UNDEFINED if v is None else amounts.significant(v * factor, language) for v in values]
    return texts, say(unit, language)


def change(value: float, language: Language) -> str:
    """An effect in words: so much higher or lower."""
    percent = amounts.percent(abs(value), language)
    if percent == amounts.percent(0.0, language):
        return say("same", language)
    return say("higher" if value > 0 else "lower", language, percent=percent)


def because(code: str, values: Mapping[str, Any], language: Language) -> str:
    """Why there is no verdict."""
    told = {name: str(value) for name, value in values.items()}
    if "arm" in told:
        told["arm"] = say(f"arm.in.{told['arm']}", language)
    if code == "low_coverage":
        told = {name: amounts.percent(float(value), language, 0) for name, value in values.items()}
    return say(f"too_little.{code}", language, **told)


def outcome(study: Study, language: Language) -> Markup:
    """The verdicts, those that were shown first."""
    panels = []
    for verdict in VERDICTS:
        rows = [r for r in study.results if r["verdict"] == verdict]
        if rows:
            items = [el("li", _lead(sentence(r, language))) for r in rows]
            panels.append(
                el(
                    "div",
                    el("strong", say(f"shown.{verdict}", language)),
                    el("ul", items),
                    class_=f"shown {verdict}" if verdict in _COLOURS else "shown",
                )
            )
    return el("section", el("h2", say("report.outcome", language)), el("div", panels, class_="outcome"))


def _lead(words: str) -> Markup:
    """A sentence with what it is of in bold."""
    name, rest = words.split(": ", 1)
    return text(el("b", f"{name}:"), f" {rest}")


def sentence(result: Result, language: Language) -> str:
    """One measure's outcome in words."""
    name = measure(result["kpi"], language)
    if result["effect"] is None:
        return untold(name, result, language)
    told = [
        effect(name, result, result["effect"], language),
        say("told.chance", language, chance=chance(result["probability_of_improvement"], language)),
    ]
    if result["verdict"] == "no difference shown":
        detectable = amounts.percent(result["detectable_effect"], language)
        told.append(say("told.no_difference", language, detectable=detectable))
        more = result["more_blocks"]
        told.append(
            say("told.no_more", language) if more is None else say("told.more", language, more=str(more))
        )
    return " ".join(told)


def untold(name: str, result: Result, language: Language) -> str:
    """That a measure has no verdict, and why; only its name where the store does not say why."""
    code = result["reason_code"]
    if not code or not has(f"too_little.{code}"):
        return name
    why = because(code, result["reason_values"], language)
    told = [say("told.nothing", language, measure=name, why=why)]
    if result["more_blocks"]:
        told.append(say("told.more_data", language, more=str(int(result["more_blocks"]))))
    return " ".join(told)


def effect(name: str, row: Mapping[str, Any], estimate: float, language: Language) -> str:
    """What a measure was, what it became, and the interval of the change; `row` has them under their keys."""
    (before, after), unit = spelled(row["kpi"], [row["baseline"], row["trial"]], language)
    return say(
        "told.effect",
        language,
        measure=name,
        effect=change(estimate, language),
        baseline=before,
        trial=f"{after} {unit}".rstrip(),
        low=change(row["low"], language),
        high=change(row["high"], language),
    )


def chance(probability: float, language: Language) -> str:
    """A probability; never told as certainty, in either direction."""
    if probability > 0.999:  # noqa: PLR2004 - what rounds to 100 %
        return f">\u202f{amounts.percent(0.999, language)}"
    if probability < 0.001:  # noqa: PLR2004
        return f"<\u202f{amounts.percent(0.001, language)}"
    return amounts.percent(probability, language)


def picture(study: Study, language: Language) -> Markup:
    """Every effect with its interval, and the table of the same."""
    bars = [_bar(r, language) for r in study.results]
    drawn = [
        el("figure", effects(bars, say("chart.effects", language), language)),
        el("p", say("report.effects.how", language), class_="how"),
    ]
    return el(
        "section",
        el("h2", say("report.effects", language)),
        drawn if any(bar.point is not None for bar in bars) else [],
        _numbers(study.results, language),
    )


def _bar(result: Result, language: Language) -> Bar:
    kpi, verdict = result["kpi"], result["verdict"]
    note = say("direction.up" if _BETTER[kpi] > 0 else "direction.down", language)
    effect = result["effect"]
    said = say(f"verdict.{verdict}", language) if effect is None else signed(effect, language)
    colour = _COLOURS.get(verdict, PLAIN)
    return Bar(measure(kpi, language), note, result["low"], effect, result["high"], colour, said)


def _numbers(results: Sequence[Result], language: Language) -> Markup:
    head = [
        say("column.measure", language),
        say("arm.baseline", language),
        say("arm.trial", language),
        *(
            say(f"column.{name}", language)
            for name in (
                "effect",
                "interval",
                "chance",
                "detectable",
                "more",
                "blocks",
                "coverage",
            )
        ),
    ]
    return el("div", table(head, [_line(r, language) for r in results], class_="wide"), class_="scroll")


def _line(result: Result, language: Language) -> list[Child]:
    kpi, none = result["kpi"], amounts.UNDEFINED
    (before, after), unit = spelled(kpi, [result["baseline"], result["trial"]], language)
    told = result["effect"] is not None
    ends = [signed(result[n], language)[:-2] for n in ("low", "high")] if told else []
    more = result["more_blocks"]
    return [
        f"{measure(kpi, language)} ({unit})" if unit and told else measure(kpi, language),
        before,
        after,
        el("span", signed(result["effect"], language), class_=result["verdict"].split(" ")[0])
        if told
        else none,
        " … ".join(ends) or none,
        chance(result["probability_of_improvement"], language) if told else none,
        amounts.percent(result["detectable_effect"], language) if told else none,
        none if more is None else str(more),
        f"{result['blocks_baseline']} / {result['blocks_trial']}",
        amounts.percent(result["coverage"], language),
    ]


def definitions(study: Study, language: Language) -> Markup:
    """How every figure of the report is made."""
    rows: list[list[str]] = [[measure(kpi, language), how(study, kpi, language)] for kpi in MEASURES]
    rows.append([say("coverage", language), say("coverage.how", language)])
    rows += [
        [say(f"method.{name}", language), say(f"method.{name}.how", language)]
        for name in ("block", "effect", "interval", "chance", "detectable", "verdict")
    ]
    body = [el("tr", el("th", name, scope="row"), el("td", words)) for name, words in rows]
    return el(
        "section",
        el("h2", say("report.defined", language)),
        el("table", el("tbody", body), class_="words"),
    )
