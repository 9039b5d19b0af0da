"""Which backups and exports lie beside a store: what is deleted in the store is still in them."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ingest.archive import MANIFEST

_SQLITE: Final = b"SQLite format 3\0"
Kind = Literal["backup", "export"]


class Kept(NamedTuple):
    """A file or folder that keeps a fieldlab's data, and since when."""

    path: Path
    kind: Kind
    at_ns: int


def kept_beside(folders: Iterable[Path], store: Path | None) -> list[Kept]:
    """Backups and exports that lie directly in some folders, the oldest first.

    Parameters
    ----------
    folders : iterable of Path
    store : Path or None
        The store's own file, which is none of them.
    """
    found = {}
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            kind = _kind(path)
            if kind is not None and (store is None or path.resolve() != store.resolve()):
                found[path.resolve()] = Kept(path, kind, path.stat().st_mtime_ns)
    return sorted(found.values(), key=lambda kept: (kept.at_ns, kept.path))


def _kind(path: Path) -> Kind | None:
    try:
        if path.is_dir():
            return "export" if (path / MANIFEST).is_file() else None
        if not path.is_file():
            return None
        if _is_store(path) or _is_bundle(path):
            return "backup"
    except (OSError, tarfile.TarError, sqlite3.Error):
        pass
    return None


def _is_store(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            return False
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {"meta", "series", "chunk"} <= tables


def _is_bundle(path: Path) -> bool:
    if not tarfile.is_tarfile(path):
        return False
    with tarfile.open(path) as tar:
        return any(Path(member.name).name == MANIFEST for member in tar)
