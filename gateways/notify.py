"""What systemd is told: ready, reloading, stopping, and the watchdog's sign of life (sd_notify(3)).

In a container no such manager listens: a file that is touched at each sign of life does for a health check.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

SIGN: Final = "FIELDLAB_ALIVE"
"""The variable that names the file."""
SIGN_S: Final = 30.0


class Notifier:
    """Speaks to the service manager that started this process; silent where none did.

    Parameters
    ----------
    environ : mapping of str to str
        Where the manager says how to reach it, and ``FIELDLAB_ALIVE`` the file to touch.
    pid : int, optional
        Of this process.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of an address without a file.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        ours = environ.get("WATCHDOG_PID", "") in ("", str(pid or os.getpid()))
        told = environ.get("WATCHDOG_USEC", "") if ours and self._address else ""
        self.watchdog_s: float | None = int(told) / 1e6 if told.isascii() and told.isdigit() else None
        """How long the manager waits for a sign of life before it starts us anew [s]; None for ever."""
        self._sign = Path(environ[SIGN]) if environ.get(SIGN) else None
        if self._sign is not None and self.watchdog_s is None:
            self.watchdog_s = SIGN_S

    def ready(self, status: str) -> None:
        """At work, at first or again."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Changing to another configuration."""
        # systemd 253 and later want to know that this is not an older message.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Draining."""
        self._send("STOPPING=1", "STATUS=stopping")

    def alive(self) -> None:
        """The watchdog's sign of life."""
        self._send("WATCHDOG=1")
        if self._sign is not None:
            try:
                self._sign.touch()
            except OSError as error:
                log.debug("no sign of life can be left: %s", error)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # One line is one fact: nothing in a text may begin another.
        content = "\n".join(" ".join(line.split("\n")) for line in lines)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(0)
                sender.sendto(content.encode(), self._address)
        except OSError as error:
            log.debug("the service manager does not listen: %s", error)
