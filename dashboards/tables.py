"""Tables on a page, each with its picture where it has one, and with its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, cast
from urllib.parse import urlencode

from dashboards import amounts, bars, kit, sheets
from dashboards.chart_options import Ink, Options
from dashboards.kit import Box, Chart, Text
from dashboards.screens import Row
from dashboards.snapshot import Snapshot
from dashboards.view import View
from dashboards.wording import Language, say
from fieldlab_configs import Site

_DRAWN: Final = {"losses": bars.waterfall, "pareto": bars.pareto}
_FIGURES: Final = frozenset({"ratio", "count", "number", "seconds", "whole", "eur"})
MOST_ROWS: Final = 50
"""On the page; the files have them all."""
_MOST_GAINS: Final = 3


class TableCard:
    """A table, its picture where it has one, and the files that it makes.

    Parameters
    ----------
    name : str
        A key of :data:`dashboards.sheets.COLUMNS`.
    language : str
    site : Site
    """

    def __init__(self, name: str, language: Language, site: Site) -> None:
        self.name, self.language, self.site = name, language, site
        self.columns = sheets.COLUMNS[name]
        self._rows: Sequence[Row] | None = None
        self._lines: list[Box] = []
        title = say(f"sheet.{name}", language)
        half = " half" if name in ("losses", "pareto") else ""
        with Box(
            "section", f"card sheet{half} {name}", aria_label=title, data_testid=f"card-{name}"
        ) as self.card:
            with Box("header", "card-head"):
                with Box("div"):
                    Text("h2", title)
                    Text("p", say(f"sheet.{name}.how", language), "question")
                self.files = self._files()
            self.gains = Box("div", "gains") if name == "opportunities" else None
            self.chart = Chart(f"chart-{name}", 300) if name in _DRAWN else None
            self._above()
            self.none = Text("p", say("nothing", language), "nothing")
            self.too_little = Text("p", "", "nothing") if self.gains is not None else None
            self.scroll = Box("div", "scroll", tabindex="0", role="group", aria_label=title)
            with self.scroll, Box("table", "sheet-table"):
                Text("caption", title, "visually-hidden")
                with Box("thead"), Box("tr"):
                    for column in self.columns:
                        Text("th", column.title(language), _align(column), scope="col")
                self.body = Box("tbody", data_testid=f"rows-{name}", data_rows="0")
            self.more = Text("p", "", "nothing", data_testid=f"more-{name}")

    def _above(self) -> None:
        """What stands above the table."""

    def _files(self) -> dict[str, Text]:
        with Box("div", "files"):
            return {
                kind: Text(
                    "a", say(f"export.{kind}", self.language), "file",
                    title=say(f"export.{kind}.title", self.language), download="",
                    data_testid=f"{kind}-{self.name}",
                )
                for kind in ("csv", "parquet")
            }  # fmt: skip

    def show(self, snapshot: Snapshot, ink: Ink) -> None:
        """Show a moment."""
        # One machine's row is said in large already.
        one = (
            self.name == "by_machine" and snapshot.view.screen == "line" and snapshot.view.machine is not None
        )
        kit.hide(self.card, one or self.name not in snapshot.parts)
        rows = snapshot.parts.get(self.name, ())
        some = [row for row in rows if row.get("verdict") == "ok"] if self.gains is not None else rows
        if self.gains is not None:
            kit.put(self.card, data_remarks="some" if any(row.get("reason_code") for row in rows) else "none")
        kit.hide(self.none, bool(rows))
        kit.hide(self.scroll, not some)
        if self.too_little is not None:
            kit.hide(self.too_little, bool(some) or not rows)
        for kind, anchor in self.files.items():
            kit.put(anchor, href=export_link(self.name, kind, snapshot.view, self.language))
        if self.chart is not None:
            options: Options = _DRAWN[self.name](rows, self.language, ink)
            title = say(f"sheet.{self.name}", self.language)
            self.chart.height(max(90, 34 * min(len(rows), bars.MOST_BARS) + 40))
            self.chart.show(options, say("chart.table", self.language, title=title))
            self.chart.hide(not rows)
        if rows == self._rows:
            return
        self._fill(rows[:MOST_ROWS], (self._rows or ())[:MOST_ROWS])
        self._rows = rows
        kit.put(self.body, data_rows=str(len(rows)))
        count = self._count(snapshot)
        kit.hide(self.more, count <= MOST_ROWS)
        shown, whole = (amounts.count(n, self.language) for n in (min(MOST_ROWS, len(rows)), count))
        kit.write(self.more, say("more", self.language, shown=shown, count=whole))
        if self.gains is not None:
            self._gains([row for row in some if row["loss"] not in sheets.ELSEWHERE][:_MOST_GAINS])
        if self.too_little is not None and rows and not some:
            reason = next(c for c in self.columns if c.kind == "remark")
            why = sheets.in_row(reason, rows[0], self.site, self.language)
            kit.write(self.too_little, say("gain.not_yet", self.language, why=why))

    def _count(self, snapshot: Snapshot) -> int:
        """How many rows there are, shown or not."""
        return len(snapshot.parts.get(self.name, ()))

    def _fill(self, rows: Sequence[Row], before: Sequence[Row]) -> None:
        """Put rows in place; one that is as it was is left alone, with whatever has the focus in it."""
        for line in self._lines[len(rows) :]:
            line.delete()
        del self._lines[len(rows) :]
        for i, row in enumerate(rows):
            if i == len(self._lines):
                with self.body:
                    self._lines.append(Box("tr"))
            elif row == before[i] or self._write_over(self._lines[i], row):
                continue
            self._lines[i].clear()
            with self._lines[i]:
                self._row(row)

    def _gains(self, rows: Sequence[Row]) -> None:
        """The most rewarding losses in large."""
        if self.gains is None:
            return
        self.gains.clear()
        with self.gains:
            for row in rows:
                told = {c.key: sheets.cell(c, row.get(c.key), self.site, self.language) for c in self.columns}
                with Box("div", "gain", data_testid="gain"):
                    told_of = {"machine": told["machine"], "loss": told["loss"]}
                    Text("p", say("gain.what", self.language, **told_of), "gain-what")
                    Text("p", say("gain.hours", self.language, hours=told["hours"]), "gain-hours")
                    if row["good_parts"] is not None:
                        Text("p", say("gain.parts", self.language, parts=told["good_parts"]), "question")
                    if row["eur"] is not None:
                        eur = amounts.money(row["eur"], self.language, whole=True)
                        Text("p", say("gain.eur", self.language, eur=eur), "question")

    def _write_over(self, line: Box, row: Row) -> bool:
        """Write a row over another: many pages are told of each figure, and an element costs far more."""
        cells = line.default_slot.children
        if not all(isinstance(cell, Text) for cell in cells):
            return False
        for cell, column in zip(cells, self.columns, strict=True):
            text, marks = self._spelled(column, row)
            kit.write(cast("Text", cell), text)
            kit.put(cell, data_value=marks.get("data_value"))
        return True

    def _spelled(self, column: sheets.Column, row: Row) -> tuple[str, dict[str, str]]:
        exact = row.get(column.key)
        marks = {"data_value": repr(float(exact))} if isinstance(exact, int | float) else {}
        return sheets.in_row(column, row, self.site, self.language), marks

    def _row(self, row: Row) -> None:
        for i, column in enumerate(self.columns):
            text, marks = self._spelled(column, row)
            if i == 0:
                Text("th", text, _align(column), scope="row", **marks)
            else:
                self._cell(column, text, row, marks)

    def _cell(self, column: sheets.Column, text: str, _: Row, marks: dict[str, str]) -> None:
        Text("td", text, _align(column), **marks)


class StopsCard(TableCard):
    """Stops; where the visitor may, each with a button that asks for its reason."""

    def __init__(self, language: Language, site: Site, ask: Callable[[Row], None] | None) -> None:
        self._ask = ask
        super().__init__("stops", language, site)

    def show(self, snapshot: Snapshot, ink: Ink) -> None:
        """Show a moment; of one machine its name need not stand in every row."""
        kit.put(self.card, data_machines="several" if snapshot.view.machine is None else "one")
        super().show(snapshot, ink)

    def _count(self, snapshot: Snapshot) -> int:
        return sum(int(row["count"]) for row in snapshot.parts.get("pareto", ()))

    def _cell(self, column: sheets.Column, text: str, row: Row, marks: dict[str, str]) -> None:
        if column.key != "reason" or self._ask is None:
            super()._cell(column, text, row, marks)
            return
        ask = self._ask
        with Box("td", "words"):
            none = row["reason"] == "none"
            Text(
                "span",
                "" if none else text,
                "given",
                data_testid=f"reason-{row['machine']}-{row['start_ns']}",
            )
            button = Text(
                "button", say("assign" if none else "assign.change", self.language), "assign", type="button"
            )
            kit.put(button, data_testid=f"assign-{row['machine']}-{row['start_ns']}")
            button.on("click", lambda _: ask(row))


def export_link(name: str, kind: str, view: View, language: Language) -> str:
    """Where a table's file is."""
    return f"/export/{name}.{kind}?" + urlencode(view.query() | {"lang": language})


def _align(column: sheets.Column) -> str:
    when = " when" if column.kind in ("time", "date") else ""
    return "figures" if column.kind in _FIGURES else f"words{when}"
