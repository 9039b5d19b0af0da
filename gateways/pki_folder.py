"""The certificates that lie in a folder: by place, by name or fingerprint, each once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateways.pki_facts import Certificate, describe, load
from gateways.signing import write

FOLDERS: Final = ("ca", "own", "trusted", "rejected", "crl")
LEAST_DIGITS: Final = 6
"""Of a fingerprint, for it to name a certificate."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate of the folder.

    Attributes
    ----------
    place : str
        ``ca``, ``own``, ``trusted`` or ``rejected``.
    name : str
        Of its file, without the ending.
    path : Path
    certificate : Certificate
    """

    place: str
    name: str
    path: Path
    certificate: Certificate


class Folder:
    """A folder of certificates.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, place: str) -> Iterator[Entry]:
        """Every certificate of a place; CertificateUnusable where a file is none."""
        endings = (".pem",) if place in ("ca", "own") else (".pem", ".der", ".crt", ".cer")
        folder = self.path / place
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.suffix in endings:
                yield Entry(place, path.stem, path, describe(load(path)))

    def named(self, place: str, what: str) -> Entry | None:
        """The certificate of a place by name or fingerprint."""
        short = what.lower().replace(":", "")
        for entry in self.of(place):
            prints = (entry.certificate.fingerprint, entry.certificate.thumbprint)
            if what in (entry.name, entry.path.name) or (
                len(short) >= LEAST_DIGITS and any(each.startswith(short) for each in prints)
            ):
                return entry
        return None

    def put(self, place: str, certificate: x509.Certificate) -> Entry:
        """Keep a certificate in a place, where it is not there yet."""
        said = describe(certificate)
        for entry in self.of(place):
            if entry.certificate.fingerprint == said.fingerprint:
                return entry
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", said.subject).strip("-.")[:40] or "certificate"
        path = self.path / place / f"{plain}-{said.fingerprint[:16]}.pem"
        write(path, certificate.public_bytes(Encoding.PEM))
        return Entry(place, path.stem, path, said)
