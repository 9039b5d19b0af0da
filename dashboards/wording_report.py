"""The words of a report on an experiment, in Dutch and English."""

from __future__ import annotations

from typing import Final

_PARTS: Final = {
    "report.title": ("Verslag van een experiment", "Report on an experiment"),
    "report.no_question": ("Wat veranderde er door de proef “{id}”?", "What did the trial “{id}” change?"),
    "report.by": ("{fieldlab}, voor {company}", "{fieldlab}, for {company}"),
    "report.duration": ("Duur", "Time"),
    "period.lines.above": (
        "Een OEE van een lijn boven 100 %: wat van de lijn kwam is meer dan in de geplande tijd van het knelpunt kan. Er is ook buiten de geplande tijd gewerkt, of de ideale cyclustijd in de configuratie is te ruim.",
        "A line's OEE above 100 %: what came off the line is more than fits the planned time of its bottleneck. There was work outside planned time too, or the ideal cycle time in the configuration is too generous.",
    ),
    "report.outcome": ("De uitkomst", "The outcome"),
    "report.effects": ("Alle effecten, met hun zekerheid", "All effects, and how certain they are"),
    "report.effects.how": (
        (
            "Een punt is het gemeten effect, de balk waar het echte effect met 95 % zekerheid ligt. Een balk die 0 "
            "raakt, is geen aangetoond verschil."
        ),
        (
            "A dot is the effect that was measured, the bar where the true effect lies with 95 % certainty. A bar "
            "that touches 0 is no difference shown."
        ),
    ),
    "report.done": ("Wat er is gedaan", "What was done"),
    "report.energy": ("Energie bij gelijk werk", "Energy for the same work"),
    "report.energy.how": (
        (
            "Energie per product daalt in een drukke week en stijgt in een rustige, wat er ook veranderd is. Daarom "
            "leert een rechte lijn uit de nulmeting hoeveel energie bij welk werk hoort: een vast deel per uur en een "
            "deel per product. Wat het werk van de proef volgens die lijn gekost zou hebben, min wat het kostte, is "
            "de besparing."
        ),
        (
            "Energy per part falls in a busy week and rises in a quiet one, whatever was changed. So a straight line "
            "learns from the baseline what energy goes with what work: a fixed part by the hour, and a part for each "
            "product. What the work of the trial would have taken by that line, less what it took, is the saving."
        ),
    ),
    "report.left_out": ("Wat is weggelaten, en waarom", "What was left out, and why"),
    "report.defined": ("Hoe elk cijfer is gemaakt", "How each figure is made"),
    "report.foot": (
        "Configuratie {config} · gegevens {data} · Fieldlab {version} · gemaakt {made}",
        "Configuration {config} · data {data} · Fieldlab {version} · made {made}",
    ),
    "report.foot.how": (
        "Dezelfde configuratie en dezelfde gegevens geven dezelfde kenmerken en dezelfde cijfers.",
        "The same configuration and the same data give the same fingerprints and the same figures.",
    ),
    "arm.baseline": ("Nulmeting", "Baseline"),
    "arm.trial": ("Proef", "Trial"),
    "arm.in.baseline": ("de nulmeting", "the baseline"),
    "arm.in.trial": ("de proef", "the trial"),
    "shift.none": ("buiten de diensten", "outside shifts"),
    "product.none": ("geen product", "no product"),
    "product.unlisted": ("product buiten de lijst", "unlisted product"),
}

_TABLE: Final = {
    "column.measure": ("Cijfer", "Figure"),
    "column.effect": ("Effect", "Effect"),
    "column.interval": ("95 %-interval [%]", "95 % interval [%]"),
    "column.chance": ("Kans op verbetering", "Probability of improvement"),
    "column.detectable": ("Aantoonbaar vanaf", "Could have shown"),
    "column.more": ("Blokken nog nodig", "More blocks needed"),
    "column.blocks": ("Blokken", "Blocks"),
    "column.coverage": ("Dekking", "Coverage"),
    "column.from": ("Van", "From"),
    "column.to": ("Tot", "To"),
    "column.loss": ("Verlies", "Loss"),
    "column.hours": ("Uren", "Hours"),
    "direction.up": ("hoger is beter", "higher is better"),
    "direction.down": ("lager is beter", "lower is better"),
    "chart.effects": (
        "Effect op elke maat met het 95 %-interval; de tabel eronder geeft dezelfde getallen.",
        "Effect on every measure with its 95 % interval; the table below gives the same numbers.",
    ),
    "chart.losses": (
        "Deel van de geplande tijd per verlies, in nulmeting en proef; de getallen staan erbij.",
        "Share of the planned time by loss, in baseline and trial; the numbers stand beside it.",
    ),
    "chart.cusum": (
        "Opgetelde afwijking van de verwachte energie [kWh], per blok van de proef; dalen is besparen.",
        "Running sum of the deviation from the energy expected [kWh], by block of the trial; falling is saving.",
    ),
}

