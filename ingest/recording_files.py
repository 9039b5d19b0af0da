"""Recordings as files: CSV, Parquet, MTConnect SHDR, each read into the same raw columns."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ingest.columns import Times, array_of
from ingest.errors import RecordingError
from ingest.timestamps import nanoseconds


class _Reader(Protocol):
    """What the csv module gives."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


NEEDED: Final = ("time", "machine", "signal", "value")
_LOOK_BYTES: Final = 65_536
_LEAST_FIELDS: Final = 3
_LONGEST_EXAMPLE: Final = 100
_NO_TIME: Final = "not a time (RFC 3339 with a zone, or integer nanoseconds)"
_BEYOND: Final = "a time beyond what nanoseconds can tell (the years 1678 to 2261)"
_LONG: Final = re.compile(r"-?\d{19,}", re.ASCII)


class DeadLine(NamedTuple):
    """Something in a recording that cannot be used.

    Attributes
    ----------
    reason : str
    where : str
        ``file:line``.
    example : str
        What stands there, cut where it is long.
    """

    reason: str
    where: str
    example: str


@dataclass(slots=True)
class Raw:
    """The rows of one file as columns, in their order; times that could not be read are gone already.

    Attributes
    ----------
    path : Path
    time_ns : ndarray of int64
    machines : sequence of str
    signals : sequence of str or None
        None: the row is of no configured signal; it only tells that the recording went on.
    values : ndarray of object
        float, str, or None where there is none.
    qualities : ndarray of object
    lines : ndarray of int64
    dead : list of DeadLine
    said : list of str
        What a user should know of the file as a whole.
    """

    path: Path
    time_ns: Times
    machines: Sequence[str]
    signals: Sequence[str | None]
    values: npt.NDArray[np.object_]
    qualities: npt.NDArray[np.object_]
    lines: npt.NDArray[np.int64]
    dead: list[DeadLine] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


Items = Mapping[str, Mapping[str, Sequence[str]]]
"""Per machine, which signals each SHDR item feeds."""


def read_file(path: Path, machine: str | None, items: Items) -> Raw:
    """The rows of one recording.

    Parameters
    ----------
    path : Path
    machine : str or None
        Whose it is, where the file does not say; or whose rows of it are wanted.
    items : mapping
        For SHDR: per machine, which signals each item feeds.

    Raises
    ------
    RecordingError
        The file as a whole cannot be used; the message says what to do.
    """
    read = _READERS.get(path.suffix.lower())
    try:
        if not path.is_file():
            raise RecordingError(f"{path} {_what(path)}: give a file")
        if read is None:
            known = ", ".join(_READERS)
            raise RecordingError(
                f"{path}: what {path.suffix or 'a name without ending'} is, nobody knows:"
                f" give a file whose name ends in one of {known}"
            )
        if path.stat().st_size == 0:
            raise RecordingError(f"{path} is empty: record again, or leave it out")
        return read(path, machine, items)
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from None


def _what(path: Path) -> str:
    """What a path is that is no file."""
    if path.is_dir():
        return "is a folder, not a recording"
    return (
        "is a device or a pipe, and a recording is read more than once" if path.exists() else "does not exist"
    )


def _open_text(path: Path) -> IO[str]:
    with path.open("rb") as handle:
        head = handle.read(_LOOK_BYTES)
    if b"\0" in head:
        raise RecordingError(f"{path} is not a text file: give a recording in CSV or SHDR, saved as UTF-8")
    return path.open(encoding="utf-8-sig", newline="")


def _example(text: object) -> str:
    return str(text)[:_LONGEST_EXAMPLE]


# -- CSV


