"""The words of a report on an experiment, in Dutch and English."""

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

_PARTS: Final = {
    "report.title": ("Verslag van een experiment", "Report of an experiment"),
    "report.no_question": ("Wat veranderde er door de proef “{id}”?", "What did the trial “{id}” change?"),
    "report.by": ("{fieldlab}, voor {company}", "{fieldlab}, for {company}"),
    "report.duration": ("Duur", "Time"),
    "period.lines.above": (
        "Een OEE van een lijn boven 100 %: wat van de lijn kwam is meer dan in de geplande tijd van het knelpunt kan. Er is ook buiten de geplande tijd gewerkt, of de ideale cyclustijd in de configuratie is te ruim.",
        "A line's OEE above 100 %: what came off the line is more than fits the planned time of its bottleneck. There was work outside planned time too, or the ideal cycle time in the configuration is too generous.",
    ),
    "report.outcome": ("De uitkomst", "The outcome"),
    "report.effects": ("Alle effecten, met hun zekerheid", "All effects, with how certain they are"),
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
        "Voor een uitspraak over een effect zo groot als het gemeten zijn nog ongeveer {more} blokken per arm nodig.",
        "A verdict on an effect as large as the one measured needs about {more} more blocks per arm.",
    ),
    "told.more_data": (
        "Er zijn nog minstens {more} blokken nodig.",
        "At least {more} more blocks are needed.",
    ),
    "told.no_more": (
        "Het gemeten effect is zo klein dat geen haalbaar aantal blokken het zou aantonen.",
        "The effect measured is so small that no reasonable number of blocks would show it.",
    ),
    "told.nothing": ("{measure}: geen uitspraak, want {why}.", "{measure}: no verdict, for {why}."),
    "too_little.no_data": ("{arm} heeft geen gegevens", "{arm} has no data"),
    "too_little.nothing_in_common": (
        "nulmeting en proef hebben niets gemeen om te vergelijken",
        "baseline and trial have nothing in common to be compared",
    ),
    "too_little.not_measured": ("het is niet gemeten", "it is not measured"),
    "too_little.few_blocks": (
        "{arm} heeft {blocks} bruikbare blokken; er zijn er minstens {least} nodig",
        "{arm} has {blocks} blocks that can be used; at least {least} are needed",
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

_TABLE: Final = {
    "column.measure": ("Maat", "Measure"),
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
    "done.windows": ("Periodes", "Windows"),
    "done.until": (
        "Er zijn gegevens tot {time}; wat van de periodes daarna ligt, telt niet mee.",
        "There are data up to {time}; what lies after it in the windows does not count.",
    ),
    "done.figures": (
        "Over alle tijd van elke arm; de effecten hierboven zijn van de blokken die te vergelijken zijn.",
        "Over all of each arm's time; the effects above are of the blocks that can be compared.",
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
        "{measure}: {strata}, want daarvan valt niet in beide armen iets te vergelijken.",
        "{measure}: {strata}, for not both arms have anything of it to compare.",
    ),
    "left.energy": (
        "{measure}: {blocks} blokken van {arm}, waarin meer dan 1 % van de tijd geen energie is gelezen.",
        "{measure}: {blocks} blocks of {arm}, in which over 1 % of the time has no energy reading.",
    ),
    "left.counts": (
        "{measure}: {blocks} blokken van {arm}, waarin de aantallen van meer dan 1 % van de geplande tijd onbekend zijn.",
        "{measure}: {blocks} blocks of {arm}, in which the counts of over 1 % of the planned time are unknown.",
    ),
    "left.unknown": (
        "{duration} van de geplande tijd van {arm} ({share}) is niet gezien; dat geldt als stilstand noch productie.",
        "{duration} of the planned time of {arm} ({share}) was not seen; it counts as neither a stop nor production.",
    ),
    "left.law": (
        "Energie bij gelijk werk, {machine}: {blocks} blokken van de nulmeting zonder volledige energie en aantallen.",
        "Energy for the same work, {machine}: {blocks} blocks of the baseline without all energy and counts.",
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
        "R² {r2} · CV(RMSE) {cv} · {blocks} blokken, goed voor {effective} onafhankelijke",
        "R² {r2} · CV(RMSE) {cv} · {blocks} blocks, worth {effective} independent ones",
    ),
    "law.base": ("uur", "h"),
    "law.expected": ("Zou gekost hebben", "Would have taken"),
    "law.used": ("Kostte", "Took"),
    "law.saved": ("Besparing", "Saving"),
    "law.saved.told": (
        "{saved} kWh ({share}), met 95 % zekerheid tussen {low} en {high} kWh",
        "{saved} kWh ({share}), with 95 % certainty between {low} and {high} kWh",
    ),
    "law.saved.eur": ("€ {saved} (tussen {low} en {high})", "€ {saved} (between {low} and {high})"),
    "law.saved.co2": ("{saved} kg CO₂ (tussen {low} en {high})", "{saved} kg CO₂ (between {low} and {high})"),
    "law.not_shown": (
        "Het interval bevat 0: een besparing is niet aangetoond.",
        "The interval holds 0: a saving is not shown.",
    ),
    "law.alarm": (
        "Vanaf blok {block} van de proef is de afwijking geen toeval meer (CUSUM, grens 5 standaardafwijkingen).",
        "From block {block} of the trial on the deviation is no chance any more (CUSUM, limit 5 standard deviations).",
    ),
    "law.factor": ("Factoren: {source}.", "Factors: {source}."),
    "law.nothing": ("{machine}: geen uitspraak, want {why}.", "{machine}: no verdict, for {why}."),
    "no_law.few_blocks": (
        "er zijn {blocks} bruikbare blokken voor {terms} onbekenden; minstens {least} zijn nodig",
        "there are {blocks} blocks that can be used for {terms} unknowns; at least {least} are needed",
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
    "no_law.nothing_reported": (
        "de proef heeft geen blok met energie en aantallen",
        "the trial has no block with energy and counts",
    ),
    "no_law.no_meter": ("er is geen energie gemeten", "no energy was measured"),
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
        "The probability, by these data and this error, that the true effect is for the better.",
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
            "gegevens: minder dan zes blokken in een arm, minder dan de helft van de geplande tijd gezien, of niet "
            "gemeten."
        ),
        (
            "Improved or worsened where the interval leaves out 0, else no difference shown. Not enough data: fewer "
            "than six blocks in an arm, less than half of the planned time seen, or not measured."
        ),
    ),
}

_ALL: Final = _MEASURES | _PARTS | _VERDICTS | _TABLE | _DONE | _LEFT_OUT | _LAW | _METHOD
REPORT: Final[dict[str, tuple[str, str]]] = {
    # A number and its sign stay on one line.
    key: (nl.replace(" %", "\u202f%"), en.replace(" %", "\u202f%"))
    for key, (nl, en) in _ALL.items()
}
