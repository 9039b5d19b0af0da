"""How a pipeline does, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.account import Ledger
from ingest.room import Room


@dataclass(frozen=True, slots=True)
class State:
    """How a pipeline does.

    Attributes
    ----------
    ledger : Ledger
    room : Room or None
        Of the spool; None before it was looked at.
    lag_s : float
        Age of the oldest that waits. [s]
    trouble : str or None
        Why nothing can be delivered now.
    stalled : tuple of str
        Its tasks that have ended though nothing told them to.
    """

    ledger: Ledger
    room: Room | None
    lag_s: float
    trouble: str | None
    stalled: tuple[str, ...]
