"""Maps of state codes. Of the named tables only what every reading of PackML (OPC 30050) agrees on."""

from __future__ import annotations

from .recording import code_text

NAMED = {"packml": {"0": "unknown", "2": "stopped", "4": "idle", "6": "producing", "9": "down"}}


def merged(how):
    """Code text to class, for a table's name, a table with overrides, or a map of one's own."""
    if how is None:
        return {}
    if isinstance(how, str):
        return dict(NAMED[how])
    codes = dict(NAMED[how["table"]]) if how.get("table") else {}
    codes.update({code_text(code): value for code, value in (how.get("map") or {}).items()})
    return codes
