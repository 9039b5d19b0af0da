"""What can go wrong with a screen, named by its remedy."""

from __future__ import annotations


class AddressInUse(OSError):  # noqa: N818 - named by its remedy
    """Somebody else listens there: choose another port, or stop the other program."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"{host}:{port} is already in use: stop the program that listens there, or choose another port"
        )
        self.host = host
        self.port = port


class CannotListen(OSError):  # noqa: N818 - named by what is wrong with the address
    """An address that cannot be listened on; the message says why."""


class ReasonRefused(Exception):  # noqa: N818 - named by what became of the reason
    """A reason that the store will never take; the message says why."""


class GrafanaTrouble(Exception):  # noqa: N818 - named for what it is
    """A Grafana that is away or will not; the message says what to do.

    Attributes
    ----------
    status : int
        What it answered; 0 where it did not.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class GrafanaRefused(GrafanaTrouble):
    """A user or token that a Grafana does not let in."""
