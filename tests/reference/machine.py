"""One machine, cut into elementary intervals within which nothing changes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from . import plan
from .recording import COUNTERS, SECOND, number
from .signals import CLASSES, QUANTITY_ROLES
from .steps import Steps, combine

HOUR = 3600 * SECOND


@dataclass
class Piece:
    """An elementary interval: what held throughout it, and what was counted in it."""

    start: int
    end: int
    at: dict  # the value of every step function
    counted: dict = field(default_factory=dict)  # role -> parts
    low: dict = field(default_factory=dict)  # role -> ideal seconds within PBT, least
    high: dict = field(default_factory=dict)  # role -> ideal seconds within PBT, most
    energy: object = None  # kWh, None where no reading tells

    @property
    def seconds(self):
        """Its length [s]."""
        return Fraction(self.end - self.start, SECOND)


def add(table, key, amount):
    """Add to a dict of sums; a sum with something undefined in it is undefined."""
    table[key] = None if amount is None or table.get(key, 0) is None else table.get(key, 0) + amount


def cut(signals, bottleneck, whole, common, shown):
    """The pieces of a machine over ``whole = (lo, hi)``, with everything counted in them.

    `common` holds the step functions that all machines share; `bottleneck` the signals of the machine
    that limits the line, `shown` further edges: those of the range shown.
    """
    lo, hi = whole
    state = signals.state()
    steps = dict(common)
    steps["state"] = state
    steps["stop"] = signals.stop_kind(state, hi)
    steps["product"] = signals.product()
    steps["pri"] = signals.cycle_time()
    steps["bottleneck_pri"] = bottleneck.cycle_time()
    steps["line"] = plan.dated_steps(signals.machine.get("line", signals.machine["_line"]))
    steps["planned"] = combine(
        lambda shift, down: shift[2] and not down, common["shift"], plan.downtime(signals.machine)
    )
    roles = [role for role in COUNTERS if role in signals.known]
    for role in roles:
        # A counter is silent while the state is unknown or the counter itself is not live.
        steps["silent", role] = combine(lambda s, live: s == "unknown" or not live, state, signals.live(role))
    pairs = {role: signals.counter(role) for role in roles}
    segments = signals.energy(hi)
    edges = {edge for step in steps.values() for edge in step.times} | shown
    edges |= {edge for found in pairs.values() for pair in found for edge in (pair.start, pair.end)}
    edges |= {edge for segment in segments or () for edge in segment[:2]}
    for role in roles:
        edges |= {reading.time for reading in signals.readings(role)}
    missing = missing_steps(signals, pairs, {role: steps["silent", role] for role in roles})
    edges |= set(missing.times)
    steps["missing"] = missing
    cell = signals.config.get("cell_s", 300) * SECOND
    edges |= set(range(lo - lo % cell, hi, cell))
    ordered = sorted({lo, hi, *(edge for edge in edges if lo < edge < hi)})
    pieces = [Piece(a, b, {name: step.at(a) for name, step in steps.items()}) for a, b in pairwise(ordered)]
    starts = [piece.start for piece in pieces]
    for role in roles:
        for pair in pairs[role]:
            count(pieces, starts, pair, role, pair.amount * signals.parts_per_count(role))
    spread_energy(pieces, starts, segments)
    return pieces


def between(pieces, starts, start, end):
    """The pieces of ``[start, end)``, both of them edges."""
    return pieces[bisect_left(starts, start) : bisect_left(starts, end)]


def count(pieces, starts, pair, role, parts):
    """Give the parts of one pair of readings to the pieces they belong to."""
    if parts == 0:
        return
    silence = [p for p in between(pieces, starts, pair.start, pair.end) if p.at["silent", role]]
    if not silence:  # the instant just before the reading that shows it
        piece = pieces[bisect_right(starts, pair.end - 1) - 1]
        add(piece.counted, role, parts)
        if piece.at["planned"]:
            ideal = None if piece.at["pri"] is None else parts * piece.at["pri"]
            add(piece.low, role, ideal)
            add(piece.high, role, ideal)
        return
    length = sum(p.seconds for p in silence)
    for piece in silence:
        add(piece.counted, role, parts * piece.seconds / length)
    inside = [p for p in silence if p.at["planned"]]
    if not inside:
        return
    if len(inside) == len(silence):
        for piece in inside:
            share = parts * piece.seconds / length
            ideal = None if piece.at["pri"] is None else share * piece.at["pri"]
            add(piece.low, role, ideal)
            add(piece.high, role, ideal)
        return
    # It crosses an edge of PBT: low counts none of it, high all that fit in the silence inside.
    inside_s = sum(p.seconds for p in inside)
    if any(p.at["pri"] is None for p in inside):
        for piece in inside:
            add(piece.high, role, None)
        return
    ideal = sum(parts * piece.seconds / inside_s * piece.at["pri"] for piece in inside)
    fit = Fraction(1) if ideal <= inside_s else inside_s / ideal
    for piece in inside:
        add(piece.high, role, fit * parts * piece.seconds / inside_s * piece.at["pri"])


def missing_steps(signals, pairs, silent):
    """Whether the counts that make produced and good cannot be known."""
    # Reading: all of total, good and scrap that are configured, also where two would do.
    roles = [role for role in QUANTITY_ROLES if role in signals.known]
    if not roles:
        return Steps(first=True)
    parts = []
    for role in roles:
        readings = [r for r in signals.readings(role) if r.value is not None]
        if not readings:
            return Steps(first=True)
        parts.append(Steps(first=True, changes=[(readings[0].time, False)]))
        lost = []
        for pair in pairs[role]:
            if pair.kind in ("reset", "trailing"):
                lost += [(a, b) for a, b, value in silent[role].runs(pair.start, pair.end) if value]
        changes = {start: True for start, _ in lost}
        for _, end in lost:
            changes.setdefault(end, False)
        parts.append(Steps(first=False, changes=list(changes.items())))
    return combine(lambda *values: any(values), *parts)


def spread_energy(pieces, starts, segments):
    """Give each segment of energy to the pieces it lies over, by the power at the time."""
    for start, end, kw_start, kw_end in segments or ():
        for piece in between(pieces, starts, start, end):
            # Power is linear within the segment: its mean over the piece is that in its middle.
            middle = Fraction(piece.start + piece.end, 2)
            kw = kw_start + (kw_end - kw_start) * (middle - start) / (end - start)
            piece.energy = (piece.energy or 0) + kw * (piece.end - piece.start) / HOUR


def quantities(signals):
    """How produced, good and scrap follow from the counters: name -> {role: factor}, or None."""
    t, g, s = ({role: Fraction(1)} if role in signals.known else None for role in QUANTITY_ROLES)
    assumed = signals.machine.get("assume_quality")
    known = [x for x in (t, g, s) if x is not None]
    if len(known) == 1 and assumed is not None:
        q = number(assumed)
        if t:
            g, s = {"total_count": q}, {"total_count": 1 - q}
        elif g and q:
            t, s = {"good_count": 1 / q}, {"good_count": 1 / q - 1}
    elif len(known) == 2:
        if t is None:
            t = {"good_count": Fraction(1), "scrap_count": Fraction(1)}
        elif g is None:
            g = {"total_count": Fraction(1), "scrap_count": Fraction(-1)}
        else:
            s = {"total_count": Fraction(1), "good_count": Fraction(-1)}
    return {"produced_quantity": t, "good_quantity": g, "scrap_quantity": s}


def weighed(table, factors):
    """The sum of a role's amounts by their factors; None where the quantity or an amount is undefined."""
    if factors is None:
        return None
    total = Fraction(0)
    for role, factor in factors.items():
        amount = table.get(role, 0)
        if amount is None:
            return None
        total += factor * amount
    return total


__all__ = ["CLASSES", "Piece", "cut", "quantities", "weighed"]
