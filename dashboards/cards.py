"""The cards of the page: each is built once and then only shown other numbers."""

from __future__ import annotations

from collections.abc import Callable

from dashboards import amounts, bars, charts, figures, kit, moments, palette
from dashboards.catalogue import BY_ID, SCREEN
from dashboards.chart_options import Ink, Options, facts
from dashboards.kit import Box, Chart, Number, Text
from dashboards.snapshot import Snapshot
from dashboards.timeline import timeline
from dashboards.wording import Language, say
from fieldlab_configs import Site
from fieldlab_configs.states import STATE_CLASSES

Draw = Callable[[Snapshot, Site, Language, Ink], Options]
_ONE_ROW_PX, _ROW_PX, _AXIS_PX, _DAYS_PX = 64, 40, 34, 240

_IF_ANY = ("material", "co2", "energy_cost")
"""Shown where there is a counter or a factor for it."""


def title(key: str, language: Language) -> Text:
    """A card's heading and the question it answers; returns what stands to the right of it."""
    with Box("header", "card-head"):
        with Box("div"):
            Text("h2", say(key, language))
            Text("p", say(f"{key}.question", language), "question")
        return Text("span", "", "aside")


class OeeCard:
    """The one large number, and between what it lies."""

    def __init__(self, language: Language, site: Site) -> None:
        self.language, self.site = language, site
        self.panel = BY_ID["oee_index"]
        with Box("section", "card hero", aria_label="OEE"):
            self.number = Number("oee_index", say("oee_index", language), "huge", level=2)
            Text("p", say("oee_index.question", language), "question")
            with Box("div", "spans"):
                self.track = _track()
                self.bounds = Box("div", "bounds", data_testid="oee_bounds", data_low="", data_high="")
                with self.bounds:
                    self.pooled = Text("p", "", "pooled", data_testid="machines_oee_index", data_value="")
                    self.pooled_track = _track()
                    self.words = Text("p", "", "fig-note")

    def show(self, snapshot: Snapshot, _: Ink) -> None:
        """Show a moment."""
        line = snapshot.view.machine is None
        figure = figures.figure(self.panel, snapshot.total, self.language, line=line)
        bounds = figures.oee_bounds(snapshot.total, self.language, line=line)
        self.number.show(figure, figure.why, source=source(snapshot, self.site, self.language))
        _place(self.track, figure.value, None if line else bounds)
        kit.put(self.track, data_level=figure.level or None)
        kit.hide(self.bounds, bounds is None)
        kit.put(
            self.bounds,
            data_low="" if bounds is None else repr(bounds.low),
            data_high="" if bounds is None else repr(bounds.high),
        )
        if bounds is None:
            return
        kit.write(self.words, bounds.why)
        kit.hide(self.pooled, not line)
        kit.hide(self.pooled_track, not line)
        pooled = amounts.percent(bounds.point, self.language)
        kit.write(self.pooled, f"{say('pooled', self.language)}: {pooled}")
        kit.put(self.pooled, data_value="" if bounds.point is None else repr(bounds.point))
        _place(self.pooled_track, bounds.point, bounds)


def _track() -> Box:
    """A bar of 0 to 100 % with a figure on it, and between what it lies."""
    with Box("div", "track", aria_hidden="true") as track:
        Box("div", "fill")
        Box("div", "between")
        Box("div", "point")
    return track


def _place(track: Box, value: float | None, bounds: figures.Bounds | None) -> None:
    low, high = (kit.share(bounds.low), kit.share(bounds.high)) if bounds else ("0%", "0%")
    style = f"--at: {kit.share(value)}; --from: {low}; --to: {high}"
    kit.put(track, style=f"{style}; --bounded: {int(bounds is not None)}; --shown: {int(value is not None)}")


