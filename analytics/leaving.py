"""What a company leaves behind in a fieldlab's own buckets, and how it goes."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.fetch import Row
from analytics.kept import RESULTS
from analytics.shared import Shared, Store
from analytics.shares import shares
from analytics.touched import Span, merged_spans, values_of
from analytics.written import NO_REASON, reason_within, stored_stops
from fieldlab_configs import Site

LONGEST_STOP_NS = 31 * 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Left:
    """How much of a company was deleted.

    Attributes
    ----------
    reasons : int
        Operators' reasons given within its windows.
    stops : int
        Stops that told one of them.
    results : int
        Values of its experiments' results.
    """

    reasons: int
    stops: int
    results: int


def forget(site: Site, store: Store, company: str) -> Left:
    """Delete a company's bucket's content, and what people said and found within its windows.

    The machines' own data and figures stay: they are the fieldlab's.

    Parameters
    ----------
    site : Site
        Still with the company and its experiments.
    store : Store
    company : str

    Returns
    -------
    Left
    """
    windows: dict[str, list[Span]] = {}
    for share in shares(site):
        if share.company == company:
            windows.setdefault(share.machine, []).append(share.span)
    reasons = stops = 0
    for machine, spans in windows.items():
        for span in merged_spans(spans):
            reasons += _reasons(store, machine, span)
            stops += _stops(store, machine, span)
    experiments = sorted(e.id for e in site.experiments if e.company == company)
    results = sum(_results(store, experiment) for experiment in experiments)
    Shared(site, store).remove(company)
    return Left(reasons, stops, results)


def _reasons(store: Store, machine: str, span: Span) -> int:
    where = {"machine": machine}
    tables = store.read("raw", "reason", start_ns=span.start_ns, end_ns=span.end_ns, where=where)
    told = sum(len(table.time_ns) for table in tables)
    if (
        told
        and store.delete("raw", "reason", start_ns=span.start_ns, end_ns=span.end_ns, where=where) is False
    ):
        rows: list[Row] = [
            ("reason", tuple(sorted(table.tags.items())), name, at, NO_REASON)
            for table in tables
            for name, column in table.columns.items()
            for at, _ in values_of(table.time_ns, column)
        ]
        store.write("raw", rows)
    return told


def _stops(store: Store, machine: str, span: Span) -> int:
    """Stops that touch the span tell only what is still told of them."""
    rows: list[Row] = []
    reach = Span(span.start_ns - LONGEST_STOP_NS, span.end_ns)
    texts = {
        (tuple(sorted(table.tags.items())), at): str(text)
        for table in store.read(
            "kpi", "stop", start_ns=reach.start_ns, end_ns=reach.end_ns, where={"machine": machine}
        )
        for at, text in values_of(table.time_ns, table.columns["reason_text"])
    }
    for tags, start_ns, end_ns in stored_stops(store, machine, reach):
        told = texts.get((tags, start_ns), NO_REASON)
        if end_ns > span.start_ns and told != NO_REASON:
            left = reason_within(store, machine, Span(start_ns, end_ns))
            if left != told:
                rows.append(("stop", tags, "reason_text", start_ns, left))
    if rows:
        store.write("kpi", rows)
    return len(rows)


def _results(store: Store, experiment: str) -> int:
    where = {"experiment": experiment}
    tables = store.read("kpi", "experiment_result", where=where)
    told = sum(1 for t in tables for column in t.columns.values() for _ in values_of(t.time_ns, column))
    if told:
        for measurement in (*RESULTS, "experiment_window"):
            store.delete("kpi", measurement, where=where)
    return told
