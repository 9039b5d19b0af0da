"""What can be wrong with a simulation, said so that a person can mend it."""

from __future__ import annotations


class CannotSimulate(ValueError):  # noqa: N818 - read aloud: raise CannotSimulate("no source ...")
    """The configuration or the request cannot be simulated; the message says what to change."""


class PortBusy(OSError):  # noqa: N818 - read aloud
    """An endpoint of the configuration cannot be served here; the message says which and why."""


class NobodyListens(TimeoutError):  # noqa: N818 - read aloud
    """No gateway subscribed, or one stopped taking what it is given, within the time allowed."""