class FactorsCard:
    """Availability, performance and quality, and how much was seen."""

    FACTORS = ("availability", "effectiveness", "quality_ratio")

    def __init__(self, language: Language, site: Site) -> None:
        self.language, self.site = language, site
        with Box("section", "card factors", aria_label=say("factors", language)):
            with Box("div", "three"):
                self.numbers = {}
                self.times = []
                for i, name in enumerate(self.FACTORS):
                    if i:
                        self.times.append(Text("span", "×", "times", aria_hidden="true"))
                    with Box("div", "factor"):
                        self.numbers[name] = Number(name, say(name, language), "large", bar=True, level=2)
                        Text("p", say(f"{name}.question", language), "question")
            self.relation = Text("p", "", "relation")
            with Box("div", "coverage"):
                self.coverage = Number("coverage", say("coverage", language), "row", bar=True, level=2)

    def show(self, snapshot: Snapshot, _: Ink) -> None:
        """Show a moment."""
        line, row = snapshot.view.machine is None, snapshot.total
        flagged = ((row or {}).get("effectiveness") or 0.0) > 1.0
        of = source(snapshot, self.site, self.language)
        for name, number in self.numbers.items():
            note = say("flag.effectiveness", self.language) if flagged and name == "effectiveness" else ""
            number.show(figures.figure(BY_ID[name], row, self.language, line=line), note, source=of)
        for times in self.times:  # a line's OEE is not the product of its machines' factors
            kit.put(times, style="visibility: hidden" if line else None)
        kit.write(self.relation, say("factors.line" if line else "factors.machine", self.language))
        covered = figures.figure(BY_ID["coverage"], row, self.language, line=line)
        self.coverage.show(covered, figures.coverage_note(row, self.language), source=of)


class StatesCard:
    """The timeline, and the same in numbers."""

    def __init__(self, language: Language, site: Site) -> None:
        self.language, self.site = language, site
        with Box("section", "card states", aria_label=say("states", language)):
            self.range = title("states", language)
            self.chart = Chart("timeline", _ONE_ROW_PX)
            self.rows: dict[str, tuple[Box, Text, Text]] = {}
            with Box("table", "legend"):
                Text("caption", say("states.how", language), "visually-hidden")
                with Box("tbody"):
                    for name in STATE_CLASSES:
                        self.rows[name] = self._row(name)

    def _row(self, name: str) -> tuple[Box, Text, Text]:
        with Box("tr", "") as row:
            with Text("th", "", "", scope="row"):
                unknown = " hatched" if name == "unknown" else ""
                Box("i", f"swatch{unknown}", aria_hidden="true", style=f"--c: {palette.STATE_COLOURS[name]}")
                Text("span", say(f"state.{name}", self.language))
            length = Text("td", "", "", data_testid=f"state_{name}_s", data_value="")
            part = Text("td", "", "faint")
        return row, length, part

    def show(self, snapshot: Snapshot, ink: Ink) -> None:
        """Show a moment."""
        total = snapshot.total or {}
        calendar = total.get("calendar_time_s") or 0.0
        for name, (row, length, part) in self.rows.items():
            seconds = total.get(f"state_{name}_s")
            kit.hide(row, not seconds)
            kit.put(length, data_value="" if seconds is None else repr(float(seconds)))
            if seconds and calendar:
                kit.write(length, amounts.duration(seconds, self.language))
                kit.write(part, amounts.percent(seconds / calendar, self.language, 0))
        if snapshot.span is not None:
            start, end = moments.ends(self.site, snapshot.span, self.language)
            words = "shown.first" if snapshot.span.from_first else "shown"
            kit.write(self.range, say(words, self.language, start=start, end=end))
        rows = len(snapshot.timelines)
        if snapshot.span is not None and (snapshot.span.bucket == "day" or not snapshot.timelines):
            self.chart.height(_DAYS_PX)
            options = bars.states(snapshot, self.site, self.language, ink)
        else:
            self.chart.height(_ONE_ROW_PX + _AXIS_PX if rows <= 1 else rows * _ROW_PX + _AXIS_PX)
            options = timeline(snapshot, self.site, self.language, ink)
        none = "" if calendar else say("nothing", self.language)
        self.chart.show(options, say("chart.states", self.language), none)


class PartsCard:
    """Good and scrap; where nothing tells them apart, what was produced."""

    COUNTS = ("produced_quantity", "good_quantity", "scrap_quantity")

    def __init__(self, language: Language, site: Site) -> None:
        self.language, self.site = language, site
        with Box("section", "card parts", aria_label=say("parts", language)):
            self.per = title("parts", language)
            with Box("div", "pair trio"):
                self.numbers = {
                    name: Number(name, say(name, language), f"medium {name}") for name in self.COUNTS
                }
            self.chart = Chart("parts_chart", 190)

    def show(self, snapshot: Snapshot, ink: Ink) -> None:
        """Show a moment."""
        shown = _show_all(self.numbers, snapshot, self.site, self.language)
        per = per_bucket(snapshot, self.site, self.language)
        kit.write(self.per, per)
        options = charts.parts(snapshot, self.site, self.language, ink)
        why = shown["produced_quantity"].why
        words = f"{say('chart.parts', self.language, per=per)} {facts(options, self.language)}"
        self.chart.show(options, words, why)


