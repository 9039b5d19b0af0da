"""asyncua's client with three changes: what it may be sent is capped, Publish is ours, and it goes quietly.

The private names used here are those of asyncua 2.1; the dependency is pinned to that line.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UaClientState, UASocketProtocol
from asyncua.client.ua_session import UaSession
from asyncua.common.connection import TransportLimits
from asyncua.common.shortcuts import Shortcuts
from asyncua.crypto.security_policies import SecurityPolicy, SecurityPolicyNone
from asyncua.ua.ua_binary import uatcp_to_binary
from asyncua.ua.uaerrors import UaError

from gateways.errors import ChannelRefused, Untrusted

log = logging.getLogger(__name__)

CHUNK_BYTES: Final = 65_535
MESSAGE_BYTES: Final = 16 * 1024 * 1024
CHUNKS: Final = MESSAGE_BYTES // 8_192  # the smallest chunk a server may choose
_HELLO: Final = cast("ua.MessageType", ua.MessageType.Hello)  # declared as an enum, used as its bytes
PROBE_S: Final = 10.0  # asyncua's own 1 s takes a busy computer for a dead server


@dataclass
class _Limits(TransportLimits):
    """Our limits stay ours; a server only says what it can take."""

    def update_client_limits(self, msg: ua.Acknowledge) -> None:
        """Take the size of chunk that the server can receive, and nothing else."""
        if 0 < msg.ReceiveBufferSize < self.max_send_buffer:
            self.max_send_buffer = msg.ReceiveBufferSize


class _Socket(UASocketProtocol):
    """A socket that hangs up on a server that announces more than it may send."""

    def data_received(self, data: bytes) -> None:
        """Read what came, unless a chunk larger than agreed is on its way."""
        super().data_received(data)
        waiting = self.receive_buffer
        if waiting is not None and len(waiting) >= 8:  # noqa: PLR2004 - type, chunk type and size
            size = int.from_bytes(waiting[4:8], "little")
            if size > CHUNK_BYTES:
                log.error(
                    "the server announced a chunk of %d bytes, %d were agreed; hanging up", size, CHUNK_BYTES
                )
                self.receive_buffer = None
                if self.transport is not None:
                    self.transport.abort()

    async def send_hello(self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0) -> ua.Acknowledge:
        """Say hello with our limits: asyncua's default offers to take 2 GiB."""
        hello = ua.Hello()
        hello.EndpointUrl = url  # type: ignore[assignment]  # asyncua's own types are looser than its stubs
        hello.ReceiveBufferSize = hello.SendBufferSize = ua.UInt32(CHUNK_BYTES)
        hello.MaxMessageSize = ua.UInt32(max_messagesize)
        hello.MaxChunkCount = ua.UInt32(max_chunkcount)
        answer: asyncio.Future[ua.Acknowledge] = asyncio.get_running_loop().create_future()
        self._callbackmap[0] = answer
        if self.transport is not None:
            self.transport.write(uatcp_to_binary(_HELLO, hello))
        return await asyncio.wait_for(answer, self.timeout)


class _Session(UaSession):
    """A session whose Publish requests the driver sends, so that it decides what is acknowledged."""

    def ensure_publish_loop(self) -> None:
        """No loop: asyncua's acknowledges also what a callback failed to store."""


class _Transport(UaClient):
    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)
        self.session = _Session(self)

    def _make_protocol(self) -> UASocketProtocol:
        self.protocol = _Socket(
            self._timeout,
            security_policy=self.security_policy,
            limits=_Limits(CHUNK_BYTES, CHUNK_BYTES, CHUNKS, MESSAGE_BYTES),
        )
        self.protocol.pre_request_hook = self._pre_request_hook
        self.protocol.on_connection_lost = self._on_transport_lost
        self.protocol.is_session_closing = self._is_session_closing
        return self.protocol


@dataclass(frozen=True, slots=True)
class Session:
    """A session, so that another connection can go on with it.

    Attributes
    ----------
    token, nonce : str
        What proves that it is ours: the authentication token, and the server's last nonce, hexadecimal.
    logins : list
        Id, type and security policy of each way to log in.
    """

    token: str
    nonce: str
    logins: list[list[Any]]


