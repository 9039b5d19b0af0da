"""What a check found: all well, a warning, a failure, or that it could not be looked at; and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["ok", "warning", "failure", "not checked"]
LEVELS: Final = ("ok", "warning", "failure", "not checked")
MOST_ALIKE: Final = 20
"""Findings of one kind that are told one by one; of more, how many there are."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and its outcome.

    Attributes
    ----------
    about : str
        What was looked at: a gateway, a source, the store.
    check : str
        In one or two words.
    level : str
    said : str
        What is so.
    remedy : str
        What to do; empty where nothing is.
    """

    about: str
    check: str
    level: Level
    said: str
    remedy: str = ""


class Findings:
    """Collects what is found about one thing, and tells each at once.

    Parameters
    ----------
    about : str
    tell : callable
        Takes each finding as it is made.
    """

    def __init__(self, about: str, tell: Callable[[Finding], None]) -> None:
        self._about = about
        self._tell = tell

    def ok(self, check: str, said: str) -> None:
        """All well."""
        self._tell(Finding(self._about, check, "ok", said))

    def warning(self, check: str, said: str, remedy: str = "") -> None:
        """It works, but."""
        self._tell(Finding(self._about, check, "warning", said, remedy))

    def failure(self, check: str, said: str, remedy: str = "") -> None:
        """It does not work."""
        self._tell(Finding(self._about, check, "failure", said, remedy))

    def unknown(self, check: str, said: str, remedy: str = "") -> None:
        """It could not be looked at."""
        self._tell(Finding(self._about, check, "not checked", said, remedy))

    def each(self, check: str, level: Level, said: list[str], remedy: str = "") -> None:
        """Several of a kind, the first of them one by one."""
        for text in said[:MOST_ALIKE]:
            self._tell(Finding(self._about, check, level, text, remedy))
        if len(said) > MOST_ALIKE:
            self._tell(Finding(self._about, check, level, f"and {len(said) - MOST_ALIKE} more", remedy))
