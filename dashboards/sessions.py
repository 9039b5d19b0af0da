"""Log-in: hashed passwords, sessions that end, and patience with those who guess."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dashboards.visitors import Visitor

_N, _R, _P = 2**15, 8, 1  # scrypt: 32 MB and about a tenth of a second
_MOST_FAILURES: Final = 5
_WITHIN_S: Final = 60.0
_MOST_KNOWN: Final = 10_000


def hashed(password: str) -> str:
    """A password as it may stand in a file: scrypt with a salt of its own."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_scrypt(password, salt, _N, _R, _P))}"


def right(password: str, known: str) -> bool:
    """Whether it is the password of a hash; False for what is no hash."""
    try:
        kind, n, r, p, salt, digest = known.strip().split("$")
        found = _scrypt(password, base64.b64decode(salt, validate=True), int(n), int(r), int(p))
        return kind == "scrypt" and hmac.compare_digest(found, base64.b64decode(digest, validate=True))
    except (ValueError, MemoryError):
        return False


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2**26)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in.

    Attributes
    ----------
    password : callable
        Reads the hash, each time: a changed one counts at once.
    company : str or None
    pseudonym : str
    """

    password: Callable[[], str]
    company: str | None = None
    pseudonym: str = ""


@dataclass
class Limiter:
    """Failures by name and by address; after too many within a minute, nobody gets an answer."""

    clock: Callable[[], float] = time.monotonic
    _failures: dict[str, deque[float]] = field(default_factory=dict)

    def blocked(self, *keys: str) -> bool:
        """Whether one of them has failed too often."""
        now = self.clock()
        for key in keys:
            times = self._failures.get(key, deque())
            while times and times[0] < now - _WITHIN_S:
                times.popleft()
            if len(times) >= _MOST_FAILURES:
                return True
        return False

    def failed_too_often(self, key: str) -> bool:
        """Note a failure; whether there were too many before it."""
        blocked = self.blocked(key)
        if not blocked:
            self.failed(key)
        return blocked

    def failed(self, *keys: str) -> None:
        """Note a failure."""
        if len(self._failures) > _MOST_KNOWN:
            self._failures.clear()
        for key in keys:
            self._failures.setdefault(key, deque()).append(self.clock())


class Sessions:
    """Who is logged in; kept in memory, so a restart logs everybody out.

    Parameters
    ----------
    users : mapping of str to User
    session_s : float
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self, users: Mapping[str, User], session_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._users, self._session_s, self._clock = dict(users), session_s, clock
        self._open: dict[str, tuple[str, float]] = {}
        self.limiter = Limiter(clock)
        self._nobody = hashed(secrets.token_hex(8))

    def log_in(self, name: str, password: str) -> str | None:
        """A session's token; None where name or password is wrong. Takes as long for an unknown name."""
        user = self._users.get(name)
        if not right(password, user.password() if user else self._nobody) or user is None:
            return None
        now = self._clock()
        self._open = {t: s for t, s in self._open.items() if s[1] > now}
        token = secrets.token_urlsafe(32)
        self._open[token] = (name, now + self._session_s)
        return token

    def log_out(self, token: str) -> None:
        """End a session."""
        self._open.pop(token, None)

    def visitor(self, token: str) -> Visitor | None:
        """Whose session it is; None where it is none, or over."""
        if not self._alive(token):
            return None
        name = self._open[token][0]
        user = self._users[name]
        session = hashlib.sha256(token.encode()).hexdigest()[:16]
        return Visitor(name, user.company, user.pseudonym, lambda: self._alive(token), session)

    def _alive(self, token: str) -> bool:
        return token in self._open and self._open[token][1] > self._clock()
