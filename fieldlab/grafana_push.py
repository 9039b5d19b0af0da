"""``fieldlab dashboards push``: organisations, data sources and dashboards, into a running Grafana."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from dashboards.push import Owner, Push, owner_of
from fieldlab.errors import WrongUse
from fieldlab.servers import LOOPBACK
from fieldlab_configs import Site, load
from ingest.whole_file import write_secret

ADMIN: Final = "GRAFANA_ADMIN"


class KeyFiles:
    """Tokens of service accounts, in files that only their owner reads.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, owner: str) -> str | None:
        """The token; None where there is none."""
        try:
            return self._path(owner).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUse(f"--tokens: {self._path(owner)} cannot be read: {error}") from None

    def put(self, owner: str, key: str) -> None:
        """Keep a token."""
        path = self._path(owner)
        try:
            write_secret(path, f"{key}\n")
        except OSError as error:
            raise WrongUse(f"--tokens: {path} cannot be written: {error.strerror}") from None

    def _path(self, owner: str) -> Path:
        return self._folder / f"grafana-account-{owner}.token"


def _place(address: str) -> SplitResult:
    """The parts of Grafana's address; WrongUse where it is none."""
    try:
        place = urlsplit(address)
        good = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        good = False
    if not good:
        raise WrongUse(f"--grafana {address}: must be an address such as https://10.0.0.8:3000")
    return place


def run(args: argparse.Namespace) -> int:
    """Push; 1 where a dashboard was edited by hand and left alone."""
    site = load(args.config)
    if site.store is None or site.store.kind != "influxdb":
        raise WrongUse(
            f"{site.path}: store: Grafana needs a server that it can ask: a store of kind influxdb"
        )
    place = _place(args.grafana)
    if place.scheme == "http" and place.hostname not in LOOPBACK:
        said = f"{ADMIN} and tokens go to {place.hostname} in clear; https:// keeps them from who listens"
        print(f"warning: --grafana: {said}", file=sys.stderr)
    folder = Path(args.tokens)
    owners = _owners(site, folder, _invited(site, args.invite))
    work = Push(
        site,
        args.grafana,
        _admin,
        KeyFiles(folder),
        language=args.language or site.language,
        force=args.force,
    )
    try:
        for owner in owners:
            work.push(owner)
    finally:
        for line in work.result.done:
            print(line)
    for name, difference in work.result.edited.items():
        print(
            f"{name} was edited by hand and is left as it is; --force overwrites it. The difference:",
            *difference,
            sep="\n",
            file=sys.stderr,
        )
    if not work.result.done and not work.result.edited:
        print("everything is as it should be")
    return int(bool(work.result.edited))


def _admin() -> tuple[str, str] | None:
    told = os.environ.get(ADMIN, "")
    if not told:
        return None
    user, separator, password = told.partition(":")
    if not separator or not user or not password:
        raise WrongUse(f"{ADMIN}: must be user:password of a server administrator of Grafana")
    return user, password


def _invited(site: Site, asked: list[str]) -> dict[str, list[str]]:
    """Whom to invite, by company; the fieldlab's own under its id."""
    known = [site.fieldlab, *(company.id for company in site.companies)]
    found: dict[str, list[str]] = {}
    for text in asked:
        owner, _, address = text.partition("=")
        if owner not in known or "@" not in address:
            raise WrongUse(f"--invite {text}: must be WHO=E-MAIL, where WHO is one of {', '.join(known)}")
        found.setdefault(owner, []).append(address)
    return found


def _owners(site: Site, folder: Path, invited: dict[str, list[str]]) -> list[Owner]:
    own = _token(site, folder, "dashboards")
    found = [owner_of(site, "", own, invited.get(site.fieldlab, ()))]
    for company in site.companies:
        token = _token(site, folder, f"company-{company.id}")
        found.append(owner_of(site, company.id, token, invited.get(company.id, ())))
    return found


def _token(site: Site, folder: Path, name: str) -> str:
    path = folder / f"{name}.token"
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise WrongUse(
            f"--tokens: {path} cannot be read ({why}); make it with: fieldlab store setup {site.path}"
            f" --tokens {folder}"
        ) from None
    if not token:
        raise WrongUse(f"--tokens: {path} is empty; it should hold a token of InfluxDB that may only read")
    return token
