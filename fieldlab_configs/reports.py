"""Reports that are made every week by themselves: when, for whom, in which folder, by which mail server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.broker_sources import Host, Port
from fieldlab_configs.kinds import File, Id, Text
from fieldlab_configs.secret import Secret
from fieldlab_configs.time_kinds import Clock, Day

_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
MailAddress = Annotated[
    str, Text(rf"{_WORD}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", "must be one mail address, without a name")
]
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailServer(Model):
    """The server that takes mail (SMTP)."""

    host: Host
    port: Port | None = None  # default: by how it is encrypted
    tls: Literal["starttls", "tls", "none"] = "starttls"
    ca: Annotated[Path | None, File()] = None  # absolute
    user: Annotated[str | None, Text()] = None
    password: Secret | None = None
    sender: MailAddress

    def faults(self) -> Iterator[Fault]:
        """A user without a password or the other way round, or a password that anybody could read."""
        if (self.user is None) != (self.password is None):
            yield (), "must have both user and password, or neither"
        if self.tls == "none" and self.password is not None:
            yield (
                ("password",),
                "would go over the network for anybody to read; take tls: starttls, or tls: tls",
            )
        if self.tls == "none" and self.ca is not None:
            yield ("ca",), "has no meaning with tls: none; leave it out"

    @property
    def at(self) -> int:
        """Its port."""
        return self.port if self.port is not None else _PORTS[self.tls]


class WeeklyReport(Model):
    """One report each week: of all of the fieldlab, or of what one company may see."""

    company: str | None = None  # None: the whole fieldlab
    languages: tuple[Literal["nl", "en"], ...] = ()  # default: the config's
    folder: Annotated[Path | None, File()] = None  # absolute
    mail: tuple[MailAddress, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """A language or a recipient twice."""
        for key in ("languages", "mail"):
            values = getattr(self, key)
            for number, value in enumerate(values):
                if value in values[:number]:
                    yield (key, number), f'names "{value}" twice'


class ReportsConfig(Model):
    """Reports of every week, made when it is over."""

    day: Annotated[int, Day()] = 0
    time: Annotated[dt.time, Clock()] = dt.time(6)
    folder: Annotated[Path, File()] = Path("reports")  # absolute: resolved against the config's own folder
    weekly: dict[Annotated[str, Id()], WeeklyReport]
    server: MailServer | None = None

    def faults(self) -> Iterator[Fault]:
        """No report, mail without a server, or a server for nothing."""
        if not self.weekly:
            yield ("weekly",), "must name at least one report"
        mailed = [name for name, each in self.weekly.items() if each.mail]
        if mailed and self.server is None:
            yield ("weekly", mailed[0], "mail"), "needs a mail server; say it under reports.server"
        if self.server is not None and not mailed:
            yield ("server",), "sends nothing: no report under weekly has mail"
        folders: dict[Path, str] = {}
        for name, each in self.weekly.items():
            place = each.folder or self.folder / name
            if place in folders:
                yield ("weekly", name, "folder"), f"is that of {folders[place]} too; each report has its own"
            folders.setdefault(place, name)
