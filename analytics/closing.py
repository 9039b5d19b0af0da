"""When the job opens and closes days: a closed day has its sums in the store (see :mod:`analytics.days`)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from analytics.days import DAY, SUMS, calendar_mark, texts
from analytics.deliveries import Store
from analytics.fetch import Row
from analytics.query import DAY_NS
from analytics.touched import Span
from analytics.written import tags_of
from fieldlab_configs import Site

REST_S: Final = 60.0
"""A day that was written to is closed when nothing was written for so long: late data come in many parts."""
LOOK_EVERY_S: Final = 600.0
_AT_ONCE: Final = 31
"""Days of one machine: no step of the job may grow with the length of the history."""
MOST_TEXT: Final = 60_000
"""Bytes; an InfluxDB takes 64 KiB. A day of more products than that holds is never closed."""
_EVER: Final = 2**62


class Days:
    """Which days of a fieldlab are open.

    Parameters
    ----------
    site : Site
    store : Store
    company : str, optional
        Whose bucket it is; default: the fieldlab's own.
    clock_s : callable
        A clock that only goes forward.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        *,
        company: str | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = site
        self._store = store
        self._bucket = "kpi" if company is None else f"shared:{company}"
        self._more_tags = {} if company is None else {"experiment": "none", "arm": "none"}
        self._clock_s = clock_s
        self._open: dict[str, dict[int, float]] = defaultdict(dict)
        self._looked_s: float | None = None

    def open(self, machine: str, span: Span) -> list[Row]:
        """Before atoms of a range are written: no sum of its days holds from now on.

        Returns
        -------
        list of tuple
            Rows to be written with the atoms: a backup that takes the store's place meanwhile, or took it
            since a day was opened, may have brought its sum along.
        """
        days = range(span.start_ns // DAY_NS * DAY_NS, span.end_ns, DAY_NS)
        known = self._open[machine]
        emptied = self._rows(machine, dict.fromkeys(days, ""))
        closed = [row for row in emptied if row[3] not in known]
        if closed:
            self._store.write(self._bucket, closed)
        known |= dict.fromkeys(days, self._clock_s())
        return emptied

    def close(self, now_ns: int, *, all_at_once: bool = False) -> None:
        """After atoms were written: sum days that are over.

        Parameters
        ----------
        now_ns : int
            The data's now.
        all_at_once : bool
            Every day that this opened, however many they are, and none else; otherwise some of those at
            rest.
        """
        if not all_at_once:
            self._look(now_ns)
        rested_s = self._clock_s() - REST_S
        for machine, known in self._open.items():
            due = sorted(
                day
                for day, touched_s in known.items()
                if day + DAY_NS <= now_ns and (all_at_once or touched_s <= rested_s)
            )
            while due:
                first = due[0]
                run = [day for day in due[:_AT_ONCE] if day < first + _AT_ONCE * DAY_NS]
                due = due[len(run) :]
                self._close(machine, run)
                if not all_at_once:
                    return

    def _close(self, machine: str, days: list[int]) -> None:
        content = self._store.content()
        span = Span(days[0], days[-1] + DAY_NS)
        told = texts(self._site, self._store, machine, span, bucket=self._bucket)
        small = {day: told[day] for day in days if len(told[day].encode()) <= MOST_TEXT}
        self._store.write(self._bucket, self._rows(machine, small))
        if self._store.content() != content:  # sums of what was there before
            self._store.write(self._bucket, self._rows(machine, dict.fromkeys(days, "")))
            return
        for day in days:
            del self._open[machine][day]

    def _rows(self, machine: str, told: Mapping[int, str]) -> list[Row]:
        tags = tags_of(self._site, machine=machine, **self._more_tags)
        return [(DAY, tags, SUMS, day, text) for day, text in told.items()]

    def _look(self, now_ns: int) -> None:
        """Days that others left open, and at first those that nobody ever closed by this calendar."""
        if self._looked_s is not None and self._clock_s() - self._looked_s < LOOK_EVERY_S:
            return
        at_first, self._looked_s = self._looked_s is None, self._clock_s()
        mark = f'["{calendar_mark(self._site)}"' if at_first else "["
        told: dict[str, dict[int, bool]] = defaultdict(dict)
        for table in self._store.read(self._bucket, DAY, fields=[SUMS]):
            columns = table.time_ns.tolist(), table.columns[SUMS].tolist()
            for day, text in zip(*columns, strict=True):
                told[table.tags["machine"]][day] = str(text or "").startswith(mark)
        if at_first:
            first: dict[str, int] = {}
            for row in self._store.first_from(self._bucket, "atom", -_EVER):
                machine = dict(row[1])["machine"]
                first[machine] = min(row[3], first.get(machine, row[3]))
            for machine, first_ns in first.items():
                for day in range(first_ns // DAY_NS * DAY_NS, now_ns, DAY_NS):
                    told[machine].setdefault(day, False)
        for name in (each.id for each in self._site.machines()):
            for day, closed in told[name].items():
                if not closed:
                    self._open[name].setdefault(day, self._clock_s())
