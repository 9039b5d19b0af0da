"""How a pipeline does, for whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.account import Ledger
from ingest.room import Room


@dataclass(frozen=True, slots=True)
class StoreState:
    """How delivery to one store does.

    Attributes
    ----------
    ledger : Ledger
    lag_s : float
        Age of the oldest that waits. [s]
    trouble : str or None
        Why nothing can be delivered now.
    """

    ledger: Ledger
    lag_s: float
    trouble: str | None


@dataclass(frozen=True, slots=True)
class State:
    """How a pipeline does.

    Attributes
    ----------
    ledger : Ledger
        Of the first store, as `lag_s` and `trouble`.
    room : Room or None
        Of the spool; None before it was looked at.
    lag_s : float
        Age of the oldest that waits. [s]
    trouble : str or None
        Why nothing can be delivered now.
    stalled : tuple of str
        Its tasks that have ended though nothing told them to.
    stores : mapping of str to StoreState
        Where there are several: each, the first too.
    """

    ledger: Ledger
    room: Room | None
    lag_s: float
    trouble: str | None
    stalled: tuple[str, ...]
    stores: Mapping[str, StoreState] = field(default_factory=dict)
