"""Deleting from the embedded store: what is kept of a series is written anew, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import numpy as np

from ingest.chunks import COLUMNS, OLDEST_FIRST, append, joined
from ingest.columns import Kind


def erase(
    db: sqlite3.Connection, series: Iterable[tuple[int, Kind]], start_ns: int | None, end_ns: int | None
) -> None:
    """Delete the rows of some series in a half-open range.

    Parameters
    ----------
    db : Connection
        In a transaction that writes.
    series : iterable of (int, kind)
    start_ns, end_ns : int or None
        None: without end.
    """
    overlapping = (
        "FROM chunk WHERE series = ? AND (? IS NULL OR last_ns >= ?) AND (? IS NULL OR first_ns < ?)"
    )
    for each, kind in series:
        if start_ns is None and end_ns is None:
            db.execute("DELETE FROM chunk WHERE series = ?", (each,))
            continue
        if not db.execute(
            f"SELECT EXISTS (SELECT 1 {overlapping})",
            (each, start_ns, start_ns, end_ns, end_ns),
        ).fetchone()[0]:
            continue
        # All chunks: one that stays behind could be older or younger than what is written back.
        chunks = db.execute(
            f"SELECT {COLUMNS} FROM chunk WHERE series = ? {OLDEST_FIRST}",  # noqa: S608 - constants
            (each,),
        ).fetchall()
        time_ns, values = joined(kind, chunks)
        keep = np.zeros(len(time_ns), dtype=bool)
        if start_ns is not None:
            keep |= time_ns < start_ns
        if end_ns is not None:
            keep |= time_ns >= end_ns
        db.execute("DELETE FROM chunk WHERE series = ?", (each,))
        append(db, each, kind, time_ns[keep], values[keep])
