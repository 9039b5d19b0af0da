"""What can be wrong with a simulation, said so that a person can mend it."""

from __future__ import annotations


class SimulatorError(Exception):
    """Anything below: one message for a person, never a traceback."""


class CannotSimulate(SimulatorError, ValueError):  # noqa: N818 - named by its remedy
    """The configuration or the request cannot be simulated; the message says what to change."""


class PortBusy(SimulatorError, OSError):  # noqa: N818 - named by its remedy
    """An endpoint of the configuration cannot be served here, or no broker answers there."""


class NobodyListens(SimulatorError, TimeoutError):  # noqa: N818 - named by its remedy
    """A gateway or a broker stopped taking what it is given, within the time allowed."""