class EnergyCard:
    """Energy per good part, now and over time."""

    def __init__(self, language: Language, site: Site) -> None:
        self.language, self.site = language, site
        name = "energy_per_good_unit_kwh"
        with Box("section", "card energy", aria_label=say(name, language)):
            self.per = title(name, language)
            with Box("div", "pair"):
                self.numbers = {
                    name: Number(name, say("this_period", language), "medium"),
                    "energy_kwh": Number("energy_kwh", say("energy_kwh", language), "medium"),
                }
            self.chart = Chart("energy_chart", 190)

    def show(self, snapshot: Snapshot, ink: Ink) -> None:
        """Show a moment."""
        shown = _show_all(self.numbers, snapshot, self.site, self.language)
        per = per_bucket(snapshot, self.site, self.language)
        unit = shown["energy_per_good_unit_kwh"].unit
        kit.write(self.per, f"{unit}, {per}" if per else "")
        options = charts.energy(snapshot, self.site, self.language, ink)
        why = shown["energy_per_good_unit_kwh"].why
        words = f"{say('chart.energy', self.language, per=per)} {facts(options, self.language)}"
        self.chart.show(options, words, why)


class FiguresCard:
    """The figures of the energy page, each with how it is made."""

    def __init__(self, language: Language, site: Site) -> None:
        self.language, self.site = language, site
        names = [p.id for p in SCREEN["energy"].panels if p.kind == "figure" and p.group == "total"]
        with Box("section", "card figures", aria_label=say("figures", language)):
            Text("h2", say("figures", language))
            with Box("div", "many"):
                self.numbers = {name: Number(name, say(name, language), "medium") for name in names}

    def show(self, snapshot: Snapshot, _: Ink) -> None:
        """Show a moment."""
        line, of = snapshot.view.machine is None, source(snapshot, self.site, self.language)
        for name, number in self.numbers.items():
            figure = figures.figure(BY_ID[name], snapshot.total, self.language, line=line)
            number.show(figure, source=of)
            kit.hide(number.box, name.startswith(_IF_ANY) and not figure.value)


class TrendCard:
    """One picture by cell, hour or day."""

    def __init__(self, key: str, language: Language, site: Site, draw: Draw) -> None:
        self.key, self.language, self.site, self._draw = key, language, site, draw
        with Box("section", "card half", aria_label=say(key, language)):
            self.per = title(key, language)
            self.chart = Chart(f"chart-{key}", 240)

    def show(self, snapshot: Snapshot, ink: Ink) -> None:
        """Show a moment."""
        per = per_bucket(snapshot, self.site, self.language)
        kit.write(self.per, per)
        options = self._draw(snapshot, self.site, self.language, ink)
        words = f"{say(self.key, self.language)} {per}. {facts(options, self.language)}"
        drawn = any(value is not None for one in options["series"] for value in one["data"])
        none = "" if drawn else say("nothing", self.language)
        self.chart.show(options, words, none)


def _show_all(
    numbers: dict[str, Number], snapshot: Snapshot, site: Site, language: Language
) -> dict[str, figures.Figure]:
    """Show every number of a card; returns what was shown."""
    line = snapshot.view.machine is None
    found = {name: figures.figure(BY_ID[name], snapshot.total, language, line=line) for name in numbers}
    for name, number in numbers.items():
        own = name != "energy_per_good_unit_kwh"  # its card already has that name
        title = figures.title(BY_ID[name], language, line=line) if own else None
        number.show(found[name], title=title, source=source(snapshot, site, language))
    return found


def source(snapshot: Snapshot, site: Site, language: Language) -> str:
    """Of what time a figure is, and how much of that was seen."""
    if snapshot.span is None:
        return ""
    start, end = moments.ends(site, snapshot.span, language)
    row = snapshot.total or {}
    planned, unknown = row.get("planned_busy_time_s") or 0.0, row.get("unknown_time_s") or 0.0
    told = {"planned": amounts.duration(planned, language), "unknown": amounts.duration(unknown, language)}
    cell = f"{site.cell_s / 60:g}"
    return say("figure.source", language, start=start, end=end, minutes=cell, **told)


def per_bucket(snapshot: Snapshot, site: Site, language: Language) -> str:
    """In words: per five minutes, per hour, per day."""
    if snapshot.span is None:
        return ""
    return say(f"per.{snapshot.span.bucket}", language, minutes=f"{site.cell_s / 60:g}")
