"""A company's bucket: exactly what was stored of its experiments' windows, and nothing else.

Everything in it is derived. What no longer belongs there is deleted; where the windows themselves change,
the whole bucket is deleted and made anew.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from analytics.deliveries import Store as JobStore
from analytics.fetch import Row
from analytics.query import DAY_NS
from analytics.signals import NS
from analytics.touched import Span, merged_spans, values_of
from analytics.written import NO_REASON, reason_within, stored_stops
from fieldlab_configs import Site

_MEASUREMENTS: Final = ("atom", "stop", "machine")
_BUILDING: Final = "building"
_REMOVED: Final = "removed "
"""Before the fingerprint of the windows with which a company left: with others it is welcome again."""
_EVER: Final = 2**62
_LONGEST_STOP_NS: Final = 31 * DAY_NS

Key = tuple[tuple[tuple[str, str], ...], str, int]
"""Tags, field, time."""
Values = dict[Key, float | int | str]


class Store(JobStore, Protocol):
    """What a company's bucket asks of a store."""

    def clear(self, bucket: str) -> object:
        """Delete everything in a bucket."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """One machine in one window of a company's experiment."""

    company: str
    experiment: str
    arm: str
    machine: str
    span: Span

    @property
    def label(self) -> dict[str, str]:
        """What its rows are tagged with, beside their own tags."""
        return {"experiment": self.experiment, "arm": self.arm}


def shares(site: Site) -> list[Share]:
    """Everything that any company may see, in the order of the config."""
    return [
        Share(e.company, e.id, arm, machine, Span(w.start_ns, w.end_ns))
        for e in site.experiments
        if e.company is not None
        for arm, windows in e.arms.items()
        for w in windows
        for machine in e.machines
    ]


