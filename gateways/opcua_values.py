"""OPC UA's words in ours: node ids, times, qualities, values."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.ua.status_codes import get_name_and_doc
from asyncua.ua.uaerrors import UaError

from gateways.errors import Undecodable

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_NSU: Final = re.compile(r"nsu=(?P<uri>.*?);(?P<id>[isgb]=.*)", re.DOTALL)

CODE_MASK: Final = 0xFFFF_0000  # severity and sub-code; the rest are flags (Part 4, 7.39)
OVERFLOW: Final = 0x0000_0480  # InfoType DataValue, and the overflow bit
NO_VALUE: Final = "BadWaitingForInitialData"

_NUMBERS: Final = frozenset({
    ua.VariantType.SByte, ua.VariantType.Byte, ua.VariantType.Int16, ua.VariantType.UInt16,
    ua.VariantType.Int32, ua.VariantType.UInt32, ua.VariantType.Int64, ua.VariantType.UInt64,
    ua.VariantType.Float, ua.VariantType.Double, ua.VariantType.Boolean,
})  # fmt: skip


class UnknownNamespace(LookupError):  # noqa: N818 - named by what it is to the reader
    """The server has no such namespace now; it may come back with another index."""


def node_id(text: str, namespaces: Sequence[str]) -> ua.NodeId:
    """A node id as configured, with its namespace's index on this server now.

    Parameters
    ----------
    text : str
        ``nsu=<uri>;s=<name>`` (also ``i=``, ``g=``, ``b=``), or a plain ``ns=<index>;...``.
    namespaces : sequence of str
        The server's NamespaceArray.

    Raises
    ------
    UnknownNamespace
        If the server has no namespace of that URI.
    ValueError
        If the text is no node id.
    """
    found = _NSU.fullmatch(text)
    plain = text
    if found:
        uri = found["uri"].replace("%3B", ";").replace("%25", "%")
        if uri not in namespaces:
            raise UnknownNamespace(f"the server has no namespace {uri}")
        plain = f"ns={list(namespaces).index(uri)};{found['id']}"
    try:
        return ua.NodeId.from_string(plain)
    except UaError as error:
        raise ValueError(
            f"{text!r} is no node id; expected for example nsu=urn:example:mill;s=State"
        ) from error


def time_ns(time: dt.datetime | None) -> int | None:
    """A timestamp in UTC nanoseconds; None where there is none (OPC UA's zero is the year 1601)."""
    if time is None:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=dt.UTC)
    nanoseconds = (time - _EPOCH) // _MICROSECOND * 1_000
    return nanoseconds if nanoseconds > 0 else None


def status_of(value: ua.DataValue) -> int:
    """The status of a value, as a number."""
    return 0 if value.StatusCode is None else int(value.StatusCode.value)


def quality_of(status: int) -> str:
    """``good``, or the OPC UA name of anything else."""
    code = status & CODE_MASK
    return "good" if code == 0 else str(get_name_and_doc(code)[0])


def is_bad(status: int) -> bool:
    """Whether a status is of the Bad class (or the reserved one, which counts as Bad)."""
    return bool(status & 0x8000_0000)


def overflowed(status: int) -> bool:
    """Whether the server says that its queue overflowed just before this value."""
    return status & OVERFLOW == OVERFLOW


def value_of(variant: ua.Variant | None) -> float | str | None:
    """The value inside a Variant: a number, a text, or None for nothing.

    Raises
    ------
    Undecodable
        For arrays, structures and other types that no signal can hold.
    """
    if variant is None or variant.Value is None:
        return None
    if variant.VariantType in _NUMBERS and not variant.is_array and not isinstance(variant.Value, list):
        return float(variant.Value)
    if variant.is_array:
        raise Undecodable("an array; say which element with index")
    return plain_value(variant.Value)


def plain_value(value: Any) -> float | str | None:
    """A value, outside of its Variant, as a number or a text; None for nothing.

    Raises
    ------
    Undecodable
        If it is neither.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):  # truths and enumerations too
        return float(value)
    if isinstance(value, ua.LocalizedText):
        return value.Text
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=value.tzinfo or dt.UTC).isoformat()
    if isinstance(value, ua.QualifiedName):
        return value.Name
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, ua.Variant):
        return value_of(value)
    if isinstance(value, list):
        raise Undecodable("an array; say which element with index, or .0 behind the field")
    if isinstance(value, dict) or hasattr(value, "__dataclass_fields__"):
        raise Undecodable("a structure; say which field")
    raise Undecodable(f"a value of type {type(value).__name__}; a signal holds a number or a text")
