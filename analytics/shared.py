"""A company's bucket: exactly what was stored of its experiments' windows, and nothing else.

Everything in it is derived. What no longer belongs there is deleted; where the windows themselves change,
the whole bucket is deleted and made anew.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

from analytics.closing import Days
from analytics.days import DAY
from analytics.deliveries import Store as JobStore
from analytics.fetch import Row
from analytics.query import DAY_NS
from analytics.shares import LONGEST_STOP_NS, Share, Values, shares, wanted
from analytics.touched import Span, merged_spans, values_of
from analytics.written import stored_stops
from fieldlab_configs import Site

_MEASUREMENTS: Final = ("atom", "stop", "machine")
_BUILDING: Final = "building"
_REMOVED: Final = "removed "
"""Before the fingerprint of the windows with which a company left: with others it is welcome again."""
_EVER: Final = 2**62


class Store(JobStore, Protocol):
    """What a company's bucket asks of a store."""

    def clear(self, bucket: str) -> object:
        """Delete everything in a bucket."""
        ...


class Shared:
    """The companies' buckets of one fieldlab.

    Parameters
    ----------
    site : Site
    store : Store
    clock_ns : callable
        The wall clock, for notes of what was made.
    clock_s : callable
        A clock that only goes forward, for when a day is at rest.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.site = site
        self.store = store
        self._clock_ns = clock_ns
        self._clock_s = clock_s
        self._shares = shares(site)
        self._days = {company.id: self._days_of(company.id) for company in site.companies}
        self._checked = False
        self._gone: set[str] | None = None
        self._pending: dict[str, list[Span]] = {}

    def update(self, rewritten: Mapping[str, Iterable[Span]], *, results: bool = False) -> None:
        """Let the buckets follow what was rewritten; make those anew whose windows the config has changed.

        Parameters
        ----------
        rewritten : mapping of machine to spans
            Where atoms, stops or raw data may be others than before.
        results : bool
            Whether results of experiments may be others than before.
        """
        for machine, spans in rewritten.items():  # also what a store that failed has kept from its bucket
            self._owe(machine, spans)
        companies = [company.id for company in self.site.companies]
        rebuilt = set()
        if not self._checked:
            built = self._built()
            rebuilt = {
                c for c in companies if built.get(c, self._windows("")) != self._windows(c)
            } - self.gone()
            for company in sorted(rebuilt):
                self.rebuild(company)
            for share in self._shares:
                if share.company not in rebuilt | self.gone():  # a bucket that is gone has no last atom
                    self._owe(share.machine, [self._behind(share)])
            self._checked = True
        for company in companies:
            if company in rebuilt or company in self.gone():
                continue
            for share in self._of(company):
                for span in self._pending.get(share.machine, ()):
                    start_ns = max(span.start_ns, share.span.start_ns)
                    end_ns = min(span.end_ns, share.span.end_ns)
                    if start_ns < end_ns:
                        self._follow(share, Span(start_ns, end_ns))
            if self._pending or results:
                self._results(company)
        self._pending = {}

    def close(self, now_ns: int, *, all_at_once: bool = False) -> None:
        """After the buckets have followed: sum days of theirs that are over; see :meth:`Days.close`."""
        for company in self._days.keys() - self.gone():
            last_ns = max((share.span.end_ns for share in self._of(company)), default=0)
            whole_ns = -(-last_ns // DAY_NS) * DAY_NS
            self._days[company].close(min(now_ns, whole_ns), all_at_once=all_at_once)

    def gone(self) -> set[str]:
        """Companies that were removed with the windows that the config still gives them."""
        if self._gone is None:
            built, companies = self._built(), [company.id for company in self.site.companies]
            self._gone = {c for c in companies if built.get(c) == _REMOVED + self._windows(c)}
        return self._gone

    def rebuild(self, company: str) -> None:
        """Delete a company's bucket and make it anew from what is stored now."""
        self._note(company, _BUILDING)  # should this end half-way, the next one begins again
        self._clear(company)
        for share in self._of(company):
            for span in _days(share.span):
                for measurement in _MEASUREMENTS:
                    self._write(company, measurement, wanted(self.store, share, measurement, span))
        self._results(company)
        self._note(company, self._windows(company))

    def remove(self, company: str) -> None:
        """Delete all of a company's bucket, and do not make it again for these windows."""
        self._note(company, _REMOVED + self._windows(company))
        self._clear(company)

    def _clear(self, company: str) -> None:
        bucket = f"shared:{company}"
        self.store.delete(bucket, DAY)  # before what they are the sums of
        self.store.clear(bucket)
        self._days[company] = self._days_of(company)

    def _days_of(self, company: str) -> Days:
        return Days(self.site, self.store, company=company, clock_s=self._clock_s)

    def known(self) -> list[str]:
        """Companies for which a bucket was ever made."""
        return sorted(self._built())

    def _of(self, company: str) -> list[Share]:
        return [share for share in self._shares if share.company == company]

    # -- which windows a bucket was made of

    def _windows(self, company: str) -> str:
        """A fingerprint of a company's windows; the one of no windows for a company without any."""
        told = [(s.experiment, s.arm, s.machine, s.span.start_ns, s.span.end_ns) for s in self._of(company)]
        return hashlib.sha256(json.dumps(sorted(told)).encode()).hexdigest()[:16]

    def _built(self) -> dict[str, str]:
        rows = self.store.last_before("kpi", "shared", _EVER)
        return {dict(row[1])["company"]: str(row[4]) for row in rows if row[2] == "windows_text"}

    def _note(self, company: str, windows: str) -> None:
        tags = (("company", company), ("fieldlab", self.site.fieldlab))
        self.store.write("kpi", [("shared", tags, "windows_text", self._clock_ns(), windows)])

    # -- keeping it so

    def _owe(self, machine: str, spans: Iterable[Span]) -> None:
        self._pending[machine] = merged_spans([*self._pending.get(machine, []), *spans])

    def _behind(self, share: Share) -> Span:
        """From the last atom that a bucket has of a share: where a job that was killed may have left it."""
        where = {"machine": share.machine, **share.label}
        last = self.store.last_before(f"shared:{share.company}", "atom", share.span.end_ns, where=where)
        return Span(max((row[3] for row in last), default=share.span.start_ns), share.span.end_ns)

    def _follow(self, share: Share, span: Span) -> None:
        """Write what is new in a span, delete what no longer belongs there."""
        if span.start_ns > share.span.start_ns:
            # A stop is one row at its beginning: look back as far as one that reaches in.
            starts = [s for _, s, e in self._reaching(share, span.start_ns) if e > span.start_ns]
            span = span.hull(*(max(s, share.span.start_ns) for s in starts))
        bucket = f"shared:{share.company}"
        where = {"machine": share.machine, **share.label}
        for measurement in _MEASUREMENTS:
            belongs = wanted(self.store, share, measurement, span)
            there = self._there(bucket, measurement, span, where)
            gone = [key[2] for key in there if key not in belongs]
            changed = {key: value for key, value in belongs.items() if there.get(key) != value}
            rows: list[Row] = []
            if measurement == "atom" and (gone or changed):
                times = [*gone, *(key[2] for key in changed)]
                rows = self._days[share.company].open(share.machine, Span(min(times), max(times) + 1))
            if gone:
                low, high = min(gone), max(gone) + 1
                self.store.delete(bucket, measurement, start_ns=low, end_ns=high, where=where)
                changed |= {key: value for key, value in belongs.items() if low <= key[2] < high}
            self._write(share.company, measurement, changed, rows)

    def _reaching(self, share: Share, time_ns: int) -> Iterator[tuple[object, int, int]]:
        yield from stored_stops(self.store, share.machine, Span(time_ns - LONGEST_STOP_NS, time_ns))

    def _results(self, company: str) -> None:
        """The results of the company's experiments, computed elsewhere, once."""
        mine = {share.experiment for share in self._of(company)}
        belongs: Values = {}
        for table in self.store.read("kpi", "experiment_result"):
            if table.tags.get("experiment") in mine:
                tags = tuple(sorted({"arm": "none", **table.tags}.items()))
                for name, column in table.columns.items():
                    for at, value in values_of(table.time_ns, column):
                        belongs[tags, name, at] = value
        bucket = f"shared:{company}"
        there = self._there(bucket, "experiment_result", Span(-_EVER, _EVER), {})
        if any(key not in belongs for key in there):
            self.store.delete(bucket, "experiment_result")
            there = {}
        self._write(company, "experiment_result", {k: v for k, v in belongs.items() if there.get(k) != v})

    def _there(self, bucket: str, measurement: str, span: Span, where: Mapping[str, str]) -> Values:
        found: Values = {}
        for table in self.store.read(
            bucket, measurement, start_ns=span.start_ns, end_ns=span.end_ns, where=where
        ):
            tags = tuple(sorted(table.tags.items()))
            for name, column in table.columns.items():
                for at, value in values_of(table.time_ns, column):
                    if not (name.endswith("_ns") and value == 0):
                        found[tags, name, at] = value
        return found

    def _write(self, company: str, measurement: str, values: Values, more: Iterable[Row] = ()) -> None:
        rows: list[Row] = [(measurement, tags, name, at, value) for (tags, name, at), value in values.items()]
        rows += more
        if rows:
            self.store.write(f"shared:{company}", rows)


def _days(span: Span) -> Iterator[Span]:
    """A span in parts of a day, so that memory does not grow with it."""
    for start_ns in range(span.start_ns, span.end_ns, DAY_NS):
        yield Span(start_ns, min(start_ns + DAY_NS, span.end_ns))
