"""Which code a machine sends for which state, chosen from its own table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from fieldlab_configs import Machine, StateMap

Step = tuple[str, float, float]

# Several codes stand for one class; these are the ones a machine rests in, not those it passes through.
_RESTING: Final[Mapping[str, tuple[str, ...]]] = {
    "packml": ("6", "4", "2", "9", "5"),
    "packml30060": ("4", "2", "0", "8", "12"),
    "weihenstephan": ("128", "1", "1024", "32768"),
    "mtconnect": ("ACTIVE", "READY", "INTERRUPTED"),
}

# The same for a machine that passes through PackML's acting states: there a short stop of its own is Held.
_ACTING: Final = ("6", "4", "11", "9", "5")

# What it passes through, by OPC 30050: code, and how long at least and at most [s]. Into a state it rests in,
# and out of it again.
_INTO: Final[Mapping[str, tuple[Step, ...]]] = {
    "stopped": (("10", 0.5, 2.0),),  # Holding
    "starved": (("13", 0.5, 2.0),),  # Suspending
    "blocked": (("13", 0.5, 2.0),),
    "down": (("8", 1.0, 3.0),),  # Aborting
}
_OUT_OF: Final[Mapping[str, tuple[Step, ...]]] = {
    "producing": (("16", 1.0, 3.0), ("17", 1.0, 2.0)),  # Completing, Complete: to whatever is no disturbance
    "stopped": (("12", 1.0, 4.0),),  # Unholding
    "starved": (("14", 1.0, 3.0),),  # Unsuspending
    "blocked": (("14", 1.0, 3.0),),
    # Clearing, Stopped, Resetting, Idle, Starting: after an abort the whole way round
    "down": (("1", 2.0, 5.0), ("2", 2.0, 8.0), ("15", 2.0, 5.0), ("4", 1.0, 3.0), ("3", 1.0, 3.0)),
}
_START: Final[tuple[Step, ...]] = (("15", 2.0, 5.0), ("4", 1.0, 3.0), ("3", 1.0, 3.0))
_DISTURBED: Final = frozenset(_INTO)

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
    acting : bool
        Whether it passes through PackML's acting states, where its table is that of OPC 30050.
    """

    def __init__(self, machine: Machine, time_ns: int, *, acting: bool = False) -> None:
        rule = machine.states.at(time_ns) if machine.states else None
        self._rule = rule
        self._acting = acting and rule is not None and rule.table == "packml"
        self._codes = {} if rule is None else _codes_of(rule, acting=self._acting)
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
        return self._told(self._codes.get(name, name))

    def way(self, before: str, after: str) -> Iterator[tuple[str, int | str, float, float]]:
        """The acting states between two classes: class, code, and how long at least and at most [s]."""
        if not self._acting or self._rule is None or before == after:
            return
        steps = [] if before == "producing" and after in _DISTURBED else [*_OUT_OF.get(before, ())]
        if after == "producing" and before not in _OUT_OF:
            steps += _START
        steps += _INTO.get(after, ())
        for code, least_s, most_s in steps:
            yield self._rule.state_of(code), self._told(code), least_s, most_s

    def _told(self, code: str) -> int | str:
        return int(code) if self.numeric and self._codes else code


def _codes_of(rule: StateMap, *, acting: bool) -> dict[str, str]:
    """A code for every class of a table: the resting one, else a number, else the first."""
    result: dict[str, str] = {}
    resting = _ACTING if acting else _RESTING.get(rule.table or "", ())
    for code, name in rule.map.items():
        known = result.get(name)
        if known is None or _rank(code, resting) < _rank(known, resting):
            result[name] = code
    result.pop("unknown", None)
    return result


def _rank(code: str, resting: tuple[str, ...]) -> tuple[bool, bool]:
    return code not in resting, not code.lstrip("-").isdigit()
