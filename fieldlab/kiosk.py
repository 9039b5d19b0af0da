"""``fieldlab app CONFIG --kiosk NAME``: links that open the wall until they expire."""

from __future__ import annotations

import argparse
import datetime as dt
import time
from pathlib import Path

from dashboards.kiosks import Kiosk, made
from dashboards.wall_page import PATH
from fieldlab.errors import WrongUse
from fieldlab_configs import ConfigError, Secret, Site
from ingest.whole_file import write_secret

_DAY_S = 86_400


class Kept:
    """What is kept of a link's key: read again when its file changes, None while it is not there.

    Parameters
    ----------
    secret : Secret
    """

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._seen: tuple[int, int, int] | None = None
        self._value: str | None = None

    def __call__(self) -> str | None:
        """The line that is kept."""
        seen = self._stamp()
        if seen is None or seen != self._seen:
            self._seen = seen
            try:
                self._value = self._secret.read()
            except ConfigError:
                self._value = None
        return self._value

    def _stamp(self) -> tuple[int, int, int] | None:
        if self._secret.file is None:
            return None
        try:
            found = self._secret.file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def kiosks(site: Site) -> dict[str, Kiosk]:
    """The walls that links may open."""
    found = site.app.kiosks if site.app is not None else {}
    return {name: Kiosk(Kept(each.token), each.line, each.company) for name, each in found.items()}


def run(site: Site, args: argparse.Namespace) -> int:
    """Make a link and print it once, or end one."""
    if args.kiosk is None:
        raise WrongUse("--revoke needs --kiosk NAME: which link is to end")
    known = kiosks(site)
    if site.app is None or args.kiosk not in known:
        names = f"there are {', '.join(known)}" if known else "it has none"
        raise WrongUse(f"--kiosk {args.kiosk}: not one of the kiosks under app of {site.path}; {names}")
    secret = site.app.kiosks[args.kiosk].token
    if args.revoke:
        return _revoke(args.kiosk, secret)
    until_s = time.time() + args.days * _DAY_S
    key, kept = made(args.kiosk, known[args.kiosk], until_s)
    if secret.file is None:
        print(f"keep this in {_kept_in(secret)} of the app, and start it again:\n{kept}")
    else:
        _write(secret.file, kept)
        print(f"kept in {secret.file}: the hash of a new link; one made before no longer opens anything")
    host, port = site.app.hosts[0] if site.app.hosts else "127.0.0.1", args.port
    print(f"good until {dt.datetime.fromtimestamp(until_s, dt.UTC):%Y-%m-%dT%H:%M:%SZ}, and shown this once:")
    print(f"http://{host}:{port}{PATH}#{key}")
    return 0


def _kept_in(secret: Secret) -> str:
    """Where that is, if it is no file that is written here."""
    return f"the environment variable {secret.env}" if secret.env else f"the credential {secret.credential}"


def _write(file: Path, kept: str) -> None:
    """In the place of what was there, readable by its owner alone from the beginning."""
    try:
        write_secret(file, f"{kept}\n")
    except OSError as error:
        raise WrongUse(f"{file}: cannot be written: {error.strerror or error}") from None


def _revoke(name: str, secret: Secret) -> int:
    if secret.file is None:
        raise WrongUse(
            f"--revoke: {name} is kept in {_kept_in(secret)}: take it out there, and start the app again"
        )
    try:
        secret.file.unlink()
    except FileNotFoundError:
        print(f"{name} has no link; nothing was ended")
    except OSError as error:
        raise WrongUse(f"{secret.file}: cannot be removed: {error.strerror or error}") from None
    else:
        print(f"ended: the link of {name} no longer opens anything")
    return 0
