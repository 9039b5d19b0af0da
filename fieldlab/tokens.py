"""Where new tokens go: to files that only their owner reads, or the screen."""

from __future__ import annotations

import contextlib
from pathlib import Path

from fieldlab.errors import WrongUse
from ingest.influx_access import Access, Given
from ingest.whole_file import write_secret


class Files:
    """A file of mode 600 for each, in a folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, access: Access) -> Path:
        """The file of one."""
        return self._folder / f"{access.name.replace(' ', '-')}.token"

    def prepare(self, access: Access, *, anew: bool) -> None:
        """Make its file, empty yet, beside the one that it may replace."""
        path = self.path(access)
        if path.exists() and not anew:
            raise WrongUse(
                f"--tokens: {path} is there, but not of this server, which knows no such token: move it away"
            )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_secret(self._new(path), "")
        except OSError as error:
            raise WrongUse(f"--tokens: {path} cannot be written: {error.strerror}") from None

    def keep(self, access: Access, secret: str) -> None:
        """Write it, durably, before anything else is done."""
        path = self.path(access)
        try:
            write_secret(path, f"{secret}\n")
        except OSError as error:
            raise WrongUse(f"--tokens: {path} cannot be written: {error.strerror}") from None
        with contextlib.suppress(OSError):  # it is empty, and in nobody's way
            self._new(path).unlink()

    def told(self, given: Given) -> str:
        """Where a new one is."""
        return f"in {self.path(given.access)}"

    def _new(self, path: Path) -> Path:
        return path.with_name(f"{path.name}.new")


class Screen:
    """Shows each, once."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def prepare(self, access: Access, *, anew: bool) -> None:
        """There is always room."""

    def keep(self, access: Access, secret: str) -> None:
        """Remember it until it is shown."""
        self._secrets[access.name] = secret

    def told(self, given: Given) -> str:
        """The secret itself."""
        return f"shown only now: {self._secrets[given.access.name]}"


def line(given: Given, keeper: Files | Screen) -> str:
    """What came of one, for people."""
    access = given.access
    both = [name for name in access.reads if name in access.writes]
    parts = [f"reads and writes {', '.join(both)}"] if both else []
    parts += [f"only reads {', '.join(access.reads)}"] if access.reads and not both else []
    parts += [f"only writes {', '.join(access.writes)}"] if access.writes and not both else []
    state = {
        "new": "new",
        "anew": "new, for it opens more than before",
        "widened": f"there already, opens more now ({given.known_as})",
        "there": f"there already ({given.known_as})",
    }[given.state]
    told = f"; {keeper.told(given)}" if given.state in {"new", "anew"} else ""
    former = "".join(f"; the former one, {name}, still opens what it did: delete it" for name in given.former)
    return f"  {access.name} {' and '.join(parts)}: {state}{told}{former}"
