"""The two arms of an experiment as blocks: what is compared, what is left out, and why."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from analytics.groups import Row
from analytics.kpis import Convention
from analytics.signals import Floats
from fieldlab_configs import Experiment, Site

MISSING_AT_MOST: Final = 0.01
"""Share of a block that nobody read at which it is left out: its sum would pass for less."""
Sums = Mapping[str, float]
Stratum = tuple[str, ...]
Block = tuple[str, str]
"""Date and shift: blocks are in the order of time, as neighbours hang together."""


@dataclass(frozen=True, slots=True)
class Question:
    """A KPI as a ratio of two additive figures.

    Attributes
    ----------
    top, bottom : callable
        Sums of atom fields to a number.
    better : int
        +1 where more is better, else -1.
    needs : frozenset of str
        ``energy``, ``counts``: what has to be read all through a block.
    """

    top: Callable[[Sums], float]
    bottom: Callable[[Sums], float]
    better: int
    needs: frozenset[str] = frozenset()


def questions(convention: Convention, *, line: bool = False) -> dict[str, Question]:
    """What is asked of every experiment, by the name of the KPI (MODEL section 4).

    Parameters
    ----------
    convention : str
        ``iso22400`` or ``nakajima``: by the second, minor stops count as production.
    line : bool
        Whether OEE and figures per good unit are those of the line.
    """

    def made(s: Sums) -> float:
        return s["actual_production_time_s"] + (s["minor_stop_s"] if convention == "nakajima" else 0.0)

    def known(s: Sums) -> float:
        return s["planned_busy_time_s"] - s["unknown_time_s"]

    good = "line_good_quantity" if line else "good_quantity"
    oee = Question(
        lambda s: s["ideal_good_time_s"], lambda s: s["planned_busy_time_s"] - s["count_missing_s"], 1
    )
    of_line = Question(lambda s: s["line_ideal_good_time_s"], lambda s: s["line_planned_busy_time_s"], 1)
    counts, both = frozenset({"counts"}), frozenset({"counts", "energy"})
    return {
        "oee_index": of_line if line else oee,
        "availability": Question(made, known, 1),
        "effectiveness": Question(
            lambda s: s["ideal_production_time_s"] - s["ideal_production_unknown_s"], made, 1, counts
        ),
        "quality_ratio": Question(
            lambda s: s["ideal_good_time_s"], lambda s: s["ideal_production_time_s"], 1
        ),
        "throughput_rate_per_h": Question(lambda s: 3600 * s["produced_quantity"], known, 1, counts),
        "energy_per_good_unit_kwh": Question(lambda s: s["energy_kwh"], lambda s: s[good], -1, both),
        "material_per_good_unit_kg": Question(lambda s: s["material_kg"], lambda s: s[good], -1, counts),
    }


MEASURES: Final = tuple(questions("iso22400"))
"""The KPIs that every experiment is judged by, in the order in which they are told."""


def of_line(site: Site, experiment: Experiment) -> bool:
    """Whether an experiment is of a line: several machines, its output and its bottleneck among them."""
    machines = set(experiment.machines)
    lines = {site.machine(m).line.latest for m in machines}
    named = {
        name
        for line in site.lines
        if line.id in lines
        for dated in (line.outputs, line.bottlenecks)
        for _, name in dated.entries
    }
    return len(machines) > 1 and len(lines) == 1 and named <= machines


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm's blocks.

    Attributes
    ----------
    strata : list of tuple
        What is matched on; one empty tuple where nothing is.
    top, bottom : ndarray of float64, shape (blocks, strata)
    coverage : float
        Share of its planned time that is known.
    left_out : dict of str to int
        Blocks that are not among them, by what was not read: ``energy`` or ``counts``.
    """

    strata: list[Stratum]
    top: Floats
    bottom: Floats
    coverage: float
    left_out: dict[str, int] = field(default_factory=dict)

    def has(self, stratum: Stratum) -> bool:
        """Whether anything was divided by, in that stratum."""
        if stratum not in self.strata:
            return False
        total = self.bottom[:, self.strata.index(stratum)].sum()
        return bool(total > 0 or math.isnan(total))

    def touches(self, stratum: Stratum) -> bool:
        """Whether there is anything at all in that stratum."""
        at = self.strata.index(stratum)
        return bool((self.top[:, at] != 0).any() or (self.bottom[:, at] != 0).any())

    def only(self, strata: Sequence[Stratum]) -> Arm:
        """The arm in some of its strata; blocks that have nothing there are gone."""
        columns = [self.strata.index(s) for s in strata]
        top, bottom = self.top[:, columns], self.bottom[:, columns]
        # An empty block is no evidence; one with energy and no part is, and it stays.
        some = ~((top == 0) & (bottom == 0)).all(axis=1)
        return Arm(list(strata), top[some], bottom[some], self.coverage, self.left_out)


