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

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> Sequence[Interval] | None:
        """The states of one machine over a range, as :func:`analytics.query.timeline` answers.

        None where states over time are not told, only how long each lasted: of a company's bucket.
        """
        ...

    def losses(
        self, start_ns: int, end_ns: int, by: Sequence[str], machines: Collection[str]
    ) -> Sequence[Row]:
        """Where planned time went, as :func:`analytics.losses.losses` answers."""
        ...

    def opportunities(self, start_ns: int, end_ns: int, machines: Collection[str]) -> Sequence[Row]:
        """What half of each loss would be worth in a year, the most rewarding first."""
        ...

    def stops(
        self, start_ns: int, end_ns: int, machines: Collection[str], most: int | None = None
    ) -> Sequence[Row]:
        """Stops that touch a range: those of ``analytics.stoppages.Stoppage``.

        By machine, in the order of time; `most`: so many of each machine, the latest, are enough.
        """
        ...

    def pareto(self, start_ns: int, end_ns: int, machines: Collection[str]) -> Sequence[Row]:
        """Those stops by reason, the most costly first, as :func:`analytics.stoppages.pareto` answers."""
        ...

    def latest(self, bucket: str, measurement: str) -> Sequence[Row]:
        """The last value of every field of each series, with its tags and ``time_ns``."""
        ...

    def records(self, bucket: str, measurement: str, start_ns: int, end_ns: int) -> Sequence[Row]:
        """Rows of a measurement in a range, with tags and ``time_ns``."""
        ...

    def assign(self, machine: str, start_ns: int, reason: str, by: str) -> None:
        """Keep an operator's reason for the stop that begins there; ReasonRefused where it never can be."""
        ...
