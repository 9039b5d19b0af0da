"""Connecting to a server as configured: endpoint, policy, trust, login; and what is said where it fails."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.crypto import security_policies
from cryptography import x509

from fieldlab_configs import ConfigError, OpcUaSource, Secret
from gateways.errors import ChannelRefused, LinkLost, SourceRefused, Untrusted
from gateways.opcua_client import MESSAGE_BYTES, CappedClient
from gateways.opcua_trust import Trust
from gateways.remedies import login, without_security

# Strongest first; there are none of elliptic curves in asyncua.
POLICIES: Final[dict[str, type[security_policies.SecurityPolicy]]] = {
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
}
_MODES: Final = {
    "none": ua.MessageSecurityMode.None_,
    "sign": ua.MessageSecurityMode.Sign,
    "sign_and_encrypt": ua.MessageSecurityMode.SignAndEncrypt,
}
_TOO_LARGE: Final = (
    ua.uaerrors.BadRequestTooLarge,
    ua.uaerrors.BadResponseTooLarge,
    ua.uaerrors.BadTcpMessageTooLarge,
)
_LOGIN: Final = (
    ua.uaerrors.BadUserAccessDenied,
    ua.uaerrors.BadIdentityTokenInvalid,
    ua.uaerrors.BadIdentityTokenRejected,
)
_OURS_REFUSED: Final = (
    ua.uaerrors.BadSecurityChecksFailed,
    ua.uaerrors.BadCertificateUntrusted,
    ua.uaerrors.BadCertificateInvalid,
    ua.uaerrors.BadCertificateUriInvalid,
    ua.uaerrors.BadCertificateTimeInvalid,
    ua.uaerrors.BadCertificateUseNotAllowed,
    ua.uaerrors.BadCertificateChainIncomplete,
    ua.uaerrors.BadCertificateRevoked,
)


async def connect(client: CappedClient, config: OpcUaSource, trust: Trust) -> None:
    """Open a session with the security and the user of the configuration.

    Raises
    ------
    Untrusted
        If a certificate, the server's or ours, does not pass; nothing secret was sent.
    OSError, UaError
        If there is no connection.
    """
    client.password_in_clear = config.password_in_clear
    if config.user is not None:
        client.set_user(config.user)
        if config.password is not None:
            client.set_password(_read(config.password))
    user = trust.user()
    if user is not None:
        client.user_certificate, client.user_private_key = user.certificate, user.key
    if config.security != "none":
        await _secure(client, config, trust)
    await client.connect()


async def _secure(client: CappedClient, config: OpcUaSource, trust: Trust) -> None:
    own = trust.own()
    offered = await client.connect_and_get_server_endpoints()
    name, endpoint = choose(offered, config)
    certificate = trust.check_server(endpoint.ServerCertificate, endpoint.Server.ApplicationUri)
    policy = POLICIES[name](certificate, own.certificate, own.key, _MODES[config.security])
    client.protect(policy)

    async def again(_: x509.Certificate, server: ua.ApplicationDescription) -> None:
        # What was said before the channel was secure anybody could have said. Here a server may leave its
        # name out (Part 4, 5.6.2): its certificate has shown that it holds the key, and names it.
        uri = server.ApplicationUri or endpoint.Server.ApplicationUri
        trust.check_server(endpoint.ServerCertificate, uri)

    client.certificate_validator = again


def choose(offered: Sequence[Any], config: OpcUaSource) -> tuple[str, Any]:
    """The endpoint to take among those that a server offers, and the name of its policy.

    Raises
    ------
    LinkLost
        If none is as configured; the message lists what there is.
    """
    mode = _MODES[config.security]
    for name, policy in POLICIES.items():
        if config.policy in ("auto", name):
            for endpoint in offered:
                if endpoint.SecurityMode == mode and endpoint.SecurityPolicyUri == policy.URI:
                    return name, endpoint
    listed = sorted({told(endpoint) for endpoint in offered})
    wanted = config.security if config.policy == "auto" else f"{config.security} {config.policy}"
    raise LinkLost(f"the server offers no {wanted}; it offers {', '.join(listed) or 'nothing'}")


def told(endpoint: Any) -> str:
    """Mode and policy of an endpoint, in the words of the configuration."""
    mode = next((name for name, mode in _MODES.items() if mode == endpoint.SecurityMode), "none")
    policy = str(endpoint.SecurityPolicyUri).rpartition("#")[2].replace("_", "")
    return mode if mode == "none" else f"{mode} {policy}"


def _read(secret: Secret) -> str:
    try:
        return secret.read()
    except ConfigError as error:
        raise SourceRefused(f"its password cannot be read: {error}") from error


def explain(error: Exception, config: OpcUaSource, source: str, own: object) -> str:
    """What went wrong with a connection, and where that helps, what to do.

    Parameters
    ----------
    error : Exception
    config : OpcUaSource
    source : str
        Id of the source.
    own : path
        Of the certificate that the gateway shows.
    """
    endpoint = config.endpoint
    if isinstance(error, Untrusted):
        return f"{endpoint}: {error}"
    if isinstance(error, _LOGIN):
        if config.user_certificate is not None:
            return (
                f"{endpoint} refuses the user's certificate {config.user_certificate} "
                f"(sources.{source}.user_certificate): trust it on the server"
            )
        if config.user is None:
            return f"{endpoint} wants a login: {login(source)}"
        return f"{endpoint} refuses user {config.user}: wrong user name or password ({login(source)})"
    if isinstance(error, (*_OURS_REFUSED, ChannelRefused)) and config.security != "none":
        why = str(error) if isinstance(error, ChannelRefused) else type(error).__name__
        return (
            f"{endpoint} refuses the gateway's certificate ({why}); on the server, trust {own}, or the "
            f"authority that signed it ({config.pki / 'ca' / 'ca.der'})"
        )
    if isinstance(error, socket.gaierror):
        return f"{endpoint}: the host's name is not known; check how it is written, or use its address"
    if isinstance(error, ConnectionRefusedError):
        return f"{endpoint}: nobody listens there"
    if isinstance(error, TimeoutError):
        return f"{endpoint}: no answer in time"
    if isinstance(error, RecursionError):
        return f"{endpoint}: an answer is nested deeper than anything that can be read"
    if isinstance(error, _TOO_LARGE):
        return (
            f"{endpoint}: a message is larger than {MESSAGE_BYTES >> 20} MB, or than the server takes; a node"
            " with such a value costs the others: take it out of the config"
        )
    if str(error) in ("", "Connection is closed", "connection lost"):
        return f"{endpoint}: the connection ended"
    if "No matching endpoints" in str(error):
        return f"{endpoint}: the server offers no endpoint without security; {without_security(source)}"
    return f"{endpoint}: {error}"
