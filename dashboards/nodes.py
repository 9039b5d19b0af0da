"""What stands on a page, as plain values; and what is different between two of them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dashboards.chart_options import Options

Path = tuple[int, ...]
"""Where a node is: its place among its parent's children, and so on from the top."""
Change = list[Any]
"""The path, what is done there, and with what; ``static/page.js`` does it. See :func:`changes`."""


@dataclass(frozen=True, slots=True)
class Node:
    """An HTML element, or a picture.

    Attributes
    ----------
    tag : str
    attributes : dict of str to str
    text : str
        What it says; an element has a text or children.
    children : tuple of Node
    options : Options or None
        Of ECharts, where it is a picture.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple[Node, ...] = ()
    options: Options | None = None

    @property
    def html(self) -> str:
        """As a browser reads it; every text is escaped."""
        written = "".join(f' {name}="{html.escape(value)}"' for name, value in self.attributes.items())
        return f"<{self.tag}{written}>{html.escape(self.text)}{inside(self.children)}</{self.tag}>"


Child = Node | None | Iterable["Node | None"]


def node(
    tag: str, class_: str = "", /, *children: Child, text: str = "", **attributes: str | bool | None
) -> Node:
    """An element; None is left out among children, and so are None and False among attributes.

    Examples
    --------
    >>> node("p", "note", text="a < b", hidden=True, data_value="1", title=None).html
    '<p class="note" hidden="hidden" data-value="1">a &lt; b</p>'
    >>> node("ul", "", [node("li", text=x) for x in "ab"], None).html
    '<ul><li>a</li><li>b</li></ul>'
    """
    given = {"class": class_} if class_ else {}
    for name, value in attributes.items():
        if value is not None and value is not False:
            key = name.replace("_", "-")
            given[key] = key if value is True else value
    return Node(tag, given, text, tuple(_flat(children)))


def _flat(children: Iterable[Child]) -> Iterator[Node]:
    for child in children:
        if isinstance(child, Node):
            yield child
        elif child is not None:
            yield from _flat(child)


def inside(children: Iterable[Node]) -> str:
    """Nodes one after the other."""
    return "".join(child.html for child in children)


def changes(old: Node, new: Node, at: Path = ()) -> Iterator[Change]:
    """What makes one node of another, in the order in which it is to be done.

    ``set`` and ``say`` give attributes and a text, ``more`` adds children at the end, ``fewer`` takes the
    last ones away, ``other`` puts an element in the place of another, ``draw`` draws a whole picture,
    ``redraw`` what is different in one.

    Examples
    --------
    >>> old = node("ul", "", node("li", text="a"), node("li", text="b"))
    >>> new = node("ul", "", node("li", text="a", hidden=True))
    >>> list(changes(old, new))
    [[(0,), 'set', {'hidden': 'hidden'}], [(), 'fewer', 1]]
    >>> list(changes(new, old))
    [[(0,), 'set', {'hidden': None}], [(), 'more', '<li>b</li>']]
    """
    if old is new:
        return
    if old.attributes != new.attributes:
        gone: dict[str, str | None] = dict.fromkeys(old.attributes.keys() - new.attributes.keys())
        given = {k: v for k, v in new.attributes.items() if old.attributes.get(k) != v}
        yield [at, "set", given | gone]
    if old.text != new.text and not old.children:
        yield [at, "say", new.text]
    for i, (was, child) in enumerate(zip(old.children, new.children, strict=False)):
        if was.tag == child.tag and (was.options is None) == (child.options is None):
            yield from changes(was, child, (*at, i))
        else:
            yield [(*at, i), "other", child.html]
            yield from pictures(child, (*at, i))
    kept, wanted = len(old.children), len(new.children)
    if kept > wanted:
        yield [at, "fewer", kept - wanted]
    elif wanted > kept:
        yield [at, "more", inside(new.children[kept:])]
        for i in range(kept, wanted):
            yield from pictures(new.children[i], (*at, i))
    if old.text != new.text and old.children and not new.children:  # a text takes all children away
        yield [at, "say", new.text]
    if old.options is not None and new.options is not None and old.options != new.options:
        yield _drawn(old.options, new.options, at)


def pictures(of: Node, at: Path = ()) -> Iterator[Change]:
    """The pictures in a node that came whole."""
    if of.options is not None:
        yield [at, "draw", of.options]
    for i, child in enumerate(of.children):
        yield from pictures(child, (*at, i))


def _drawn(old: Options, new: Options, at: Path) -> Change:
    """A picture: what is different in it, where ECharts can merge that; else anew."""
    part = _different(old, new)
    return [at, "draw", new] if part is None else [at, "redraw", part]


def _different(old: Options, new: Options) -> Options | None:
    """What of options is other than before; None where something went away, which cannot be merged."""
    if not old.keys() <= new.keys():
        return None
    found: Options = {}
    for key, value in new.items():
        was = old.get(key)
        part: Any = value
        if was == value:
            continue
        if isinstance(was, dict) and isinstance(value, dict):
            part = _different(was, value)
        elif key == "series":
            # ECharts looks for a series by its name first, and only then by its place.
            alike = [s.get("name") for s in was or ()] == [s.get("name") for s in value]
            parts = [_different(*pair) for pair in zip(was or (), value, strict=False)]
            part = parts if alike and None not in parts else None
        if part is None and value is not None:
            return None
        found[key] = part
    return found
