"""A small file beside the spool, for what a source must know after its process was killed."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from gateways.rollup import Rollup

log = logging.getLogger(__name__)


class SmallFile:
    """JSON in a file of mode 600: written whole or not at all, without fsync; trouble with it is rolled up.

    Parameters
    ----------
    path : Path or None
        None: there is none.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._rollup = Rollup(log)

    def read(self) -> object | None:
        """What it holds; None where there is none.

        Raises
        ------
        OSError, ValueError, RecursionError
            It cannot be read.
        """
        if self.path is None or not self.path.exists():
            return None
        told: object = json.loads(self.path.read_text(encoding="utf-8"))
        return told

    def unreadable(self, error: Exception) -> None:
        """Say what follows from a file that cannot be read."""
        log.warning("%s cannot be read (%s): what was missed before is not told", self.path, error)

    def write(self, content: object) -> None:
        """Put this in its place."""
        if self.path is None:
            return
        new = self.path.with_suffix(".new")
        try:
            with open(new, "w", encoding="utf-8", opener=_private) as file:
                json.dump(content, file)
            os.replace(new, self.path)  # noqa: PTH105 - the quickest there is, once per message
        except OSError as error:
            self._rollup.failed(f"{self.path} cannot be written: {error.strerror}")
        else:
            if self._rollup.trouble is not None:
                self._rollup.recovered(f"{self.path} is written again")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
