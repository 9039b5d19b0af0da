"""How full a spool is, and for how long it lasts while nothing can be delivered."""

from __future__ import annotations

import logging
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

_LEAST_S: Final = 10.0
"""Batches of a shorter time than this tell no rate."""
# The database needs about 100 bytes for a batch beside its payload, and pages that are not filled besides.
_HELD: Final = (
    "SELECT coalesce(sum(length(payload) + 100), 0),"
    " coalesce(sum((length(payload) + 100) * (seq > ?)), 0) FROM batch"
)
_NEWEST: Final = (
    "SELECT coalesce(sum(length(payload) + 100), 0), min(at_ns), max(at_ns) FROM "
    "(SELECT at_ns, payload FROM batch ORDER BY seq DESC LIMIT 2000)"
)
ALARM: Final = 0.75
"""Share of the room in use at which a gateway calls for help."""
_QUIET: Final = 0.7


@dataclass(frozen=True, slots=True)
class Room:
    """What is in use, and what is left.

    Attributes
    ----------
    waiting_bytes, max_bytes : int
        Of what some store does not have; of all there may be: the spool's bound, or what the disk has.
    bytes_per_h : float or None
        How fast it fills, by the newest batches; None where there are too few to tell.
    """

    waiting_bytes: int
    max_bytes: int
    bytes_per_h: float | None

    @property
    def used(self) -> float:
        """Share of the room that is in use."""
        return self.waiting_bytes / self.max_bytes if self.max_bytes > 0 else 1.0

    @property
    def autonomy_h(self) -> float | None:
        """For how many hours the room lasts if nothing is delivered any more."""
        if not self.bytes_per_h:
            return None
        return max(self.max_bytes - self.waiting_bytes, 0) / self.bytes_per_h


def room(db: sqlite3.Connection, folder: Path, max_bytes: int, cursor: int) -> Room:
    """Look at a spool, from its gateway or from outside.

    Parameters
    ----------
    db : sqlite3.Connection
    folder : Path
        Where it lies: it cannot grow beyond the disk.
    max_bytes : int
    cursor : int
        Up to which batch every store has all.
    """
    held, waits = db.execute(_HELD, (cursor,)).fetchone()
    filled, first, last = db.execute(_NEWEST).fetchone()
    lasted_s = (last - first) / 1e9 if first is not None else 0.0
    in_pages = max(used_bytes(db) / held, 1.0) if held else 1.0
    waiting = round(waits * in_pages)
    disk = os.statvfs(folder)
    most = min(max_bytes, waiting + disk.f_bavail * disk.f_frsize)
    return Room(waiting, most, filled * in_pages / lasted_s * 3600 if lasted_s >= _LEAST_S else None)


def used_bytes(db: sqlite3.Connection) -> int:
    """How much of a database is in use."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


class Alarm:
    """Calls for help when a quarter of the room is left, once, and says when it is over.

    Parameters
    ----------
    gateway : str
    """

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._raised = False

    def look(self, now: Room, behind: str = "the store") -> None:
        """Judge the room as it is now, and say who takes nothing."""
        if not self._raised and now.used >= ALARM:
            self._raised = True
            left = now.autonomy_h
            log.error(
                "gateway %s: its spool is %.0f %% full%s: see why %s takes nothing",
                self._gateway,
                100 * now.used,
                "" if left is None else f", enough for {left:.1f} more hours",
                behind,
            )
        elif self._raised and now.used < _QUIET:
            self._raised = False
            log.warning("gateway %s: its spool has room again", self._gateway)
