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

# What it passes through on its way, by OPC 30050: code, and how long at least and at most [s].
_STEPS: Final[Mapping[str, Step]] = {
    "Clearing": ("1", 2.0, 5.0),
    "Stopped": ("2", 2.0, 8.0),
    "Starting": ("3", 1.0, 3.0),
    "Idle": ("4", 1.0, 3.0),
    "Execute": ("6", 0.5, 2.0),
    "Stopping": ("7", 1.0, 3.0),
    "Aborting": ("8", 1.0, 3.0),
    "Holding": ("10", 0.5, 2.0),
    "Unholding": ("12", 1.0, 4.0),
    "Suspending": ("13", 0.5, 2.0),
    "Unsuspending": ("14", 1.0, 3.0),
    "Resetting": ("15", 2.0, 5.0),
    "Completing": ("16", 1.0, 3.0),
    "Complete": ("17", 1.0, 2.0),
}
_INTO: Final = {"stopped": ["Holding"], "starved": ["Suspending"], "blocked": ["Suspending"]}
_OUT_OF: Final = {"stopped": ["Unholding"], "starved": ["Unsuspending"], "blocked": ["Unsuspending"]}


def _packml(before: str, after: str) -> list[str]:
    """The states of PackML's model that lie between two classes of it."""
    if after == "down":
        return ["Aborting"]  # from wherever it is
    way = ["Clearing", "Stopped"] if before == "down" else list(_OUT_OF.get(before, ()))
    if after == "producing" or after in _INTO:
        if before == "idle":
            way += ["Starting"]
        elif before != "producing" and before not in _OUT_OF:
            way += ["Resetting", "Idle", "Starting"]
        if before != "producing" and after != "producing":
            way += ["Execute"]
        return way + _INTO.get(after, [])
    if before == "producing":
        way += ["Completing", "Complete"]
    elif before in _OUT_OF:
        way += ["Stopping", "Stopped"]
    return [*way, "Resetting"] if after == "idle" else way


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
        if self._acting and self._rule is not None and before != after:
            for name in _packml(before, after):
                code, least_s, most_s = _STEPS[name]
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
