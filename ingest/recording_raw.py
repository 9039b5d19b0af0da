"""The rows of a recording as raw columns, whatever kind of file they came from."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.columns import Times, array_of
from ingest.errors import RecordingError
from ingest.timestamps import nanoseconds

NEEDED: Final = ("time", "machine", "signal", "value")
_LONGEST_EXAMPLE: Final = 100
_LOOK_BYTES: Final = 65_536
_NO_TIME: Final = "not a time with a zone such as 2026-10-05T06:00:00+02:00, nor integer nanoseconds"
_UNITS: Final = {"seconds": 10**9, "milliseconds": 10**6, "microseconds": 10**3}
_YEAR_2000_NS: Final = 946_684_800 * 10**9
_YEAR_2100_NS: Final = 4_102_444_800 * 10**9
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


def example(text: object) -> str:
    """What stands there, cut where it is long."""
    return str(text)[:_LONGEST_EXAMPLE]


def timed(
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
        dead.append(DeadLine(reason, f"{path}:{lines[i]}", example(times[i])))
    if not valid.all():
        keep = valid.tolist()
        machines = list(itertools.compress(machines, keep))
        signals = list(itertools.compress(signals, keep))
    columns = [array_of("s", column)[valid] for column in (values, qualities)]
    said = [f"{path}: {unit}"] if (unit := _another_unit(time_ns[valid])) else []
    return Raw(path, time_ns[valid], machines, signals, columns[0], columns[1], lines[valid], dead, said)


def _another_unit(time_ns: Times) -> str | None:
    """What to say where every time is years of another unit, and less than two months of nanoseconds."""
    if not len(time_ns):
        return None
    first, last = int(time_ns.min()), int(time_ns.max())
    for unit, ns in _UNITS.items():
        if first >= _YEAR_2000_NS // ns and last < _YEAR_2100_NS // ns:
            zeros = "0" * (len(str(ns)) - 1)
            return (
                f"its times lie in 1970: integers are nanoseconds; if these are {unit}, add {zeros} to each"
            )
    return None


def opened_text(path: Path) -> IO[str]:
    """A file of UTF-8 text, open; RecordingError where it is none."""
    with path.open("rb") as handle:
        head = handle.read(_LOOK_BYTES)
    if b"\0" in head:
        raise RecordingError(f"{path} is not a text file: give a recording in CSV or SHDR, saved as UTF-8")
    return path.open(encoding="utf-8-sig", newline="")