_DONE: Final = {
    "done.machines": ("Machines", "Machines"),
    "done.matched": ("Vergeleken per", "Compared by"),
    "done.matched.none": (
        "alles samen: product en dienst zijn niet gescheiden",
        "all together: products and shifts are not kept apart",
    ),
    "done.matched.product": ("product", "product"),
    "done.matched.shift": ("dienst", "shift"),
    "hours": ("{hours} uur", "{hours} h"),
    "done.and": ("{first} en {second}", "{first} and {second}"),
    "done.planned": ("Geplande tijd", "Planned time"),
    "done.coverage": ("Daarvan gezien", "Of which was seen"),
    "done.energy": ("Energie", "Energy"),
    "done.co2": ("CO₂", "CO₂"),
    "done.windows": ("Periodes", "Periods"),
    "done.until": (
        "Er zijn gegevens tot {time}; wat van de periodes daarna ligt, telt niet mee.",
        "There is data up to {time}; what lies after it in the periods does not count.",
    ),
    "done.figures": (
        "Over alle tijd van nulmeting en proef; de effecten hierboven zijn van de blokken die te vergelijken zijn.",
        "Over all time of baseline and trial; the effects above are of the blocks that can be compared.",
    ),
    "done.of_line": (
        "De cijfers zijn die van de lijn: wat eraf komt, in het tempo van het knelpunt.",
        "The figures are those of the line: what comes off it, at its bottleneck's pace.",
    ),
    "done.pooled": (
        "De cijfers zijn van deze machines samen, opgeteld en dan gedeeld.",
        "The figures are of these machines together, summed and then divided.",
    ),
}

_LEFT_OUT: Final = {
    "left.nothing": ("Er is niets weggelaten.", "Nothing was left out."),
    "left.strata": (
        "{measure}: {strata}, want nulmeting en proef hebben daarvan niet allebei iets om te vergelijken.",
        "{measure}: {strata}, because baseline and trial do not both have some of it to compare.",
    ),
    "left.energy": (
        "{measure}: {blocks:blok|blokken} van {arm} waarin meer dan 1 % van de tijd geen energie is gelezen.",
        "{measure}: {blocks:block|blocks} of {arm} in which over 1 % of the time has no energy reading.",
    ),
    "left.counts": (
        "{measure}: {blocks:blok|blokken} van {arm} waarin de aantallen van meer dan 1 % van de geplande tijd onbekend zijn.",
        "{measure}: {blocks:block|blocks} of {arm} in which the counts of over 1 % of the planned time are unknown.",
    ),
    "left.unknown": (
        "{duration} van de geplande tijd van {arm} ({share}) is niet gezien; dat geldt als stilstand noch productie.",
        "{duration} of the planned time of {arm} ({share}) was not seen; it counts as neither a stop nor production.",
    ),
    "left.law": (
        "Energie bij gelijk werk, {machine}: {blocks:blok|blokken} van de nulmeting zonder volledige energie en aantallen.",
        "Energy for the same work, {machine}: {blocks:block|blocks} of the baseline without complete energy and counts.",
    ),
    "left.unplanned": (
        "Pauzes, geplande stilstand en feestdagen zijn geen geplande tijd; energie telt altijd mee.",
        "Breaks, planned downtime and holidays are no planned time; energy always counts.",
    ),
}

_LAW: Final = {
    "law.equation": ("Verwacht", "Expected"),
    "law.fit": ("Hoe goed de lijn past", "How well the line fits"),
    "law.fit.told": (
        "R² {r2} · CV(RMSE) {cv} · {blocks:blok|blokken}, goed voor {effective} onafhankelijke",
        "R² {r2} · CV(RMSE) {cv} · {blocks:block|blocks}, worth {effective} independent ones",
    ),
    "law.base": ("uur", "h"),
    "law.expected": ("Zou gekost hebben", "Would have taken"),
    "law.used": ("Kostte", "Took"),
    "law.saved": ("Besparing", "Saving"),
    "law.saved.told": (
        "{saved} kWh ({share}), met 95 % zekerheid tussen {low} en {high} kWh",
        "{saved} kWh ({share}), with 95 % certainty between {low} and {high} kWh",
    ),
    "law.saved.eur": ("{saved} (tussen {low} en {high})", "{saved} (between {low} and {high})"),
    "law.saved.co2": ("{saved} kg CO₂ (tussen {low} en {high})", "{saved} kg CO₂ (between {low} and {high})"),
    "law.not_shown": (
        "Het interval bevat 0: een besparing is niet aangetoond.",
        "The interval holds 0: a saving is not shown.",
    ),
    "law.alarm": (
        "Vanaf blok {block} van de proef is de afwijking geen toeval meer (CUSUM, grens 5 standaardafwijkingen).",
        "From block {block} of the trial on the deviation is no longer chance (CUSUM, limit 5 standard deviations).",
    ),
    "law.factor": ("Factoren: {source}.", "Factors: {source}."),
    "law.nothing": ("{machine}: geen uitspraak, want {why}.", "{machine}: no verdict, because {why}."),
    "no_law.few_blocks": (
        "van de nulmeting zijn er {blocks:bruikbaar blok|bruikbare blokken} voor {terms:onbekende|onbekenden}; minstens {least} zijn nodig",
        "the baseline has {blocks:usable block|usable blocks} for {terms:unknown|unknowns}; at least {least} are needed",
    ),
    "no_law.never_made": (
        "{names} is nooit gemaakt in de nulmeting",
        "{names} was never made in the baseline",
    ),
    "no_law.together": (
        "{names} veranderen altijd samen: hun aandeel is niet te scheiden",
        "{names} always change together: their shares cannot be told apart",
    ),
    "no_law.new_product": (
        "{names} is niet gemaakt in de nulmeting",
        "{names} was not made in the baseline",
    ),
    "no_law.nothing_learned": (
        "de nulmeting bevat niets om van te leren",
        "the baseline has nothing to learn from",
    ),
    "no_law.nothing_reported": (
        "de proef heeft geen blok met energie en aantallen",
        "the trial has no block with energy and counts",
    ),
    "no_law.no_meter": ("er is geen energie gemeten", "no energy was measured"),
}

REPORT: Final[dict[str, tuple[str, str]]] = _PARTS | _TABLE | _DONE | _LEFT_OUT | _LAW
