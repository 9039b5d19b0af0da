"""What time it is for a gateway, and whose time a sample bears."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Literal, TypeGuard

from ingest.samples import Clock

SECOND_NS: Final = 1_000_000_000
PAST_NS: Final = 7 * 24 * 3600 * SECOND_NS
AHEAD_NS: Final = 60 * SECOND_NS
# A source's clock is known only as often as it is read, so "ahead of it" begins a few readings later.
STEPS_AHEAD: Final = 10


class GatewayClock:
    """The gateway's clock: the system's, or one that follows what its sources say.

    Following, it is the latest reading of any source: it never runs back and is never extrapolated,
    so that accelerated and recorded runs behave like real ones.

    Parameters
    ----------
    kind : {"system", "source"}
        As configured.
    wall_ns, steady_ns : callable
        UTC and monotonic nanoseconds; passed in so that tests own time.
    """

    def __init__(
        self,
        kind: Literal["system", "source"] = "system",
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.kind: Final = kind
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._readings: dict[str, int] = {}
        self._latest: int | None = None
        self._largest_step = 0
        self._moved = False
        self._trusted = 0

    @property
    def follows(self) -> bool:
        """Whether this clock follows its sources."""
        return self.kind == "source"

    def observe(self, source: str, time_ns: int) -> None:
        """Take a reading of a source's clock; an earlier one than before is ignored.

        Parameters
        ----------
        source : str
            Whose clock it is.
        time_ns : int
            UTC nanoseconds.
        """
        if not self.follows or time_ns <= 0:
            return
        before = self._readings.get(source)
        if before is not None and time_ns > before:
            self._largest_step = max(self._largest_step, time_ns - before)
            self._moved = True
        self._readings[source] = time_ns if before is None else max(before, time_ns)
        self._latest = time_ns if self._latest is None else max(self._latest, time_ns)

    def now_ns(self) -> int:
        """The time; following, before any reading, the latest source time that was believed (else 0)."""
        if not self.follows:
            return self._wall_ns()
        return self._trusted if self._latest is None else self._latest

    def reading_ns(self, source: str) -> int | None:
        """How far the time is known for one source: its own last reading, else the gateway's.

        Life is proved no further than this. None before the first reading of all.
        """
        if not self.follows:
            return self._wall_ns()
        return self._readings.get(source, self._latest)

    def steady_ns(self, source: str) -> int | None:
        """A time to measure silences with: monotonic, or the source's where the clock follows."""
        return self.reading_ns(source) if self.follows else self._steady_ns()

    def stamp(
        self, source_ns: int | None, server_ns: int | None = None, *, backfill: bool = False
    ) -> tuple[int, Clock] | None:
        """The time of a sample, and whose it is: the source's if sane, else the server's, else ours.

        Parameters
        ----------
        source_ns, server_ns : int or None
            What came with the sample; UTC nanoseconds.
        backfill : bool
            History, or a kept message: then its age proves nothing against it.

        Returns
        -------
        tuple of (int, str) or None
            None where nobody can tell the time: a clock that follows, before its first reading.
        """
        if self._sane(source_ns, backfill=backfill):
            return source_ns, "source"
        if self._sane(server_ns, backfill=backfill):
            return server_ns, "server"
        if self.follows and self._latest is None:
            return None
        return self.now_ns(), "gateway"

    def _sane(self, time_ns: int | None, *, backfill: bool) -> TypeGuard[int]:
        if time_ns is None or time_ns <= 0:
            return False
        if self.follows and not self._moved:
            # Until the clock has moved nobody knows how long its steps are.
            self._trusted = max(self._trusted, time_ns)
            return True
        now = self.now_ns()
        ahead = max(AHEAD_NS, STEPS_AHEAD * self._largest_step)
        return time_ns - now <= ahead and (backfill or now - time_ns <= PAST_NS)
