"""HTML out of Python: elements whose every text is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | Iterable["Child"]
_VOID = frozenset({"meta", "circle", "line", "path", "rect", "input", "link"})


def text(*children: Child) -> Markup:
    """Children one after the other; a plain text is escaped.

    Examples
    --------
    >>> text("a < b", el("b", "c"))
    'a &lt; b<b>c</b>'
    """
    parts: list[str] = []
    for child in children:
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(html.escape(child))
        else:
            parts.append(text(*child))
    return Markup("".join(parts))


def el(tag: str, /, *children: Child, **attributes: str | float | None) -> Markup:
    """An element; ``class_`` is its class, ``view_box`` is ``viewBox``, ``aria_label`` is ``aria-label``.

    Examples
    --------
    >>> el("p", 'say "no"', class_="x")
    '<p class="x">say &quot;no&quot;</p>'
    """
    written = "".join(
        f' {_attribute(key)}="{html.escape(_number(value) if isinstance(value, float) else str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>" if tag == "meta" else f"<{tag}{written}/>")
    return Markup(f"<{tag}{written}>{text(*children)}</{tag}>")


def share(ratio: float | None) -> str:
    """A ratio as a place on a bar of 0 to 100 %."""
    return f"{min(max(ratio or 0.0, 0.0), 1.0) * 100:.2f}%"


def _attribute(key: str) -> str:
    return "viewBox" if key == "view_box" else key.rstrip("_").replace("_", "-")


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def table(head: Iterable[str], rows: Iterable[Iterable[Child]], *, class_: str = "") -> Markup:
    """A table whose first column names its rows; every other holds figures."""
    top = el("tr", [el("th", title, scope="col") for title in head])
    body = []
    for row in rows:
        first, *others = row
        body.append(el("tr", el("th", first, scope="row"), [el("td", cell) for cell in others]))
    return el("table", el("thead", top), el("tbody", body), class_=class_ or None)
