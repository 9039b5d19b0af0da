"""The few elements a page is made of: plain HTML, updated only where something changed."""

from __future__ import annotations

import json
from typing import Final

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from dashboards.chart_options import Options
from dashboards.figures import Figure

# The picture as it is on the page, twice as sharp, on the card's own colour.
_SAVE: Final = """() => {
  const chart = getElement(%s).chart, link = document.createElement('a');
  const backgroundColor = getComputedStyle(document.documentElement).getPropertyValue('--card').trim();
  link.href = chart.getDataURL({pixelRatio: 2, backgroundColor}); link.download = %s; link.click();
}"""


class Text(TextElement):
    """An HTML element with text in it."""

    def __init__(self, tag: str, text: str = "", classes: str = "", **attributes: str) -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)
        put(self, **attributes)


class Box(Element):
    """An HTML element with others in it."""

    def __init__(self, tag: str = "div", classes: str = "", **attributes: str) -> None:
        super().__init__(tag)
        self.classes(classes)
        put(self, **attributes)


def put(element: Element, **attributes: str | None) -> None:
    """Set HTML attributes (`data_value` is ``data-value``); None takes one away. Equal ones cost nothing."""
    for name, value in attributes.items():
        key = name.strip("_").replace("_", "-")
        if value is None:
            if key in element.props:
                del element.props[key]
        elif element.props.get(key) != value:
            element.props[key] = value


def write(element: Text, text: str) -> None:
    """Set a text, if it is another."""
    if element.text != text:
        element.text = text


def hide(element: Element, hidden: bool) -> None:
    """Take an element out of sight, and out of what a screen reader tells."""
    put(element, hidden="hidden" if hidden else None)


def veil(element: Element, veiled: bool) -> None:
    """Take an element out of sight and let it keep its width, so that charts in it know theirs."""
    if veiled:
        element.classes(add="veiled")
    else:
        element.classes(remove="veiled")


class Number:
    """A figure with its title, its unit, and the tooltip that says how it is made.

    Parameters
    ----------
    testid : str
        Where tests and scripts find it; ``data-value`` holds the exact number.
    title : str
    classes : str
        How large it is.
    bar : bool
        Whether a bar from 0 to 100 % stands below it.
    level : int
        Of its heading: 2 where nothing stands above it in its card.
    """

    def __init__(
        self, testid: str, title: str, classes: str = "", *, bar: bool = False, level: int = 3
    ) -> None:
        tip = f"tip-{testid}"
        self.box = Box("div", f"fig {classes}", tabindex="0", role="group", aria_describedby=tip)
        put(self.box, aria_label=title)
        with self.box:
            self.title = Text(f"h{level}", title, "fig-title")
            with Box("p", "fig-line"):
                self.text = Text("span", "–", "fig-number", data_testid=testid, data_value="")
                self.unit = Text("span", "", "fig-unit")
            self.bar = Box("div", "meter", aria_hidden="true") if bar else None
            self.note = Text("p", "", "fig-note")
            hide(self.note, hidden=True)
            self.tip = Text("div", "", "tip", role="tooltip", id=tip)

    def show(self, figure: Figure, note: str = "", title: str | None = None, source: str = "") -> None:
        """Show another value."""
        if title is not None:
            write(self.title, title)
        write(self.text, figure.text)
        put(self.text, data_value=figure.exact, data_defined="no" if figure.value is None else "yes")
        write(self.unit, figure.unit if figure.value is not None else "")
        write(self.tip, f"{figure.how} {source}".rstrip())
        write(self.note, note)
        hide(self.note, not note)
        put(self.box, data_level=figure.level or None)
        put(self.box, aria_label=f"{self.title.text}: {figure.text} {figure.unit}".strip())
        if self.bar is not None:
            put(self.bar, style=f"--at: {share(figure.value)}")


def share(ratio: float | None) -> str:
    """A ratio as a place on a bar of 0 to 100 %."""
    return f"{min(max(ratio or 0.0, 0.0), 1.0) * 100:.2f}%"


class Chart:
    """A picture with words for those who do not see it."""

    def __init__(self, testid: str, height_px: int) -> None:
        self._options: Options = {}
        self._height_px = 0
        with Box("div", "drawn") as self._drawn:
            self.box = Box("div", "chart", role="img", data_testid=testid)
            with self.box:
                self._chart = ui.echart({})
            self._save = Text("button", "PNG", "file png", type="button", data_testid=f"png-{testid}")
        self._save.on("click", js_handler=_SAVE % (self._chart.id, json.dumps(f"fieldlab-{testid}.png")))
        self._instead = Text("p", "", "instead")
        hide(self._instead, hidden=True)
        self.height(height_px)

    def height(self, px: int) -> None:
        """Set the height."""
        if px != self._height_px:
            self._height_px = px
            self._chart.style(replace=f"height: {px}px; width: 100%")

    def hide(self, hidden: bool) -> None:
        """Take the picture out of sight, and the button that saves it."""
        hide(self._drawn, hidden)

    def show(self, options: Options, words: str, instead: str = "") -> None:
        """Draw, if anything is different; where there is nothing to draw, say why."""
        put(self.box, aria_label=words)
        put(self._save, title=words, aria_label=f"PNG: {words}")
        hide(self._save, bool(instead) or not options.get("series"))
        write(self._instead, instead)
        hide(self._instead, not instead)
        veil(self.box, bool(instead))
        if options != self._options:
            self._options = options
            self._chart.props["options"] = options
