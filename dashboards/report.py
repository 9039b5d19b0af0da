"""Reports: one file that needs nothing beside it, to print on A4 and hand to whoever has to decide."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

from analytics.study import Study
from dashboards.html import Child, Markup, el
from dashboards.moments import moment
from dashboards.report_outcome import definitions, outcome, picture
from dashboards.report_parts import done, energy, left_out, losses
from dashboards.wording import Language, say
from fieldlab_configs import Site, fingerprint

_STYLE: Final = Path(__file__).parent / "static" / "report.css"
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""A report asks the network for nothing and runs nothing, whatever is in it."""


def experiment_report(
    study: Study, *, made_ns: int, until_ns: int | None = None, language: Language | None = None
) -> str:
    """A report on an experiment, as one HTML file.

    Parameters
    ----------
    study : Study
    made_ns : int
        When it is made; UTC nanoseconds.
    until_ns : int, optional
        Up to when there are data, where windows reach further.
    language : str, optional
        Default: the config's.
    """
    words = language or study.site.language
    question = study.experiment.question or say("report.no_question", words, id=study.experiment.id)
    return page(
        question,
        [
            el(
                "header",
                el("p", say("report.title", words), class_="kind"),
                el("h1", question),
                el("p", whose(study.site, study.experiment.company, words), class_="whose"),
            ),
            outcome(study, words),
            picture(study, words),
            done(study, until_ns, words),
            losses(study, words),
            energy(study, words),
            left_out(study, words),
            definitions(study, words),
            _foot(study, made_ns, words),
        ],
        words,
    )


def page(title: str, parts: Child, language: Language) -> str:
    """A whole file, with its looks in it."""
    head = [
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("title", title),
        Markup(f"<style>{_STYLE.read_text(encoding='utf-8')}</style>"),
    ]
    return f"<!doctype html>\n{el('html', el('head', head), el('body', el('main', parts)), lang=language)}\n"


def whose(site: Site, asked: str | None, language: Language) -> str:
    """What the fieldlab is called, and the company that a report is for."""
    fieldlab = site.name or site.fieldlab
    company = next((c.name or c.id for c in site.companies if c.id == asked), None)
    return say("report.by", language, fieldlab=fieldlab, company=company) if company else fieldlab


def _foot(study: Study, made_ns: int, language: Language) -> Markup:
    said = say(
        "report.foot",
        language,
        config=fingerprint(study.site),
        data=study.data,
        version=version("fieldlab"),
        made=moment(study.site, made_ns, language),
    )
    return el("footer", el("div", said), el("div", say("report.foot.how", language)))