class Shared:
    """The companies' buckets of one fieldlab.

    Parameters
    ----------
    site : Site
    store : Store
    clock_ns : callable
        The wall clock, for notes of what was made.
    """

    def __init__(self, site: Site, store: Store, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.site = site
        self.store = store
        self._clock_ns = clock_ns
        self._shares = shares(site)
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
            self._pending[machine] = merged_spans([*self._pending.get(machine, []), *spans])
        companies = [company.id for company in self.site.companies]
        rebuilt = set()
        if not self._checked:
            built = self._built()
            rebuilt = {
                c for c in companies if built.get(c, self._windows("")) != self._windows(c)
            } - self.gone()
            for company in sorted(rebuilt):
                self.rebuild(company)
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

    def gone(self) -> set[str]:
        """Companies that were removed with the windows that the config still gives them."""
        if self._gone is None:
            built, companies = self._built(), [company.id for company in self.site.companies]
            self._gone = {c for c in companies if built.get(c) == _REMOVED + self._windows(c)}
        return self._gone

    def rebuild(self, company: str) -> None:
        """Delete a company's bucket and make it anew from what is stored now."""
        self._note(company, _BUILDING)  # should this end half-way, the next one begins again
        self.store.clear(f"shared:{company}")
        for share in self._of(company):
            for span in _days(share.span):
                for measurement in _MEASUREMENTS:
                    self._write(company, measurement, self._wanted(share, measurement, span))
        self._results(company)
        self._note(company, self._windows(company))

    def remove(self, company: str) -> None:
        """Delete all of a company's bucket, and do not make it again for these windows."""
        self._note(company, _REMOVED + self._windows(company))
        self.store.clear(f"shared:{company}")

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

    # -- what belongs there

    def _wanted(self, share: Share, measurement: str, span: Span) -> Values:
        """The rows of a share that a span of its window should have."""
        if measurement == "stop":
            return self._stops(share, span)
        bucket = "raw" if measurement == "machine" else "kpi"
        found: Values = {}
        where = {"machine": share.machine}
        for table in self.store.read(
            bucket, measurement, start_ns=span.start_ns, end_ns=span.end_ns, where=where
        ):
            holds = np.ones(len(table.time_ns), dtype=bool)
            if measurement == "atom":  # one that is overwritten with zeros no longer holds
                holds = table.columns["calendar_time_s"].astype(float) > 0
            tags = tuple(sorted({**table.tags, **share.label}.items()))
            for name, column in table.columns.items():
                for at, value in values_of(table.time_ns[holds], column[holds]):
                    found[tags, name, at] = value
        return found

    def _stops(self, share: Share, span: Span) -> Values:
        """Stops as far as they lie in the window: what went before or came after is not the company's."""
        found: Values = {}
        window = share.span
        reach = Span(min(span.start_ns, window.start_ns) - _LONGEST_STOP_NS, span.end_ns)
        for tags, start_ns, end_ns in stored_stops(self.store, share.machine, reach):
            first, last = max(start_ns, window.start_ns), min(end_ns, window.end_ns)
            if not (first < last and span.start_ns <= first < span.end_ns):
                continue
            whole = (first, last) == (start_ns, end_ns)
            reason = (
                self._reason(tags, start_ns)
                if whole
                else reason_within(self.store, share.machine, Span(first, last))
            )
            labelled = tuple(sorted({**dict(tags), **share.label}.items()))
            found[labelled, "duration_s", first] = (last - first) / NS
            found[labelled, "reason_text", first] = reason
        return found

    def _reason(self, tags: tuple[tuple[str, str], ...], start_ns: int) -> str:
        """What was found to be a stop's reason when it was written: raw data may be gone since."""
        for table in self.store.read(
            "kpi", "stop", start_ns=start_ns, end_ns=start_ns + 1, where=dict(tags), fields=["reason_text"]
        ):
            for value in table.columns.get("reason_text", ()):
                if value is not None:
                    return str(value)
        return NO_REASON

    # -- keeping it so

    def _follow(self, share: Share, span: Span) -> None:
        """Write what is new in a span, delete what no longer belongs there."""
        if span.start_ns > share.span.start_ns:
            # A stop is one row at its beginning: look back as far as one that reaches in.
            starts = [s for _, s, e in self._reaching(share, span.start_ns) if e > span.start_ns]
            span = span.hull(*(max(s, share.span.start_ns) for s in starts))
        bucket = f"shared:{share.company}"
        where = {"machine": share.machine, **share.label}
        for measurement in _MEASUREMENTS:
            wanted = self._wanted(share, measurement, span)
            there = self._there(bucket, measurement, span, where)
            gone = [key[2] for key in there if key not in wanted]
            changed = {key: value for key, value in wanted.items() if there.get(key) != value}
            if gone:
                low, high = min(gone), max(gone) + 1
                self.store.delete(bucket, measurement, start_ns=low, end_ns=high, where=where)
                changed |= {key: value for key, value in wanted.items() if low <= key[2] < high}
            self._write(share.company, measurement, changed)

    def _reaching(self, share: Share, time_ns: int) -> Iterator[tuple[object, int, int]]:
        yield from stored_stops(self.store, share.machine, Span(time_ns - _LONGEST_STOP_NS, time_ns))

    def _results(self, company: str) -> None:
        """The results of the company's experiments, computed elsewhere, once."""
        mine = {share.experiment for share in self._of(company)}
        wanted: Values = {}
        for table in self.store.read("kpi", "experiment_result"):
            if table.tags.get("experiment") in mine:
                tags = tuple(sorted({"arm": "none", **table.tags}.items()))
                for name, column in table.columns.items():
                    for at, value in values_of(table.time_ns, column):
                        wanted[tags, name, at] = value
        bucket = f"shared:{company}"
        there = self._there(bucket, "experiment_result", Span(-_EVER, _EVER), {})
        if any(key not in wanted for key in there):
            self.store.delete(bucket, "experiment_result")
            there = {}
        self._write(company, "experiment_result", {k: v for k, v in wanted.items() if there.get(k) != v})

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

    def _write(self, company: str, measurement: str, values: Values) -> None:
        rows: list[Row] = [(measurement, tags, name, at, value) for (tags, name, at), value in values.items()]
        if rows:
            self.store.write(f"shared:{company}", rows)


def _days(span: Span) -> Iterator[Span]:
    """A span in parts of a day, so that memory does not grow with it."""
    for start_ns in range(span.start_ns, span.end_ns, DAY_NS):
        yield Span(start_ns, min(start_ns + DAY_NS, span.end_ns))
