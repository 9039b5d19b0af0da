"""What losses are called, in Dutch and English: the six big losses, and what stands beside them."""

from __future__ import annotations

from typing import Final

LOSSES: Final = {
    "losses": ("Waar de geplande tijd bleef", "Where the planned time went"),
    "losses.how": (
        (
            "De geplande tijd, zonder rest verdeeld. De zes grote verliezen (Nakajima) zijn storingen, omstellen, "
            "kleine stops, snelheidsverlies en twee soorten afkeur, die geen teller uit elkaar houdt. Geen "
            "aanvoer, geblokkeerd en wachten staan apart: daar kan de machine zelf niets aan doen."
        ),
        (
            "The planned time, divided up completely. The six big losses (Nakajima) are breakdowns, setup, minor "
            "stops, reduced speed and two kinds of rejects, which no counter tells apart. Starved, blocked and "
            "idle stand apart: they are not the machine's own doing."
        ),
    ),
    "loss.productive": ("Goede producten", "Good parts"),
    "loss.breakdown": ("Storingen", "Breakdowns"),
    "loss.setup": ("Omstellen en instellen", "Setup and adjustment"),
    "loss.minor_stop": ("Kleine stops", "Minor stops"),
    "loss.speed": ("Snelheidsverlies", "Reduced speed"),
    "loss.quality": ("Afkeur (opstart en productie)", "Rejects (start-up and production)"),
    "loss.starved": ("Geen aanvoer", "Starved"),
    "loss.blocked": ("Geblokkeerd", "Blocked"),
    "loss.idle": ("Wachten", "Idle"),
    "loss.other_delay": ("Onderhoud en uitgeschakeld", "Maintenance and switched off"),
    "loss.unknown": ("Onbekend (niet gezien)", "Unknown (not seen)"),
    "loss.category.availability": ("beschikbaarheid", "availability"),
    "loss.category.performance": ("prestatie", "performance"),
    "loss.category.quality": ("kwaliteit", "quality"),
    "loss.category.productive": ("opbrengst", "yield"),
    "loss.category.unknown": ("onbekend", "unknown"),
}
