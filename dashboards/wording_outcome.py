"""What came out of an experiment, in words: measures, verdicts, why there is none, and how they are reached."""

from __future__ import annotations

from typing import Final

_MEASURES: Final = {
    "throughput_rate_per_h": ("Doorzet", "Throughput"),
    "throughput_rate_per_h.how": (
        "Alle gemaakte producten per uur geplande tijd waarin de toestand bekend is (ISO 22400: PQ/AUBT).",
        "All parts made per hour of planned time in which the state is known (ISO 22400: PQ/AUBT).",
    ),
    "material_per_good_unit_kg": ("Materiaal per goed product", "Material per good part"),
    "material_per_good_unit_kg.how": (
        "Al het verbruikte materiaal, ook dat van afkeur, gedeeld door de goede producten.",
        "All material used, that of scrap included, divided by the good parts.",
    ),
    "availability.how_nakajima": (
        "Tijd in productie, kleine stops meegerekend, gedeeld door de geplande tijd waarin de toestand bekend is.",
        "Time in production, minor stops included, divided by the planned time in which the state is known.",
    ),
    "effectiveness.how_nakajima": (
        "Ideale tijd van alles wat werd gemaakt, gedeeld door de tijd in productie, kleine stops meegerekend.",
        "Ideal time of all that was made, divided by the time in production, minor stops included.",
    ),
    "unit.per_h": ("stuks per uur", "parts per hour"),
    "unit.kg_per_unit": ("kg per stuk", "kg per part"),
    "unit.g_per_unit": ("g per stuk", "g per part"),
}

_VERDICTS: Final = {
    "verdict.improved": ("verbeterd", "improved"),
    "verdict.worsened": ("verslechterd", "worsened"),
    "verdict.no difference shown": ("geen verschil aangetoond", "no difference shown"),
    "verdict.not enough data": ("te weinig gegevens", "not enough data"),
    "shown.improved": ("Aantoonbaar beter", "Shown to be better"),
    "shown.worsened": ("Aantoonbaar slechter", "Shown to be worse"),
    "shown.no difference shown": ("Geen verschil aangetoond", "No difference shown"),
    "shown.not enough data": ("Te weinig gegevens om iets te zeggen", "Not enough data to tell"),
    "higher": ("{percent} hoger", "{percent} higher"),
    "lower": ("{percent} lager", "{percent} lower"),
    "same": ("gelijk", "unchanged"),
    "told.effect": (
        "{measure}: {effect} (van {baseline} naar {trial}). Het echte effect ligt met 95 % zekerheid tussen {low} en {high}.",
        "{measure}: {effect} (from {baseline} to {trial}). With 95 % certainty the true effect lies between {low} and {high}.",
    ),
    "told.chance": (
        "De kans dat het beter werd is {chance}.",
        "The probability that it became better is {chance}.",
    ),
    "told.no_difference": (
        "Een verschil van {detectable} zou in acht van de tien zulke experimenten zijn aangetoond.",
        "A difference of {detectable} would have been shown in eight of ten such experiments.",
    ),
    "told.more": (
        "Voor een uitspraak over een effect zo groot als het gemeten zijn van nulmeting en proef elk nog ongeveer {more:blok|blokken} nodig.",
        "A verdict on an effect as large as the one measured needs about {more:more block|more blocks} of baseline and trial each.",
    ),
    "told.more_data": (
        "Nog nodig: minstens {more:blok|blokken}.",
        "Still needed: at least {more:block|blocks}.",
    ),
    "told.no_more": (
        "Het gemeten effect is zo klein dat geen haalbaar aantal blokken het zou aantonen.",
        "The effect measured is so small that no reasonable number of blocks would show it.",
    ),
    "told.nothing": ("{measure}: geen uitspraak, want {why}.", "{measure}: no verdict, because {why}."),
    # In a cell of a table, without the numbers
    "why_not.no_data": ("geen gegevens", "no data"),
    "why_not.nothing_in_common": ("niets te vergelijken", "nothing to compare"),
    "why_not.not_measured": ("niet gemeten", "not measured"),
    "why_not.few_blocks": ("te weinig blokken", "too few blocks"),
    "why_not.nothing_made": ("niets gemaakt", "nothing made"),
    "why_not.low_coverage": ("te weinig gezien", "too little seen"),
    "too_little.no_data": ("{arm} heeft geen gegevens", "{arm} has no data"),
    "too_little.nothing_in_common": (
        "nulmeting en proef hebben niets gemeen om te vergelijken",
        "baseline and trial have nothing in common to be compared",
    ),
    "too_little.not_measured": ("het is niet gemeten", "it was not measured"),
    "too_little.few_blocks": (
        "{arm} heeft {blocks:bruikbaar blok|bruikbare blokken} (diensten of dagen); er zijn er minstens {least} nodig",
        "{arm} has {blocks:usable block|usable blocks} (shifts or days); at least {least} are needed",
    ),
    "too_little.nothing_made": (
        "in {arm} is niets gemaakt om door te delen",
        "nothing was made in {arm} to divide by",
    ),
    "too_little.low_coverage": (
        "van de geplande tijd is {coverage} gezien; minstens {least} is nodig",
        "{coverage} of the planned time was seen; at least {least} is needed",
    ),
}

