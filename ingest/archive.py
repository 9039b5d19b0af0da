"""An archive: a folder of Parquet files, one for each bucket, machine and day (UTC), and a manifest.

Files appear under their names when they are whole, and the manifest names each with its tally and digest;
so an export that was killed goes on where it stopped, and an import can prove what it did.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ingest.errors import ArchiveError
from ingest.moving import Tally
from ingest.whole_file import sync_folder

MANIFEST: Final = "manifest.jsonl"
_FORMAT: Final = 1
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an archive is of.

    Attributes
    ----------
    fieldlab : str
    buckets : tuple of str
    start_ns, end_ns : int or None
        None: from the first, to the last.
    """

    fieldlab: str
    buckets: tuple[str, ...]
    start_ns: int | None
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an archive.

    Attributes
    ----------
    path : str
        Inside the archive.
    bucket, machine, day : str
    tallies : dict of str to Tally
        By measurement.
    sha256 : str
        Of the file.
    """

    path: str
    bucket: str
    machine: str
    day: str
    tallies: dict[str, Tally]
    sha256: str

    @property
    def rows(self) -> int:
        """How many values it holds."""
        return sum(t.rows for t in self.tallies.values())


class Manifest:
    """The list of an archive's files: a line each, added when the file is there.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scope: Scope | None = None
        self.parts: dict[str, Part] = {}
        self.complete = False
        self._path = folder / MANIFEST
        self._length = 0
        if self._path.is_file():
            self._read()

    def begin(self, scope: Scope) -> None:
        """Start a manifest, or go on with one of the same scope."""
        if self.scope is not None:
            if self.scope != scope:
                raise ArchiveError(
                    f"{self.folder} holds an export of another range or other buckets: give another folder"
                )
            return
        if self.folder.is_dir() and any(self.folder.iterdir()):
            raise ArchiveError(f"{self.folder} is not empty, and no export: give a folder of its own")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.scope = scope
        self._add({"fieldlab_archive": _FORMAT, **asdict(scope)})

    def add(self, part: Part) -> None:
        """Name a file that is whole."""
        self.parts[part.path] = part
        self._add({**asdict(part), "tallies": {m: [t.rows, t.checksum] for m, t in part.tallies.items()}})

    def finish(self) -> None:
        """Say that nothing is missing."""
        self.complete = True
        self._add({"complete": True, "files": len(self.parts), "rows": self.rows})

    @property
    def rows(self) -> int:
        """How many values the archive holds."""
        return sum(part.rows for part in self.parts.values())

    @property
    def tallies(self) -> dict[str, dict[str, Tally]]:
        """By bucket and measurement."""
        found: dict[str, dict[str, Tally]] = {}
        for part in self.parts.values():
            of_it = found.setdefault(part.bucket, {})
            for measurement, tally in part.tallies.items():
                of_it[measurement] = of_it.get(measurement, Tally()) + tally
        return found

    def checked(self) -> Iterator[tuple[Part, Path]]:
        """Each part and its file; ArchiveError where one is not what was exported."""
        for part in self.parts.values():
            path = self.folder / part.path
            if not path.is_file():
                raise ArchiveError(f"{path} is missing: copy the archive again, or export anew")
            if digest(path) != part.sha256:
                raise ArchiveError(f"{path} is not what was exported: copy the archive again, or export anew")
            yield part, path

    def _add(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=True).encode() + b"\n"
        with self._path.open("r+b" if self._length else "wb") as file:
            # What a killed export left of a line goes.
            file.truncate(self._length)
            file.seek(self._length)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        if not self._length:
            sync_folder(self.folder)
        self._length += len(line)

    def _read(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
            for number, entry in enumerate(lines):
                self._take(number, entry)
        except ArchiveError:  # a ValueError too, and it says more
            raise
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ArchiveError(f"{self._path} is not the manifest of a Fieldlab export") from None
        self._length = len(whole)

    def _take(self, number: int, entry: dict[str, Any]) -> None:
        if number == 0:
            version = entry.pop("fieldlab_archive")
            if version > _FORMAT:
                raise ArchiveError(f"{self.folder} was exported by a newer Fieldlab: update this one")
            self.scope = Scope(**{**entry, "buckets": tuple(entry["buckets"])})
        elif entry.get("complete"):
            self.complete = True
        else:
            tallies = {m: Tally(*told) for m, told in entry["tallies"].items()}
            part = Part(**{**entry, "tallies": tallies})
            if part.path != part_path(part.bucket, part.machine, part.day) or not _DAY.fullmatch(part.day):
                raise ArchiveError(f"{self._path} names {part.path!r}, which no export of ours has")
            self.parts[part.path] = part


def part_path(bucket: str, machine: str, day: str) -> str:
    """Where in an archive the file of a bucket, machine and day lies."""
    return f"{_folder(bucket)}/{_folder(machine)}/{day}.parquet"


def _folder(name: str) -> str:
    # A colon and the like would not survive every file system, and two dots would lead out of the folder.
    return quote(name, safe="").replace(".", "%2E")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
