"""A backup of a store that is no file: an export of all of it, in one tar file."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ingest.archive import Manifest
from ingest.embedded_check import Tallies
from ingest.errors import ArchiveError
from ingest.exporting import Told, export
from ingest.importing import Imported, import_archive
from ingest.moving import FIRST_NS, MovableStore, kept_measurements
from ingest.store import Bucket
from ingest.whole_file import sync_folder


def bundle(
    store: MovableStore, fieldlab: str, buckets: Sequence[Bucket], target: Path, *, told: Told
) -> Tallies:
    """Export all of a store into one file; run again after an interruption, it goes on.

    Raises
    ------
    ArchiveError
        The file is there already.
    """
    if target.exists():
        raise ArchiveError(f"{target} is there already: give another name, or remove it")
    parts = target.with_name(f"{target.name}.parts")
    manifest = export(store, fieldlab, parts, buckets=buckets, told=told)
    new = target.with_name(f"{target.name}.new")
    with tarfile.open(new, "w") as tar:
        tar.add(parts, arcname=".")
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(target)
    sync_folder(target.absolute().parent)
    shutil.rmtree(parts)
    return manifest.tallies


def unbundle(store: MovableStore, fieldlab: str, backup: Path, *, force: bool, told: Told) -> Imported:
    """Import a backup that :func:`bundle` made, and read it back.

    Parameters
    ----------
    store : MovableStore
    fieldlab : str
    backup : Path
    force : bool
        Write into a store that holds data: what the backup has is replaced, all else stays.
    told : callable
    """
    with tempfile.TemporaryDirectory(dir=backup.absolute().parent) as folder:
        try:
            with tarfile.open(backup) as tar:
                tar.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise ArchiveError(f"{backup} cannot be unpacked: {error}; take another backup") from None
        manifest = Manifest(Path(folder))
        buckets = manifest.scope.buckets if manifest.scope is not None else ()
        if not force and any(_holds_something(store, bucket) for bucket in buckets):
            raise ArchiveError(
                "the store holds data: --force writes the backup over them, and leaves the rest"
            )
        return import_archive(store, fieldlab, Path(folder), told=told)


def is_bundle(path: Path) -> bool:
    """Whether a file is a backup that :func:`bundle` made."""
    return path.is_file() and tarfile.is_tarfile(path)


def _holds_something(store: MovableStore, bucket: Bucket) -> bool:
    return any(store.first_from(bucket, m, FIRST_NS) for m in kept_measurements(store, bucket))
