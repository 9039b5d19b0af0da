"""Whom a gateway trusts, and who it is: the trust list, the checks of a server's certificate, our own.

Everything is read anew for each connection: a certificate that was renewed, or put into the trust list,
counts from then on.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from fieldlab_configs import ConfigError, OpcUaSource, Secret
from fieldlab_configs.opcua_source import ANY_HOST
from gateways.certificates import (
    LEAST_BITS,
    Identity,
    chain_of,
    check_time,
    names_host,
    read_folder,
    read_identity,
    read_revocations,
)
from gateways.errors import CertificateUnusable, Untrusted
from gateways.pki import Pki
from gateways.pki_facts import WARN_DAYS, Certificate, describe
from gateways.remedies import another_name, said_as

log = logging.getLogger(__name__)

MOST_REJECTED: Final = 100  # whoever is asked for a certificate can make as many as he likes
_DAY: Final = dt.timedelta(days=1)


def utc_now() -> dt.datetime:
    """The computer's time; a certificate is not judged by the clock of the server that shows it."""
    return dt.datetime.now(dt.UTC)


class Trust:
    """What one source may trust, and what its gateway shows.

    Parameters
    ----------
    source : str
        Id of the source.
    config : OpcUaSource
        Its configuration.
    gateway : str
        Id of the gateway.
    application_uri : str
        The gateway's name to servers.
    now : callable
        The time; passed in so that tests own it.
    """

    def __init__(
        self,
        source: str,
        config: OpcUaSource,
        gateway: str,
        application_uri: str,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.source: Final = source
        self.config: Final = config
        self.application_uri: Final = application_uri
        self._gateway = gateway
        self._now = now
        self._watched: dict[str, Certificate] = {}
        self._warned: dict[str, dt.datetime] = {}

    # -- who we are

    def own(self) -> Identity:
        """The gateway's certificate and key; Untrusted where no server could accept them."""
        config = self.config
        found = read_identity(
            config.own_certificate(self._gateway),
            config.own_key(self._gateway),
            _secret(config.private_key_password),
            whose="the gateway's own",
            remedy=f"make it with: fieldlab pki issue {config.pki} {self._gateway}",
        )
        said = describe(found.certificate)
        self._judge("the gateway's own", said, f"fieldlab pki renew {config.pki} {self._gateway}")
        if self.application_uri not in said.names.uris:
            raise Untrusted(
                f"the gateway's own certificate {found.path} is for {said.names} and not for "
                f"{self.application_uri}; "
                + another_name(self.application_uri, said.names.uris, config.pki, self._gateway, self.source)
            )
        return found

    def user(self) -> Identity | None:
        """The certificate and key to log in with, where the configuration names them."""
        config = self.config
        if config.user_certificate is None or config.user_key is None:
            return None
        found = read_identity(
            config.user_certificate,
            config.user_key,
            None,
            whose="the user's",
            remedy=f"sources.{self.source}.user_certificate and .user_key name it",
        )
        self._judge("the user's", describe(found.certificate), f"renew {found.path}")
        return found

    # -- who they are

    def check_server(self, shown: bytes | None, application_uri: str | None) -> x509.Certificate:
        """The certificate that a server shows, once it passed every check.

        Parameters
        ----------
        shown : bytes or None
            DER, perhaps followed by those of its issuers.
        application_uri : str or None
            By which the server calls itself.

        Raises
        ------
        Untrusted
            With the reason and what to do.
        """
        try:
            chain = chain_of(shown or b"")
            certificate = chain[0]
            key, said = certificate.public_key(), describe(certificate)
        except (ValueError, IndexError, UnsupportedAlgorithm) as error:
            raise Untrusted("the server shows no certificate that can be read") from error
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < LEAST_BITS:
            raise Untrusted(
                f"the server's certificate has no RSA key of at least {LEAST_BITS} bits; give it one"
            )
        pinned = self._check_trusted(certificate, said, chain[1:])
        self._judge("the server's", said, self._renewal(pinned=pinned))
        self._check_names(said, application_uri, pinned=pinned)
        return certificate

    def _renewal(self, *, pinned: bool) -> str:
        then = f", and trust the new one: fieldlab pki trust {self.config.pki} FILE" if pinned else ""
        return f"renew it on the server{then}"

    def _check_trusted(
        self, certificate: x509.Certificate, said: Certificate, sent: Sequence[x509.Certificate]
    ) -> bool:
        """Whether it lies in the trust list itself; Untrusted where not even its issuer does."""
        pki = self.config.pki
        trusted, unreadable = read_folder(pki / "trusted")
        if certificate in trusted:
            return True
        others, _ = read_folder(pki / "issuers")
        chain = _chain(certificate, [*sent, *others], trusted, self._now())
        if chain is None:
            self._keep(certificate)
            lost = f" ({', '.join(unreadable)} cannot be read)" if unreadable else ""
            raise Untrusted(
                f"the server's certificate is not trusted{lost}: {said.subject}, SHA-256 {said.fingerprint}; "
                f"if the server itself shows the same: fieldlab pki trust {pki} {said.fingerprint[:16]}"
            )
        _check_revoked(chain, read_revocations(pki / "crl"))
        return False

    def _keep(self, certificate: x509.Certificate) -> None:
        """Lay a certificate that was refused aside, for somebody to look at."""
        folder = self.config.pki / "rejected"
        with suppress(OSError, CertificateUnusable):
            if not folder.is_dir() or sum(1 for _ in folder.iterdir()) < MOST_REJECTED:
                Pki(self.config.pki).reject(certificate)

    def _check_names(self, said: Certificate, application_uri: str | None, *, pinned: bool) -> None:
        if application_uri not in said.names.uris:
            raise Untrusted(
                f"the server calls itself {application_uri}, its certificate is for {said.names}; "
                "give it a certificate of its own"
            )
        wanted = self.config.server_name or urlsplit(self.config.endpoint).hostname or ""
        hosts = (*said.names.hosts, *said.names.addresses)
        if (wanted == ANY_HOST and pinned) or names_host(hosts, wanted):
            return
        raise Untrusted(
            f"the server's certificate is for {', '.join(hosts) or 'no host'} and not for {wanted}; if it is "
            f"the right server by another name: {said_as(self.source, 'server_name')} {(*hosts, ANY_HOST)[0]}"
        )

    # -- how long

    def _judge(self, whose: str, certificate: Certificate, remedy: str) -> None:
        now = self._now()
        check_time(certificate, whose, now, remedy)
        self._watched[whose] = certificate
        left = certificate.days_left(now)
        if left < WARN_DAYS and now - self._warned.get(whose, now - 2 * _DAY) > _DAY:
            self._warned[whose] = now
            log.warning(
                "source %s: %s certificate expires in %d days, on %s; %s",
                self.source, whose, left, f"{certificate.ends:%Y-%m-%d}", remedy,
            )  # fmt: skip

    def watch(self) -> None:
        """Look at those in use again: warn ahead, and Untrusted once one has expired."""
        for whose, certificate in self._watched.items():
            self._judge(whose, certificate, "renew it")

    def days_left(self) -> int | None:
        """Until the first of those in use ends; None where none is."""
        now = self._now()
        return min((certificate.days_left(now) for certificate in self._watched.values()), default=None)


def _secret(secret: Secret | None) -> str | None:
    try:
        return None if secret is None else secret.read()
    except ConfigError as error:
        raise Untrusted(f"the password of the gateway's private key cannot be read: {error}") from error


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _must_be_authority(_: Policy, __: x509.Certificate, found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("no authority")


def _chain(
    certificate: x509.Certificate,
    between: Sequence[x509.Certificate],
    trusted: Sequence[x509.Certificate],
    now: dt.datetime,
) -> list[x509.Certificate] | None:
    """From a server's certificate up to an authority in the trust list; None where there is no way."""
    roots = [each for each in trusted if _is_authority(each)]
    if not roots or not _may_serve(certificate):
        return None
    # Servers' certificates differ in much that web browsers insist on; signatures and times are what counts.
    policies = {
        "ca_policy": ExtensionPolicy.permit_all().require_present(
            x509.BasicConstraints, Criticality.AGNOSTIC, _must_be_authority
        ),
        "ee_policy": ExtensionPolicy.permit_all(),
    }
    # Whether it is valid now is judged, and said, apart from this.
    moment = min(max(now, certificate.not_valid_before_utc), certificate.not_valid_after_utc)
    builder = PolicyBuilder().store(Store(roots)).time(moment)
    verifier = builder.extension_policies(**policies).build_client_verifier()
    try:
        return verifier.verify(certificate, [each for each in between if _is_authority(each)]).chain
    except VerificationError:
        return None


def _may_serve(certificate: x509.Certificate) -> bool:
    """Whether its issuer meant it for a server; a gateway's must not pass for one."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usage


def _check_revoked(
    chain: Sequence[x509.Certificate], lists: Sequence[x509.CertificateRevocationList]
) -> None:
    for certificate, issuer in pairwise(chain):
        for revoked in lists:
            if revoked.issuer != certificate.issuer:
                continue
            key = issuer.public_key()
            if isinstance(key, rsa.RSAPublicKey) and not revoked.is_signature_valid(key):
                continue
            if revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                raise Untrusted(
                    f"the certificate {describe(certificate).subject} was revoked; give the server a new one"
                )
