"""Units of the roles: what a config may write, and the factor to the unit that figures are in.

Power is in kW, energy in kWh, an ideal cycle time in s, material in kg, a count in parts. A measurement
(any signal whose name is no role) may have any unit: it is shown, never converted.
"""

from __future__ import annotations

from typing import Final

_PARTS: Final = {"1": 1.0, "parts": 1.0, "pcs": 1.0}

UNITS: Final[dict[str, dict[str, float]]] = {
    "power": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "energy": {
        "kWh": 1.0, "Wh": 1e-3, "MWh": 1e3,
        "J": 1 / 3.6e6, "kJ": 1 / 3.6e3, "MJ": 1 / 3.6, "GJ": 1e3 / 3.6,
    },
    "ideal_cycle_time": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    "material": {"kg": 1.0, "g": 1e-3, "t": 1e3},
    "total_count": _PARTS, "good_count": _PARTS, "scrap_count": _PARTS, "rework_count": _PARTS,
}  # fmt: skip
"""Per role, every unit it may be in; the first is the one that figures are in, and the default."""

TEXT_ROLES: Final = frozenset({"state", "product", "order", "reason", "link"})
"""Roles that have no unit at all."""


def factor(role: str, unit: str | None) -> float:
    """What a value of that role and unit is multiplied by to be in kW, kWh, s, kg or parts.

    Parameters
    ----------
    role : str
        The signal's key in the config.
    unit : str or None
        As written in the config; None is the unit that figures are in.

    Returns
    -------
    float
        1.0 for a measurement, whatever its unit.

    Raises
    ------
    ValueError
        If the role can not have that unit.

    Examples
    --------
    >>> factor("power", "W")
    0.001
    >>> factor("spindle_c", "degC")
    1.0
    """
    if unit is None or (role not in UNITS and role not in TEXT_ROLES):
        return 1.0
    wrong = wrong_unit(role, unit)
    if wrong:
        raise ValueError(wrong)
    return UNITS[role][unit]


def wrong_unit(role: str, unit: str) -> str | None:
    """Why a signal of that role can not have that unit; None where it can."""
    if role in TEXT_ROLES:
        return f"a {role} has no unit; leave it out"
    known = UNITS.get(role)
    if known is None or unit in known:
        return None
    return f'must be one of {", ".join(known)} for {role}, got "{unit}"'
