"""One log line for a trouble that repeats, instead of one per attempt."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

EVERY_S = 300.0


class Rollup:
    """Says a trouble once, then how often it came back, then that it is over.

    Parameters
    ----------
    log : logging.Logger
        Where the lines go.
    every_s : float
        A trouble that lasts is said again after this long. [s]
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self, log: logging.Logger, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._every_s = every_s
        self._clock = clock
        self._message: str | None = None
        self._began = 0.0
        self._said = 0.0
        self._times = 0

    @property
    def trouble(self) -> str | None:
        """What is wrong now; None when all is well."""
        return self._message

    def failed(self, message: str) -> None:
        """Say a trouble, unless it was just said."""
        now = self._clock()
        if self._message is None:
            self._began, self._times = now, 0
        self._times += 1
        if message != self._message:
            self._message, self._said = message, now
            self._log.warning("%s", message)
        elif now - self._said >= self._every_s:
            self._said = now
            self._log.warning("%s (%d times in %.0f s)", message, self._times, now - self._began)

    def recovered(self, message: str) -> None:
        """Say that all is well, and how long it was not."""
        if self._message is None:
            self._log.info("%s", message)
        else:
            self._log.info(
                "%s after %d failures in %.0f s", message, self._times, self._clock() - self._began
            )
        self._message = None
