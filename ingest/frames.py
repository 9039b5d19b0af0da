"""Rows as compact bytes, for the spool: a dictionary of series, then columns that compress well."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.columns import Kind, kind_of_field
from ingest.store import Row, Tags

_HEAD = struct.Struct("<BII")
_LARGE, _SMALL = 1, 2
"""Versions: compressed as it is, or beginning with what most frames have in common."""
_LEVEL = 1  # the fastest; higher ones save a tenth and cost three times as much
_SMALL_ROWS = 256
_SMALL_LEVEL = 6


_USUAL = ("good_count", "energy", "power", "state", "total_count")


def _in_common() -> bytes:
    """What most frames hold. It may never change: frames on disk were made with it."""
    machine = [["fieldlab", "lab"], ["line", "line1"], ["machine", "m1"]]
    series = [
        ["quality", [*machine, ["signal", "total_count"]], "code", "s"],
        ["quality", [*machine, ["signal", "state"]], "clock", "s"],
        ["link", [["fieldlab", "lab"], ["gateway", "edge1"], *machine[2:], ["source", "plc1"]], "up", "f"],
        *(["machine", machine, field, "s"] for field in ("product_text", "state_text")),
        *(
            ["machine", machine, field, "f"]
            for field in ("good_count", "energy", "power", "state", "total_count")
        ),
    ]
    listed = json.dumps([series, ["good", "source"]], separators=(",", ":")).encode()
    return bytes(200) + b"\1" * 64 + bytes(4) + listed


_COMMON = _in_common()

PLAIN, SAMPLE, REPLACES = 0, 1, 2
"""What a row is for the account: no sample, a sample, a sample whose place was taken before."""


Series = tuple[str, Tags, str]
"""Measurement, tags, field."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What one batch of the spool holds, as columns of n rows.

    Attributes
    ----------
    series : list of Series
    kinds : list of Kind
        Per series.
    index : ndarray of uint32, shape (n,)
        The series of each row.
    marked : ndarray of uint8, shape (n,)
        Per row PLAIN, SAMPLE or REPLACES.
    time_ns : ndarray of int64, shape (n,)
    bits : ndarray of uint64, shape (n,)
        Floats by their bits, integers as they are, texts as an index into `texts`.
    texts : list of str
    """

    series: list[Series]
    kinds: list[Kind]
    index: npt.NDArray[np.uint32]
    marked: npt.NDArray[np.uint8]
    time_ns: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint64]
    texts: list[str]

    @property
    def marks(self) -> list[int]:
        """Per row PLAIN, SAMPLE or REPLACES."""
        marks: list[int] = self.marked.tolist()
        return marks

    @property
    def values(self) -> list[float | str]:
        """The value of each row."""
        values: list[float | str] = self.bits.view(np.float64).tolist()
        whole = self.bits.view(np.int64)
        for i in self.others().tolist():
            values[i] = self.texts[whole[i]] if self.kinds[self.index[i]] == "s" else int(whole[i])
        return values

    def others(self) -> npt.NDArray[np.intp]:
        """The rows whose value is no float."""
        other = np.array([kind != "f" for kind in self.kinds], dtype=bool)
        return np.flatnonzero(other[self.index]) if other.any() else np.empty(0, np.intp)

    @property
    def rows(self) -> list[Row]:
        """Each row by itself."""
        series = map(self.series.__getitem__, self.index.tolist())
        return [
            Row(measurement, tags, field, time_ns, value)
            for (measurement, tags, field), time_ns, value in zip(
                series, self.time_ns.tolist(), self.values, strict=True
            )
        ]


def encode(rows: Sequence[Row], marks: Sequence[int]) -> bytes:
    """Rows as bytes; :func:`decode` gives them back exactly."""
    series: dict[tuple[str, Tags, str, Kind], int] = {}
    texts: dict[str, int] = {}
    index, times, numbers = [], [], []
    for measurement, tags, field, time_ns, value in rows:
        kind = kind_of_field(field, value)
        index.append(series.setdefault((measurement, tags, field, kind), len(series)))
        times.append(time_ns)
        numbers.append(texts.setdefault(value, len(texts)) if isinstance(value, str) else value)
    values = _bits(numbers, [key[3] for key in series], index)
    return encode_columns(
        list(series),
        np.array(index, np.uint32),
        bytes(marks),
        np.array(times, np.int64),
        values,
        list(texts),
    )


def encode_columns(
    series: Sequence[tuple[str, Tags, str, Kind]],
    index: npt.NDArray[np.uint32],
    marks: bytes,
    time_ns: npt.NDArray[np.int64],
    bits: npt.NDArray[np.uint64],
    texts: Sequence[str],
) -> bytes:
    """Rows that are columns already; see :class:`Frame`. A series may not be there twice."""
    # Unsigned, so that a difference may wrap around: any two times fit.
    steps = time_ns.view(np.uint64).copy()
    steps[1:] -= steps[:-1].copy()
    body = b"".join(
        (
            index.astype("<u4").tobytes(),
            marks,
            _shuffled(steps),
            _shuffled(bits),
            json.dumps([list(series), list(texts)], separators=(",", ":")).encode(),
        )
    )
    if len(index) >= _SMALL_ROWS:
        return _HEAD.pack(_LARGE, len(index), len(body)) + zlib.compress(body, _LEVEL)
    # The names of its series are most of a small frame, and much the same in every one.
    small = zlib.compressobj(_SMALL_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=_COMMON)
    return _HEAD.pack(_SMALL, len(index), len(body)) + small.compress(body) + small.flush()


def decode(data: bytes) -> Frame:
    """The rows that :func:`encode` made bytes of."""
    version, n, size = _HEAD.unpack_from(data)
    if version == _LARGE:
        body = zlib.decompress(data[_HEAD.size :], bufsize=size)
    elif version == _SMALL:
        body = zlib.decompressobj(-zlib.MAX_WBITS, zdict=_COMMON).decompress(data[_HEAD.size :])
    else:
        raise ValueError(f"a spool batch of version {version}; this program knows {_LARGE} and {_SMALL}")
    listed, texts = json.loads(body[21 * n :])
    return Frame(
        series=[(m, tuple((k, v) for k, v in tags), f) for m, tags, f, _ in listed],
        kinds=[kind for _, _, _, kind in listed],
        index=np.frombuffer(body, "<u4", n),
        marked=np.frombuffer(body, np.uint8, n, 4 * n),
        time_ns=np.cumsum(_unshuffled(body, n, 5 * n), dtype=np.uint64).view(np.int64),
        bits=_unshuffled(body, n, 13 * n),
        texts=texts,
    )


def _bits(numbers: list[float], kinds: list[Kind], index: list[int]) -> npt.NDArray[np.uint64]:
    """Floats by their bits, integers and numbers of texts as they are, in one column of eight bytes."""
    if all(kind == "f" for kind in kinds):
        return np.array(numbers, np.float64).view(np.uint64)
    is_float = np.array([kind == "f" for kind in kinds])[np.array(index, np.intp)]
    bits = np.empty(len(numbers), np.uint64)
    bits[is_float] = np.array([v for v, f in zip(numbers, is_float, strict=True) if f], np.float64).view(
        np.uint64
    )
    bits[~is_float] = np.array([v for v, f in zip(numbers, is_float, strict=True) if not f], np.int64).view(
        np.uint64
    )
    return bits


def _shuffled(column: npt.NDArray[np.uint64]) -> bytes:
    """All first bytes, then all second bytes...: neighbours that are alike compress."""
    return column.astype("<u8").view(np.uint8).reshape(-1, 8).T.tobytes()


def _unshuffled(body: bytes, n: int, offset: int) -> npt.NDArray[np.uint64]:
    planes = np.frombuffer(body, np.uint8, 8 * n, offset).reshape(8, n)
    return np.ascontiguousarray(planes.T).view("<u8").reshape(n).astype(np.uint64)
