"""One moment as somebody looks at it, and what every card is made of: a figure, a picture, a heading."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards import amounts, figures, moments
from dashboards.catalogue import BY_ID
from dashboards.chart_options import Ink, Options
from dashboards.figures import Figure
from dashboards.html import share
from dashboards.nodes import Node, node
from dashboards.snapshot import Snapshot
from dashboards.wording import Language, say
from fieldlab_configs import Site


@dataclass(frozen=True, slots=True)
class Look:
    """What is different from one who looks at a view to the next.

    Attributes
    ----------
    language : str
    ink : Ink
    asks : bool
        Whether there is a button to give a stop its reason.
    """

    language: Language
    ink: Ink
    asks: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """A moment, and how it is looked at."""

    snapshot: Snapshot
    site: Site
    look: Look

    @property
    def language(self) -> Language:
        """In which it is told."""
        return self.look.language

    @property
    def ink(self) -> Ink:
        """Its pictures' neutral colours."""
        return self.look.ink

    @property
    def line(self) -> bool:
        """Whether it is of a whole line."""
        return self.snapshot.view.machine is None

    def say(self, key: str, **values: str) -> str:
        """The words under a key."""
        return say(key, self.language, **values)

    def figure(self, name: str) -> Figure:
        """A figure of the range."""
        return figures.figure(BY_ID[name], self.snapshot.total, self.language, line=self.line)

    @property
    def source(self) -> str:
        """Of what time a figure is, and how much of that was seen."""
        if self.snapshot.span is None:
            return ""
        start, end = moments.ends(self.site, self.snapshot.span, self.language)
        row = self.snapshot.total or {}
        planned, unknown = row.get("planned_busy_time_s") or 0.0, row.get("unknown_time_s") or 0.0
        told = {
            "planned": amounts.duration(planned, self.language),
            "unknown": amounts.duration(unknown, self.language),
        }
        cell = f"{self.site.cell_s / 60:g}"
        return self.say("figure.source", start=start, end=end, minutes=cell, **told)

    @property
    def per_bucket(self) -> str:
        """In words: per five minutes, per hour, per day."""
        if self.snapshot.span is None:
            return ""
        return self.say(f"per.{self.snapshot.span.bucket}", minutes=f"{self.site.cell_s / 60:g}")

    @property
    def shown(self) -> str:
        """In words: from when to when."""
        if self.snapshot.span is None:
            return ""
        start, end = moments.ends(self.site, self.snapshot.span, self.language)
        return self.say("shown.first" if self.snapshot.span.from_first else "shown", start=start, end=end)


def head(scene: Scene, key: str, aside: str) -> Node:
    """A card's heading and the question it answers, and what stands to the right of it."""
    words = node(
        "div",
        "",
        node("h2", text=scene.say(key)),
        node("p", "question", text=scene.say(f"{key}.question")),
    )
    return node("header", "card-head", words, node("span", "aside", text=aside))


def number(
    scene: Scene,
    name: str,
    classes: str,
    *,
    title: str = "",
    note: str = "",
    bar: bool = False,
    level: int = 3,
    hidden: bool = False,
) -> Node:
    """A figure with its title, its unit, and the tooltip that says how it is made.

    Parameters
    ----------
    scene : Scene
    name : str
        Of its panel, and where tests and scripts find it; ``data-value`` holds the exact number.
    classes : str
        How large it is.
    title : str
        Default: its own name.
    note : str
        Below it.
    bar : bool
        Whether a bar from 0 to 100 % stands below it.
    level : int
        Of its heading: 2 where nothing stands above it in its card.
    hidden : bool
    """
    figure, title = scene.figure(name), title or scene.say(name)
    unit = figure.unit if figure.value is not None else ""
    text = node(
        "span",
        "fig-number",
        text=figure.text,
        data_testid=name,
        data_value=figure.exact,
        data_defined="no" if figure.value is None else "yes",
    )
    return node(
        "div",
        f"fig {classes}",
        node(f"h{level}", "fig-title", text=title),
        node("p", "fig-line", text, node("span", "fig-unit", text=unit)),
        node("div", "meter", aria_hidden="true", style=f"--at: {share(figure.value)}") if bar else None,
        node("p", "fig-note", text=note, hidden=not note),
        node("div", "tip", text=f"{figure.how} {scene.source}".rstrip(), role="tooltip", id=f"tip-{name}"),
        tabindex="0",
        role="group",
        aria_describedby=f"tip-{name}",
        aria_label=f"{title}: {figure.text} {figure.unit}".strip(),
        data_level=figure.level or None,
        hidden=hidden,
    )


def picture(
    testid: str, height_px: int, options: Options, words: str, *, instead: str = "", hidden: bool = False
) -> tuple[Node, Node]:
    """A picture with words for those who do not see it; where there is nothing to draw, why."""
    drawing = Node("div", {"class": "drawing"}, options=options)
    box = node(
        "div",
        "chart veiled" if instead else "chart",
        drawing,
        role="img",
        data_testid=testid,
        aria_label=words,
        style=f"--height: {height_px}px",
    )
    save = node(
        "button",
        "file png",
        text="PNG",
        type="button",
        title=words,
        aria_label=f"PNG: {words}",
        data_png=f"fieldlab-{testid}.png",
        hidden=bool(instead) or not options.get("series"),
    )
    return node("div", "drawn", box, save, hidden=hidden), node(
        "p", "instead", text=instead, hidden=not instead
    )
