"""Words of the wall, and of who may see it."""

from __future__ import annotations

from typing import Final

WALL: Final[dict[str, tuple[str, str]]] = {
    "wall": ("Wandscherm", "Wall screen"),
    "wall.shift": ("Dienst {name}", "Shift {name}"),
    "wall.after": ("Geen dienst nu · laatste: {name}", "No shift now · last: {name}"),
    "wall.day": ("Vandaag", "Today"),
    "wall.updated": ("Bijgewerkt {time}", "Updated {time}"),
    "wall.oee": ("OEE deze dienst", "OEE this shift"),
    "wall.oee.day": ("OEE vandaag", "OEE today"),
    "wall.pooled": ("OEE machines, deze dienst", "OEE of machines, this shift"),
    "wall.pooled.day": ("OEE machines, vandaag", "OEE of machines, today"),
    "wall.seen": ("{coverage} van de geplande tijd gezien", "{coverage} of the planned time seen"),
    "wall.line_good": ("Lijn: goed / doel", "Line: good / target"),
    "wall.good": ("goed / doel", "good / target"),
    "wall.made": ("gemaakt / doel", "made / target"),
    "wall.line_good.only": ("Lijn: goed", "Line: good"),
    "wall.good.only": ("goed", "good"),
    "wall.made.only": ("gemaakt", "made"),
    "wall.no_counter": ("geen teller", "no counter"),
    "wall.loss": ("Grootste verlies", "Biggest loss"),
    "wall.loss.none": ("Nog geen", "None yet"),
    "wall.silent": ("Geen gegevens sinds {time}", "No data since {time}"),
    "wall.silent.long": ("Al meer dan een week geen gegevens", "No data for over a week"),
    "wall.just": ("zojuist", "just now"),
    "wall.minutes": ("{n} min", "{n} min"),
    "wall.hours": ("{h} u {n} min", "{h} h {n} min"),
    "wall.days": ("{n} dagen", "{n} days"),
    "wall.no_state": ("Toestand wordt niet gedeeld", "State is not shared"),
    "wall.behind": ("Cijfers berekend tot {time}; toestanden zijn van nu.", "Figures worked out up to {time}; states are current."),
    "wall.still": ("Geen nieuwe gegevens sinds {time}.", "No new data since {time}."),
    "wall.away": ("De gegevens zijn nu niet te lezen. Dit is de stand van {time}.", "The data cannot be read right now. This is how it was at {time}."),
    "wall.lost": ("Geen verbinding met Fieldlab. Dit is de stand van", "No connection to Fieldlab. This is how it was at"),
    "wall.empty": ("Wacht op de eerste gegevens…", "Waiting for the first data…"),
    "wall.no_line": ("“{asked}” is geen lijn van dit fieldlab. Er zijn: {lines}.", "“{asked}” is not a line of this fieldlab. There are: {lines}."),
    "wall.part": ("{n} van {all}", "{n} of {all}"),
    "wall.closed": ("Dit wandscherm is niet vrijgegeven", "This wall screen is not open"),
    "wall.closed.why": ("De link is verlopen, ingetrokken, van een andere lijn of niet compleet. Vraag het fieldlab om een nieuwe link.", "The link has expired, was withdrawn, is for another line or is incomplete. Ask the fieldlab for a new link."),
    "wall.closed.slow": ("Te veel pogingen met een verkeerde link. Wacht een minuut.", "Too many attempts with a wrong link. Wait a minute."),
}  # fmt: skip
