"""Rows of figures as a table for people, as JSON and as CSV for machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from fieldlab.plain import json_line, one_line

Row = Mapping[str, object]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_SHOWN = (
    ("oee_index", "OEE", "%"),
    ("oee_index_low", "low", "%"),
    ("oee_index_high", "high", "%"),
    ("availability", "avail.", "%"),
    ("effectiveness", "effect.", "%"),
    ("quality_ratio", "quality", "%"),
    ("coverage", "coverage", "%"),
    ("produced_quantity", "produced", ""),
    ("good_quantity", "good", ""),
    ("energy_kwh", "kWh", "1"),
    ("energy_per_good_unit_kwh", "kWh/good", "3"),
)


def render(rows: Sequence[Row], by: Sequence[str], form: str) -> str:
    """Rows in the form that was asked for: ``table``, ``json`` or ``csv``."""
    if form == "json":
        return json_line(list(rows), allow_nan=False)
    if form == "csv":
        return _csv(rows, by)
    return _table(rows, by)


def table(
    rows: Sequence[Row], keys: Sequence[str], columns: Sequence[tuple[str, str, str]], form: str
) -> str:
    """Rows of some keys and columns (name, title, how it is written) in the form that was asked for."""
    if form == "json":
        return json_line(list(rows), allow_nan=False)
    if form == "csv":
        return _csv(rows, [*keys, *(name for name, _, _ in columns)])
    if not rows:
        return "nothing in this range"
    lines = [[*keys, *(title for _, title, _ in columns)]]
    lines += [
        [
            *("" if row[key] is None else str(row[key]) for key in keys),
            *(_figure(row[name], how) for name, _, how in columns),
        ]
        for row in rows
    ]
    left = len(keys)
    words = {left + i for i, (_, _, how) in enumerate(columns) if how == "text"}
    return _aligned(lines, words | set(range(left)))


def _csv(rows: Sequence[Row], by: Sequence[str]) -> str:
    out = io.StringIO()
    names = list(rows[0]) if rows else list(by)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
    return out.getvalue().rstrip("\n")


def _cell(value: object) -> object:
    if value is None:
        return ""
    text = "; ".join(value) if isinstance(value, list) else value
    # A spreadsheet would take it for a formula: reasons and products are what people and machines typed.
    return f"'{text}" if isinstance(text, str) and text[:1] in _FORMULA else text


def _table(rows: Sequence[Row], by: Sequence[str]) -> str:
    if not rows:
        return "no data in this range"
    shown = [(name, title, form) for name, title, form in _SHOWN if name in rows[0]]
    if "machines_oee_index" in rows[0]:  # the bounds of a group are those of its machines, pooled
        shown.insert(1, ("machines_oee_index", "machines", "%"))
    lines = [[*by, *(title for _, title, _ in shown), ""]]
    for row in rows:
        figures = [_figure(row[name], form) for name, _, form in shown]
        flags = row.get("flags")
        lines.append(
            [*(str(row[key]) for key in by), *figures, "; ".join(flags) if isinstance(flags, list) else ""]
        )
    return _aligned(lines, set(range(len(by))))


def _aligned(lines: Sequence[Sequence[str]], left: set[int]) -> str:
    """Lines of cells as columns; those named stand to the left, figures to the right."""
    lines = [[one_line(cell) for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _figure(value: object, form: str) -> str:
    if form == "text":
        return "" if value is None else str(value)
    if not isinstance(value, int | float):
        return "–"
    if form == "%":
        return f"{100 * value:.1f} %"
    if form:
        return f"{value:.{form}f}"
    return f"{value:g}"
