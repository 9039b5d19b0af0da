"""The plain rows of a frame as line protocol, all at once: columns of digits, and no Python object per row.

Neighbours of one machine and one time share a line: the store has half the work with them.
Every row is laid out at the same width, with NUL where it needs less; then all NULs are taken out. No name,
tag or number holds one itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.frames import Frame
from ingest.line_protocol import carefully, delicate, head_of
from ingest.store import Tags

Cells = npt.NDArray[np.uint32]
"""Four characters each."""

_SHORT_NS: Final = 10**18
"""Times from here on have 19 digits, up to what fits in 64 bits."""
_VALUE_CELLS: Final = 6  # the longest: -1.7976931348623157e+308
_TIME_CELLS: Final = 5
_THOUSAND, _MYRIAD, _MILLION = 1000, 10_000, 10**6
_MOST: Final = 1e14
"""So many thousandths or millionths are far from 2**53, up to which every whole number has a float."""


def _cells(texts: Sequence[str]) -> Cells:
    return np.frombuffer("".join(t.ljust(4, "\0") for t in texts).encode(), np.uint32)


# Four digits: with nothing in the place of zeros before them, and then with these zeros.
_DIGITS: Final = np.concatenate(
    [
        _cells([str(n).rjust(4, "\0") for n in range(_MYRIAD)]),
        _cells([f"{n:04d}" for n in range(_MYRIAD)]),
        _cells(["\0\0\0\0"]),
    ]
)
_PADDED, _NOTHING = _MYRIAD, 2 * _MYRIAD
# Three decimals and their point: without zeros behind them, and then with these zeros.
_DECIMALS: Final = np.concatenate(
    [
        _cells([f".{n:03d}".rstrip("0").rstrip(".") for n in range(_THOUSAND)]),
        _cells([f".{n:03d}" for n in range(_THOUSAND)]),
    ]
)
_MORE: Final = _cells([f"{n:03d}".rstrip("0") for n in range(_THOUSAND)])
_SPACED: Final = _cells([f" {n:03d}" for n in range(_THOUSAND)])
_NEWLINE, _MINUS = _cells(["\n", "-"]).tolist()


def body_of(frame: Frame) -> tuple[bytes, dict[int, str]]:
    """The rows of a frame as lines, each with its end; numbers first, then all else, each in their order.

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    body : bytes
    odd : dict of int to str
        Rows that cannot be said, by number, and why.
    """
    heads = [head_of(*series) or "" for series in frame.series]
    values, odd = frame.bits.view(np.float64), dict[int, str]()
    plain = frame.time_ns >= _SHORT_NS
    plain[delicate(frame, heads)] = False
    homes = _homes(frame)
    if plain.all():
        return plain_lines(heads, homes, frame.index, frame.time_ns, values), odd
    rest, lines = np.flatnonzero(~plain).tolist(), []
    all_values = frame.values
    for place in rest:
        measurement, tags, field = frame.series[frame.index[place]]
        time_ns = int(frame.time_ns[place])
        line, problem = carefully(measurement, tags, field, time_ns, all_values[place])
        if problem is None:
            lines.append(f"{line}\n")
        else:
            odd[place] = problem
    said = plain_lines(heads, homes, frame.index[plain], frame.time_ns[plain], values[plain])
    return said + "".join(lines).encode(), odd


def _homes(frame: Frame) -> npt.NDArray[np.uint32]:
    """Per series a number for its measurement and tags: what may share a line."""
    known: dict[tuple[str, Tags], int] = {}
    homes = [known.setdefault((measurement, tags), len(known)) for measurement, tags, _ in frame.series]
    return np.array(homes, np.uint32)


def plain_lines(
    heads: Sequence[str],
    homes: npt.NDArray[np.uint32],
    index: npt.NDArray[np.uint32],
    time_ns: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
) -> bytes:
    """Lines of rows that hold numbers, each line with its end.

    Parameters
    ----------
    heads : sequence of str
        Per series the beginning of its lines, up to the number.
    homes : ndarray of uint32
        Per series which others it may share a line with: those of the same number.
    index : ndarray of uint32, shape (n,)
    time_ns : ndarray of int64, shape (n,)
        All of 19 digits.
    values : ndarray of float64, shape (n,)
        All finite.
    """
    joins = _joins(homes[index], index, time_ns)
    raw = [head.encode() for head in heads]
    raw += [b"," + head.rpartition(b" ")[2] for head in raw]
    width = -(-max(map(len, raw), default=0) // 4)
    known = np.frombuffer(b"".join(head.ljust(4 * width, b"\0") for head in raw), np.uint32)
    row = np.empty((len(index), width + _VALUE_CELLS + _TIME_CELLS + 1), np.uint32)
    row[:, :width] = known.reshape(len(raw), width)[index + joins * np.uint32(len(heads))]
    _write_values(row[:, width : width + _VALUE_CELLS], values)
    _write_times(row[:, width + _VALUE_CELLS : -1], time_ns)
    row[:, -1] = _NEWLINE
    row[:-1, width + _VALUE_CELLS :][joins[1:]] = 0
    return row.tobytes().translate(None, b"\0")


def _joins(
    home: npt.NDArray[np.uint32], index: npt.NDArray[np.uint32], time_ns: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """The rows that go on with the line of the row before."""
    joins = np.zeros(len(index), bool)
    joins[1:] = (home[1:] == home[:-1]) & (time_ns[1:] == time_ns[:-1])
    line = np.cumsum(~joins)
    if len(np.unique(line * (int(index.max(initial=0)) + 1) + index)) < len(index):
        # A field twice in a line: nobody says which one counts. The later of two lines does.
        joins[:] = False
    return joins


def _write_times(cells: Cells, time_ns: npt.NDArray[np.int64]) -> None:
    # Readings of one message share their time: it is worked out once.
    new = np.flatnonzero(np.diff(time_ns, prepend=time_ns[:1] - 1))
    told = time_ns[new]
    upper, lower = np.divmod(told, _MYRIAD * _MYRIAD)
    most, middle = np.divmod(upper, _MYRIAD * _MYRIAD)
    made = np.empty((len(told), _TIME_CELLS), np.uint32)
    made[:, 0] = _SPACED[most]
    for column, part in ((1, middle), (3, lower)):
        high, low = np.divmod(part, _MYRIAD)
        made[:, column] = _DIGITS[high + _PADDED]
        made[:, column + 1] = _DIGITS[low + _PADDED]
    cells[:] = np.repeat(made, np.diff(np.append(new, len(time_ns))), axis=0)


def _write_values(cells: Cells, values: npt.NDArray[np.float64]) -> None:
    """Numbers with up to six decimals as these; all others as Python writes them."""
    size = np.abs(values)
    # A whole number of thousandths divided by a thousand is rounded correctly: it is this number, or is not.
    with np.errstate(over="ignore", invalid="ignore"):
        thousandths = np.rint(size * _THOUSAND)
        short = (thousandths / _THOUSAND == size) & (thousandths < _MOST)
    whole, decimals = np.divmod(np.where(short, thousandths, 0).astype(np.int64), _THOUSAND)
    cells[:, 4] = _DECIMALS[decimals]
    cells[:, 5] = 0
    rest = np.flatnonzero(~short)
    if len(rest):
        rest = _longer(cells, size, whole, rest)
    _write_whole(cells, whole)
    cells[:, 0] = np.where(np.signbit(values), np.uint32(_MINUS), np.uint32(0))
    if len(rest):
        told = [repr(value).ljust(4 * _VALUE_CELLS, "\0") for value in values[rest].tolist()]
        cells[rest] = np.frombuffer("".join(told).encode(), np.uint32).reshape(-1, _VALUE_CELLS)


def _longer(
    cells: Cells, size: npt.NDArray[np.float64], whole: npt.NDArray[np.int64], rest: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Write the decimals of numbers with four to six of them; which ones have still more."""
    some = size[rest]
    with np.errstate(over="ignore", invalid="ignore"):
        millionths = np.rint(some * _MILLION)
        fits = (millionths / _MILLION == some) & (millionths < _MOST)
    found = rest[fits]
    whole[found], decimals = np.divmod(millionths[fits].astype(np.int64), _MILLION)
    upper, lower = np.divmod(decimals, _THOUSAND)
    cells[found, 4] = _DECIMALS[upper + _THOUSAND]
    cells[found, 5] = _MORE[lower]
    left: npt.NDArray[np.intp] = rest[~fits]
    return left


def _write_whole(cells: Cells, whole: npt.NDArray[np.int64]) -> None:
    """The digits before the point, twelve at most."""
    upper, last = np.divmod(whole, _MYRIAD)
    if not upper.any():
        cells[:, 1:3] = 0
        cells[:, 3] = _DIGITS[last]
        return
    first, middle = np.divmod(upper, _MYRIAD)
    cells[:, 1] = _DIGITS[np.where(first > 0, first, _NOTHING)]
    cells[:, 2] = _DIGITS[np.where(first > 0, middle + _PADDED, np.where(middle > 0, middle, _NOTHING))]
    cells[:, 3] = _DIGITS[np.where(upper > 0, last + _PADDED, last)]
