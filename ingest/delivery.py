"""One write to the store: rows, the note that says what they touched, gaps, the gateway's own figures."""

from __future__ import annotations

import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import numpy as np

from ingest.account import DeadLetter, Gap, Ledger, Outcome
from ingest.batches import Batch
from ingest.frames import PLAIN, REPLACES, Frame, decode
from ingest.room import Room
from ingest.rows import NONE
from ingest.state import StoreState
from ingest.store import Rejected, Row, Store, StoreUnavailable, Tags

log = logging.getLogger(__name__)


@runtime_checkable
class FrameStore(Protocol):
    """A store that takes the spool's frames as they are, which is quicker than row by row."""

    def write_frames(self, bucket: str, frames: Sequence[Frame], extra: Sequence[Row]) -> list[Rejected]:
        """Write frames, then rows; otherwise as :meth:`ingest.store.Store.write`."""
        ...


@dataclass(frozen=True, slots=True)
class Figures:
    """What a gateway tells of itself.

    Attributes
    ----------
    account : Ledger
        Of the store that is written to.
    room : Room or None
        Of the spool.
    stores : mapping of str to StoreState
        Where there are several: how each does.
    """

    account: Ledger
    room: Room | None = None
    stores: Mapping[str, StoreState] = field(default_factory=dict)


METRICS_EVERY_S: Final = 10.0
_STATM: Final = Path("/proc/self/statm")


