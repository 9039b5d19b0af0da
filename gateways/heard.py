"""When each machine was last heard, in a small file beside the spool: where a gap begins after a kill."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, cast

from gateways.small_file import SmallFile

EVERY_S: Final = 0.2


class Heard:
    """Times by name, in a file.

    It is written after the spool has committed, a few times a second, and without fsync: it may lag behind,
    and then a gap begins a little earlier than what was missed; never later.

    Parameters
    ----------
    path : Path or None
        None keeps them in this process alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = SmallFile(path)
        self._due_s = 0.0
        self.times: dict[str, int] = {}
        try:
            told = self._file.read()
            if told is not None:
                self.times = {str(n): int(t) for n, t in cast("dict[str, int]", told).items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            self._file.unreadable(error)

    def keep(self, *, now: bool = False) -> None:
        """Write it, whole or not at all; not more often than is useful, unless it is to be now."""
        if now or time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + EVERY_S
            self._file.write(self.times)
