"""What a simulated edge node says in Sparkplug B: payloads, written by hand from the specification.

Only ever written, never read; what a gateway makes of them is its own affair (Sparkplug 3.0.0, chapter 6).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

INT32: Final = 3
INT64: Final = 4
UINT64: Final = 8
DOUBLE: Final = 10
BOOLEAN: Final = 11
STRING: Final = 12
DATETIME: Final = 13
"""Numbers of datatypes (6.4.16)."""

MS_NS: Final = 1_000_000
_VARINT, _FIXED64, _BYTES = 0, 1, 2
# Numbers of the fields of a metric (6.4.1) that hold its value, by datatype.
_INT, _LONG, _DOUBLE, _BOOLEAN, _STRING = 10, 11, 13, 14, 15


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a message.

    Attributes
    ----------
    name : str or None
        In births; afterwards the alias stands for it.
    alias : int or None
    datatype : int
    value : float, int, str, bool or None
        None is told as null.
    time_ns : int
    """

    name: str | None
    alias: int | None
    datatype: int
    value: float | int | str | bool | None
    time_ns: int


def payload(time_ns: int, metrics: Iterable[Metric], seq: int | None) -> bytes:
    """A message; times are in milliseconds, one that lies between two is told as the later."""
    out = _field(1, _VARINT) + _varint(_ms(time_ns))
    for metric in metrics:
        content = _metric(metric)
        out += _field(2, _BYTES) + _varint(len(content)) + content
    return out if seq is None else out + _field(3, _VARINT) + _varint(seq)


def _metric(metric: Metric) -> bytes:
    out = b"" if metric.name is None else _text(1, metric.name)
    if metric.alias is not None:
        out += _field(2, _VARINT) + _varint(metric.alias)
    out += _field(3, _VARINT) + _varint(_ms(metric.time_ns))
    if metric.name is not None:
        out += _field(4, _VARINT) + _varint(metric.datatype)
    return out + _value(metric)


def _value(metric: Metric) -> bytes:
    value, kind = metric.value, metric.datatype
    if value is None:
        return _field(7, _VARINT) + _varint(1)
    if kind == STRING:
        return _text(_STRING, str(value))
    if kind == BOOLEAN:
        return _field(_BOOLEAN, _VARINT) + _varint(int(bool(value)))
    if kind == DOUBLE:
        return _field(_DOUBLE, _FIXED64) + struct.pack("<d", float(value))
    if kind == INT32:
        return _field(_INT, _VARINT) + _varint(int(value) % 2**32)
    return _field(_LONG, _VARINT) + _varint(int(value) % 2**64)


def _ms(time_ns: int) -> int:
    return -(-time_ns // MS_NS)


def _text(number: int, text: str) -> bytes:
    content = text.encode()
    return _field(number, _BYTES) + _varint(len(content)) + content


def _field(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte, the eighth says that more follow
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
