"""The wall: up to where raw data may have expired, and atoms can no longer be worked out anew."""

from __future__ import annotations

from analytics.fetch import Source, neighbourhood
from analytics.signals import NS
from fieldlab_configs import Site

_HELD = frozenset({"state", "product", "order", "ideal_cycle_time"})
_EVER = 2**62
_LONGEST_STOP_NS = 31 * 86_400 * NS


def wall(site: Site, store: Source, machine: str, clock_ns: int) -> int | None:
    """The start of the first cell of a machine that can still be worked out from raw data.

    Raw data older than the bucket keeps may be gone, and with them what was in force at the first moment
    that is kept: so a cell is safe only behind the first reading of each signal that holds, behind those
    that tell what a counter's first steps were, and behind a stop that began before. A machine without an
    atom that old is new: nothing of it was in force before.

    Parameters
    ----------
    site : Site
    store : Source
    machine : str
    clock_ns : int
        The wall clock, by which a store's retention goes; UTC nanoseconds.

    Returns
    -------
    int or None
        None: the store keeps everything.
    """
    keeps = [site.store.retention_s(bucket) for bucket in ("raw", "kpi")] if site.store else []
    kept_s = min((keep_s for keep_s in keeps if keep_s is not None), default=None)
    if kept_s is None:
        return None
    edge = clock_ns - kept_s * NS
    where = {"machine": machine}
    stored = [row[3] for row in store.first_from("kpi", "atom", -_EVER, where=where)]
    cell_ns = site.cell_s * NS
    if not stored or min(stored) >= edge:
        return -(-edge // cell_ns) * cell_ns
    _, behind = neighbourhood(store, site.machine(machine), None, edge)
    first = [
        row[3]
        for row in store.first_from("raw", "machine", edge, where=where)
        if row[2].removesuffix("_text") in _HELD
    ]
    safe = max([edge, *first, *([behind] if behind is not None else [])])
    for table in store.read("kpi", "stop", start_ns=safe - _LONGEST_STOP_NS, end_ns=safe, where=where):
        durations = table.columns["duration_s"].astype(float)
        ends = table.time_ns + (durations * NS).astype("int64")
        safe = max([safe, *ends[ends > safe].tolist()])
    return (safe // cell_ns + 1) * cell_ns
