"""An OPC UA server: where it is, how it is trusted, how it is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.kinds import File, Number, Text, Url
from fieldlab_configs.secret import Secret

Milliseconds = Annotated[float, Number("milliseconds", above=0)]
ANY_HOST: Final = "any"


class OpcUaSource(Model):
    """An OPC UA server."""

    kind: Literal["opcua"]
    endpoint: Annotated[str, Url(("opc.tcp",), "opc.tcp://10.0.0.5:4840")]
    user: str | None = None
    password: Secret | None = None
    user_certificate: Annotated[Path | None, File()] = None
    user_key: Annotated[Path | None, File()] = None
    # Policy None sends all in clear, the password too: only a config that says so in words gets it.
    security: Literal["none", "sign", "sign_and_encrypt"] = "sign_and_encrypt"
    password_in_clear: bool = False
    policy: Literal["auto", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = "auto"
    pki: Annotated[Path, File()] = Path("pki")  # absolute: resolved against the config's own folder
    certificate: Annotated[Path | None, File()] = None  # default: own/<gateway>.pem in `pki`
    private_key: Annotated[Path | None, File()] = None  # default: own/<gateway>.key in `pki`
    private_key_password: Secret | None = None
    server_name: Annotated[str | None, Text(r"[^\s/@]+", "must be a host name or address")] = None
    publishing_interval_ms: Milliseconds = 100.0
    sampling_interval_ms: Annotated[float, Number("milliseconds", least=0)] = 0.0
    queue_size: Annotated[int, Number("values", least=1, most=1_000_000, whole=True)] = 1000
    discard: Literal["oldest", "newest"] = "oldest"  # what a full queue gives up
    publish_requests: Annotated[int, Number("requests", least=1, most=10, whole=True)] = 2
    # Read at intervals instead of subscribing; a server without subscriptions is read every second.
    read_every_s: Annotated[float | None, Number("seconds", least=0.05, most=86_400)] = None
    history: bool = True  # fill what was missed from the server's history
    clock_node: str = "i=2258"  # Server_ServerStatus_CurrentTime

    def own_certificate(self, gateway: str) -> Path:
        """The file with the certificate that a gateway shows to this server."""
        return self.certificate or self.pki / "own" / f"{gateway}.pem"

    def own_key(self, gateway: str) -> Path:
        """The file with that certificate's private key."""
        return self.private_key or self.pki / "own" / f"{gateway}.key"

    def faults(self) -> Iterator[Fault]:
        """Half a login, two logins, or a password that anybody on the way could read."""
        if self.password is not None and self.user is None:
            yield ("user",), "is missing; a password needs a user"
        for one, other in (("user_certificate", "user_key"), ("user_key", "user_certificate")):
            if getattr(self, one) is None and getattr(self, other) is not None:
                yield (one,), f"is missing; {other} needs it"
        if self.user is not None and self.user_certificate is not None:
            yield ("user_certificate",), "stands beside user; a gateway logs in with one of them"
        if self.security == "none" and self.password is not None and not self.password_in_clear:
            yield (
                ("password",),
                (
                    "would be sent in clear: leave out security: none, or where everybody on the network may "
                    "read it say password_in_clear: true"
                ),
            )


def application_uri(fieldlab: str, gateway: str) -> str:
    """The name by which OPC UA servers know a gateway; it must stand in its certificate's SAN as a URI."""
    return f"urn:fieldlab:{fieldlab}:{gateway}"
