"""The kinds of scalars that tell time: dates, clocks, days of the week, moments, timezones."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from fieldlab_configs import times
from fieldlab_configs.kinds import Context, Wrong, nearest
from fieldlab_configs.tree import Node

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK: Final = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)


def written(text: str) -> str:
    """How to write the date that was meant, as a hint."""
    better = times.meant(text)
    return f"; write {better}" if better is not None and better != text else ""


class Moment:
    """A date (its local midnight) or a timestamp, as UTC nanoseconds."""

    placeholder = 0

    def read(self, node: Node, context: Context) -> int:
        """The instant."""
        try:
            return times.moment_ns(node.text, context.timezone)
        except ValueError as error:
            raise Wrong(f"{error}, got {node.shown()}{written(node.text)}") from None


class Date:
    """A local date."""

    placeholder = dt.date(1970, 1, 2)

    def read(self, node: Node, _: Context) -> dt.date:
        """The date."""
        try:
            if len(node.text) == len("2026-12-25"):
                return dt.date.fromisoformat(node.text)
        except ValueError:
            pass
        raise Wrong(f"must be a date such as 2026-12-25, got {node.shown()}{written(node.text)}")


@dataclass(frozen=True, slots=True)
class Clock:
    """A local wall-clock time; ``24:00`` is midnight at the end of a day, where that makes sense."""

    end: bool = False
    placeholder: dt.time = dt.time(0)

    def read(self, node: Node, _: Context) -> dt.time:
        """The time."""
        if self.end and node.text == "24:00":
            return dt.time(0)
        try:
            if _CLOCK.fullmatch(node.text):
                return dt.time.fromisoformat(node.text)
        except ValueError:
            pass
        raise Wrong(f'must be a time of day such as "14:30", got {node.shown()}')


class Day:
    """A day of the week: 0 is Monday."""

    placeholder = 0

    def read(self, node: Node, _: Context) -> int:
        """The day's number."""
        if node.text.lower() not in DAYS:
            raise Wrong(f"must be one of {', '.join(DAYS)}, got {node.shown()}{nearest(node.text[:3], DAYS)}")
        return DAYS.index(node.text.lower())


class Timezone:
    """A timezone by its IANA name."""

    placeholder = "UTC"

    def read(self, node: Node, _: Context) -> str:
        """The name."""
        try:
            times.zone(node.text)
        except ValueError:
            raise Wrong(f"must be a timezone such as Europe/Amsterdam, got {node.shown()}") from None
        return node.text
