"""Certificates for tests: an authority, and what it signs; one key for all, for making one takes a while."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateways.pki import Pki
from gateways.pki_facts import Names

DAY = dt.timedelta(days=1)
HERE = Names((), ("localhost",), ("127.0.0.1",))


@functools.cache
def key(number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_der(self) -> bytes:
        return self._key(serialization.Encoding.DER)

    def _key(self, encoding: serialization.Encoding) -> bytes:
        return self.key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def write(self, certificate: Path, key: Path) -> None:
        certificate.parent.mkdir(parents=True, exist_ok=True)
        key.write_bytes(self._key(serialization.Encoding.PEM))
        certificate.write_bytes(self.pem)


def make(
    name: str,
    *,
    uri: str | None = None,
    hosts: tuple[str, ...] = ("127.0.0.1",),
    begin: dt.datetime | None = None,
    end: dt.datetime | None = None,
    issuer: Made | None = None,
    authority: bool = False,
    client: bool = False,
    key_number: int = 0,
) -> Made:
    private = key(9 if authority else key_number)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin or now() - DAY)
        .not_valid_after(end or now() + 365 * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
    )
    if issuer:
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(above, critical=False)
    if not authority:
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)] if uri else []
        names += [_host(host) for host in hosts]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Made(builder.sign(issuer.key if issuer else private, hashes.SHA256()), private)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def revocation(issuer: Made, *revoked: Made) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now() - DAY)
        .next_update(now() + DAY)
    )
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(now() - DAY).build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def authorities(folder: Path, good: str, elsewhere: Names) -> tuple[Pki, Pki, Pki]:
    """A lab's authority 100 days ago, the same today, and a stranger's, as `fieldlab pki` makes them.

    The lab's has a server's certificate that is good, one of another host, and one that has expired.
    """
    today = now()
    past = Pki(folder / "lab", today - 100 * DAY)
    past.init("lab")
    past.issue("expired", "broker", HERE, days=50)
    lab = Pki(folder / "lab", today)
    lab.issue(good, "broker", HERE)
    lab.issue("elsewhere", "broker", elsewhere)
    stranger = Pki(folder / "stranger", today)
    stranger.init("lab")
    return past, lab, stranger
