"""Tables on a page, each with its picture where it has one, and with its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from dashboards import amounts, bars, sheets
from dashboards.nodes import Child, Node, node
from dashboards.scene import Scene, picture
from dashboards.screens import Row
from dashboards.sheets import Column
from dashboards.view import View
from dashboards.wording import Language

_DRAWN: Final = {"losses": bars.waterfall, "pareto": bars.pareto}
_FIGURES: Final = frozenset({"ratio", "count", "number", "seconds", "whole", "eur"})
MOST_ROWS: Final = 50
"""On the page; the files have them all."""
_MOST_GAINS: Final = 3

Spell = Callable[[Scene, Column, Row], str]


def spelled(scene: Scene, column: Column, row: Row) -> str:
    """What a row has in a column."""
    return sheets.in_row(column, row, scene.site, scene.language)


@dataclass(frozen=True, slots=True)
class Own:
    """What a table has of its own.

    Attributes
    ----------
    above : sequence of Node
        What stands above it.
    spell : callable
    none : str
        Key of the words where there is nothing.
    machines : str or None
        ``several`` or ``one``: of one machine its name need not stand in every row.
    count : int or None
        How many rows there are, shown or not, where that is more than was asked for.
    """

    above: Sequence[Node] = ()
    spell: Spell = spelled
    none: str = "nothing"
    machines: str | None = None
    count: int | None = None


def table(scene: Scene, name: str, own: Own = Own()) -> Node:
    """A card with a table, its picture where it has one, and the files that it makes.

    Parameters
    ----------
    scene : Scene
    name : str
        A key of :data:`dashboards.sheets.COLUMNS`.
    own : Own
    """
    view, rows = scene.snapshot.view, scene.snapshot.parts.get(name, ())
    title = scene.say(f"sheet.{name}")
    # One machine's row is said in large already.
    one = name == "by_machine" and view.screen == "line" and view.machine is not None
    gains = name == "opportunities"
    some = [row for row in rows if row.get("verdict") == "ok"] if gains else rows
    words = node(
        "div", "", node("h2", text=title), node("p", "question", text=scene.say(f"sheet.{name}.how"))
    )
    remarks = ("some" if any(row.get("reason_code") for row in rows) else "none") if gains else None
    return node(
        "section",
        f"card sheet{' half' if name in _DRAWN else ''} {name}",
        node("header", "card-head", words, _files(scene, name)),
        _gains(scene, some) if gains else None,
        _drawn(scene, name, rows) if name in _DRAWN else None,
        own.above,
        node("p", "nothing", text=scene.say(own.none), hidden=bool(rows)),
        _too_little(scene, rows, some) if gains else None,
        _scrolled(scene, name, rows[:MOST_ROWS], own.spell, hidden=not some),
        _more(scene, name, len(rows), own.count),
        aria_label=title,
        data_testid=f"card-{name}",
        data_machines=own.machines,
        data_remarks=remarks,
        hidden=one or name not in scene.snapshot.parts,
    )


def stops(scene: Scene) -> Node:
    """Stops; where the visitor may, each with a button that asks for its reason."""
    count = sum(int(row["count"]) for row in scene.snapshot.parts.get("pareto", ()))
    return table(scene, "stops", Own(machines="several" if scene.line else "one", count=count))


def _files(scene: Scene, name: str) -> Node:
    return node(
        "div",
        "files",
        [
            node(
                "a", "file", text=scene.say(f"export.{kind}"), title=scene.say(f"export.{kind}.title"),
                download=True, data_testid=f"{kind}-{name}",
                href=export_link(name, kind, scene.snapshot.view, scene.language),
            )
            for kind in ("csv", "parquet")
        ],
    )  # fmt: skip


def _drawn(scene: Scene, name: str, rows: Sequence[Row]) -> Child:
    height_px = max(90, 34 * min(len(rows), bars.MOST_BARS) + 40)
    words = scene.say("chart.table", title=scene.say(f"sheet.{name}"))
    options = _DRAWN[name](rows, scene.language, scene.ink)
    return picture(f"chart-{name}", height_px, options, words, hidden=not rows)


def _gains(scene: Scene, some: Sequence[Row]) -> Node:
    """The most rewarding losses in large."""
    rows = [row for row in some if row["loss"] not in sheets.ELSEWHERE][:_MOST_GAINS]
    return node("div", "gains", [_gain(scene, row) for row in rows])


def _gain(scene: Scene, row: Row) -> Node:
    told = {
        c.key: sheets.cell(c, row.get(c.key), scene.site, scene.language)
        for c in sheets.COLUMNS["opportunities"]
    }
    more = []
    if row["good_parts"] is not None:
        more.append(scene.say("gain.parts", parts=told["good_parts"]))
    if row["eur"] is not None:
        more.append(scene.say("gain.eur", eur=amounts.money(row["eur"], scene.language, whole=True)))
    return node(
        "div",
        "gain",
        node("p", "gain-what", text=scene.say("gain.what", machine=told["machine"], loss=told["loss"])),
        node("p", "gain-hours", text=scene.say("gain.hours", hours=told["hours"])),
        [node("p", "question", text=words) for words in more],
        data_testid="gain",
    )


def _too_little(scene: Scene, rows: Sequence[Row], some: Sequence[Row]) -> Node:
    """Why nothing can be gained yet, as far as is known."""
    if some or not rows:
        return node("p", "nothing", hidden=True)
    reason = next(c for c in sheets.COLUMNS["opportunities"] if c.kind == "remark")
    why = sheets.in_row(reason, rows[0], scene.site, scene.language)
    return node("p", "nothing", text=scene.say("gain.not_yet", why=why))


def _scrolled(scene: Scene, name: str, rows: Sequence[Row], spell: Spell, *, hidden: bool) -> Node:
    title, columns = scene.say(f"sheet.{name}"), sheets.COLUMNS[name]
    heads = [node("th", _align(c), text=c.title(scene.language), scope="col") for c in columns]
    body = node(
        "tbody",
        "",
        [_line(scene, columns, row, spell, asks=name == "stops" and scene.look.asks) for row in rows],
        data_testid=f"rows-{name}",
        data_rows=str(len(scene.snapshot.parts.get(name, ()))),
    )
    caption = node("caption", "visually-hidden", text=title)
    whole = node("table", "sheet-table", caption, node("thead", "", node("tr", "", heads)), body)
    return node("div", "scroll", whole, tabindex="0", role="group", aria_label=title, hidden=hidden)


def _line(scene: Scene, columns: Sequence[Column], row: Row, spell: Spell, *, asks: bool) -> Node:
    cells = []
    for i, column in enumerate(columns):
        exact, text = row.get(column.key), spell(scene, column, row)
        value = repr(float(exact)) if isinstance(exact, int | float) else None
        if i == 0:
            cells.append(node("th", _align(column), text=text, scope="row", data_value=value))
        elif asks and column.key == "reason":
            cells.append(_asked(scene, row, text))
        else:
            cells.append(node("td", _align(column), text=text, data_value=value))
    return node("tr", "", cells)


def _asked(scene: Scene, row: Row, text: str) -> Node:
    """A stop's reason, and the button to give one."""
    none, stop = row["reason"] == "none", stop_id(row)
    return node(
        "td",
        "words",
        node("span", "given", text="" if none else text, data_testid=f"reason-{stop}"),
        node(
            "button",
            "assign",
            text=scene.say("assign" if none else "assign.change"),
            type="button",
            data_testid=f"assign-{stop}",
            data_stop=stop,
        ),
    )


def stop_id(row: Row) -> str:
    """What tells a stop from all others."""
    return f"{row['machine']}-{row['start_ns']}"


def _more(scene: Scene, name: str, here: int, count: int | None) -> Node:
    """How many rows there are beyond those that are shown."""
    count = here if count is None else count
    shown, whole = (amounts.count(n, scene.language) for n in (min(MOST_ROWS, here), count))
    words = scene.say("more", shown=shown, count=whole)
    return node("p", "nothing", text=words, data_testid=f"more-{name}", hidden=count <= MOST_ROWS)


def export_link(name: str, kind: str, view: View, language: Language) -> str:
    """Where a table's file is."""
    return f"/export/{name}.{kind}?" + urlencode(view.query() | {"lang": language})


def _align(column: Column) -> str:
    when = " when" if column.kind in ("time", "date") else ""
    return "figures" if column.kind in _FIGURES else f"words{when}"
