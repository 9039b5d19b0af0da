"""One process at a time, by a lock that the system lets go of when the process dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Windows, where SQLite's own locks have to do
    fcntl = None  # type: ignore[assignment]  # its absence is the value


class FileLock:
    """The lock that goes with a file.

    The lock file lies beside it and stays: removing it would let two processes each lock their own.

    Parameters
    ----------
    path : Path
        The file it protects.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.lock")
        self._handle: int | None = None

    def acquire(self, *, wait: bool = False) -> None:
        """Take it; BlockingIOError where another has it and `wait` is off."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle

    def release(self) -> None:
        """Let it go, where it is held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait for the lock that goes with a file, and hold it."""
    lock = FileLock(path)
    lock.acquire(wait=True)
    try:
        yield
    finally:
        lock.release()
