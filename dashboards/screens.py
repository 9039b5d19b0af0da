"""What a screen needs to know: the questions it asks of whoever holds the data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from fieldlab_configs import Site

Row = Mapping[str, Any]
"""A row as ``fieldlab kpi --format json`` prints it: group keys, atom fields, KPIs; None is undefined."""

Interval = tuple[int, int, str]
"""``(start_ns, end_ns, state class)``, half-open."""


class Screens(Protocol):
    """The data behind the screens.

    All calls may block; the poller makes them from one thread of its own, one at a time.
    """

    @property
    def site(self) -> Site:
        """The fieldlab that is shown."""
        ...

    def first_ns(self) -> int | None:
        """The first instant there is data of; UTC nanoseconds, None while there is none."""
        ...

    def now_ns(self) -> int | None:
        """The horizon of the data: up to when everything is known; None while there is none."""
        ...

    def kpis(
        self,
        start_ns: int,
        end_ns: int,
        by: Sequence[str] = (),
        machines: Collection[str] | None = None,
    ) -> Sequence[Row]:
        """KPIs by group, as :func:`analytics.query.kpis` answers; `machines` None: all."""
        ...

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> Sequence[Interval]:
        """The states of one machine over a range, as :func:`analytics.query.timeline` answers."""
        ...
