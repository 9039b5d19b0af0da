"""The demo's table in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from fieldlab.gateway import told
from fieldlab.output import render
from fieldlab.screens import StoreScreens
from fieldlab.times import rfc3339
from ingest.account import Ledger

Row = Mapping[str, object]


class LiveTable:
    """A table that is drawn over itself on a terminal, and not at all elsewhere.

    Parameters
    ----------
    quiet : bool
        Draw nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._live = not quiet and sys.stdout.isatty()
        self._lines = 0

    def show(self, screens: StoreScreens, ledger: Ledger, now_ns: int) -> None:
        """Draw the figures so far."""
        first_ns = screens.first_ns()
        if not self._live or first_ns is None:
            return
        rows = screens.kpis(first_ns, now_ns, ["machine"])
        text = f"simulated time {rfc3339(now_ns)}\n{render(rows, ['machine'], 'table')}\n{told(ledger)}"
        up = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
        sys.stdout.write(up + text + "\n")
        sys.stdout.flush()
        self._lines = text.count("\n") + 1

    def close(self) -> None:
        """Leave what was drawn for the summary to replace."""
        if self._live and self._lines:
            sys.stdout.write(f"\x1b[{self._lines}F\x1b[J")
            self._lines = 0


def summary(rows: Sequence[Row], truths: Mapping[str, Row], ledger: Ledger) -> str:
    """What was measured, and beside it what the simulated machines really did."""
    real = [{**truths[str(row["machine"])], "machine": row["machine"]} for row in rows]
    return (
        f"measured, from machine to store:\n{render(rows, ['machine'], 'table')}\n\n"
        f"what the simulated machines really did:\n{render(real, ['machine'], 'table')}\n\n"
        f"{told(ledger)}"
    )
