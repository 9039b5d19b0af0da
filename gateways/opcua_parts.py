"""The part of a value that a signal names: an element of an array, a field of a structure."""

from __future__ import annotations

from typing import Any

from asyncua import ua

from gateways.errors import Undecodable
from gateways.opcua_values import plain_value, value_of


def part_of(
    variant: ua.Variant | None, value: Any, index: int | None, path: str | None
) -> float | str | None:
    """What a signal takes of a node's value.

    Parameters
    ----------
    variant : Variant or None
        As it came; tells the type of a scalar.
    value : object
        Its content, structures decoded to mappings.
    index : int or None
        Which element of an array.
    path : str or None
        Names of fields, and indices of arrays in them, with dots between.

    Raises
    ------
    Undecodable
        If there is no such part, or it is no number and no text.
    """
    if index is None and path is None:
        return value_of(variant)
    if value is None:
        return None
    if index is not None:
        value = _element(value, index, "the value")
    for name in path.split(".") if path else ():
        value = _field(value, name)
    return plain_value(value)


def _element(value: Any, index: int, what: str) -> Any:
    if not isinstance(value, list):
        raise Undecodable(f"{what} is no array, and index {index} is asked for")
    if index >= len(value):
        raise Undecodable(f"{what} has {len(value)} elements, and index {index} is asked for")
    return value[index]


def _field(value: Any, name: str) -> Any:
    if isinstance(value, list) and name.isdecimal():
        return _element(value, int(name), "the array")
    fields = value if isinstance(value, dict) else getattr(value, "__dataclass_fields__", None)
    if fields is None:
        raise Undecodable(f"no structure, and its field {name} is asked for")
    if name not in fields:
        raise Undecodable(f"no field {name} in it; it has {', '.join(map(str, list(fields)[:20]))}")
    return value[name] if isinstance(value, dict) else getattr(value, name)
