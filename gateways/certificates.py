"""X.509 certificates as OPC UA uses them: identities, folders, chains; see `pki_facts` for what they say."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateways.errors import Untrusted
from gateways.pki_facts import Certificate

LEAST_BITS: Final = 2048
SUFFIXES: Final = frozenset({".der", ".pem", ".crt", ".cer"})


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and the private key that belongs to it.

    Attributes
    ----------
    certificate : x509.Certificate
    key : RSAPrivateKey
    path : Path
        Where the certificate was read from.
    """

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    path: Path


def read_identity(certificate: Path, key: Path, password: str | None, *, whose: str, remedy: str) -> Identity:
    """A certificate with its key, from PEM or DER files.

    Parameters
    ----------
    certificate, key : Path
    password : str or None
        Of the key.
    whose : str
        What they are, for messages.
    remedy : str
        What to do where they are missing.

    Raises
    ------
    Untrusted
        If one cannot be used, with what to do.
    """
    found = _certificates(_content(certificate, f"{whose} certificate", remedy))
    if not found:
        raise Untrusted(f"{whose} certificate {certificate} holds no certificate, PEM or DER")
    raw = _content(key, f"{whose} private key", remedy)
    secret = None if password is None else password.encode()
    load = serialization.load_pem_private_key if b"-----BEGIN" in raw else serialization.load_der_private_key
    try:
        private = load(raw, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Untrusted(f"{whose} private key {key} cannot be read: {error}") from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise Untrusted(f"{whose} private key {key} is no RSA key; OPC UA needs one")
    if private.public_key() != found[0].public_key():
        raise Untrusted(f"{whose} private key {key} does not belong to {certificate}")
    return Identity(found[0], private, certificate)


def _content(path: Path, what: str, remedy: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Untrusted(f"{what} {path} is missing; {remedy}") from None
    except OSError as error:
        raise Untrusted(f"{what} {path} cannot be read: {error.strerror}") from error


def read_folder(folder: Path) -> tuple[list[x509.Certificate], list[str]]:
    """The certificates in a folder, and what there could not be read."""
    found: list[x509.Certificate] = []
    unreadable: list[str] = []
    for path in _files(folder, SUFFIXES):
        try:
            some = _certificates(path.read_bytes())
        except OSError:
            some = []
        found += some
        if not some:
            unreadable.append(str(path))
    return found, unreadable


def read_revocations(folder: Path) -> list[x509.CertificateRevocationList]:
    """The revocation lists in a folder; Untrusted where one cannot be read: nobody knows whom it names."""
    found = []
    for path in _files(folder, SUFFIXES | {".crl"}):
        try:
            raw = path.read_bytes()
            load = x509.load_pem_x509_crl if b"-----BEGIN" in raw else x509.load_der_x509_crl
            found.append(load(raw))
        except (OSError, ValueError) as error:
            raise Untrusted(f"the revocation list {path} cannot be read: {error}") from error
    return found


def _files(folder: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes)


def _certificates(raw: bytes) -> list[x509.Certificate]:
    try:
        if b"-----BEGIN" in raw:
            return x509.load_pem_x509_certificates(raw)
        return chain_of(raw)
    except ValueError:
        return []


def chain_of(raw: bytes) -> list[x509.Certificate]:
    """The certificates of a DER blob: one, or one after the other, the peer's own first.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = []
    while raw:
        length, begin = raw[1] if len(raw) > 1 else 0, 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(raw[2:begin], "big")
        found.append(x509.load_der_x509_certificate(raw[: begin + length]))
        raw = raw[begin + length :]
    return found


def names_host(hosts: Sequence[str], host: str) -> bool:
    """Whether a certificate for these hosts is for that host; addresses are compared as addresses."""
    return _canonical(host) in {_canonical(each) for each in hosts}


def _canonical(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.rstrip(".").lower()


def check_time(certificate: Certificate, whose: str, now: dt.datetime, remedy: str) -> None:
    """Untrusted where a certificate is not valid now; the remedy says what to do when it has expired."""
    trouble = certificate.trouble(now)
    if trouble is not None:
        raise Untrusted(f"{whose} certificate {trouble}" + (f"; {remedy}" if now > certificate.ends else ""))
