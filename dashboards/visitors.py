"""Who looks at a page, and what is theirs to see and to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dashboards.view import SCREENS

SCOPE_VISITOR: Final = "fieldlab.visitor"
SCOPE_POLLER: Final = "fieldlab.poller"
COMPANY_SCREENS: Final = ("line", "energy", "experiment")
"""A company sees the machines and windows of its own experiments; gateways are the fieldlab's."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """One person at one browser.

    Attributes
    ----------
    name : str
        Empty: whoever sits at this computer.
    company : str or None
        None: the fieldlab's own people, who see all.
    pseudonym : str
        Under which what this person says is kept; empty: it is asked.
    welcome : callable
        Whether the session still holds.
    session : str
        Tells one session from another, and opens nothing.
    line : str or None
        The only line whose wall this is; None: any.
    kiosk : str
        The link by which the wall was opened; such a visitor sees nothing else.
    """

    name: str = ""
    company: str | None = None
    pseudonym: str = ""
    welcome: Callable[[], bool] = lambda: True
    session: str = ""
    line: str | None = None
    kiosk: str = ""

    @property
    def may_assign(self) -> bool:
        """Reasons are given by those who work there."""
        return self.company is None

    @property
    def screens(self) -> tuple[str, ...]:
        """The pages there are for this person."""
        return SCREENS if self.company is None else COMPANY_SCREENS


LOCAL: Final = Visitor()
