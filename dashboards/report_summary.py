"""What a week's report says in short, as plain text: the body of the mail that brings it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dashboards import amounts
from dashboards.moments import window
from dashboards.report_period import Measured, heading, named, week
from dashboards.screens import Row
from dashboards.wording import Language, one_line, say
from fieldlab_configs import Site

_MOST_LOSSES: Final = 3
_NO_LOSS: Final = frozenset({"productive", "unknown"})


def subject(site: Site, name: str, company: str | None, language: Language) -> str:
    """What stands above the mail; whatever a name holds, it is one line."""
    told = {"fieldlab": one_line(site.name or site.fieldlab), "name": week(name, language)}
    if company is None:
        return say("mail.subject", language, **told)
    whose = next((c.name or c.id for c in site.companies if c.id == company), company)
    return say("mail.subject.company", language, company=one_line(whose), **told)


def summary(measured: Measured, language: Language) -> str:
    """The week of each line beside the one before, and where most was lost."""
    site, period = measured.site, measured.period
    ends = window(site, period.at.start_ns, period.at.end_ns, language)
    before = {row["line"]: row for row in measured.past["by_line"]}
    told = [_line(site, row, before.get(row["line"], {}), language) for row in measured.now["by_line"]]
    lost = _lost(measured.now["losses"], language)
    parts = [
        f"{heading(period, language)} · {ends}",
        *(told or [say("mail.nothing", language)]),
        *([say("mail.loss", language, losses=lost)] if lost else []),
        say("mail.attached", language),
        say("mail.automatic", language, fieldlab=one_line(site.name or site.fieldlab)),
    ]
    return "\n\n".join(parts) + "\n"


def _line(site: Site, row: Row, before: Row, language: Language) -> str:
    def per_good(figures: Row) -> str:
        value = figures.get("energy_per_good_unit_kwh")
        return (
            amounts.UNDEFINED if value is None else " ".join(amounts.energy(value, language, per_unit=True))
        )

    return say(
        "mail.line",
        language,
        line=one_line(named(site, row["line"])),
        oee=amounts.percent(row["oee_index"], language),
        oee_before=amounts.percent(before.get("oee_index"), language),
        good=amounts.count(row["line_good_quantity"], language),
        good_before=amounts.count(before.get("line_good_quantity"), language),
        energy=" ".join(amounts.energy(row["energy_kwh"], language)),
        per_good=per_good(row),
        per_good_before=per_good(before),
        coverage=amounts.percent(row["coverage"], language),
    )


def _lost(rows: Sequence[Row], language: Language) -> str:
    found = sorted((r for r in rows if r["loss"] not in _NO_LOSS), key=lambda r: -(r["share"] or 0.0))
    most = [(str(row["loss"]), row["share"]) for row in found[:_MOST_LOSSES] if row["share"]]
    return ", ".join(f"{say(f'loss.{name}', language)} {amounts.percent(s, language)}" for name, s in most)
