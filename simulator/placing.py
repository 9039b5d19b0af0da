"""Where a silence may lie: not over the change of a product, nor over an edge of planned time.

The counters tell, after a silence, how many parts were made in it, but not of which product if that
changed meanwhile: their ideal time is then a guess, which the bounds of the model do not cover. And over
an edge of planned time the model's cap counts whole cycles, not the part that was already in hand. A demo
whose truth must lie within its bounds keeps its silences between such moments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from fieldlab_configs import Machine, Site
from simulator.choices import Window
from simulator.plan import Plan
from simulator.plant import Plant

RECONNECT_S: Final = 3.0
"""How long a gateway may take, on the wall clock, to find a machine again: that is silence too."""
UNHEARD_S: Final = 1.0
"""What was told so shortly before, on the wall clock, a gateway may not have heard when the link breaks."""
LATEST: Final = 0.8
"""Share of the run by which a silence, and the time to come back from it, must be over."""
_STEP_NS: Final = 10_000_000_000


def delicate_moments(
    site: Site,
    *,
    seed: int,
    start_ns: int,
    until_ns: int,
    machines: Sequence[Machine],
    resets: dict[str, tuple[int, ...]],
) -> dict[str, list[int]]:
    """When each machine will change its product (the run itself, ahead of time), or its planned time."""
    rehearsal = Plant(site, seed=seed, start_ns=start_ns, machines=machines, resets=resets, low_counters=True)
    rehearsal.advance(start_ns)
    moments = {machine.id: _unplanned(Plan(site, machine), start_ns, until_ns) for machine in machines}
    for reading in rehearsal.advance(until_ns):
        if reading.signal == "product":
            moments[reading.machine].append(reading.time_ns)
    return moments


def _unplanned(plan: Plan, start_ns: int, until_ns: int) -> list[int]:
    """The edges of planned time, and every moment outside it.

    A part counted after a silence in a break would seem to be made in the break.
    """
    pieces = plan.pieces(start_ns, until_ns)
    edges = [begin for begin, _, _ in pieces]
    return edges + [t for a, b, duty in pieces if duty != "work" for t in range(a, b, _STEP_NS)]


def between(
    windows: Sequence[Window], moments: Mapping[str, Sequence[int]], *, speed: float, until_ns: int
) -> tuple[Window, ...]:
    """The same faults, their silences moved away from such moments where there is room.

    Parameters
    ----------
    windows : sequence of Window
        In order of time, apart from each other.
    moments : mapping of str to sequence of int
        Per machine; UTC nanoseconds.
    speed : float
        Simulated seconds per second.
    until_ns : int
        Where the last of them must be over.
    """
    placed = list(windows)
    head_ns, tail_ns = round(UNHEARD_S * speed * 1e9), round(RECONNECT_S * speed * 1e9)
    for i, window in enumerate(placed):
        if not window.silent:
            continue
        times = sorted(t for machine in window.machines for t in moments.get(machine, ()))
        after = placed[i - 1].end_ns if i else window.start_ns - (window.end_ns - window.start_ns)
        before = placed[i + 1].start_ns if i + 1 < len(placed) else until_ns
        length = window.end_ns - window.start_ns
        starts = [window.start_ns, *range(after + _STEP_NS, before - length, _STEP_NS)]
        start = min(
            starts,
            key=lambda s: (
                sum(s - head_ns <= t <= s + length + tail_ns for t in times),
                abs(s - window.start_ns),
            ),
        )
        placed[i] = dataclasses.replace(window, start_ns=start, end_ns=start + length)
    return tuple(placed)
