"""The web app: who may look at it from other computers, and under which names it is reached."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.kinds import Id, Number, Text
from fieldlab_configs.secret import Secret

_PROXY = "must be an address or a network, such as 10.0.0.2 or 172.16.0.0/12"


class AppUser(Model):
    """Somebody who may log in."""

    password: Secret  # its hash, as `fieldlab app CONFIG --hash` prints it; never the password
    company: str | None = None  # None: one of the fieldlab's own, who sees all
    pseudonym: Annotated[str, Text(r"[A-Za-z0-9_-]{0,32}", "must be letters, digits, - or _, 32 at most")] = (
        ""
    )


class AppKiosk(Model):
    """A wall that a link opens without a log-in, until it expires."""

    token: Secret  # what is kept of the link's key: its hash, as `fieldlab app CONFIG --kiosk` makes it
    line: str | None = None  # None: every line
    company: str | None = None  # None: the fieldlab's own wall


class AppConfig(Model):
    """The web app for other computers than its own."""

    hosts: tuple[
        Annotated[str, Text(r"[A-Za-z0-9.-]+", "must be a host name or address, without a port")], ...
    ]
    users: dict[Annotated[str, Id()], AppUser] = Field(default_factory=dict)
    kiosks: dict[Annotated[str, Id()], AppKiosk] = Field(default_factory=dict)
    session_h: Annotated[float, Number("hours", above=0, most=720)] = 12.0
    proxies: tuple[Annotated[str, Text(must=_PROXY, placeholder="10.0.0.2")], ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Nobody who may look; a proxy that is no address."""
        if not self.users and not self.kiosks:
            yield (
                ("users",),
                "must name at least one user; without users the app serves its own computer only",
            )
        for number, proxy in enumerate(self.proxies):
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                yield ("proxies", number), f"{_PROXY}, got {proxy}"
