"""The words of the mail that brings a report, in Dutch and English."""

from __future__ import annotations

from typing import Final

MAIL: Final = {
    "mail.subject": ("{fieldlab}: verslag van week {name}", "{fieldlab}: report on week {name}"),
    "mail.subject.company": (
        "{fieldlab}, voor {company}: verslag van week {name}",
        "{fieldlab}, for {company}: report on week {name}",
    ),
    "mail.line": (
        "{line}: OEE {oee} (de week ervoor {oee_before}), {good} goede producten ({good_before}), energie {energy}, {per_good} ({per_good_before}); {coverage} van de geplande tijd is gezien.",
        "{line}: OEE {oee} (the week before {oee_before}), {good} good parts ({good_before}), energy {energy}, {per_good} ({per_good_before}); {coverage} of the planned time was seen.",
    ),
    "mail.loss": (
        "Waar de meeste geplande tijd verloren ging: {losses}.",
        "Where most planned time was lost: {losses}.",
    ),
    "mail.nothing": ("Van deze week zijn er geen gegevens.", "There is no data for this week."),
    "mail.attached": (
        "Het hele verslag is bijgevoegd: één bestand dat in elke browser opent, om te lezen of te printen. Er is geen netwerk voor nodig.",
        "The whole report is attached: one file that any browser opens, to be read or printed. It needs no network.",
    ),
    "mail.automatic": (
        "Deze mail is automatisch verstuurd door Fieldlab; wie ze krijgt, staat in de configuratie van {fieldlab}.",
        "This mail was sent automatically by Fieldlab; the configuration of {fieldlab} says who receives it.",
    ),
}  # fmt: skip