def arm(
    rows: Sequence[Row], by_machine: Sequence[Row], name: str, match: Sequence[str], question: Question
) -> Arm:
    """One arm out of rows by arm, shift, date and what is matched on.

    Parameters
    ----------
    rows : sequence of dict
        See :func:`analytics.groups.group`.
    by_machine : sequence of dict
        The same by machine: what a machine that measures it has not read.
    name : str
        ``baseline`` or ``trial``.
    match : sequence of str
    question : Question
    """
    mine = [(r, _numbers(r)) for r in rows if r["arm"] == name]
    unread = _unread([r for r in by_machine if r["arm"] == name], question.needs)
    kept = [(r, s) for r, s in mine if _block(r) not in unread]
    of_week = {} if "shift" in match else _shifts_by_week(r for r, _ in kept)
    blocks = {key: i for i, key in enumerate(sorted({b for r, _ in kept for b in _carriers(r, of_week)}))}
    strata = {key: i for i, key in enumerate(dict.fromkeys(tuple(str(r[k]) for k in match) for r, _ in kept))}
    top, bottom = np.zeros((2, len(blocks), len(strata)))
    for row, sums in kept:
        stratum = strata[tuple(str(row[k]) for k in match)]
        carriers = _carriers(row, of_week)
        at = [blocks[carrier] for carrier in carriers]
        top[at, stratum] += question.top(sums) / len(carriers)
        bottom[at, stratum] += question.bottom(sums) / len(carriers)
    planned, unknown = (sum(s[n] for _, s in mine) for n in ("planned_busy_time_s", "unknown_time_s"))
    left_out = {what: list(unread.values()).count(what) for what in sorted(set(unread.values()))}
    return Arm(list(strata), top, bottom, 1 - unknown / planned if planned > 0 else 0.0, left_out)


def _block(row: Row) -> Block:
    """A shift of a date; outside shifts the day."""
    return str(row["day"] if row["shift"] == "none" else row["shift_date"]), str(row["shift"])


def _shifts_by_week(rows: Iterable[Row]) -> dict[tuple[int, int], list[Block]]:
    found: dict[tuple[int, int], list[Block]] = {}
    for block in sorted({_block(row) for row in rows if row["shift"] != "none"}):
        found.setdefault(_week(block), []).append(block)
    return found


def _carriers(row: Row, of_week: Mapping[tuple[int, int], Sequence[Block]]) -> Sequence[Block]:
    """The blocks that carry a row: its own, or in equal parts the shifts of the week it lies outside of.

    As blocks of their own nights would pass for chance: it is the calendar that says how many there are.
    """
    block = _block(row)
    outside = row["shift"] == "none" and of_week.get(_week(block))
    return outside or (block,)


def _week(block: Block) -> tuple[int, int]:
    return dt.date.fromisoformat(block[0]).isocalendar()[:2]


def _numbers(row: Row) -> dict[str, float]:
    return {k: float(v) if isinstance(v, int | float) else math.nan for k, v in row.items()}


def _unread(rows: Sequence[Row], needs: frozenset[str]) -> dict[Block, str]:
    """Blocks of which a machine did not read too much, and what; one without any meter is not asked."""
    missing = {
        "energy": ("energy_missing_s", "calendar_time_s", "energy_kwh"),
        "counts": ("count_missing_s", "planned_busy_time_s", "produced_quantity"),
    }
    found: dict[Block, str] = {}
    for what in sorted(needs):
        lost, of, told = missing[what]
        for row in rows:
            sums = _numbers(row)
            if not math.isnan(sums[told]) and sums[lost] > MISSING_AT_MOST * sums[of]:
                found[_block(row)] = what
    return found
