"""Every word on a screen, in Dutch and English. Keys are English and stable; a test holds both complete."""

from __future__ import annotations

from typing import Final, Literal, get_args
from unicodedata import bidirectional

from dashboards.wording_app import APP
from dashboards.wording_exercises import EXERCISES
from dashboards.wording_losses import LOSSES
from dashboards.wording_mail import MAIL
from dashboards.wording_report import REPORT
from dashboards.wording_screens import ALERTS, LABELS, PANELS, SCREENS
from dashboards.wording_wall import WALL

Language = Literal["nl", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
_TURNS: Final = frozenset({"R", "AL", "RLE", "RLO"})

_KPIS: Final = {
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
            "The state that the machine itself tells, translated to ten classes. Unknown is time without a "
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
    "energy_kwh": ("Energie totaal", "Energy in total"),
    "energy_kwh.question": ("Hoeveel energie in deze periode?", "How much energy in this period?"),
    "energy_kwh.how": (
        "Van de meterstand waar die er is, anders van het vermogen maal de tijd.",
        "From the meter where there is one, else from power times time.",
    ),
    "energy_trend": ("Energie per goed product, verloop", "Energy per good part, over time"),
    "energy_trend.question": ("Wordt het beter of slechter?", "Is it getting better or worse?"),
    "energy_trend.how": (
        "Per tijdvak: energie gedeeld door goede producten. Zonder goede producten is er geen punt.",
        "By period: energy divided by good parts. Without good parts there is no point.",
    ),
}

_STATES: Final = {
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

_REASONS: Final = {
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
    "undefined": ("Niet te zeggen: {why}.", "Cannot be told: {why}."),
}

_PAGE: Final = {
    "app": ("Fieldlab", "Fieldlab"),
    "skip": ("Naar de cijfers", "Skip to the figures"),
    "choose.machine": ("Lijn of machine", "Line or machine"),
    "choose.range": ("Periode", "Range"),
    "choose.language": ("Taal", "Language"),
    "language.nl": ("Nederlands", "Dutch"),
    "language.en": ("Engels", "English"),
    "theme.to_dark": ("Donker", "Dark"),
    "theme.to_light": ("Licht", "Light"),
    "theme": ("Kleurstelling wisselen", "Switch colour scheme"),
    "line": ("Lijn", "Line"),
    "whole_line": ("Hele lijn", "Whole line"),
    "range.15m": ("15 min", "15 min"),
    "range.1h": ("1 uur", "1 hour"),
    "range.8h": ("8 uur", "8 hours"),
    "range.24h": ("24 uur", "24 hours"),
    "range.7d": ("7 dagen", "7 days"),
    "range.all": ("Alles", "All"),
    "range.custom": ("Vast", "Fixed"),
    "until": ("Gegevens tot {time}", "Data up to {time}"),
    "waiting": ("Wacht op de eerste gegevens…", "Waiting for the first data…"),
    "shown": ("{start} tot {end}", "{start} to {end}"),
    "shown.first": ("{start} (eerste gegevens) tot {end}", "{start} (first data) to {end}"),
    "bounds": (
        "Ligt tussen {low} en {high}: {unknown} van de geplande tijd is niet gezien.",
        "Lies between {low} and {high}: {unknown} of the planned time was not seen.",
    ),
    "bounds.counts": (
        "Ligt tussen {low} en {high}: van {missing} zijn de aantallen niet te zeggen.",
        "Lies between {low} and {high}: the counts of {missing} cannot be told.",
    ),
    "bounds.edge": (
        "Ligt tussen {low} en {high}: onbekend is aan welke kant van de planning producten vielen.",
        "Lies between {low} and {high}: it is unknown on which side of the plan some parts fell.",
    ),
    "pooled": ("Alle machines samen", "All machines together"),
    "factors": ("Drie factoren", "Three factors"),
    "factors.machine": (
        "OEE = beschikbaarheid × prestatie × kwaliteit",
        "OEE = availability × performance × quality",
    ),
    "factors.line": (
        "Van alle machines samen. De OEE van de lijn telt wat eraf komt, in het tempo van het knelpunt.",
        "Of all machines together. The OEE of the line counts what comes off it, at its bottleneck's pace.",
    ),
    "coverage.all": ("De hele geplande tijd is gezien.", "All of the planned time was seen."),
    "coverage.some": (
        "{unknown} van {planned} geplande tijd is onbekend.",
        "{unknown} of {planned} planned time is unknown.",
    ),
    "flag.effectiveness": (
        "Boven 100 %: controleer de ideale cyclustijd.",
        "Above 100 %: check the ideal cycle time.",
    ),
    "per.cell": ("per {minutes} min", "per {minutes} min"),
    "per.hour": ("per uur", "per hour"),
    "per.day": ("per dag", "per day"),
    "unit.parts": ("stuks", "parts"),
    "unit.kwh": ("kWh", "kWh"),
    "unit.wh": ("Wh", "Wh"),
    "unit.kwh_per_unit": ("kWh per stuk", "kWh per part"),
    "unit.wh_per_unit": ("Wh per stuk", "Wh per part"),
    "this_period": ("Deze periode", "This period"),
    "chart.states": (
        "Tijdbalk van toestanden; de tabel eronder geeft dezelfde tijden in getallen.",
        "Bar of states over time; the table below gives the same times in numbers.",
    ),
    "chart.parts": ("Staafdiagram van goed en afkeur {per}.", "Bar chart of good and scrap {per}."),
    "chart.energy": (
        "Lijndiagram van energie per goed product {per}.",
        "Line chart of energy per good part {per}.",
    ),
    "no_machine": (
        "“{asked}” is geen machine of lijn van dit fieldlab; dit is {shown}.",
        "“{asked}” is not a machine or line of this fieldlab; this is {shown}.",
    ),
    "no_range": (
        "De periode “{asked}” is niet te lezen; dit is {shown}.",
        "The range “{asked}” cannot be read; this is {shown}.",
    ),
    "trouble": (
        "De gegevens zijn nu niet te lezen. Wat er staat is van {time}; er wordt opnieuw geprobeerd.",
        "The data cannot be read just now. What you see is from {time}; trying again.",
    ),
    "trouble.never": (
        "De gegevens zijn nu niet te lezen; er wordt opnieuw geprobeerd.",
        "The data cannot be read just now; trying again.",
    ),
    "foot": (
        "Elk cijfer is een deling van sommen; percentages worden nooit gemiddeld. “–”: niet te zeggen.",
        "Every figure is a quotient of sums; percentages are never averaged. “–”: cannot be told.",
    ),
}

_GRAFANA: Final = {
    "grafana.variable.ds": ("Gegevensbron", "Data source"),
    "grafana.variable.raw": ("Gegevens van gateways", "Data of gateways"),
    "grafana.variable.line": ("Lijn", "Line"),
    "grafana.variable.machine": ("Machine", "Machine"),
    "grafana.variable.shift": ("Dienst", "Shift"),
    "grafana.variable.product": ("Product", "Product"),
    "grafana.variable.experiment": ("Experiment", "Experiment"),
    "grafana.variable.arm": ("Arm", "Arm"),
    "grafana.variable.gateway": ("Gateway", "Gateway"),
    "grafana.of_machines": ("{title} van de gekozen machines", "{title} of the chosen machines"),
    "grafana.of_line": ("{title} van de lijn", "{title} of the line"),
    "grafana.stops": ("Stops", "Stops"),
    "grafana.windows": ("Experimenten", "Experiments"),
}

_WORDS: Final[dict[str, tuple[str, str]]] = (
    _KPIS
    | _STATES
    | _REASONS
    | _PAGE
    | _GRAFANA
    | LOSSES
    | MAIL
    | REPORT
    | SCREENS
    | PANELS
    | LABELS
    | ALERTS
    | APP
    | WALL
    | EXERCISES
)


def say(key: str, language: Language, **values: str) -> str:
    """The words under a key, with its blanks filled in.

    Examples
    --------
    >>> say("quality_ratio", "nl")
    'Kwaliteit'
    >>> say("per.cell", "en", minutes="5")
    'per 5 min'
    """
    text = _WORDS[key][LANGUAGES.index(language)]
    return text.format(**{name: _isolated(value) for name, value in values.items()}) if values else text


def _isolated(value: str) -> str:
    """A name that runs from right to left may not turn the sentence around it."""
    if value.isascii() or not any(bidirectional(letter) in _TURNS for letter in value):
        return value
    return f"\u2068{value}\u2069"


def has(key: str) -> bool:
    """Whether there are words under a key."""
    return key in _WORDS


def keys() -> tuple[str, ...]:
    """Every key there is."""
    return tuple(_WORDS)


def as_language(text: str | None, default: Language) -> Language:
    """A language by its name, else the default."""
    return text if text in LANGUAGES else default
