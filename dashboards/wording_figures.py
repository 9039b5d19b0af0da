"""What figures and states are called, what they answer, how they are made; why one cannot be told."""

from __future__ import annotations

from typing import Final

KPIS: Final = {
    "oee_index": ("OEE", "OEE"),
    "oee_index.question": (
        "Welk deel van de geplande tijd leverde goede producten op?",
        "Which share of the planned time went into good parts?",
    ),
    "oee_index.how": (
        "Ideale tijd van de goede producten, gedeeld door de geplande tijd waarvan de aantallen bekend zijn.",
        "Ideal time of the good parts, divided by the planned time whose counts are known.",
    ),
    "oee_index.how_line": (
        (
            "Goede producten aan het eind van de lijn maal de ideale tijd van het knelpunt, gedeeld door de "
            "geplande tijd van het knelpunt."
        ),
        (
            "Good parts off the end of the line times the ideal time of its bottleneck, divided by the "
            "planned time of that bottleneck."
        ),
    ),
    "availability": ("Beschikbaarheid", "Availability"),
    "availability.question": ("Liep het toen het moest?", "Did it run when it should?"),
    "availability.how": (
        "Tijd in productie, gedeeld door de geplande tijd waarin de toestand bekend is (ISO 22400: APT/PBT).",
        "Time in production, divided by the planned time in which the state is known (ISO 22400: APT/PBT).",
    ),
    "effectiveness": ("Prestatie", "Performance"),
    "effectiveness.question": (
        "Liep het zo snel als het kan?",
        "Did it run as fast as it can?",
    ),
    "effectiveness.how": (
        (
            "Ideale tijd van alles wat werd gemaakt, gedeeld door de tijd in productie "
            "(ISO 22400: effectiveness). Boven 100 %: de ideale cyclustijd in de configuratie is te ruim."
        ),
        (
            "Ideal time of all that was made, divided by the time in production (ISO 22400: effectiveness). "
            "Above 100 %: the ideal cycle time in the configuration is too generous."
        ),
    ),
    "quality_ratio": ("Kwaliteit", "Quality"),
    "quality_ratio.question": ("Was het in één keer goed?", "Was it right first time?"),
    "quality_ratio.how": (
        "Ideale tijd van de goede producten, gedeeld door die van alle producten (ISO 22400: GQ/PQ).",
        "Ideal time of the good parts, divided by that of all parts (ISO 22400: GQ/PQ).",
    ),
    "coverage": ("Dekking", "Coverage"),
    "coverage.question": ("Hoeveel hebben we echt gezien?", "How much did we really see?"),
    "coverage.how": (
        (
            "Het deel van de geplande tijd waarin de toestand bekend is. De rest is onbekend: geen "
            "stilstand, en ook geen productie."
        ),
        (
            "The share of the planned time in which the state is known. The rest is unknown: neither a stop "
            "nor production."
        ),
    ),
    "oee_by_machine": ("OEE per machine", "OEE by machine"),
    "oee_by_machine.question": ("Welke machine blijft achter?", "Which machine lags behind?"),
    "oee_by_machine.how": (
        "Per machine: ideale tijd van de goede producten, gedeeld door de geplande tijd.",
        "By machine: ideal time of the good parts, divided by the planned time.",
    ),
    "states": ("Toestanden in de tijd", "States over time"),
    "states.question": ("Wat gebeurde er, en wanneer?", "What happened, and when?"),
    "states.how": (
        (
            "De toestand die de machine zelf meldt, vertaald naar tien klassen. Onbekend is tijd zonder "
            "levensteken of met slechte signaalkwaliteit."
        ),
        (
            "The state that the machine itself reports, mapped to ten classes. Unknown is time without a "
            "sign of life or with bad signal quality."
        ),
    ),
    "produced_quantity": ("Gemaakt", "Produced"),
    "produced_quantity.question": ("Hoeveel producten?", "How many parts?"),
    "produced_quantity.how": (
        "Goed en afkeur samen: het verschil van tellerstanden; resets en uitschieters zijn herkend.",
        "Good and scrap together: the difference of counter readings; resets and outliers are recognised.",
    ),
    "produced_quantity.how_line": (
        "Alle producten die van de laatste machine van de lijn kwamen.",
        "All parts that came off the line's last machine.",
    ),
    "good_quantity": ("Goed", "Good"),
    "good_quantity.question": ("Hoeveel goede producten?", "How many good parts?"),
    "good_quantity.how": (
        "Het verschil van tellerstanden; resets en uitschieters zijn herkend.",
        "The difference of counter readings; resets and outliers are recognised.",
    ),
    "good_quantity.how_line": (
        "Goede producten die van de laatste machine van de lijn kwamen.",
        "Good parts that came off the line's last machine.",
    ),
    "scrap_quantity": ("Afkeur", "Scrap"),
    "scrap_quantity.question": ("Hoeveel afkeur?", "How much scrap?"),
    "scrap_quantity.how": (
        "Gemaakt min goed, of de afkeurteller waar die er is.",
        "Produced minus good, or the scrap counter where there is one.",
    ),
    "scrap_quantity.how_line": (
        "Afkeur van alle machines van de lijn samen.",
        "Scrap of all machines of the line together.",
    ),
    "scrap_quantity.unit_line": ("alle machines", "all machines"),
    "produced_quantity.line": ("Van de lijn", "Off the line"),
    "parts": ("Producten", "Parts"),
    "parts.question": (
        "Hoeveel kwam eraf, en hoeveel was goed?",
        "How much came off, and how much was good?",
    ),
    "parts.how": (
        "Goed en afkeur per tijdvak; een product telt op het moment vlak voor de tellerstand die het toont.",
        "Good and scrap per period; a part counts at the instant before the reading that shows it.",
    ),
    "energy_per_good_unit_kwh": ("Energie per goed product", "Energy per good part"),
    "energy_per_good_unit_kwh.question": (
        "Hoeveel energie kost één goed product?",
        "How much energy does one good part take?",
    ),
    "energy_per_good_unit_kwh.how": (
        "Alle energie in de periode, ook bij stilstand, gedeeld door de goede producten.",
        "All energy of the period, stops included, divided by the good parts.",
    ),
    "energy_per_good_unit_kwh.how_line": (
        "Alle energie van de lijn, ook bij stilstand, gedeeld door de goede producten aan het eind ervan.",
        "All energy of the line, stops included, divided by the good parts off its end.",
    ),
    "energy_kwh": ("Totale energie", "Total energy"),
    "energy_kwh.question": ("Hoeveel energie in deze periode?", "How much energy in this period?"),
    "energy_kwh.how": (
        "Uit de meterstand waar die er is, anders uit vermogen maal tijd.",
        "From the meter where there is one, else from power times time.",
    ),
    "energy_trend": ("Energie per goed product, verloop", "Energy per good part, over time"),
    "energy_trend.question": ("Wordt het beter of slechter?", "Is it getting better or worse?"),
    "energy_trend.how": (
        "Per tijdvak: energie gedeeld door goede producten. Zonder goede producten is er geen punt.",
        "By period: energy divided by good parts. Without good parts there is no point.",
    ),
}

