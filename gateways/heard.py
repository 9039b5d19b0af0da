"""When each machine was last heard, in a small file beside the spool: where a gap begins after a kill."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Final

from gateways.rollup import Rollup

log = logging.getLogger(__name__)

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
        self._path = path
        self._rollup = Rollup(log)
        self._due_s = 0.0
        self.times: dict[str, int] = {}
        if path is not None and path.exists():
            try:
                told = json.loads(path.read_text(encoding="utf-8"))
                self.times = {str(name): int(time_ns) for name, time_ns in told.items()}
            except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
                log.warning("%s cannot be read (%s): what was missed before is not told", path, error)

    def keep(self, *, now: bool = False) -> None:
        """Write it, whole or not at all; not more often than is useful, unless it is to be now."""
        if self._path is None or (not now and time.monotonic() < self._due_s):
            return
        self._due_s = time.monotonic() + EVERY_S
        new = self._path.with_suffix(".new")
        try:
            with open(new, "w", encoding="utf-8", opener=_private) as file:
                json.dump(self.times, file)
            new.replace(self._path)
        except OSError as error:
            self._rollup.failed(f"{self._path} cannot be written: {error.strerror}")
        else:
            if self._rollup.trouble is not None:
                self._rollup.recovered(f"{self._path} is written again")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
