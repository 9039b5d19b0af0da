"""The few elements a page is made of: plain HTML, updated only where something changed."""

from __future__ import annotations

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement


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
