"""Recordings in MTConnect SHDR: what an adapter said, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from ingest.errors import RecordingError
from ingest.recording_raw import DeadLine, Items, Raw, example, opened_text, timed

_LEAST_FIELDS: Final = 3


def read_shdr(path: Path, machine: str | None, items: Items) -> Raw:
    """Lines ``time|item|value[|item|value...]``; what alarms have more is left alone."""
    if machine is None:
        raise RecordingError(f"{path}: SHDR does not say whose recording it is: write MACHINE={path}")
    fed = items.get(machine, {})
    dead: list[DeadLine] = []
    times: list[str] = []
    signals: list[str | None] = []
    values: list[str | None] = []
    lines: list[int] = []
    with opened_text(path) as handle:
        for number, text in enumerate(handle, 1):
            fields = text.rstrip("\r\n").split("|")
            if text.startswith("*") or fields == [""]:
                continue  # an adapter's own commands; empty lines
            if len(fields) < _LEAST_FIELDS:
                dead.append(DeadLine("the line is cut short", f"{path}:{number}", example(text.rstrip())))
                continue
            before = len(times)
            for at in range(1, len(fields), 2):
                # Devices may be named before the item.
                named = fed.get(fields[at]) or fed.get(fields[at].rpartition(":")[2], ())
                if named and at + 1 >= len(fields):
                    dead.append(DeadLine("the line is cut short", f"{path}:{number}", example(text.rstrip())))
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
    return timed(
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
