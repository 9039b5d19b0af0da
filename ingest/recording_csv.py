"""Recordings in CSV: a line for each value."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ingest.errors import RecordingError
from ingest.recording_raw import NEEDED, DeadLine, Items, Raw, example, opened_text, timed


class _Reader(Protocol):
    """What the csv module gives."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def read_csv(path: Path, machine: str | None, items: Items) -> Raw:  # noqa: ARG001 - the readers' common form
    """The rows of a file whose first line names its columns."""
    dead: list[DeadLine] = []
    with opened_text(path) as handle:
        reader = csv.reader(handle, strict=True)
        header = _header(path, reader, machine)
        rows, lines = _all_rows(path, reader, dead)
    width = len(header)
    if set(map(len, rows)) != {width}:
        for row, line in zip(rows, lines.tolist(), strict=True):
            if row and len(row) != width:
                what = "is cut short" if len(row) < width else "has more fields than the header"
                dead.append(DeadLine(f"the line {what}", f"{path}:{line}", example(",".join(row))))
        whole = np.array([len(row) == width for row in rows], dtype=bool)
        rows, lines = list(itertools.compress(rows, whole)), lines[whole]
    columns = list(zip(*rows, strict=True)) or [()] * width
    by_name = dict(zip(header, columns, strict=True))
    n = len(rows)
    return timed(
        path,
        by_name["time"],
        by_name.get("machine", (machine or "",) * n),
        by_name["signal"],
        by_name["value"],
        by_name.get("quality", ("",) * n),
        lines,
        dead,
        need_zone=True,
    )


def _header(path: Path, reader: Iterator[list[str]], machine: str | None) -> list[str]:
    try:
        header = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise RecordingError(f"{path}:1: the header cannot be read: {error}") from None
    missing = [name for name in NEEDED if name not in header and not (name == "machine" and machine)]
    if missing:
        hint = (
            "columns must be separated by commas, and decimals by a point (a Dutch spreadsheet takes ; and ,)"
            if ";" in "".join(header)
            else (f"the first line must name the columns {','.join(NEEDED)} and may name quality")
        )
        raise RecordingError(f"{path}:1: no column {', '.join(missing)}: {hint}")
    twice = {name for name in header if name in (*NEEDED, "quality") and header.count(name) > 1}
    if twice:
        raise RecordingError(f"{path}:1: column {', '.join(sorted(twice))} stands there twice: leave one out")
    return header


def _all_rows(
    path: Path, reader: _Reader, dead: list[DeadLine]
) -> tuple[list[list[str]], npt.NDArray[np.int64]]:
    """Every row, and the line that it ends on."""
    rows: list[list[str]] = []
    lines: list[int] = []
    first = reader.line_num
    while True:
        begin, line = len(rows), reader.line_num
        try:
            rows.extend(reader)
        except csv.Error as error:
            dead.append(DeadLine(f"not CSV: {error}", f"{path}:{reader.line_num}", ""))
        else:
            break
        finally:
            lines.extend(range(line + 1, line + 1 + len(rows) - begin))
    if reader.line_num - first != len(rows) + len(dead):
        # Quoted fields hold line ends; each of these adds a line to those of its row.
        extra = np.cumsum([sum(field.count("\n") for field in row) for row in rows])
        return rows, np.array(lines, np.int64) + extra
    return rows, np.array(lines, np.int64)
