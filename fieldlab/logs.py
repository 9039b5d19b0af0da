"""What the log looks like: lines for people, or JSON for machines; and never a secret in it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

from fieldlab.plain import json_line, one_line

FORMS: Final = ("text", "json")
HIDDEN: Final = "(secret)"
LEAST_HIDDEN: Final = 4
"""A shorter secret is a word: hiding it would tear up the text, and tell what it is."""
_QUIET: Final = ("asyncua", "amqtt", "transitions")


class Discreet(logging.Formatter):
    """A formatter around another one, that takes known secrets out of whatever it made.

    Parameters
    ----------
    inner : logging.Formatter
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner
        self._secrets: tuple[str, ...] = ()

    def hide(self, secrets: Iterable[str]) -> None:
        """Secrets that never stand in a line from now on, also as JSON or Python would write them."""
        known = {s for secret in secrets if len(secret) >= LEAST_HIDDEN for s in _written(secret)}
        self._secrets = tuple(sorted(known | set(self._secrets), key=len, reverse=True))

    def format(self, record: logging.LogRecord) -> str:
        """The line, without secrets."""
        line = self._inner.format(record)
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return line


class Lines(logging.Formatter):
    """A line for people: what comes from elsewhere can neither begin another line nor colour it."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line; a traceback that follows keeps its lines."""
        return one_line(super().formatMessage(record))


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, gateway, source, message, trace."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        from gateways.log_context import GATEWAY, SOURCE  # noqa: PLC0415 - most commands have no gateway

        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        said: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "gateway": GATEWAY.get(),
            "source": SOURCE.get(),
            "message": record.getMessage(),
            "trace": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json_line({key: value for key, value in said.items() if value is not None})


_formatter: Discreet | None = None


def set_up(level: str, form: str) -> None:
    """Set the log of this process up."""
    global _formatter  # noqa: PLW0603 - a process has one log
    inner = JsonLines() if form == "json" else Lines()
    _formatter = Discreet(inner)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter)
    logging.basicConfig(level=level, handlers=[handler])
    # What these libraries say of a lost connection, our own lines say better.
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def hide(secrets: Iterable[str]) -> None:
    """Keep these texts out of the log."""
    if _formatter is not None:
        _formatter.hide(secrets)


def _written(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield base64.b64encode(secret.encode()).decode()
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
