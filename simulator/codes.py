"""Which code a machine sends for which state, chosen from its own table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fieldlab_configs import Machine, StateMap

# Several codes stand for one class; these are the ones a machine rests in, not those it passes through.
_RESTING: Final[Mapping[str, tuple[str, ...]]] = {
    "packml": ("6", "4", "2", "9", "5"),
    "packml30060": ("4", "2", "0", "8", "12"),
    "weihenstephan": ("128", "1", "1024", "32768"),
    "mtconnect": ("ACTIVE", "READY", "INTERRUPTED"),
}

# A machine does only what its codes can tell: what it has no code for, it shows as the next best.
_ELSE: Final[Mapping[str, tuple[str, ...]]] = {
    "setup": ("idle", "stopped", "off"),
    "starved": ("idle", "stopped"),
    "blocked": ("idle", "stopped"),
    "idle": ("stopped", "off"),
    "stopped": ("idle", "down"),
    "down": ("stopped", "idle"),
    "maintenance": ("idle", "stopped", "off"),
    "off": ("idle", "stopped"),
    "producing": (),
}

FROM_POWER: Final = frozenset({"off", "idle", "producing"})
FROM_COUNT: Final = frozenset({"producing", "stopped"})


class Codes:
    """The states that a machine can show, and the code of each.

    Parameters
    ----------
    machine : Machine
        Its state table decides.
    time_ns : int
        Which entry of a dated table is meant; a simulation does not live to see another.
    """

    def __init__(self, machine: Machine, time_ns: int) -> None:
        rule = machine.states.at(time_ns) if machine.states else None
        self._codes = {} if rule is None else _codes_of(rule)
        self.from_power = rule.from_power if rule else None
        if self.from_power:
            self.classes = FROM_POWER
        elif rule is not None and rule.from_count:
            self.classes = FROM_COUNT
        elif rule is not None and "state" in machine.signals:
            self.classes = frozenset(self._codes)
        else:
            self.classes = frozenset(_ELSE)
        self.numeric = all(code.lstrip("-").isdigit() for code in self._codes.values())

    def shown(self, wanted: str) -> str:
        """The class that the machine is in when it is `wanted`, as far as it can tell."""
        for name in (wanted, *_ELSE[wanted], *sorted(self.classes)):
            if name in self.classes:
                return name
        return wanted

    def code(self, name: str) -> int | str:
        """The code of a state class."""
        code = self._codes.get(name, name)
        return int(code) if self.numeric and self._codes else code


def _codes_of(rule: StateMap) -> dict[str, str]:
    """A code for every class of a table: the resting one, else a number, else the first."""
    result: dict[str, str] = {}
    resting = _RESTING.get(rule.table or "", ())
    for code, name in rule.map.items():
        known = result.get(name)
        if known is None or _rank(code, resting) < _rank(known, resting):
            result[name] = code
    result.pop("unknown", None)
    return result


def _rank(code: str, resting: tuple[str, ...]) -> tuple[bool, bool]:
    return code not in resting, not code.lstrip("-").isdigit()