class CappedClient(Client):
    """A client of one server, for one connection: it is never reconnected, a new one is made.

    Parameters
    ----------
    endpoint : str
        ``opc.tcp://host:port/path``.
    application_uri : str
        Names this gateway to the server.
    timeout_s : float
        For every answer but Publish. [s]
    """

    def __init__(self, endpoint: str, application_uri: str, timeout_s: float) -> None:
        super().__init__(endpoint, timeout=timeout_s, watchdog_intervall=PROBE_S)
        self.uaclient = _Transport(timeout_s)
        self.uaclient.pre_request_hook = self.check_connection
        self.nodes = Shortcuts(self.uaclient.session)
        self.application_uri = application_uri
        self.name = self.description = "Fieldlab gateway"
        self.max_messagesize = MESSAGE_BYTES
        self.max_chunkcount = CHUNKS
        self.session_timeout = 120_000
        self.password_in_clear = False
        self.session: Session | None = None
        self.resumed = False

    async def open_secure_channel(self, renew: bool = False) -> None:
        """Open the channel; a server that does not trust us often just hangs up."""
        try:
            await super().open_secure_channel(renew)
        except ConnectionError as error:
            if renew or self.security_policy.Mode == ua.MessageSecurityMode.None_:
                raise
            raise ChannelRefused("it hung up when it saw the gateway's certificate") from error

    def protect(self, policy: SecurityPolicy) -> None:
        """Use a security policy from the next connection on."""
        self.security_policy = policy  # type: ignore[assignment]  # declared by its first value
        self.uaclient.set_security(policy)

    def _add_user_auth(self, params: Any, username: str | None, password: str | None) -> None:
        """Log in by name, unless the server would have the password in clear and nobody said it may."""
        wanted = self.server_policy(ua.UserTokenType.UserName).SecurityPolicyUri
        encrypted = self.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt
        if password and wanted in (None, "", SecurityPolicyNone.URI) and not encrypted:
            if not self.password_in_clear:
                raise Untrusted(
                    "the server wants the password in clear; leave out security: sign, or where everybody on "
                    "the network may read it say password_in_clear: true"
                )
            log.debug("the password goes in clear, as configured")
        super()._add_user_auth(params, username, password)

    async def create_publishing(self, params: ua.CreateSubscriptionParameters) -> ua.CreateSubscriptionResult:
        """Create a subscription whose Publish requests the caller sends."""
        return await self.uaclient.create_subscription(params, _unused)

    async def publish(self, done: list[ua.SubscriptionAcknowledgement]) -> ua.PublishResult:
        """Acknowledge what is done with, and wait for the next notification."""
        response = await self.uaclient.publish(done)
        response.ResponseHeader.ServiceResult.check()
        return cast("ua.PublishResult", response.Parameters)

    async def transfer(self, subscription: int) -> ua.TransferResult | None:
        """Take over a subscription of an earlier session; None where the server has no such service."""
        params = ua.TransferSubscriptionsParameters()
        params.SubscriptionIds = [ua.UInt32(subscription)]
        params.SendInitialValues = False
        try:
            (result,) = await self.uaclient.transfer_subscriptions(params)
        except (UaError, ValueError):
            return None
        return result

    async def enabled(self, subscription: int) -> bool:
        """Whether a subscription of this session is there, and publishing."""
        params = ua.SetPublishingModeParameters()
        params.PublishingEnabled = True
        params.SubscriptionIds = [ua.UInt32(subscription)]
        try:
            (status,) = await self.uaclient.set_publishing_mode(params)
        except (UaError, ValueError):
            return False
        return bool(status.is_good())

    def _try_load_persisted_session(self) -> bool:
        """Go on with the session of the connection before, where there was one."""
        if self.session is None:
            return False
        self.uaclient.session.restore_authentication_token(ua.NodeId.from_string(self.session.token))
        self._server_nonce = bytes.fromhex(self.session.nonce)  # type: ignore[assignment]  # declared by None
        self._policy_ids = self._policy_ids or [
            ua.UserTokenPolicy(PolicyId=name, TokenType=ua.UserTokenType(kind), SecurityPolicyUri=uri)
            for name, kind, uri in self.session.logins
        ]
        self.resumed = True
        return True

    def _save_session_state(self) -> None:
        logins = [[p.PolicyId, int(p.TokenType), p.SecurityPolicyUri] for p in self._policy_ids]
        token = self.uaclient.session.authentication_token
        self.session = Session(token.to_string(), (self._server_nonce or b"").hex(), logins)

    def _clear_persisted_session(self) -> None:
        self.session, self.resumed = None, False

    async def leave(self, within_s: float, *, keep: bool) -> None:
        """Close everything, however the server behaves; say goodbye only where somebody hears it.

        Parameters
        ----------
        within_s : float
            Longest time for it. [s]
        keep : bool
            Whether the session stays at the server, so that the next connection can go on with it.
        """
        if self.uaclient.state is UaClientState.CONNECTED and not keep:
            with suppress(TimeoutError, OSError, UaError):
                await asyncio.wait_for(self.disconnect(), within_s)
        self.uaclient.request_disconnect()
        for task in (self._supervisor_task, self._stale_watchdog_task, self._renew_channel_task):
            await self._cancel_task(task)
        protocol = self.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()


def _unused(_result: ua.PublishResult) -> None:
    """Nothing: asyncua keeps a callback per subscription, and here none is called."""
