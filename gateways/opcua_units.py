"""The unit that an OPC UA server says a value has (its property ``EngineeringUnits``, OPC 10000-8)."""

from __future__ import annotations

from typing import Final

from asyncua import ua

from fieldlab_configs.units import UNITS
from gateways.opcua_values import is_bad, status_of

UNITS_NAME: Final = "EngineeringUnits"
_LONGEST: Final = 32
_CODES: Final = {
    # UNECE Recommendation 20, as a number: the bytes of its code
    "KWT": "kW", "WTT": "W", "MAW": "MW", "KWH": "kWh", "WHR": "Wh", "MWH": "MWh",
    "JOU": "J", "KJO": "kJ", "3B": "MJ", "GV": "GJ", "KGM": "kg", "GRM": "g", "TNE": "t",
    "SEC": "s", "C26": "ms", "MIN": "min", "HUR": "h",
}  # fmt: skip


def is_unit(node: ua.ReferenceDescription) -> bool:
    """Whether it is the standard's property that tells the unit of the value that it belongs to."""
    name = node.BrowseName
    return (name.NamespaceIndex, name.Name, node.NodeClass) == (0, UNITS_NAME, ua.NodeClass.Variable)


def unit_of(value: ua.DataValue) -> str | None:
    """The unit that such a property tells, as a config writes it; None where it tells none.

    Parameters
    ----------
    value : DataValue
        Of the property.
    """
    told = None if value.Value is None or is_bad(status_of(value)) else value.Value.Value
    if not isinstance(told, ua.EUInformation):
        return None
    code = int(told.UnitId or 0)
    if code > 0:
        known = _CODES.get(code.to_bytes(4, "big").lstrip(b"\0").decode("latin-1"))
        if known is not None:
            return known
    # Makers write kW·h, as the standard does, or kW h.
    text = (getattr(told.DisplayName, "Text", None) or "").strip()
    plain = text.replace("·", "").replace("⋅", "").replace(" ", "")
    plain = plain if any(plain in units for units in UNITS.values()) else text
    return plain if plain.isprintable() and 0 < len(plain) <= _LONGEST else None
