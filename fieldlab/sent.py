"""The account of weekly reports: which were made, what was mailed to whom; it outlives restarts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from fieldlab.errors import WrongUse
from ingest.filelock import FileLock
from ingest.whole_file import write_secret

NAME: Final = ".sent.json"
KEPT: Final = 104
"""So many weeks of a report are remembered: two years, and far more than are ever caught up."""


@dataclass(slots=True)
class Made:
    """A report of one week.

    Attributes
    ----------
    made_ns : int
        On the fieldlab's clock.
    files : list of str
        Paths; none where there was nothing that it may tell.
    subject, text : str
        Of the mail that brings it.
    to : list of str
        Who is to get it: whoever the config named when it was made.
    sent : dict of str to int
        Address to when the server took it; UTC nanoseconds.
    given_up : dict of str to str
        Address to why.
    """

    made_ns: int
    files: list[str] = field(default_factory=list)
    subject: str = ""
    text: str = ""
    to: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)

    def waiting(self) -> list[str]:
        """To whom it is still to be sent."""
        return [to for to in self.to if to not in self.sent and to not in self.given_up]


class Account:
    """What is known of each report; kept in a file beside them.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.since: dict[str, int] = {}
        self.weeks: dict[str, dict[str, Made]] = {}

    @contextmanager
    def opened(self) -> Iterator[Account]:
        """Read it, and hold it against everybody else; BlockingIOError where another has it."""
        lock = FileLock(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except BlockingIOError:
            raise
        except OSError as error:
            raise WrongUse(
                f"reports.folder: {self.path.parent} cannot be written: {error.strerror};"
                " name a folder that can be"
            ) from None
        try:
            self._read()
            yield self
        finally:
            lock.release()

    def first_seen(self, report: str, now_ns: int) -> int:
        """Since when a report is in the config; what was due before is not caught up."""
        if report not in self.since:
            self.since[report] = now_ns
            self.keep()
        return self.since[report]

    def of(self, report: str, week: str) -> Made | None:
        """What was done; None where nothing was yet."""
        return self.weeks.get(report, {}).get(week)

    def put(self, report: str, week: str, made: Made) -> None:
        """Note what was done; what is long past goes."""
        weeks = self.weeks.setdefault(report, {})
        weeks[week] = made
        for old in sorted(weeks)[:-KEPT]:
            del weeks[old]
        self.keep()

    def keep(self) -> None:
        """Write it: whole, on disk, and for nobody else to read, for addresses stand in it."""
        weeks = {name: {week: asdict(made) for week, made in of.items()} for name, of in self.weeks.items()}
        told = json.dumps({"schema": 1, "since": self.since, "weeks": weeks}, ensure_ascii=False, indent=1)
        write_secret(self.path, told)

    def _read(self) -> None:
        try:
            told: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
            self.since = {str(name): int(ns) for name, ns in told["since"].items()}
            self.weeks = {
                name: {week: Made(**made) for week, made in of.items()} for name, of in told["weeks"].items()
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise WrongUse(
                f"{self.path}: the account of what was sent cannot be read; move it away, and nothing"
                " that was due before is sent again"
            ) from None