STATES: Final = {
    "state.producing": ("Produceert", "Producing"),
    "state.setup": ("Omstellen", "Setup"),
    "state.idle": ("Wacht", "Idle"),
    "state.starved": ("Geen aanvoer", "Starved"),
    "state.blocked": ("Geblokkeerd", "Blocked"),
    "state.stopped": ("Gestopt", "Stopped"),
    "state.down": ("Storing", "Down"),
    "state.maintenance": ("Onderhoud", "Maintenance"),
    "state.off": ("Uit", "Off"),
    "state.unknown": ("Onbekend", "Unknown"),
}

REASONS: Final = {
    "why.no_data": ("er zijn nog geen gegevens", "there is no data yet"),
    "why.no_plan": ("geen geplande tijd in deze periode", "no planned time in this period"),
    "why.all_unknown": (
        "de toestand was de hele geplande tijd onbekend",
        "the state was unknown for all of the planned time",
    ),
    "why.no_counts": ("de aantallen zijn niet bekend", "the counts are not known"),
    "why.no_counter": (
        "er is geen teller die goed van afkeur onderscheidt",
        "no counter tells good parts from scrap",
    ),
    "why.not_producing": (
        "er is niet geproduceerd in deze periode",
        "nothing was in production in this period",
    ),
    "why.no_parts": (
        "geen producten met een ideale cyclustijd in deze periode",
        "no parts with an ideal cycle time in this period",
    ),
    "why.no_good": ("geen goede producten in deze periode", "no good parts in this period"),
    "why.no_meter": ("er is geen energie gemeten", "no energy was measured"),
    "why.undefined": ("niets gedeeld door niets", "nothing divided by nothing"),
    "undefined": ("Niet te zeggen: {why}.", "Cannot be determined: {why}."),
}
