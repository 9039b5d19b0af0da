"""Words around the figures of the first page, and of what Grafana asks to choose."""

from __future__ import annotations

from typing import Final

PAGE: Final = {
    "app": ("Fieldlab", "Fieldlab"),
    "skip": ("Naar de cijfers", "Skip to the figures"),
    "choose.machine": ("Lijn of machine", "Line or machine"),
    "choose.range": ("Periode", "Period"),
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
    "range.custom": ("Eigen", "Custom"),
    "until": ("Gegevens tot {time}", "Data up to {time}"),
    "waiting": (
        "Wacht op de eerste gegevens… Ze verschijnen hier vanzelf.",
        "Waiting for the first data… It appears here by itself.",
    ),
    "shown": ("{start} tot {end}", "{start} to {end}"),
    "shown.first": ("{start} (eerste gegevens) tot {end}", "{start} (first data) to {end}"),
    "bounds": (
        "Ligt tussen {low} en {high}: {unknown} van de geplande tijd is niet gezien.",
        "Lies between {low} and {high}: {unknown} of the planned time was not seen.",
    ),
    "bounds.counts": (
        "Ligt tussen {low} en {high}: van {missing} zijn de aantallen niet bekend.",
        "Lies between {low} and {high}: the counts of {missing} are not known.",
    ),
    "bounds.edge": (
        "Ligt tussen {low} en {high}: van sommige producten is niet bekend of ze in de geplande tijd vielen.",
        "Lies between {low} and {high}: for some parts it is not known whether they fell in planned time.",
    ),
    "pooled": ("Alle machines samen", "All machines together"),
    "factors": ("Drie factoren", "Three factors"),
    "factors.machine": (
        "OEE = beschikbaarheid × prestatie × kwaliteit",
        "OEE = availability × performance × quality",
    ),
    "factors.line": (
        "Van alle machines samen. De OEE van de lijn telt wat eraf komt, in het tempo van het knelpunt.",
        "Of all machines together. The line's OEE counts what comes off it, at its bottleneck's pace.",
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
    "unit.kg": ("kg", "kg"),
    "unit.g": ("g", "g"),
    "unit.eur_per_unit": ("per stuk", "per part"),
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
        "De periode “{asked}” is niet te lezen, langer dan 20 jaar of niet tussen 1970 en 2116; dit is {shown}.",
        "The period “{asked}” cannot be read, is longer than 20 years or not between 1970 and 2116; this is {shown}.",
    ),
    "trouble": (
        "De gegevens zijn nu niet te lezen. Wat er staat is van {time}; er wordt opnieuw geprobeerd.",
        "The data cannot be read right now. What you see is from {time}; trying again.",
    ),
    "trouble.never": (
        "De gegevens zijn nu niet te lezen; er wordt opnieuw geprobeerd.",
        "The data cannot be read right now; trying again.",
    ),
    "foot": (
        "Elk cijfer is een deling van sommen; percentages worden nooit gemiddeld. “–”: niet te zeggen.",
        "Every figure is a quotient of sums; percentages are never averaged. “–”: cannot be determined.",
    ),
}

GRAFANA: Final = {
    "grafana.variable.ds": ("Gegevensbron", "Data source"),
    "grafana.variable.raw": ("Gegevens van gateways", "Data of gateways"),
    "grafana.variable.line": ("Lijn", "Line"),
    "grafana.variable.machine": ("Machine", "Machine"),
    "grafana.variable.shift": ("Dienst", "Shift"),
    "grafana.variable.product": ("Product", "Product"),
    "grafana.variable.experiment": ("Experiment", "Experiment"),
    "grafana.variable.arm": ("Nulmeting of proef", "Baseline or trial"),
    "grafana.variable.gateway": ("Gateway", "Gateway"),
    "grafana.of_machines": ("{title} van de gekozen machines", "{title} of the chosen machines"),
    "grafana.of_line": ("{title} van de lijn", "{title} of the line"),
    "grafana.stops": ("Stops", "Stops"),
    "grafana.windows": ("Experimenten", "Experiments"),
}
