"""Links that open the wall and nothing else, without a log-in, until they expire or are withdrawn."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dashboards.sessions import Limiter
from dashboards.visitors import Visitor

COOKIE: Final = "fieldlab_kiosk"
_KIND: Final = "kiosk1"
_LETTERS: Final = 32  # bytes of chance in a key: nobody guesses it, so a fast hash will do
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Kiosk:
    """One wall that a link may open.

    Attributes
    ----------
    kept : callable
        Reads what is kept of its key, each time; None: there is none, or not any more.
    line : str or None
        The only line it shows; None: every one.
    company : str or None
        Whose windows it shows; None: the fieldlab's.
    """

    kept: Callable[[], str | None]
    line: str | None = None
    company: str | None = None


def made(name: str, kiosk: Kiosk, until_s: float) -> tuple[str, str]:
    """A new key, and what is to be kept of it: its hash, with all that it is good for.

    Parameters
    ----------
    name : str
    kiosk : Kiosk
    until_s : float
        When it expires; Unix seconds.

    Returns
    -------
    key, kept : str
    """
    key = f"{name}.{secrets.token_urlsafe(_LETTERS)}"
    until = dt.datetime.fromtimestamp(until_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return key, f"{_KIND}${until}${_digest(key, kiosk, until)}"


def _digest(key: str, kiosk: Kiosk, until: str) -> str:
    """Of the key with its scope and end: who changes one of them has another key to make."""
    parts = (key, kiosk.line or "", kiosk.company or "", until)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Kiosks:
    """The links there are.

    Parameters
    ----------
    kiosks : mapping of str to Kiosk
    clock : callable
        Unix seconds.
    ticks : callable
        Monotonic seconds, for patience with those who guess.
    """

    def __init__(
        self,
        kiosks: Mapping[str, Kiosk],
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kiosks, self._clock = dict(kiosks), clock
        self.limiter = Limiter(ticks)

    def visitor(self, key: str) -> Visitor | None:
        """Who comes with a key; None where it opens nothing (any more)."""
        if self.left_s(key) <= 0:
            return None
        name = key.partition(".")[0]
        kiosk = self._kiosks[name]
        return Visitor(
            company=kiosk.company, welcome=lambda: self.left_s(key) > 0, line=kiosk.line, kiosk=name
        )

    def left_s(self, key: str) -> float:
        """For how long a key opens its wall; 0 where it does not."""
        kiosk = self._kiosks.get(key.partition(".")[0])
        kept = kiosk.kept() if kiosk is not None and len(key) <= _LONGEST else None
        kind, _, rest = (kept or "").strip().partition("$")
        until, _, digest = rest.partition("$")
        if kiosk is None or kind != _KIND:
            return 0.0
        # As bytes: a file may hold any letter, and a text must be ASCII here.
        if not hmac.compare_digest(_digest(key, kiosk, until).encode(), digest.encode()):
            return 0.0
        try:
            end = dt.datetime.fromisoformat(until)
        except ValueError:
            return 0.0
        return max(0.0, end.timestamp() - self._clock())
