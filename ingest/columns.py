"""One field of one series as arrays; and tables made of several: what every store has in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ingest.store import Rejected, Row, Table, Tags, Value

Times = npt.NDArray[np.int64]
Values = npt.NDArray[Any]
Kind = Literal["f", "i", "s"]
"""float64, int64, text."""
INT64 = 2**63
Groups = dict[tuple[str, Tags, str, Kind], tuple[list[int], list[Value]]]
"""Times and values per measurement, tags, field and kind, in order of arrival."""


def kind_of_field(field: str, value: Value) -> Kind:
    """What kind a field holds: nanosecond bounds are integers, every other number is a float."""
    if isinstance(value, str):
        return "s"
    return "i" if field.endswith("_ns") else "f"


def unstorable(time_ns: int, value: Value) -> str | None:
    """Why no store can hold a value at a time; None where they can."""
    if not -INT64 <= time_ns < INT64:
        return "its time does not fit in 64 bits of nanoseconds"
    if isinstance(value, str):
        return None if value.isascii() or _is_unicode(value) else "the text is not Unicode"
    if isinstance(value, int):
        return None if -INT64 <= value < INT64 else f"{value} does not fit in 64 bits"
    return None if math.isfinite(value) else f"{value} is not a number that can be stored"


def _is_unicode(text: str) -> bool:
    """Whether a text is more than half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def grouped(rows: Iterable[Row]) -> tuple[Groups, list[Rejected]]:
    """Rows by series, field and kind; those that no store can hold are rejected."""
    groups: Groups = {}
    rejected = []
    for row in rows:
        measurement, tags, field, time_ns, value = row
        reason = unstorable(time_ns, value)
        if reason is not None:
            rejected.append(Rejected(Row(*row), reason))
            continue
        key = measurement, tags, field, kind_of_field(field, value)
        group = groups.get(key)
        if group is None:
            group = groups[key] = [], []
        group[0].append(time_ns)
        group[1].append(value)
    return groups, rejected


def array_of(kind: Kind, values: Sequence[Any]) -> Values:
    """Values of one kind as an array; texts as objects."""
    if kind == "f":
        return np.array(values, dtype=np.float64)
    if kind == "i":
        return np.array(values, dtype=np.int64)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def empty_of(dtype: np.dtype[Any], n: int) -> Values:
    """A column of nothing: NaN, 0 for bounds, None for texts."""
    if dtype.kind == "O":
        return np.full(n, None, dtype=object)
    return np.zeros(n, dtype=np.int64) if dtype == np.int64 else np.full(n, np.nan)


def settle(time: Times, values: Values) -> tuple[Times, Values]:
    """Sort by time; of equal times the one that stands last wins."""
    if len(time) < 2 or bool((time[1:] > time[:-1]).all()):  # noqa: PLR2004 - one row is in order
        return time, values
    order = np.argsort(time, kind="stable")
    time = time[order]
    last = np.append(time[1:] != time[:-1], True)
    return time[last], values[order[last]]


@dataclass(frozen=True, slots=True)
class Column:
    """One field of one series: ascending unique times, and their values."""

    tags: Tags
    field: str
    time_ns: Times
    values: Values

    def clipped(self, start_ns: int | None, end_ns: int | None) -> Column:
        """Only what lies in ``[start_ns, end_ns)``."""
        low = 0 if start_ns is None else int(np.searchsorted(self.time_ns, start_ns))
        high = len(self.time_ns) if end_ns is None else int(np.searchsorted(self.time_ns, end_ns))
        return Column(self.tags, self.field, self.time_ns[low:high], self.values[low:high])

    def row(self, measurement: str, index: int) -> Row:
        """One of its rows, with a plain Python value."""
        return Row(
            measurement,
            self.tags,
            self.field,
            int(self.time_ns[index]),
            self.values[index : index + 1].tolist()[0],
        )


def matches(tags: Tags, where: Mapping[str, str] | None) -> bool:
    """Whether a series has all the tag values asked for."""
    return not where or where.items() <= dict(tags).items()


def tables(columns: Iterable[Column]) -> list[Table]:
    """Columns of equal tags side by side on the union of their times; series in the order of their tags."""
    series: dict[Tags, list[Column]] = {}
    for column in columns:
        if len(column.time_ns):
            series.setdefault(column.tags, []).append(column)
    return [_joined(tags, series[tags]) for tags in sorted(series)]


def _joined(tags: Tags, columns: list[Column]) -> Table:
    first = columns[0].time_ns
    if all(np.array_equal(first, c.time_ns) for c in columns[1:]):
        return Table(dict(tags), first, {c.field: c.values for c in columns})
    time = np.unique(np.concatenate([c.time_ns for c in columns]))
    found = {}
    for column in columns:
        values = empty_of(column.values.dtype, len(time))
        values[np.searchsorted(time, column.time_ns)] = column.values
        found[column.field] = values
    return Table(dict(tags), time, found)
