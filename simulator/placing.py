"""Where a silence may lie: not over the change of a product, nor outside planned time or over its edges.

The counters tell, after a silence, how many parts were made in it, but not of which product if that
changed before the next reading: their ideal time is then a guess, which the bounds of the model do not
cover. Over an edge of planned time the model's cap counts whole cycles, not the part that was already in
hand; and a part counted after a silence in a break seems to be made in the break. A demo whose truth must
lie within its bounds keeps its silences away from such moments.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
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
BUSY: Final = 3.0
"""A busy computer may take so many times as long for both; where there is room, it gets it."""
LATEST: Final = 0.8
"""Share of the run by which a silence must be over."""
_STEP_NS: Final = 10_000_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Course:
    """What one machine will do in a run, as far as silences care; UTC nanoseconds, ascending.

    Attributes
    ----------
    unplanned : tuple of int
        The edges of planned time, and every few seconds outside it.
    changes : tuple of int
        When its product changes.
    counts : tuple of tuple of int
        Per counter, when it shows something new.
    """

    unplanned: tuple[int, ...]
    changes: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]

    def conflicts(self, begin_ns: int, end_ns: int) -> int:
        """How many moments speak against a silence there."""
        first, last = begin_ns, end_ns
        for counts in self.counts:
            before, after = bisect_left(counts, begin_ns) - 1, bisect_right(counts, end_ns)
            # The parts between these two readings are laid into the silence, wherever they were made.
            first = min(first, counts[before]) if before >= 0 else first
            last = max(last, counts[after]) if after < len(counts) else last
        changes = bisect_right(self.changes, last) - bisect_left(self.changes, first)
        return changes + bisect_right(self.unplanned, end_ns) - bisect_left(self.unplanned, begin_ns)


def courses(
    site: Site,
    *,
    seed: int,
    start_ns: int,
    until_ns: int,
    machines: Sequence[Machine],
    resets: dict[str, tuple[int, ...]],
) -> dict[str, Course]:
    """The course of every machine: the run itself, rehearsed ahead of time."""
    rehearsal = Plant(site, seed=seed, start_ns=start_ns, machines=machines, resets=resets, low_counters=True)
    rehearsal.advance(start_ns)
    changes: dict[str, list[int]] = {machine.id: [] for machine in machines}
    counts: dict[str, dict[str, list[int]]] = {machine.id: {} for machine in machines}
    for reading in rehearsal.advance(until_ns):
        if reading.signal == "product":
            changes[reading.machine].append(reading.time_ns)
        elif reading.signal.endswith("_count"):
            counts[reading.machine].setdefault(reading.signal, []).append(reading.time_ns)
    return {
        machine.id: Course(
            tuple(_unplanned(Plan(site, machine), start_ns, until_ns)),
            tuple(changes[machine.id]),
            tuple(tuple(times) for times in counts[machine.id].values()),
        )
        for machine in machines
    }


def _unplanned(plan: Plan, start_ns: int, until_ns: int) -> list[int]:
    pieces = plan.pieces(start_ns, until_ns)
    edges = {begin for begin, _, _ in pieces if begin > start_ns}
    return sorted(edges | {t for a, b, duty in pieces if duty != "work" for t in range(a, b, _STEP_NS)})


def between(
    windows: Sequence[Window], of: Mapping[str, Course], *, speed: float, until_ns: int
) -> tuple[Window, ...]:
    """The same faults, their silences moved to where the least speaks against them.

    Parameters
    ----------
    windows : sequence of Window
        In order of time.
    of : mapping of str to Course
        Per machine.
    speed : float
        Simulated seconds per second.
    until_ns : int
        Where the last of them must be over.
    """
    placed = list(windows)
    first_ns = min((w.start_ns for w in windows), default=until_ns)
    for i, window in enumerate(placed):
        if not window.silent:
            continue
        length = window.end_ns - window.start_ns
        # What befalls other machines may happen at the same time.
        same = [w for w in placed if w is not window and set(w.machines) & set(window.machines)]
        after = max([first_ns, *(w.end_ns for w in same if w.start_ns <= window.start_ns)])
        before = min([until_ns, *(w.start_ns for w in same if w.start_ns > window.start_ns)])
        starts = [window.start_ns, *range(after + _STEP_NS, before - length, _STEP_NS)]
        start = min(
            starts,
            key=lambda s: (
                _against(window, s, s + length, of, speed),
                _against(window, s, s + length, of, speed * BUSY),
                abs(s - window.start_ns),
            ),
        )
        placed[i] = dataclasses.replace(window, start_ns=start, end_ns=start + length)
    return tuple(sorted(placed, key=lambda w: w.start_ns))


def _against(window: Window, start_ns: int, end_ns: int, of: Mapping[str, Course], speed: float) -> int:
    """How many moments speak against a silence there, and the time to lose and to find the machine again."""
    begin = start_ns - round(UNHEARD_S * speed * 1e9)
    end = end_ns + round(RECONNECT_S * speed * 1e9)
    return sum(of[machine].conflicts(begin, end) for machine in window.machines if machine in of)


def conflicts(window: Window, of: Mapping[str, Course], speed: float) -> int:
    """How many moments speak against a silence where it lies."""
    return _against(window, window.start_ns, window.end_ns, of, speed)
