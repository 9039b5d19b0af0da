"""The canonical state classes, and the named tables that map machine codes to them.

No standard says which of its states a plant should call a stop; the annexes of OPC 40001-1 and
OPC 40501-1 disagree with each other. So these are defaults, each with its reason where it is a choice,
and a config overrides any entry: ``states: {table: packml, map: {11: down}}``.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

StateClass = Literal[
    "producing", "setup", "idle", "starved", "blocked", "stopped", "down", "maintenance", "off", "unknown"
]
STATE_CLASSES: Final[tuple[str, ...]] = get_args(StateClass)
"""In the order of MODEL section 3; the index in this tuple is the class's number in arrays."""

Table = dict[str, str]
"""Code as canonical text (`11`, never `11.0`; texts as they are) to state class."""


def code_text(code: object) -> str:
    """A machine's code as the text that tables are keyed by: ``11.0`` and ``11`` are both ``"11"``."""
    if isinstance(code, bool):
        return str(int(code))
    if isinstance(code, float) and code.is_integer():
        return str(int(code))
    return str(code)


def _spellings(name: str) -> list[str]:
    """A state's name as servers write it: ``NotExecuting``, ``NOTEXECUTING``, ``NOT_EXECUTING``, ..."""
    words = "".join(f"_{c}" if c.isupper() and i else c for i, c in enumerate(name))
    return [form for text in (name, words) for form in (text, text.lower(), text.upper())]


def _table(*rows: tuple[int, str, str]) -> Table:
    """Number, name, class: by number, and by name in any usual spelling."""
    table = {str(number): to for number, _, to in rows}
    table.update({form: to for _, name, to in rows for form in _spellings(name)})
    return table


# What a PackML state means for OEE. Held waits for something inside the machine, so it is a stop; Suspended
# waits for material or for room downstream, which PackML does not tell apart, so it is starved until a config
# says blocked. The acting states on the way into and out of a waiting state belong to it. Resetting and
# Starting come before the machine could run: idle.
_PACKML: Final[Table] = {
    "Undefined": "unknown", "Clearing": "down", "Stopped": "stopped", "Starting": "idle", "Idle": "idle",
    "Suspended": "starved", "Execute": "producing", "Stopping": "stopped", "Aborting": "down",
    "Aborted": "down", "Holding": "stopped", "Held": "stopped", "Unholding": "stopped",
    "Suspending": "starved", "Unsuspending": "starved", "Resetting": "idle", "Completing": "producing",
    "Complete": "idle",
}  # fmt: skip
_OPC30050: Final = (
    "Undefined", "Clearing", "Stopped", "Starting", "Idle", "Suspended", "Execute", "Stopping", "Aborting",
    "Aborted", "Holding", "Held", "Unholding", "Suspending", "Unsuspending", "Resetting", "Completing",
    "Complete",
)  # fmt: skip
_OPC30060: Final = (
    "Stopped", "Resetting", "Idle", "Starting", "Execute", "Completing", "Complete", "Aborting", "Aborted",
    "Stopping", "Clearing", "Suspending", "Suspended", "Unsuspending", "Holding", "Held", "Unholding",
)  # fmt: skip

TABLES: Final[dict[str, Table]] = {
    "packml": _table(*((number, name, _PACKML[name]) for number, name in enumerate(_OPC30050))),
    "packml30060": _table(*((number, name, _PACKML[name]) for number, name in enumerate(_OPC30060))),
    # MachineryItemState. Out of service is read as maintenance: the machine was taken out of use on purpose.
    # A choice: where it also stands for a breakdown, map 1 to down.
    "opc40001": _table(
        (0, "NotAvailable", "unknown"),
        (1, "OutOfService", "maintenance"),
        (2, "NotExecuting", "idle"),
        (3, "Executing", "producing"),
    ),
    # The operation mode of a machine tool, for a machine that tells no more. A mode is not a state: Automatic
    # is read as producing though the machine may wait in it. Prefer an item state or a counter.
    "opc40501": _table(
        (0, "Manual", "idle"),
        (1, "Automatic", "producing"),
        (2, "Setup", "setup"),
        (3, "AutoWithManualIntervention", "producing"),
        (4, "Service", "maintenance"),
        (5, "Other", "unknown"),
    ),
    # The operation mode of an injection moulding machine; the same caution. Sleep is a machine that
    # waits with its heating lowered: idle, since it is not off.
    "euromap": _table(
        (0, "Other", "unknown"),
        (1, "Automatic", "producing"),
        (2, "SemiAutomatic", "producing"),
        (3, "Manual", "idle"),
        (4, "Setup", "setup"),
        (5, "Sleep", "idle"),
    ),
    # WS_Cur_State: one bit per state, one bit at a time, so each value is a power of two. 0 is a controller
    # that has not yet been through its first cycle. An external failure is not the machine's own: blocked.
    # The bits 13 and 14 are left to the config; a code without a class is unknown, and counted.
    "weihenstephan": _table(
        (0, "Undefined", "unknown"),
        (1, "Stopped", "stopped"),
        (2, "Starting", "idle"),
        (4, "Prepared", "idle"),
        (8, "Lack", "starved"),
        (16, "Tailback", "blocked"),
        (32, "LackBranchLine", "starved"),
        (64, "TailbackBranchLine", "blocked"),
        (128, "Operating", "producing"),
        (256, "Stopping", "stopped"),
        (512, "Aborting", "down"),
        (1024, "EquipmentFailure", "down"),
        (2048, "ExternalFailure", "blocked"),
        (4096, "EmergencyStop", "down"),
        (32768, "Idle", "idle"),
    ),
    # MTConnect Execution. UNAVAILABLE is not a stop: nobody knows.
    "mtconnect": {
        "READY": "idle",
        "ACTIVE": "producing",
        "INTERRUPTED": "stopped",
        "FEED_HOLD": "stopped",
        "STOPPED": "stopped",
        "OPTIONAL_STOP": "stopped",
        "PROGRAM_STOPPED": "stopped",
        "PROGRAM_OPTIONAL_STOP": "stopped",
        "PROGRAM_COMPLETED": "idle",
        "WAIT": "idle",
        "UNAVAILABLE": "unknown",
    },
}
"""The named tables of MODEL section 3."""

ALIASES: Final[dict[str, str]] = {"opc30050": "packml", "opc30060": "packml30060"}
"""Other names of the same tables."""


def merged(table: str | None, overrides: Table) -> Table:
    """A named table with a config's own entries on top; a name overridden is so in every spelling of it."""
    result = dict(TABLES[ALIASES.get(table, table)]) if table else {}
    for code, to in overrides.items():
        for known in [k for k in result if k.lower() == code.lower()]:
            result[known] = to
        result[code] = to
    return result
