"""What a certificate says: whose it is, under which names, for what, until when."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateways.errors import CertificateUnusable

WARN_DAYS: Final = 30
"""So long before its end a certificate is worth a word."""
MOST_BYTES: Final = 1_000_000
Use = Literal["ca", "gateway", "opcua", "broker", "other"]


@dataclass(frozen=True, slots=True)
class Names:
    """What a certificate is valid for.

    Attributes
    ----------
    uris, hosts, addresses : tuple of str
        Application URIs, DNS names, IP addresses; each sorted.
    """

    uris: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return shown(", ".join((*self.uris, *self.hosts, *self.addresses))) or "no names"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in words.

    Attributes
    ----------
    subject, issuer : str
        Common names.
    names : Names
    use : str
        What it was made for, by its key usages.
    starts, ends : datetime
        UTC; not valid after `ends`.
    fingerprint : str
        SHA-256, hexadecimal.
    thumbprint : str
        SHA-1, hexadecimal: what OPC UA tools show.
    der : bytes
        The whole.
    """

    subject: str
    issuer: str
    names: Names
    use: Use
    starts: dt.datetime
    ends: dt.datetime
    fingerprint: str
    thumbprint: str
    der: bytes

    def days_left(self, now: dt.datetime) -> int:
        """Whole days until it ends; below 0 when it has."""
        return (self.ends - now).days

    def trouble(self, now: dt.datetime) -> str | None:
        """What is wrong with its time now; None where nothing is."""
        if now < self.starts:
            return f"is not valid before {self.starts:%Y-%m-%d %H:%M} UTC; look at the clock of this computer"
        if now > self.ends:
            return f"has expired on {self.ends:%Y-%m-%d}"
        return None


def describe(certificate: x509.Certificate) -> Certificate:
    """A certificate in words."""
    return Certificate(
        _common_name(certificate, "subject"),
        _common_name(certificate, "issuer"),
        names_of(certificate),
        use_of(certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        certificate.fingerprint(hashes.SHA256()).hex(),
        certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - a name that OPC UA gives, not a proof
        certificate.public_bytes(Encoding.DER),
    )


def read(content: bytes, what: str) -> x509.Certificate:
    """A certificate in PEM or DER.

    Raises
    ------
    CertificateUnusable
        `what` is none.
    """
    try:
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError:
        raise CertificateUnusable(f"{what} is no certificate, neither PEM nor DER") from None


def load(path: Path) -> x509.Certificate:
    """The certificate in a file.

    Raises
    ------
    CertificateUnusable
        There is none, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise CertificateUnusable(f"{path} cannot be read: {why}") from None
    return read(content, str(path))


def names_of(certificate: x509.Certificate) -> Names:
    """Its subject alternative names."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return Names()
    return Names(
        tuple(sorted(found.get_values_for_type(x509.UniformResourceIdentifier))),
        tuple(sorted(found.get_values_for_type(x509.DNSName))),
        tuple(sorted(str(address) for address in found.get_values_for_type(x509.IPAddress))),
    )


def use_of(certificate: x509.Certificate) -> Use:
    """What it was made for, by its key usages."""
    extensions, names = certificate.extensions, names_of(certificate)
    try:
        if (
            extensions.get_extension_for_class(x509.BasicConstraints).value.ca
            and not names_of(certificate).uris
        ):
            return "ca"
    except (x509.ExtensionNotFound, ValueError):
        pass
    try:
        purposes: Sequence[x509.ObjectIdentifier] = list(
            extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        )
    except (x509.ExtensionNotFound, ValueError):
        return "other"
    if ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        return "gateway" if ExtendedKeyUsageOID.CLIENT_AUTH in purposes else "other"
    return "opcua" if names.uris else "broker"


def _common_name(certificate: x509.Certificate, whose: Literal["subject", "issuer"]) -> str:
    """The common name, on one line: who made the certificate chose what is in it."""
    with warnings.catch_warnings():
        # An empty country, as some PLCs have it, is not worth a warning in somebody's log.
        warnings.filterwarnings("ignore", message="Attribute's length must be", category=UserWarning)
        try:
            name = certificate.subject if whose == "subject" else certificate.issuer
        except ValueError:
            return "a name that cannot be read"
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return shown(str(found[0].value) if found else name.rfc4514_string())


def shown(text: str) -> str:
    """A text from elsewhere as it may stand in a line of a log or on a terminal."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
