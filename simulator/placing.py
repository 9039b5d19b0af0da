"""Where a silence may lie: not over the change of a product.

The counters tell, after a silence, how many parts were made in it, but not of which product if that
changed meanwhile: their ideal time is then a guess, which the bounds of the model do not cover. A demo
whose truth must lie within its bounds keeps its silences between changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from fieldlab_configs import Machine, Site
from simulator.choices import Window
from simulator.plant import Plant

RECONNECT_S: Final = 5.0
"""How long a gateway may take, on the wall clock, to find a machine again: that is silence too."""
_STEP_NS: Final = 10_000_000_000


def product_changes(
    site: Site,
    *,
    seed: int,
    start_ns: int,
    until_ns: int,
    machines: Sequence[Machine],
    resets: dict[str, tuple[int, ...]],
) -> dict[str, list[int]]:
    """When each machine will change its product: the run itself, ahead of time."""
    rehearsal = Plant(site, seed=seed, start_ns=start_ns, machines=machines, resets=resets, low_counters=True)
    rehearsal.advance(start_ns)
    changes: dict[str, list[int]] = {machine.id: [] for machine in machines}
    for reading in rehearsal.advance(until_ns):
        if reading.signal == "product":
            changes[reading.machine].append(reading.time_ns)
    return changes


def between_changes(
    windows: Sequence[Window], changes: Mapping[str, Sequence[int]], *, speed: float, until_ns: int
) -> tuple[Window, ...]:
    """The same faults, their silences moved away from changes of product where there is room.

    Parameters
    ----------
    windows : sequence of Window
        In order of time, apart from each other.
    changes : mapping of str to sequence of int
        Per machine; UTC nanoseconds.
    speed : float
        Simulated seconds per second.
    until_ns : int
        Where the last of them must be over.
    """
    placed = list(windows)
    tail_ns = round(RECONNECT_S * speed * 1e9)
    for i, window in enumerate(placed):
        if not window.silent:
            continue
        times = sorted(t for machine in window.machines for t in changes.get(machine, ()))
        after = placed[i - 1].end_ns if i else window.start_ns - (window.end_ns - window.start_ns)
        before = placed[i + 1].start_ns if i + 1 < len(placed) else until_ns
        length = window.end_ns - window.start_ns
        starts = [window.start_ns, *range(after + _STEP_NS, before - length, _STEP_NS)]
        free = [s for s in starts if not any(s <= t <= s + length + tail_ns for t in times)]
        if free:
            start = min(free, key=lambda s: abs(s - window.start_ns))
            placed[i] = dataclasses.replace(window, start_ns=start, end_ns=start + length)
    return tuple(placed)