_METHOD: Final = {
    "method.block": ("Blok", "Block"),
    "method.block.how": (
        "Een dienst van een datum; buiten de diensten een dag. Binnen een blok hangt alles samen.",
        "A shift of a date; outside shifts a day. Within a block everything hangs together.",
    ),
    "method.effect": ("Effect", "Effect"),
    "method.effect.how": (
        (
            "De relatieve verandering van een deling van sommen. Waar per product of dienst is vergeleken, is het "
            "wat de proef deed ten opzichte van wat de nulmeting voor dezelfde mix gegeven zou hebben."
        ),
        (
            "The relative change of a quotient of sums. Where products or shifts are matched, it is what the trial "
            "did against what the baseline would have given for the same mix."
        ),
    ),
    "method.interval": ("95 %-interval", "95 % interval"),
    "method.interval.how": (
        (
            "Teller en noemer van hele blokken zijn samen 4000 keer opnieuw getrokken (blokbootstrap, bloklengte "
            "van Politis en White, correctie 2009); de onzekerheid is nooit kleiner dan die van een "
            "eerste-orde-autoregressie; het kwantiel is dat van Student."
        ),
        (
            "Numerator and denominator of whole blocks were drawn again together 4000 times (block bootstrap, block "
            "length of Politis and White, correction of 2009); the error is never less than that of a first-order "
            "autoregression; the quantile is Student's."
        ),
    ),
    "method.chance": ("Kans op verbetering", "Probability of improvement"),
    "method.chance.how": (
        "De kans, bij deze gegevens en deze onzekerheid, dat het echte effect de goede kant op is.",
        "The probability, given these data and this error, that the true effect is for the better.",
    ),
    "method.detectable": ("Aantoonbaar vanaf", "Could have shown"),
    "method.detectable.how": (
        "Het kleinste effect dat acht van de tien experimenten van deze omvang zouden aantonen.",
        "The smallest effect that eight of ten experiments of this size would show.",
    ),
    "method.verdict": ("Oordeel", "Verdict"),
    "method.verdict.how": (
        (
            "Verbeterd of verslechterd als het interval 0 uitsluit, anders geen verschil aangetoond. Te weinig "
            "gegevens: minder dan zes blokken in nulmeting of proef, minder dan de helft van de geplande tijd gezien, of niet "
            "gemeten."
        ),
        (
            "Improved or worsened where the interval leaves out 0, else no difference shown. Not enough data: fewer "
            "than six blocks in baseline or trial, less than half of the planned time seen, or not measured."
        ),
    ),
}

OUTCOME: Final[dict[str, tuple[str, str]]] = _MEASURES | _VERDICTS | _METHOD
