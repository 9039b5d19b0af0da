"""Recordings in Parquet: the columns of CSV, typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fieldlab_configs.lacking import INSTALL_ALL
from ingest.errors import RecordingError
from ingest.recording_raw import NEEDED, Items, Raw, timed


def read_parquet(path: Path, machine: str | None, items: Items) -> Raw:  # noqa: ARG001 - the readers' common form
    """The rows of a file of columns."""
    table = _table(path)
    names = table.column_names
    missing = [name for name in NEEDED if name not in names and not (name == "machine" and machine)]
    if missing:
        raise RecordingError(f"{path}: no column {', '.join(missing)}: it needs {', '.join(NEEDED)}")
    n = table.num_rows
    column = {name: table.column(name).combine_chunks() for name in (*NEEDED, "quality") if name in names}
    values: list[object] = column["value"].to_pylist()
    machines = column["machine"].to_pylist() if "machine" in column else [machine] * n
    texts = [[("" if v is None else str(v)) for v in c] for c in (machines, column["signal"].to_pylist())]
    qualities = [q or "" for q in column["quality"].to_pylist()] if "quality" in column else [""] * n
    stamps, zoned = _stamps(path, column["time"])
    lines = np.arange(1, n + 1)
    raw = timed(path, stamps, texts[0], texts[1], values, qualities, lines, [], need_zone=True)
    if not zoned:
        raw.said.append(f"{path}: column time has no zone: its times are taken for UTC")
    return raw


def _table(path: Path) -> Any:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise RecordingError(f"{path}: Parquet needs pyarrow: {INSTALL_ALL}") from None
    try:
        return pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise RecordingError(f"{path} is not a Parquet file: {str(error).splitlines()[0]}") from None


def _stamps(path: Path, time: Any) -> tuple[list[str], bool]:
    """Times as texts, and whether it is said of which zone they are; a text says so itself."""
    import pyarrow as pa  # noqa: PLC0415 - an extra; it is there, for the table was read

    if pa.types.is_string(time.type) or pa.types.is_large_string(time.type):
        return [t or "" for t in time.to_pylist()], True
    moments = pa.types.is_timestamp(time.type)
    if not (moments or pa.types.is_integer(time.type)):
        raise RecordingError(
            f"{path}: column time is {time.type}: it must be timestamps, texts or integer nanoseconds"
        )
    try:
        whole = (time.cast(pa.timestamp("ns", time.type.tz)) if moments else time).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise RecordingError(
            f"{path}: column time reaches beyond what nanoseconds can tell: {error}"
        ) from None
    stamps = ["" if t is None else str(t) for t in whole.to_pylist()]
    return stamps, not (moments and time.type.tz is None)