class Delivery:
    """Writes batches of the spool to the store. Used by one thread at a time.

    Parameters
    ----------
    fieldlab, gateway : str
    store : Store
    now_ns : callable
        The gateway's clock; UTC nanoseconds, 0 where it does not know yet.
    more : callable
        Further figures that the gateway tells of itself.
    """

    def __init__(
        self,
        fieldlab: str,
        gateway: str,
        store: Store,
        *,
        now_ns: Callable[[], int],
        more: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self._tags: Tags = (("fieldlab", fieldlab), ("gateway", gateway))
        self._store = store
        self._now_ns = now_ns
        self._more = more
        self._metrics_at_s = time.monotonic()

    def metrics_due_s(self) -> float:
        """How long until the gateway's own figures are to be written again [s]."""
        return max(self._metrics_at_s - time.monotonic(), 0.0)

    def write(
        self,
        batches: Sequence[Batch],
        gaps: Mapping[int, Gap],
        figures: Figures,
        floor_ns: int,
    ) -> Outcome:
        """Write batches and gaps; the store has them when this returns.

        Parameters
        ----------
        batches : sequence of Batch
        gaps : mapping of int to Gap
        figures : Figures
            The gateway's own, written every 10 s.
        floor_ns : int
            Time of the last delivery note: the next one is later.

        Returns
        -------
        Outcome

        Raises
        ------
        StoreUnavailable
            Try again later.
        """
        frames = [decode(batch.payload) for batch in batches]
        latest_ns = max((b.last_ns for b in batches), default=0)
        note_ns = max(self._now_ns() or latest_ns, floor_ns + 1)
        extra = [*self._gap_rows(gaps.values()), *self._notes(frames, note_ns)]
        metrics = self.metrics_due_s() == 0 and self._now_ns() > 0
        if metrics:
            extra += self._metrics(figures, batches, note_ns)
        rejected = self._send(frames, extra) if frames or extra else []
        if metrics:
            self._metrics_at_s = time.monotonic() + METRICS_EVERY_S
        replaced = sum(b.replaced for b in batches)
        dead, dead_replacing = _refused(rejected, frames) if rejected else ([], 0)
        return Outcome(replaced - dead_replacing, dead, tuple(gaps), note_ns)

    def _send(self, frames: Sequence[Frame], extra: Sequence[Row]) -> list[Rejected]:
        if isinstance(self._store, FrameStore):
            return self._store.write_frames("raw", frames, extra)
        return self._store.write("raw", [*(row for frame in frames for row in frame.rows), *extra])

    def _notes(self, frames: Iterable[Frame], note_ns: int) -> Iterator[Row]:
        """Per machine, what was touched: half-open, in the time of its rows."""
        touched: dict[str, tuple[int, int, int]] = {}
        for frame in frames:
            order = np.argsort(frame.index, kind="stable")
            which, first = np.unique(frame.index[order], return_index=True)
            time_ns = frame.time_ns[order]
            told = np.add.reduceat((frame.marked[order] != PLAIN).astype(np.int64), first)
            begins, ends = np.minimum.reduceat(time_ns, first), np.maximum.reduceat(time_ns, first)
            for series, begin, end, n in zip(
                which.tolist(), begins.tolist(), ends.tolist(), told.tolist(), strict=True
            ):
                machine = dict(frame.series[series][1]).get("machine", NONE)
                low, high, samples = touched.get(machine, (begin, end, 0))
                touched[machine] = min(low, begin), max(high, end), samples + n
        for machine, (begin, end, samples) in sorted(touched.items()):
            tags = (*self._tags, ("machine", machine))
            yield Row("delivery", tags, "from_ns", note_ns, begin)
            yield Row("delivery", tags, "to_ns", note_ns, end + 1)
            yield Row("delivery", tags, "samples", note_ns, float(samples))

    def _gap_rows(self, gaps: Iterable[Gap]) -> Iterator[Row]:
        for gap in gaps:
            tags = (*self._tags, ("machine", gap.machine), ("reason", gap.reason), ("signal", gap.signal))
            yield Row("gap", tags, "to_ns", gap.start_ns, gap.end_ns)
            yield Row("gap", tags, "count", gap.start_ns, float(gap.count))

    def _metrics(self, figures: Figures, batches: Sequence[Batch], note_ns: int) -> Iterator[Row]:
        lag_s = max((time.time_ns() - batches[0].at_ns) / 1e9, 0.0) if batches else 0.0
        own = {**_told(figures.account), "lag_s": lag_s, "rss_mb": resident_mb()}
        if figures.room is not None and figures.room.autonomy_h is not None:
            own["autonomy_h"] = figures.room.autonomy_h
        for name, value in {**own, **self._more()}.items():
            yield Row("gateway", self._tags, name, note_ns, float(value))
        for store, state in figures.stores.items():
            for name, value in {**_told(state.ledger), "lag_s": state.lag_s}.items():
                yield Row("gateway_store", (*self._tags, ("store", store)), name, note_ns, float(value))


def _told(account: Ledger) -> dict[str, float]:
    return {name: getattr(account, name) for name in ("received", "stored", "replaced", "waiting", "dead")}


def _refused(rejected: Sequence[Rejected], frames: Iterable[Frame]) -> tuple[list[DeadLetter], int]:
    """The samples among the rows that the store refused, and how many of them would have replaced one."""
    left: dict[Row, list[int]] = defaultdict(list)
    for frame in frames:
        for row, mark in zip(frame.rows, frame.marks, strict=True):
            left[row].append(mark)
    dead, replacing = [], 0
    for row, reason in rejected:
        kinds = left.get(row)
        mark = kinds.pop() if kinds else PLAIN
        if mark == PLAIN:
            log.error("the store refused %s: %s", row, reason)
            continue
        replacing += mark == REPLACES
        machine = dict(row.tags).get("machine", NONE)
        content = str(row.value).encode("utf-8", "backslashreplace")[:1000]
        dead.append(DeadLetter(machine, row.field, row.time_ns, content, reason))
    return dead, replacing


def resident_mb() -> float:
    """Resident memory of this process [MB]; 0 where the system does not tell."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Patience:
    """How long to wait before the next delivery, and when to speak of trouble.

    Parameters
    ----------
    name : str
        Whose, for the log.
    """

    LINGER_S: Final = 0.1
    FIRST_S: Final = 0.2
    LONGEST_S: Final = 10.0
    SPEAK_EVERY_S: Final = 60.0

    def __init__(self, name: str) -> None:
        self.name = name
        self.wait_s = 0.0
        self._failures = 0
        self._spoke_at_s = -self.SPEAK_EVERY_S
        self.trouble: str | None = None
        """Why the last delivery failed; None where it did not."""

    def failed(self, error: Exception) -> None:
        """It did not work: wait longer each time, or as long as the store asks for."""
        asked = error.retry_after_s if isinstance(error, StoreUnavailable) else None
        self.wait_s = asked if asked is not None else min(self.FIRST_S * 2**self._failures, self.LONGEST_S)
        self._failures = min(self._failures + 1, 16)
        self.trouble = str(error)
        if time.monotonic() - self._spoke_at_s >= self.SPEAK_EVERY_S:
            self._spoke_at_s = time.monotonic()
            log.warning("gateway %s cannot deliver, and keeps what it has in its spool: %s", self.name, error)

    def succeeded(self, *, full: bool) -> None:
        """It worked; after a full batch go on at once, else let a few rows gather."""
        if self._failures:
            log.warning("gateway %s delivers again", self.name)
            self._spoke_at_s = -self.SPEAK_EVERY_S
        self._failures = 0
        self.trouble = None
        self.wait_s = 0.0 if full else self.LINGER_S
