"""``fieldlab pki``: certificates of a fieldlab's own, and whom its gateways trust."""

from __future__ import annotations

import argparse
from pathlib import Path

from fieldlab.output import table
from fieldlab.plain import json_line
from gateways.pki import CA_DAYS, DAYS, Pki
from gateways.pki_facts import WARN_DAYS
from gateways.pki_folder import Entry
from gateways.pki_names import sorted_names

COLUMNS = (
    ("use", "for", "text"),
    ("names", "names", "text"),
    ("ends", "until", "text"),
    ("days", "days", ""),
    ("sha256", "SHA-256", "text"),
    ("remark", "", "text"),
)


def run_init(args: argparse.Namespace) -> int:
    """Make the folder and its authority."""
    pki = Pki(Path(args.folder))
    if pki.init(args.fieldlab, args.days or CA_DAYS):
        print(f"{pki.folder}: the authority of fieldlab {args.fieldlab} is made")
        print(f"keep {pki.folder / 'ca' / 'ca.key'} where no gateway is: who has it can issue certificates")
    else:
        print(f"{pki.folder}: the authority of fieldlab {args.fieldlab} is there; nothing is changed")
    return 0


def run_issue(args: argparse.Namespace) -> int:
    """Issue a certificate and its key."""
    pki = Pki(Path(args.folder))
    names = sorted_names([args.uri] if args.uri else [], args.host)
    made = pki.issue(args.name, args.use, names, args.days or DAYS)
    (entry,) = (e for e in pki.entries() if (e.place, e.name) == ("own", args.name))
    print(_line(entry, "issued" if made else "is there with these names; nothing is changed"))
    return 0


def run_renew(args: argparse.Namespace) -> int:
    """Renew what is named, else what ends soon."""
    pki = Pki(Path(args.folder))
    within = WARN_DAYS if args.within is None else args.within
    names = args.name or pki.due(within)
    # The authority first: what it issues ends no later than itself.
    for name in sorted(dict.fromkeys(names), key=lambda name: name != "ca"):
        print(_line(pki.renew(name, args.days), "renewed"))
    if not names:
        print(f"{pki.folder}: nothing ends within {within} days; nothing is changed")
    return 0


def run_revoke(args: argparse.Namespace) -> int:
    """Take back what was issued."""
    pki = Pki(Path(args.folder))
    for name in args.name:
        entry, now = pki.revoke(name)
        print(_line(entry, "is revoked" if now else "was revoked before; nothing is changed"))
    print(f"copy {pki.folder / 'crl'} to every gateway and server: until then they still take it")
    return 0


def run_trust(args: argparse.Namespace) -> int:
    """Accept a certificate, or no longer."""
    pki = Pki(Path(args.folder))
    entry = pki.distrust(args.certificate) if args.remove else pki.trust(args.certificate)
    print(_line(entry, "is no longer trusted" if args.remove else "is trusted"))
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Show every certificate; 1 where one of our own has expired or soon will."""
    pki = Pki(Path(args.folder))
    entries = pki.entries()
    rows = [_row(entry, pki) for entry in entries]
    if args.format == "json":
        print(json_line(rows))
    else:
        short = [{**row, "sha256": f"{row['sha256']:.16}"} for row in rows]
        print(table(short, ("place", "name"), COLUMNS, "table"))
    mine = [row for row, e in zip(rows, entries, strict=True) if e.place in ("ca", "own")]
    return int(any(row["remark"] not in ("", "is revoked") for row in mine))


def _row(entry: Entry, pki: Pki) -> dict[str, object]:
    certificate = entry.certificate
    left = certificate.days_left(pki.now)
    remark = certificate.trouble(pki.now) or ("ends soon: fieldlab pki renew" if left < WARN_DAYS else "")
    remark = "is revoked" if pki.is_revoked(entry) else remark
    return {
        "place": entry.place,
        "name": entry.name,
        "use": certificate.use,
        "names": str(certificate.names),
        "ends": f"{certificate.ends:%Y-%m-%d}",
        "days": left,
        "sha256": certificate.fingerprint,
        "sha1": certificate.thumbprint,
        "remark": remark,
    }


def _line(entry: Entry, what: str) -> str:
    said = entry.certificate
    return f"{entry.path}: {what}: {said.use}, {said.names}, until {said.ends:%Y-%m-%d}"
