"""Writing a file whole or not at all, and for good; the one place where a file of a secret is written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Put a file in its place in one step, after it is on disk; its folder is made where it is missing.

    Parameters
    ----------
    path : Path
    content : bytes
    mode : int
        From the first moment, less what the umask takes away.

    Raises
    ------
    OSError
        It could not be written: what was there before is there still, and nothing half is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    try:
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError:
        with suppress(OSError):  # what went wrong before is what has to be told
            half.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_secret(path: Path, secret: str) -> None:
    """The same of a secret, which nobody but the owner of its file reads."""
    write_whole(path, secret.encode(), 0o600)


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
