"""Which gateway and source a log line is about: known to the task that writes it, and to its children."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

GATEWAY: Final[ContextVar[str | None]] = ContextVar("gateway", default=None)
SOURCE: Final[ContextVar[str | None]] = ContextVar("source", default=None)
