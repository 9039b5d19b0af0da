"""The high-water mark: in a second file, what the spool had taken, so that no damage can hide a loss."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Final

from fieldlab_configs.site import PRIMARY

_MAGIC: Final = b"FLM2"
_HEAD: Final = struct.Struct("<4s3qH")
_NUMBERS: Final = struct.Struct("<7q")
_CRC: Final = struct.Struct("<I")
_SLOT_BYTES: Final = 4096  # a page: the two slots never share one, so a torn write costs one of them
_OLD_SLOT: Final = struct.Struct("<10q")
_OLD_SLOT_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the spool had come with one store.

    Attributes
    ----------
    received, stored, replaced, dead, gaps : int
        The account.
    cursor, gone : int
        Up to which batch all is delivered, and how many batches are delivered or lost.
    """

    received: int = 0
    stored: int = 0
    replaced: int = 0
    dead: int = 0
    gaps: int = 0
    cursor: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the spool had come.

    Attributes
    ----------
    seq : int
        The last batch that was committed.
    last_ns : int
        The latest time of any row.
    of : mapping of str to Standing
        By the name of the store.
    turn : int
        Counts the writes of the mark.
    """

    seq: int = 0
    last_ns: int = 0
    of: Mapping[str, Standing] = field(default_factory=dict)
    turn: int = 0


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
        found = [_read(os.pread(self._handle, _SLOT_BYTES, slot * _SLOT_BYTES)) for slot in range(2)]
        best = max(found, key=lambda mark: mark.turn)
        self._turn = best.turn
        if best.turn == 0:
            old = [
                _read_old(os.pread(self._handle, _OLD_SLOT.size + _CRC.size, at))
                for at in (0, _OLD_SLOT_BYTES)
            ]
            best = max(old, key=lambda mark: mark.turn)
            # Even, so that the first write goes to the second slot: the old ones lie in the first.
            self._turn = best.turn + best.turn % 2
        return best

    def write(self, mark: Mark, *, sync: bool) -> None:
        """Put down a mark; with `sync` it is durable when this returns."""
        if self._handle is None:
            raise ValueError("the mark is not open")
        self._turn += 1
        slot = _slot(replace(mark, turn=self._turn))
        if os.pwrite(self._handle, slot, (self._turn % 2) * _SLOT_BYTES) != _SLOT_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        if sync:
            os.fdatasync(self._handle)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _slot(mark: Mark) -> bytes:
    parts = [_HEAD.pack(_MAGIC, mark.turn, mark.seq, mark.last_ns, len(mark.of))]
    for name, standing in mark.of.items():
        parts += [bytes([len(name)]), name.encode(), _NUMBERS.pack(*astuple(standing))]
    content = b"".join(parts)
    if len(content) + _CRC.size > _SLOT_BYTES:
        raise ValueError(f"a mark of {len(mark.of)} stores does not fit")
    return (content + _CRC.pack(zlib.crc32(content))).ljust(_SLOT_BYTES, b"\0")


def _read(slot: bytes) -> Mark:
    """The mark in a slot; one of turn 0 where there is none."""
    try:
        magic, turn, seq, last_ns, n = _HEAD.unpack_from(slot)
        if magic != _MAGIC:
            return Mark()
        at, of = _HEAD.size, {}
        for _ in range(n):
            end = at + 1 + slot[at]
            of[slot[at + 1 : end].decode("ascii")] = Standing(*_NUMBERS.unpack_from(slot, end))
            at = end + _NUMBERS.size
        (crc,) = _CRC.unpack_from(slot, at)
    except (struct.error, IndexError, UnicodeDecodeError):
        return Mark()
    return Mark(seq, last_ns, of, turn) if crc == zlib.crc32(slot[:at]) else Mark()


def _read_old(slot: bytes) -> Mark:
    """Likewise, as it was before there could be several stores."""
    if len(slot) < _OLD_SLOT.size + _CRC.size:
        return Mark()
    (crc,) = _CRC.unpack_from(slot, _OLD_SLOT.size)
    if crc != zlib.crc32(slot[: _OLD_SLOT.size]):
        return Mark()
    turn, seq, *account, last_ns = _OLD_SLOT.unpack_from(slot)
    return Mark(seq, last_ns, {PRIMARY: Standing(*account)}, turn)
