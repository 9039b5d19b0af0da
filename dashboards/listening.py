"""A place to listen at, or why there is none."""

from __future__ import annotations

import errno
import socket

from dashboards.errors import AddressInUse, CannotListen


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; errors say what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(host, port) from error
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    listener.settimeout(0)
    return listener
