"""What the wall tells: each line's present shift, in the figures that the other pages have of that shift."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from analytics.schedule import local_date, schedule, utc_ns
from dashboards.screens import Interval, Row, Screens
from dashboards.view import DAY_NS, HOUR_NS, NS, Span, View, parse_time
from dashboards.wall_targets import target
from fieldlab_configs import Machine, Site

_BACK_NS: Final = 7 * DAY_NS
_LOOK_BACK_NS: Final = (HOUR_NS, 8 * HOUR_NS, DAY_NS, 7 * DAY_NS)
"""How far to look for the beginning of a state; a silent machine has little to read."""
_NEAR_NS: Final = HOUR_NS
_AGAIN_NS: Final = 300 * NS
_LEAST_MINUTES: Final = 1.0
NOT_LOSSES: Final = frozenset({"productive", "unknown", "starved", "blocked"})
"""What is no loss, was not seen, or is lost elsewhere on the line and shows here."""


class Asks(Protocol):
    """The questions of one moment; :class:`dashboards.snapshot.Answers`."""

    screens: Screens

    def kpis(self, at: Span, by: tuple[str, ...], machines: Sequence[str]) -> Sequence[Row]:
        """Rows by group."""
        ...

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> Sequence[Interval] | None:
        """States of a machine."""
        ...


@dataclass(frozen=True, slots=True)
class Period:
    """What the figures are of.

    Attributes
    ----------
    kind : str
        ``shift``: the one that is on; ``after``: none is on, the last one; ``day``: there are no shifts,
        since midnight.
    name : str
        Of the shift.
    date : datetime.date
        The local date it begins on.
    start_ns, until_ns, end_ns : int
        From when, up to where it has come, and up to when it lasts; UTC nanoseconds.
    """

    kind: Literal["shift", "after", "day"]
    name: str
    date: dt.date
    start_ns: int
    until_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class MachineNow:
    """One machine.

    Attributes
    ----------
    id : str
    row : Row or None
        Its figures of the shift; None where there are none.
    target : float or None
        Good parts that its planned time so far is good for; None where no ideal cycle time says so.
    state : str
        A state class; empty where states are not told.
    since_ns : int or None
        Since when; None where that is longer ago than was looked for.
    """

    id: str
    row: Row | None
    target: float | None
    state: str
    since_ns: int | None


@dataclass(frozen=True, slots=True)
class LineNow:
    """One line: figures of the shift, its machines, and what took most of it."""

    id: str
    row: Row | None
    target: float | None
    machines: tuple[MachineNow, ...]
    loss: Row | None


@dataclass(frozen=True, slots=True)
class WallNow:
    """What stands on the wall.

    Attributes
    ----------
    period : Period
    now_ns : int
        Up to when states are known.
    counted_ns : int
        Up to when figures were worked out.
    lines : tuple of LineNow
    """

    period: Period
    now_ns: int
    counted_ns: int
    lines: tuple[LineNow, ...]


def period(site: Site, now_ns: int) -> Period:
    """The shift that is on; else the last one of a week; else the local day."""
    begun = []
    if site.shifts is not None:
        found = schedule(site, now_ns - _BACK_NS, now_ns).occurrences
        begun = [o for o in found if now_ns - _BACK_NS <= o.start_ns <= now_ns]
    if begun:
        last = max(begun, key=lambda o: o.start_ns)
        on = now_ns < last.end_ns
        until_ns = min(now_ns, last.end_ns)
        return Period("shift" if on else "after", last.name, last.date, last.start_ns, until_ns, last.end_ns)
    zone = ZoneInfo(site.timezone.at(now_ns))
    date = local_date(now_ns, zone)
    start_ns, end_ns = (
        utc_ns(dt.datetime.combine(date + dt.timedelta(days=days), dt.time()), zone) for days in (0, 1)
    )
    return Period("day", "", date, start_ns, now_ns, end_ns)


def take(view: View, asks: Asks) -> WallNow | None:
    """What stands on the wall now; None while there is no data."""
    screens = asks.screens
    site, now_ns, first_ns = screens.site, screens.now_ns(), screens.first_ns()
    if now_ns is None or first_ns is None:
        return None
    of = period(site, now_ns)
    lines = [line for line in site.lines if view.line in ("", line.id)]
    machines = [m for m in site.machines() if any(m.line.latest == line.id for line in lines)]
    names = [m.id for m in machines]
    ask = _Shift(asks, of, names)
    rows = {str(r["line"]): r for r in ask.kpis("line")}
    by_machine = {str(r["machine"]): r for r in ask.kpis("machine")}
    products = ask.kpis("machine", "product")
    losses = ask.losses()
    now = {m.id: _machine(m, asks, by_machine.get(m.id), products, now_ns) for m in machines}
    told = []
    for line in lines:
        own = tuple(now[m.id] for m in machines if m.line.latest == line.id)
        limit = now.get(line.bottlenecks.latest)
        took = [r for r in losses if any(r["machine"] == m.id for m in own)]
        target = limit.target if limit is not None else None
        told.append(LineNow(line.id, rows.get(line.id), target, own, _greatest(took)))
    return WallNow(of, now_ns, ask.counted_ns(first_ns), tuple(told))


class _Shift:
    """Questions of one shift: cells that it shares with another are told apart by their shift."""

    def __init__(self, asks: Asks, of: Period, machines: list[str]) -> None:
        self._asks, self._machines = asks, machines
        self._at = Span(of.start_ns, of.until_ns)
        self._keys = {} if of.kind == "day" else {"shift_date": of.date.isoformat(), "shift": of.name}

    def kpis(self, *by: str) -> list[Row]:
        """Figures by group."""
        if self._at.start_ns >= self._at.end_ns:
            return []
        return self._own(self._asks.kpis(self._at, (*by, *self._keys), self._machines))

    def counted_ns(self, first_ns: int) -> int:
        """Up to when figures were worked out: the end of what the last cell holds."""
        start_ns = max(self._at.start_ns, self._at.end_ns - _NEAR_NS)
        if start_ns >= self._at.end_ns:
            return self._at.end_ns
        rows = self._asks.kpis(Span(start_ns, self._at.end_ns), ("machine", "cell"), self._machines)
        ends = [parse_time(str(r["cell"])) + round(float(r["calendar_time_s"] or 0.0) * NS) for r in rows]
        return max(ends, default=max(start_ns, first_ns))

    def losses(self) -> list[Row]:
        """Losses by machine."""
        if self._at.start_ns >= self._at.end_ns:
            return []
        by = ("machine", *self._keys)
        return self._own(self._asks.screens.losses(self._at.start_ns, self._at.end_ns, by, self._machines))

    def _own(self, rows: Sequence[Row]) -> list[Row]:
        return [r for r in rows if all(r[key] == value for key, value in self._keys.items())]


def _machine(
    machine: Machine, asks: Asks, row: Row | None, products: Sequence[Row], now_ns: int
) -> MachineNow:
    state, since_ns = _state(machine.id, asks, now_ns)
    own = [r for r in products if r["machine"] == machine.id]
    return MachineNow(machine.id, row, target(machine, own, now_ns), state, since_ns)


@dataclass(slots=True)
class _Seen:
    """A state that was found: since when, up to where it was seen, and when its begin was looked for."""

    state: str
    since_ns: int | None
    until_ns: int
    found_ns: int


_seen: WeakKeyDictionary[Screens, dict[str, _Seen]] = WeakKeyDictionary()


def _state(machine: str, asks: Asks, now_ns: int) -> tuple[str, int | None]:
    """The state now and since when; empty where states are not told.

    A machine that is off all weekend is not read from Friday on each second: its begin is looked for
    again now and then only, for late data may move it.
    """
    known = _seen.setdefault(asks.screens, {})
    seen = known.get(machine)
    if seen is not None and seen.until_ns <= now_ns < seen.found_ns + _AGAIN_NS:
        start_ns = max(seen.until_ns - NS, 0)
        found = asks.timeline(machine, start_ns, now_ns) or ()
        if found and all(state == seen.state for _, _, state in found):
            seen.until_ns = now_ns
            return seen.state, seen.since_ns
        if found and found[-1][0] > start_ns:
            known[machine] = _Seen(found[-1][2], found[-1][0], now_ns, now_ns)
            return found[-1][2], found[-1][0]
    state, since_ns = _looked_for(machine, asks, now_ns)
    known[machine] = _Seen(state, since_ns, now_ns, now_ns)
    return state, since_ns


def _looked_for(machine: str, asks: Asks, now_ns: int) -> tuple[str, int | None]:
    state = "unknown"
    first_ns = asks.screens.first_ns() or 0
    for back_ns in _LOOK_BACK_NS:
        start_ns = max(now_ns - back_ns, first_ns)
        found = asks.timeline(machine, start_ns, now_ns)
        if found is None:
            return "", None
        if not found:
            break
        begin_ns, _, state = found[-1]
        if begin_ns > start_ns:
            return state, begin_ns
        if start_ns == first_ns:
            break
    return state, None


def _greatest(rows: Sequence[Row]) -> Row | None:
    """The machine and loss that took the most planned time; None where none took a minute."""
    found = [r for r in rows if r["loss"] not in NOT_LOSSES and (r["minutes"] or 0.0) >= _LEAST_MINUTES]
    return max(found, key=lambda r: r["minutes"], default=None)
