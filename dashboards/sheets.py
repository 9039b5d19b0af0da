"""Every table of the app, said once: its columns, how they are written, and the file that it makes."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards import amounts, moments
from dashboards.screens import Row
from dashboards.wording import Language, has, say
from fieldlab_configs import Site

Kind = Literal[
    "text", "machine", "line", "loss", "state", "shift", "reason", "kpi", "verdict", "term", "product",
    "time", "ratio", "count", "whole", "number", "seconds", "date", "gap", "alive", "per", "remark", "eur",
]  # fmt: skip
_UNITS: Final = {"seconds": " [s]"}
"""What a file's bare number is in, where a page writes it with its unit."""
_WORDS: Final = {"loss", "state", "reason", "verdict", "term", "shift", "product", "gap", "per"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a field of the rows, and how it is written. Its title is ``col.<key>`` or ``<key>``.

    Attributes
    ----------
    key : str
    kind : str
    name : str
        What stands above it, where that is not what its key says elsewhere.
    """

    key: str
    kind: Kind
    name: str = ""

    def title(self, language: Language) -> str:
        """What stands above it."""
        name = self.name or self.key
        return say(f"col.{name}" if has(f"col.{name}") else name, language)


def _columns(**kinds: Kind) -> tuple[Column, ...]:
    return tuple(Column(key, kind) for key, kind in kinds.items())


_FIGURES: Final = _columns(
    oee_index="ratio", availability="ratio", effectiveness="ratio", quality_ratio="ratio", coverage="ratio",
    good_quantity="count", scrap_quantity="count", energy_kwh="number", energy_per_good_unit_kwh="number",
)  # fmt: skip
_LINE_FIGURES: Final = tuple(
    Column("line_good_quantity", "count") if c.key == "good_quantity" else c for c in _FIGURES
)
ELSEWHERE: Final = frozenset({"starved", "blocked"})
"""What a machine waits for is made good at another one: in the table, but not in large."""
COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "opportunities": (
        *_columns(machine="machine", loss="loss", hours="whole", good_parts="whole"),
        Column("kwh", "whole", "kwh_a_year"),
        Column("eur", "whole", "eur_a_year"),
        Column("reason", "remark", "remark"),
    ),
    "by_line": _columns(line="line") + _LINE_FIGURES,
    "by_machine": _columns(machine="machine") + _FIGURES,
    "by_shift": _columns(shift_date="date", shift="shift") + _LINE_FIGURES,
    "by_machine_shift": _columns(shift_date="date", shift="shift") + _FIGURES,
    "by_product": _columns(machine="machine", product="product") + _FIGURES,
    "losses": _columns(
        loss="loss", minutes="whole", share="ratio", parts="whole", kwh="number", eur="eur"
    ),
    "stops": _columns(
        start_ns="time", machine="machine", within_s="seconds", planned_s="seconds", state="state",
        reason="reason",
    ),
    "pareto": _columns(reason="reason", count="count", minutes="number", share="ratio"),
    "results": _columns(
        question="text", kpi="kpi", verdict="verdict", baseline="number", trial="number", estimate="ratio",
        low="ratio", high="ratio", coverage="ratio",
    ),
    "baselines": _columns(
        machine="machine", term="term", estimate="number", low="number", high="number", unit="per",
        r2="number",
    ),
    "gateways": _columns(
        gateway="text", received="count", stored="count", replaced="count", dead="count", waiting="count",
        lag_s="number", autonomy_h="number", rss_mb="number",
    ),
    "links": _columns(machine="machine", up="alive", time_ns="time", gateway="text", source="text"),
    "gaps": _columns(machine="machine", reason="gap", gaps="count", count="count"),
}  # fmt: skip


def in_row(column: Column, row: Row, site: Site, language: Language) -> str:
    """What a row has in a column, as a page writes it."""
    code, values = row.get("reason_code"), row.get("reason_values")
    if column.kind != "remark" or not isinstance(code, str) or not isinstance(values, Mapping):
        return cell(column, row.get(column.key), site, language)
    told = {
        name: amounts.percent(n, language) if code == "coverage" else amounts.count(n, language)
        for name, n in values.items()
    }
    return say(f"too_little.{code}", language, **told)


def cell(column: Column, value: Any, site: Site, language: Language) -> str:
    """A value as a page writes it."""
    if value is None:
        return "" if column.kind in ("text", "remark") else amounts.UNDEFINED
    match column.kind:
        case "ratio":
            return amounts.percent(value, language)
        case "whole":
            return amounts.decimal(value, 0, language)
        case "eur":
            return amounts.money(value, language, sign=False)
        case "count":
            return amounts.count(value, language)
        case "number":
            return amounts.significant(value, language)
        case "seconds":
            return amounts.duration(value, language)
        case "time":
            return moments.moment(site, value, language)
        case "date" if value != "none":
            return moments.day(dt.datetime.fromisoformat(value), language, year=True)
        case "alive":
            return say("alive.yes" if value else "alive.no", language)
        case _:
            return _named(column, str(value), site, language)


def _named(column: Column, value: str, site: Site, language: Language) -> str:
    """The name of a thing, or the words of a code."""
    if column.kind == "machine":
        if value == "none":  # of a whole gateway
            return say("data_quality.all", language)
        return next((m.name or m.id for m in site.machines() if m.id == value), value)
    if column.kind == "line":
        return next((line.name or line.id for line in site.lines if line.id == value), value)
    key = value if column.kind == "kpi" else f"{column.kind}.{value}"
    return say(key, language) if (column.kind in _WORDS or column.kind == "kpi") and has(key) else value


def as_csv(name: str, rows: Sequence[Row], site: Site, language: Language) -> bytes:
    """A file that a Dutch Excel opens by itself: semicolons, decimal commas, a byte order mark.

    In English too: what decides is the computer's own setting, and a fieldlab's is Dutch. A text that would
    begin a formula gets an apostrophe before it.
    """
    columns = COLUMNS[name]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([f"{c.title(language)}{_UNITS.get(c.kind, '')}" for c in columns])
    for row in rows:
        writer.writerow([_excel(c, row, site, language) for c in columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _excel(column: Column, row: Row, site: Site, language: Language) -> str:
    value: Any = row.get(column.key)
    if value is None:
        return ""
    if column.kind == "time":
        return moments.local(site, value).strftime("%Y-%m-%d %H:%M:%S")
    if column.kind == "date":
        return str(value)
    if isinstance(value, int | float) and column.kind != "alive":
        return f"{value:.12g}".replace(".", ",")
    text = in_row(column, row, site, language)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_parquet(name: str, rows: Sequence[Row]) -> bytes:
    """The rows with their own names and types: numbers as doubles, times as UTC."""
    import pyarrow as pa  # noqa: PLC0415 - the extra archive
    from pyarrow import parquet  # noqa: PLC0415

    columns = {}
    for column in COLUMNS[name]:
        values = [row.get(column.key) for row in rows]
        if column.kind == "time":
            columns[column.key] = pa.array(values, pa.timestamp("ns", "UTC"))
        elif column.kind in ("ratio", "count", "whole", "number", "eur", "seconds", "alive"):
            columns[column.key] = pa.array([None if v is None else float(v) for v in values], pa.float64())
        else:
            columns[column.key] = pa.array([None if v is None else str(v) for v in values], pa.string())
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()
