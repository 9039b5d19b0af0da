"""Signing certificates as OPC UA and TLS want them; keys and files of them."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateways.errors import CertificateUnusable
from gateways.pki_facts import Names, Use
from ingest.whole_file import write_whole

EARLIER: Final = dt.timedelta(hours=1)
"""A certificate begins so long before it is made: machines' clocks are often behind."""
PURPOSES: Final = {
    "gateway": (ExtendedKeyUsageOID.CLIENT_AUTH,),
    # Servers call back for discovery and reverse connections: Part 6, 6.2.2 allows both.
    "opcua": (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
    "broker": (ExtendedKeyUsageOID.SERVER_AUTH,),
}
CA_BITS, BITS = 3072, 2048  # every OPC UA policy takes 2048


def authority(subject: x509.Name, key: rsa.RSAPrivateKey, now: dt.datetime, days: int) -> x509.Certificate:
    """The certificate of an authority, signed by itself."""
    public = key.public_key()
    return (
        _builder(subject, subject, public, now, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def revocations(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    now: dt.datetime,
    days: int,
    revoked: Iterable[x509.RevokedCertificate] = (),
) -> x509.CertificateRevocationList:
    """What an authority has revoked. An empty list too: some OPC UA stacks take nothing without one."""
    end = now + dt.timedelta(days=days)
    listed = x509.CertificateRevocationListBuilder(subject, now - EARLIER, end)
    for each in revoked:
        listed = listed.add_revoked_certificate(each)
    return listed.sign(key, hashes.SHA256())


def revoked(certificate: x509.Certificate, now: dt.datetime) -> x509.RevokedCertificate:
    """The entry of a certificate in a list of what is revoked."""
    return x509.RevokedCertificateBuilder(certificate.serial_number, now).build()


def issued(
    name: str,
    use: Use,
    names: Names,
    public: rsa.RSAPublicKey,
    by: tuple[x509.Certificate, rsa.RSAPrivateKey],
    now: dt.datetime,
    days: int,
) -> x509.Certificate:
    """A certificate that an authority gives an application."""
    certificate, key = by
    subject = x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, name),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation(certificate)),
    ])  # fmt: skip
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return (
        _builder(subject, certificate.subject, public, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(PURPOSES[use]), critical=False)
        .add_extension(x509.SubjectAlternativeName(list(_general(names))), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(signer, critical=False)
        .sign(key, hashes.SHA256())
    )


def ca_name(fieldlab: str) -> x509.Name:
    """The name of a fieldlab's authority."""
    return x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, f"Fieldlab {fieldlab} CA"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, fieldlab),
    ])  # fmt: skip


def organisation(certificate: x509.Certificate) -> str:
    """The fieldlab that an authority is of."""
    found = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(found[0].value) if found else "fieldlab"


def new_key(path: Path, bits: int) -> rsa.RSAPrivateKey:
    """A new key, in a file that only its owner reads."""
    key = rsa.generate_private_key(65537, bits)
    write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), secret=True)
    return key


def load_key(path: Path) -> rsa.RSAPrivateKey:
    """The key in a file; CertificateUnusable where there is none."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise CertificateUnusable(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        raise CertificateUnusable(f"{path} is no private key in PEM without a password") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CertificateUnusable(f"{path} is no RSA key, and OPC UA needs one")
    return key


def write(path: Path, content: bytes, *, secret: bool = False) -> None:
    """Replace a file in one step; one that holds a secret is its owner's alone from the first moment."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, content, 0o600 if secret else 0o644)
    except OSError as error:
        raise CertificateUnusable(f"{path} cannot be written: {error.strerror}") from None


def _general(names: Names) -> Iterator[x509.GeneralName]:
    # OPC UA reads the first URI, and some stacks only the first name.
    yield from (x509.UniformResourceIdentifier(uri) for uri in names.uris)
    yield from (x509.DNSName(host) for host in names.hosts)
    yield from (x509.IPAddress(ipaddress.ip_address(address)) for address in names.addresses)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: rsa.RSAPublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=public,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - EARLIER,
        not_valid_after=now + dt.timedelta(days=days),
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    """What OPC UA asks of an application's certificate (Part 6, 6.2.2), or of an authority's."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=not signs,
        key_encipherment=not signs,
        data_encipherment=not signs,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
