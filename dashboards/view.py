"""What is looked at: a machine or a whole line, over a range; as a link says it, in instants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from dashboards.screens import Screens
from fieldlab_configs import Line, Machine, Site

NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NS
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS
RANGES_NS: Final[dict[str, int | None]] = {
    "15m": 15 * MINUTE_NS,
    "1h": HOUR_NS,
    "8h": 8 * HOUR_NS,
    "24h": DAY_NS,
    "7d": 7 * DAY_NS,
    "30d": 30 * DAY_NS,
    "365d": 365 * DAY_NS,
    "all": None,
}
SCREENS: Final = ("overview", "line", "energy", "experiment", "gateways")
"""The pages of the app; ``line`` is a machine's page too, where the view has one."""
DEFAULT_RANGE: Final = "8h"
LONGEST_NS: Final = 20 * 366 * DAY_NS
"""A range of one's own is no longer: a slip in a year (206 for 2026) would have every day since counted."""
_LAST_NS: Final = 2**62
_CELLS_UP_TO_NS = 3 * HOUR_NS
_HOURS_UP_TO_NS = 3 * DAY_NS


@dataclass(frozen=True, slots=True)
class View:
    """What one page looks at.

    Attributes
    ----------
    machine : str or None
        None: the whole line.
    line : str
    range : str
        A key of `RANGES_NS`, or ``custom``.
    from_ns, to_ns : int or None
        The range where it is ``custom``; UTC nanoseconds.
    screen : str
        One of `SCREENS`.
    """

    machine: str | None
    line: str
    range: str = DEFAULT_RANGE
    from_ns: int | None = None
    to_ns: int | None = None
    screen: str = "line"

    def query(self) -> dict[str, str]:
        """The part of a deep link that brings this view back."""
        scope = {"machine": self.machine} if self.machine else {"line": self.line}
        if self.screen != "line":
            scope = {"screen": self.screen} | (scope if self.screen == "energy" else {})
        if self.range == "custom" and self.from_ns is not None and self.to_ns is not None:
            return scope | {"from": rfc3339(self.from_ns), "to": rfc3339(self.to_ns)}
        return scope | {"range": self.range}


@dataclass(frozen=True, slots=True)
class Asked:
    """A view, and what of the link could not be understood: pairs of words' key and what was asked."""

    view: View
    unclear: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A range in instants; half-open, UTC nanoseconds.

    Attributes
    ----------
    start_ns, end_ns : int
    from_first : bool
        Whether it begins later than asked, where the data begin.
    """

    start_ns: int
    end_ns: int
    from_first: bool = False

    @property
    def bucket(self) -> str:
        """The group that gives a readable count of bars: ``cell``, ``hour`` or ``day``."""
        length = self.end_ns - self.start_ns
        if length <= _CELLS_UP_TO_NS:
            return "cell"
        return "hour" if length <= _HOURS_UP_TO_NS else "day"


def rfc3339(time_ns: int) -> str:
    """An instant as RFC 3339 in UTC, with as many decimals as it needs.

    Examples
    --------
    >>> rfc3339(1_500_000_000)
    '1970-01-01T00:00:01.5Z'
    """
    whole = dt.datetime.fromtimestamp(time_ns // NS, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    part = f"{time_ns % NS:09d}".rstrip("0")
    return f"{whole}.{part}Z" if part else f"{whole}Z"


def parse_time(text: str) -> int:
    """UTC nanoseconds of RFC 3339 or integer nanoseconds; ValueError where it is neither."""
    if text.isdigit():
        return int(text)
    body, point, rest = text.strip().partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if point else ""
    moment = dt.datetime.fromisoformat(body + rest[len(digits) :])
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone: end it in Z or +01:00")
    return round(moment.timestamp()) * NS + int((digits + "0" * 9)[:9])


def sound(from_ns: int, to_ns: int) -> bool:
    """Whether two instants make a range that can be shown: in order, in our time, and not too long.

    Examples
    --------
    >>> sound(0, 1), sound(1, 1), sound(-1, 1), sound(0, 10**30), sound(0, LONGEST_NS + 1)
    (True, False, False, False, False)
    """
    return 0 <= from_ns < to_ns <= min(from_ns + LONGEST_NS, _LAST_NS)


def parse(site: Site, query: Mapping[str, str]) -> Asked:
    """The view that a link asks for; what cannot be understood gives the default, and is said."""
    machines = {m.id: m for m in site.machines()}
    lines = {line.id: line for line in site.lines}
    first = site.lines[0].id if site.lines else ""
    unclear: list[tuple[str, str]] = []
    machine, line = query.get("machine") or None, query.get("line") or first
    if machine is not None and machine not in machines:
        unclear.append(("no_machine", machine))
        machine = None
    if machine is not None:
        line = machines[machine].line.latest
    elif line not in lines:
        unclear.append(("no_machine", line))
        line = first
    screen = query.get("screen") or ("line" if "machine" in query or "line" in query else SCREENS[0])
    if screen not in SCREENS:
        unclear.append(("no_screen", screen))
        screen = SCREENS[0]
    asked = query.get("range", DEFAULT_RANGE)
    if asked not in RANGES_NS:
        unclear.append(("no_range", asked))
        asked = DEFAULT_RANGE
    view = View(machine, line, asked, screen=screen)
    if "from" in query or "to" in query:
        start, end = query.get("from", ""), query.get("to", "")
        try:
            from_ns, to_ns = parse_time(start), parse_time(end)
        except (ValueError, OverflowError):
            unclear.append(("no_range", f"{start} … {end}"))
        else:
            if sound(from_ns, to_ns):
                view = View(machine, line, "custom", from_ns, to_ns, screen)
            else:
                unclear.append(("no_range", f"{start} … {end}"))
    return Asked(view, tuple(unclear))


def span(screens: Screens, view: View) -> Span | None:
    """The instants of a view now; None while there is no data."""
    if view.from_ns is not None and view.to_ns is not None:
        return Span(view.from_ns, view.to_ns)
    now, first = screens.now_ns(), screens.first_ns()
    if now is None or first is None or first >= now:
        return None
    length = RANGES_NS[view.range]
    if length is None:
        return Span(first, now)
    # Whole cells, so that stored atoms and raw data answer alike and the first bar is a whole one.
    cell_ns = screens.site.cell_s * NS
    start = (now - length) // cell_ns * cell_ns
    return Span(first, now, from_first=True) if start < first else Span(start, now)


def line_of(site: Site, view: View) -> Line:
    """The line that is looked at, or on which the machine stands."""
    return next(line for line in site.lines if line.id == view.line)


def machines_of(site: Site, view: View) -> list[Machine]:
    """The machines of the view's line now, in the order of the file."""
    return [m for m in site.machines() if m.line.latest == view.line]


def scoped(site: Site, view: View) -> list[str]:
    """The machines that a view's figures are of."""
    if view.screen in ("line", "energy"):
        return [view.machine] if view.machine else [m.id for m in machines_of(site, view)]
    return [m.id for m in site.machines()]


def link(view: View, language: str, theme: str) -> str:
    """The deep link to a view."""
    extra = {"lang": language} | ({"theme": theme} if theme != "auto" else {})
    return "/?" + urlencode(view.query() | extra)


def wall_link(view: View, language: str, theme: str) -> str:
    """The deep link to the wall of a view's line; of every line, from a page that is of no line."""
    of = {"line": view.line} if view.screen in ("line", "energy") else {}
    return "/wall?" + urlencode(of | {"language": language} | ({"theme": theme} if theme == "light" else {}))
