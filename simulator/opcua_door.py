"""Who may connect to simulated machines: as the configuration has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from cryptography import x509

from fieldlab_configs import OpcUaSource
from simulator.errors import CannotSimulate

_P = ua.SecurityPolicyType
_POLICIES: Final = {
    "none": [_P.NoSecurity],
    "sign": [_P.Basic256Sha256_Sign, _P.Aes128Sha256RsaOaep_Sign, _P.Aes256Sha256RsaPss_Sign],
    "sign_and_encrypt": [
        _P.Basic256Sha256_SignAndEncrypt,
        _P.Aes128Sha256RsaOaep_SignAndEncrypt,
        _P.Aes256Sha256RsaPss_SignAndEncrypt,
    ],
}


class ReadOnly(UserManager):
    """Whoever may come may read, nobody may write: there is no administrator, whatever the password.

    Parameters
    ----------
    source : OpcUaSource
        Where it names a user with a password, only that one may come.
    """

    def __init__(self, source: OpcUaSource) -> None:
        self._user = source.user
        self._password = source.password.read() if source.password is not None else None

    def get_user(
        self,
        iserver: Any,  # noqa: ARG002 - asyncua's signature
        username: str | None = None,
        password: Any = None,
        certificate: Any = None,  # noqa: ARG002
    ) -> User | None:
        """A reader, or nobody."""
        if self._password is not None:
            told = password.decode() if isinstance(password, bytes) else password
            if (username, told) != (self._user, self._password):
                return None
        return User(role=UserRole.User)


def check(source: OpcUaSource, name: str) -> None:
    """CannotSimulate where a server needs a certificate and has none."""
    certificate = source.own_certificate(name)
    if source.security != "none" and not (certificate.exists() and source.own_key(name).exists()):
        raise CannotSimulate(
            f"sources.{name}: a simulated machine with security: {source.security} needs a certificate, and "
            f"{certificate} is not there; make it: fieldlab pki issue {source.pki} {name} --for opcua "
            "--host 127.0.0.1"
        )


async def lock(server: Server, source: OpcUaSource, name: str) -> str | None:
    """Make a server ask for what the configuration says; the application URI that its certificate names."""
    server.set_security_policy(_POLICIES[source.security])
    login = ua.AnonymousIdentityToken if source.password is None else ua.UserNameIdentityToken
    server.set_identity_tokens([login])
    if source.security == "none":
        server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken])
        return None
    certificate = source.own_certificate(name)
    await server.load_certificate(certificate)
    await server.load_private_key(source.own_key(name), format="pem")
    trusted = TrustStore([source.pki / "trusted"], [source.pki / "crl"])
    await trusted.load()
    options = CertificateValidatorOptions.TRUSTED_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
    server.set_certificate_validator(CertificateValidator(options, trusted))
    return _uri(certificate)


def _uri(path: Path) -> str | None:
    names = x509.load_pem_x509_certificate(path.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return next(iter(names.value.get_values_for_type(x509.UniformResourceIdentifier)), None)