def _read_csv(path: Path, machine: str | None, items: Items) -> Raw:  # noqa: ARG001 - the readers' common form
    dead: list[DeadLine] = []
    with _open_text(path) as handle:
        reader = csv.reader(handle, strict=True)
        header = _header(path, reader, machine)
        rows, lines = _all_rows(path, reader, dead)
    width = len(header)
    if set(map(len, rows)) != {width}:
        for row, line in zip(rows, lines.tolist(), strict=True):
            if row and len(row) != width:
                what = "is cut short" if len(row) < width else "has more fields than the header"
                dead.append(DeadLine(f"the line {what}", f"{path}:{line}", _example(",".join(row))))
        whole = np.array([len(row) == width for row in rows], dtype=bool)
        rows, lines = list(itertools.compress(rows, whole)), lines[whole]
    columns = list(zip(*rows, strict=True)) or [()] * width
    by_name = dict(zip(header, columns, strict=True))
    n = len(rows)
    return _timed(
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
            "columns must be separated by commas"
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


def _timed(
    path: Path,
    times: Sequence[str],
    machines: Sequence[str],
    signals: Sequence[str | None],
    values: Sequence[Any],
    qualities: Sequence[str],
    lines: npt.NDArray[np.int64],
    dead: list[DeadLine],
    *,
    need_zone: bool,
) -> Raw:
    """Rows with a time; those without become dead."""
    time_ns, valid = nanoseconds(times, need_zone=need_zone)
    for i in np.flatnonzero(~valid).tolist():
        reason = _BEYOND if _LONG.fullmatch(times[i].strip()) else _NO_TIME
        dead.append(DeadLine(reason, f"{path}:{lines[i]}", _example(times[i])))
    if not valid.all():
        keep = valid.tolist()
        machines = list(itertools.compress(machines, keep))
        signals = list(itertools.compress(signals, keep))
    columns = [array_of("s", column)[valid] for column in (values, qualities)]
    return Raw(path, time_ns[valid], machines, signals, columns[0], columns[1], lines[valid], dead)


# -- MTConnect SHDR


def _read_shdr(path: Path, machine: str | None, items: Items) -> Raw:
    """Lines ``time|item|value[|item|value...]``; what alarms have more is left alone."""
    if machine is None:
        raise RecordingError(f"{path}: SHDR does not say whose recording it is: write MACHINE={path}")
    fed = items.get(machine, {})
    dead: list[DeadLine] = []
    times: list[str] = []
    signals: list[str | None] = []
    values: list[str | None] = []
    lines: list[int] = []
    with _open_text(path) as handle:
        for number, text in enumerate(handle, 1):
            fields = text.rstrip("\r\n").split("|")
            if text.startswith("*") or fields == [""]:
                continue  # an adapter's own commands; empty lines
            if len(fields) < _LEAST_FIELDS:
                dead.append(DeadLine("the line is cut short", f"{path}:{number}", _example(text.rstrip())))
                continue
            before = len(times)
            for at in range(1, len(fields), 2):
                # Devices may be named before the item.
                named = fed.get(fields[at]) or fed.get(fields[at].rpartition(":")[2], ())
                if named and at + 1 >= len(fields):
                    dead.append(
                        DeadLine("the line is cut short", f"{path}:{number}", _example(text.rstrip()))
                    )
                    continue
                for signal in named:
                    times.append(fields[0])
                    signals.append(signal)
                    values.append(fields[at + 1] or None)
                    lines.append(number)
            if len(times) == before:
                times.append(fields[0])
                signals.append(None)
                values.append(None)
                lines.append(number)
    n = len(times)
    stamps = [time.partition("@")[0] for time in times]  # a duration may follow
    return _timed(
        path,
        stamps,
        (machine,) * n,
        signals,
        values,
        ("",) * n,
        np.array(lines, np.int64),
        dead,
        need_zone=False,
    )


# -- Parquet


def _read_parquet(path: Path, machine: str | None, items: Items) -> Raw:  # noqa: ARG001 - the readers' common form
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise RecordingError(
            f"{path}: Parquet needs the extra fieldlab[archive]: pip install 'fieldlab[archive]'"
        ) from None
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise RecordingError(f"{path} is not a Parquet file: {str(error).splitlines()[0]}") from None
    names = table.column_names
    missing = [name for name in NEEDED if name not in names and not (name == "machine" and machine)]
    if missing:
        raise RecordingError(f"{path}: no column {', '.join(missing)}: it needs {', '.join(NEEDED)}")
    n = table.num_rows
    lines = np.arange(1, n + 1)
    column = {name: table.column(name).combine_chunks() for name in (*NEEDED, "quality") if name in names}
    values: list[object] = column["value"].to_pylist()
    machines = column["machine"].to_pylist() if "machine" in column else [machine] * n
    texts = [[("" if v is None else str(v)) for v in c] for c in (machines, column["signal"].to_pylist())]
    qualities = [q or "" for q in column["quality"].to_pylist()] if "quality" in column else [""] * n
    time = column["time"]
    if pa.types.is_string(time.type) or pa.types.is_large_string(time.type):
        stamps = [t or "" for t in time.to_pylist()]
        return _timed(path, stamps, texts[0], texts[1], values, qualities, lines, [], need_zone=True)
    if not (pa.types.is_timestamp(time.type) or pa.types.is_integer(time.type)):
        raise RecordingError(
            f"{path}: column time is {time.type}: it must be timestamps, texts or integer nanoseconds"
        )
    try:
        moments = time.cast(pa.timestamp("ns", time.type.tz)) if pa.types.is_timestamp(time.type) else time
        whole = moments.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise RecordingError(
            f"{path}: column time reaches beyond what nanoseconds can tell: {error}"
        ) from None
    stamps = ["" if t is None else str(t) for t in whole.to_pylist()]
    raw = _timed(path, stamps, texts[0], texts[1], values, qualities, lines, [], need_zone=True)
    if pa.types.is_timestamp(time.type) and time.type.tz is None:
        raw.said.append(f"{path}: column time has no zone: its times are taken for UTC")
    return raw


_READERS: Final[dict[str, Callable[[Path, str | None, Items], Raw]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".shdr": _read_shdr,
}
