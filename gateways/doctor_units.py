"""Whether power and energy are in the unit that the config says: a wrong one is wrong by a thousand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from asyncua.ua.uaerrors import UaError

from fieldlab_configs.units import UNITS, factor
from gateways.findings import Findings
from gateways.opcua_client import CappedClient
from gateways.opcua_items import Item
from gateways.opcua_units import UNITS_NAME, unit_of
from gateways.source import Point

MOST_KW: Final = 2_000.0
"""More than a machine takes: such a reading is in watts, as a rule."""
_ROLES: Final = ("power", "energy")


async def look_at_units(
    client: CappedClient, found: Findings, seen: Sequence[tuple[Item, float | str | None]]
) -> None:
    """Hold what the server says of units, and how large a power is, against the config.

    Parameters
    ----------
    client : CappedClient
    found : Findings
    seen : sequence of (Item, value)
        Nodes that are there, and their values.
    """
    wrong, strange, large = [], [], []
    for item, value in seen:
        for point in _measured(item):
            unit, scale = _unit(point), point.signal.scale
            told = await _told(client, item)
            scaled = "" if scale == 1 else f" and scale: {scale:g}"
            said = f"{point.machine}.{point.name}: the server says {told}, the config {unit}{scaled}"
            if told in UNITS[point.name]:
                right = math.isclose(factor(point.name, told), scale * factor(point.name, unit))
                mend = f"say unit: {told}" + (", and no scale" if scaled else "")
                wrong += [] if right else [f"{said}; {mend}"]
            elif told is not None:
                strange.append(said)
            elif told is None and point.name == "power" and isinstance(value, float | int):
                power_kw = value * scale * factor("power", unit)
                if power_kw > MOST_KW:
                    large.append(f"{point.machine}.power: {power_kw:,.0f} kW, read as {unit}{scaled}")
    found.each("units", "failure", wrong)
    found.each("units", "warning", strange, "are both the same? else name another node")
    found.each("units", "warning", large, "if the machine tells watts, say so: unit: W")


def _measured(item: Item) -> Iterator[Point]:
    """The signals whose unit the whole node tells; that of a part of it nobody knows."""
    for point in item.points:
        if point.name in _ROLES and point.signal.field is None and point.signal.index is None:
            yield point


def _unit(point: Point) -> str:
    dated = point.signal.unit
    return next(iter(UNITS[point.name])) if dated is None else dated.latest


async def _told(client: CappedClient, item: Item) -> str | None:
    if item.id is None:
        return None
    try:
        place = await client.get_node(item.id).get_child(f"0:{UNITS_NAME}")
        return unit_of(await place.read_data_value(raise_on_bad_status=False))
    except UaError:
        return None
