"""What a company may see: its machines in its windows, and the rows that are stored of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.fetch import Source
from analytics.query import DAY_NS
from analytics.signals import NS
from analytics.touched import Span, values_of
from analytics.written import NO_REASON, Tags, reason_within, stored_stops
from fieldlab_configs import Site

LONGEST_STOP_NS: Final = 31 * DAY_NS

Key = tuple[Tags, str, int]
"""Tags, field, time."""
Values = dict[Key, float | int | str]


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


def wanted(store: Source, share: Share, measurement: str, span: Span) -> Values:
    """The rows of a share that a span of its window should have."""
    if measurement == "stop":
        return _stops(store, share, span)
    bucket = "raw" if measurement == "machine" else "kpi"
    found: Values = {}
    where = {"machine": share.machine}
    for table in store.read(bucket, measurement, start_ns=span.start_ns, end_ns=span.end_ns, where=where):
        holds = np.ones(len(table.time_ns), dtype=bool)
        if measurement == "atom":  # one that is overwritten with zeros no longer holds
            holds = table.columns["calendar_time_s"].astype(float) > 0
        tags = tuple(sorted({**table.tags, **share.label}.items()))
        for name, column in table.columns.items():
            for at, value in values_of(table.time_ns[holds], column[holds]):
                found[tags, name, at] = value
    return found


def _stops(store: Source, share: Share, span: Span) -> Values:
    """Stops as far as they lie in the window: what went before or came after is not the company's."""
    found: Values = {}
    window = share.span
    reach = Span(min(span.start_ns, window.start_ns) - LONGEST_STOP_NS, span.end_ns)
    for tags, start_ns, end_ns in stored_stops(store, share.machine, reach):
        first, last = max(start_ns, window.start_ns), min(end_ns, window.end_ns)
        if not (first < last and span.start_ns <= first < span.end_ns):
            continue
        whole = (first, last) == (start_ns, end_ns)
        reason = (
            _reason(store, tags, start_ns)
            if whole
            else reason_within(store, share.machine, Span(first, last))
        )
        labelled = tuple(sorted({**dict(tags), **share.label}.items()))
        found[labelled, "duration_s", first] = (last - first) / NS
        found[labelled, "reason_text", first] = reason
    return found


def _reason(store: Source, tags: Tags, start_ns: int) -> str:
    """What was found to be a stop's reason when it was written: raw data may be gone since."""
    for table in store.read(
        "kpi", "stop", start_ns=start_ns, end_ns=start_ns + 1, where=dict(tags), fields=["reason_text"]
    ):
        for value in table.columns.get("reason_text", ()):
            if value is not None:
                return str(value)
    return NO_REASON
