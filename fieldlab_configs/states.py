"""The canonical state classes, and the named tables that map machine codes to them."""

from __future__ import annotations

from typing import Final, Literal, get_args

StateClass = Literal[
    "producing", "setup", "idle", "starved", "blocked", "stopped", "down", "maintenance", "off", "unknown"
]
STATE_CLASSES: Final[tuple[str, ...]] = get_args(StateClass)
"""In the order of MODEL section 3; the index in this tuple is the class's number in arrays."""

Table = dict[str, str]
"""Code as canonical text (`11`, never `11.0`; texts as they are) to state class."""

TABLES: Final[dict[str, Table]] = {}


def code_text(code: object) -> str:
    """A machine's code as the text that tables are keyed by: ``11.0`` and ``11`` are both ``"11"``."""
    if isinstance(code, bool):
        return str(int(code))
    if isinstance(code, float) and code.is_integer():
        return str(int(code))
    return str(code)
