"""Recordings as files: CSV, Parquet, MTConnect SHDR, each read into the same raw columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ingest.errors import RecordingError
from ingest.recording_csv import read_csv
from ingest.recording_parquet import read_parquet
from ingest.recording_raw import Items, Raw
from ingest.recording_shdr import read_shdr

_READERS: Final[dict[str, Callable[[Path, str | None, Items], Raw]]] = {
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".shdr": read_shdr,
}


def read_file(path: Path, machine: str | None, items: Items) -> Raw:
    """The rows of one recording.

    Parameters
    ----------
    path : Path
    machine : str or None
        Whose it is, where the file does not say; or whose rows of it are wanted.
    items : mapping
        For SHDR: per machine, which signals each item feeds.

    Raises
    ------
    RecordingError
        The file as a whole cannot be used; the message says what to do.
    """
    read = _READERS.get(path.suffix.lower())
    try:
        if not path.is_file():
            raise RecordingError(f"{path} {_what(path)}: give a file")
        if read is None:
            known = ", ".join(_READERS)
            raise RecordingError(
                f"{path}: what {path.suffix or 'a name without ending'} is, nobody knows:"
                f" give a file whose name ends in one of {known}"
            )
        if path.stat().st_size == 0:
            raise RecordingError(f"{path} is empty: record again, or leave it out")
        return read(path, machine, items)
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from None


def _what(path: Path) -> str:
    """What a path is that is no file."""
    if path.is_dir():
        return "is a folder, not a recording"
    return (
        "is a device or a pipe, and a recording is read more than once" if path.exists() else "does not exist"
    )
