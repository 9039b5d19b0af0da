"""Sparkplug B payloads to values, and the few that a host application says. Nothing here knows a broker."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from gateways.errors import Undecodable
from gateways.payload import MOST_BYTES, Scalar
from gateways.sparkplug_schema import Payload

MOST_METRICS: Final = 20_000
MS_NS: Final = 1_000_000
_MOST_MS: Final = 2**63 // MS_NS
REBIRTH: Final = "Node Control/Rebirth"
BD_SEQ: Final = "bdSeq"

# Numbers of datatypes (Sparkplug 3.0.0, 6.4.16). Of whole numbers: bits, and whether there is a sign.
_WHOLE: Final = {
    1: (8, True), 2: (16, True), 3: (32, True), 4: (64, True),
    5: (8, False), 6: (16, False), 7: (32, False), 8: (64, False), 13: (64, False),
}  # fmt: skip
_NAMES: Final = {
    1: "Int8", 2: "Int16", 3: "Int32", 4: "Int64", 5: "UInt8", 6: "UInt16", 7: "UInt32", 8: "UInt64",
    9: "Float", 10: "Double", 11: "Boolean", 12: "String", 13: "DateTime", 14: "Text", 15: "UUID",
    16: "DataSet", 17: "Bytes", 18: "File", 19: "Template",
}  # fmt: skip
_REAL, _BOOLEAN, _TEXT = frozenset({9, 10}), 11, frozenset({12, 14, 15})
_ARRAYS: Final = range(22, 35)
_GOOD, _BAD, _STALE = 192, 0, 500


class Told(NamedTuple):
    """A metric of a message; a name or an alias is None where it is not given."""

    name: str | None
    alias: int | None
    datatype: int | None
    time_ns: int | None
    historical: bool
    raw: Any


class Heard(NamedTuple):
    """A message."""

    time_ns: int | None
    seq: int | None
    metrics: list[Told]


def read(content: bytes) -> Heard:
    """A message, its values not yet decoded: that takes the datatype, which the birth tells.

    Raises
    ------
    Undecodable
        If it is no such message: cut, or with a length that is not true.
    """
    if len(content) > MOST_BYTES:
        raise Undecodable(f"more than {MOST_BYTES} bytes; at most so many are read")
    try:
        payload = Payload.FromString(content)
        if len(payload.metrics) > MOST_METRICS:
            raise Undecodable(f"{len(payload.metrics)} metrics; at most {MOST_METRICS} are read")
        metrics = [_told(metric) for metric in payload.metrics]
    except (DecodeError, UnicodeDecodeError):
        raise Undecodable("not a Sparkplug B payload: cut, or a length in it is not true") from None
    time_ns = _time(payload.timestamp) if payload.HasField("timestamp") else None
    return Heard(time_ns, payload.seq if payload.HasField("seq") else None, metrics)


def _told(metric: Any) -> Told:
    return Told(
        metric.name if metric.HasField("name") else None,
        metric.alias if metric.HasField("alias") else None,
        (metric.datatype or None) if metric.HasField("datatype") else None,
        _time(metric.timestamp) if metric.HasField("timestamp") else None,
        metric.is_historical,
        metric,
    )


def _time(ms: int) -> int | None:
    """A time in nanoseconds; None, as if none had been told, where no store could keep it."""
    return ms * MS_NS if ms < _MOST_MS else None


def value(told: Told, datatype: int) -> Scalar:
    """The value of a metric of that datatype; None where it says that it has none.

    Raises
    ------
    Undecodable
        If the value is not of that datatype, or of one that no signal can hold.
    """
    metric = told.raw
    which = metric.WhichOneof("value")
    if metric.is_null or which is None:
        return None
    name = datatype_name(datatype)
    if datatype in _WHOLE and which in ("int_value", "long_value"):
        return float(_whole(getattr(metric, which), *_WHOLE[datatype], name))
    if datatype in _REAL and which in ("float_value", "double_value"):
        return float(getattr(metric, which))
    if datatype == _BOOLEAN and which == "boolean_value":
        return float(metric.boolean_value)
    if datatype in _TEXT and which == "string_value":
        return str(metric.string_value)
    if skipped(datatype):
        raise Undecodable(f"{name} where a value belongs; a metric that is one can be read")
    raise Undecodable(f"a {which.removesuffix('_value')} where its birth says {name}")


def _whole(raw: int, bits: int, signed: bool, name: str) -> int:
    """A whole number as it was before it became unsigned on the wire."""
    low = raw & (1 << bits) - 1
    negative = signed and bool(low >> bits - 1)
    above = raw >> bits
    # A negative number may come with the ones of a longer one above it.
    if above and not (negative and above in ((1 << 32 - bits) - 1, (1 << 64 - bits) - 1)):
        raise Undecodable(f"{raw} does not fit into {name}, which its birth says it is")
    return low - (1 << bits) if negative else low


def skipped(datatype: int | None) -> bool:
    """Whether a datatype is none that a signal can hold: templates, data sets, files, arrays."""
    return datatype is not None and not (
        datatype in _WHOLE or datatype in _REAL or datatype in _TEXT or datatype == _BOOLEAN
    )


def datatype_name(datatype: int) -> str:
    """Its name in the specification."""
    return "an array" if datatype in _ARRAYS else _NAMES.get(datatype, f"datatype {datatype}")


def quality(told: Told) -> str:
    """What the metric's own property says of it; good where it says nothing."""
    properties = told.raw.properties
    for key, content in zip(properties.keys, properties.values, strict=False):
        if key.lower() == "quality" and not content.is_null:
            code = content.int_value or content.long_value
            return {_GOOD: "good", _BAD: "bad", _STALE: "bad"}.get(code, "uncertain")
    return "good"


def bd_seq(heard: Heard) -> int | None:
    """The number of the session, which birth and death of a node have in common."""
    for told in heard.metrics:
        if told.name == BD_SEQ and not told.raw.is_null:
            return int(told.raw.long_value or told.raw.int_value)
    return None


def rebirth_request(now_ns: int) -> bytes:
    """The command that asks a node for its births."""
    request = Payload(timestamp=now_ns // MS_NS)
    request.metrics.add(name=REBIRTH, timestamp=now_ns // MS_NS, datatype=_BOOLEAN, boolean_value=True)
    return bytes(request.SerializeToString())


def state(version: str, now_ns: int, *, online: bool) -> bytes:
    """What a host application says of itself."""
    if version == "2.2":
        return b"ONLINE" if online else b"OFFLINE"
    return json.dumps({"online": online, "timestamp": now_ns // MS_NS}).encode()


def says_online(content: bytes) -> bool:
    """What a STATE message says, as either version has it; False for anything else."""
    if content[:16].strip().upper() == b"ONLINE":
        return True
    try:
        said = json.loads(content[:1000])
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("online") is True
