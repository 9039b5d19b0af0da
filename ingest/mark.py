"""The high-water mark: in a second file, what the spool had taken, so that no damage can hide a loss."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from dataclasses import astuple, dataclass
from pathlib import Path

_SLOT = struct.Struct("<10q")
_CRC = struct.Struct("<I")
_SLOT_BYTES = 512  # a sector: the two slots never share one, so a torn write costs one of them


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the spool had come, and its account then.

    Attributes
    ----------
    turn : int
        Counts the writes of the mark.
    seq : int
        The last batch that was committed.
    received, stored, replaced, dead, gaps : int
        The account.
    cursor, gone : int
        Up to which batch all is delivered, and how many batches are delivered or lost.
    last_ns : int
        The latest time of any row.
    """

    turn: int = 0
    seq: int = 0
    received: int = 0
    stored: int = 0
    replaced: int = 0
    dead: int = 0
    gaps: int = 0
    cursor: int = 0
    gone: int = 0
    last_ns: int = 0


class MarkFile:
    """Two slots written in turn, each with a checksum.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._turn = 0

    def open(self) -> Mark:
        """Open the file, made where it is not there; the newest whole mark in it."""
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        best = Mark()
        for slot in range(2):
            found = _read(os.pread(self._handle, _SLOT_BYTES, slot * _SLOT_BYTES))
            if found is not None and found.turn > best.turn:
                best = found
        self._turn = best.turn
        return best

    def write(self, mark: Mark, *, sync: bool) -> None:
        """Put down a mark; with `sync` it is durable when this returns."""
        if self._handle is None:
            raise ValueError("the mark is not open")
        self._turn += 1
        content = _SLOT.pack(self._turn, *astuple(mark)[1:])
        slot = (content + _CRC.pack(zlib.crc32(content))).ljust(_SLOT_BYTES, b"\0")
        if os.pwrite(self._handle, slot, (self._turn % 2) * _SLOT_BYTES) != _SLOT_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        if sync:
            os.fdatasync(self._handle)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _read(slot: bytes) -> Mark | None:
    if len(slot) < _SLOT.size + _CRC.size:
        return None
    (crc,) = _CRC.unpack_from(slot, _SLOT.size)
    if crc != zlib.crc32(slot[: _SLOT.size]):
        return None
    return Mark(*_SLOT.unpack_from(slot))
