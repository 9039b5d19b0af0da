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
