"""A reserve beside the spool: room that is given up when the disk is full, so that delivery can go on."""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from ingest.errors import SpoolUnavailable

log = logging.getLogger(__name__)

LEAST: Final = 1_000_000
MOST: Final = 64_000_000
SHARE: Final = 100
_ROOM_TO_RETURN: Final = 4
"""The disk must have so many times the reserve free before anything is taken in again."""


class Reserve:
    """A file of zeros that holds room on the disk.

    A database that deletes needs room for its log first: on a full disk even making room fails. So
    the reserve is given up, what was delivered is deleted, and nothing more is taken in before the
    reserve stands again.

    Parameters
    ----------
    path : Path
    max_bytes : int
        Of the spool: the reserve is a hundredth of it, within limits.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.size = min(max(max_bytes // SHARE, LEAST), MOST)

    @property
    def stands(self) -> bool:
        """Whether it holds its room."""
        try:
            return self.path.stat().st_size >= self.size
        except OSError:
            return False

    def release(self) -> None:
        """Give the room up."""
        if self.stands:
            log.error("the disk of %s is full; its reserve of %d bytes is given up", self.path, self.size)
        with suppress(OSError):
            self.path.unlink()

    def require(self) -> None:
        """Make the reserve where it is not, if there is room enough; else SpoolUnavailable."""
        if self.stands:
            return
        disk = os.statvfs(self.path.parent)
        if disk.f_bavail * disk.f_frsize < _ROOM_TO_RETURN * self.size:
            raise SpoolUnavailable(
                f"the disk of {self.path.parent} is full: "
                f"free {_ROOM_TO_RETURN * self.size // 1_000_000} MB, "
                "or let the store take what waits"
            )
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _allocate(handle, self.size)
        except OSError:
            self.release()
            raise
        finally:
            os.close(handle)


def _allocate(handle: int, size: int) -> None:
    """Room that the file system has really set aside."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
        return
    written = 0
    while written < size:
        written += os.write(handle, bytes(min(1 << 20, size - written)))


def disk_is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room on the disk."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
