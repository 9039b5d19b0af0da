"""One connection to a broker: paho's network thread on one side, the gateway's loop on the other."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateways.errors import LinkLost
from gateways.inbox import WINDOW, Inbox, Message

log = logging.getLogger(__name__)

PACKET_BYTES: Final = 16 * 1024 * 1024  # more than we read: what is too large shall be counted, not withheld
SESSION_S: Final = 7 * 24 * 3600  # how long the broker keeps our queue
TOPICS: Final = 200  # in one SUBSCRIBE
ANSWER_S: Final = 10.0
TRIAL_S: Final = 2.0  # for a version that the broker may not even be able to refuse
_REFUSED_VERSION: Final = frozenset({"Unsupported protocol version"})
_REFUSED_LOGIN: Final = frozenset(
    {"Bad user name or password", "Not authorized", "Banned", "Bad authentication method"}
)


class WrongProtocol(LinkLost):
    """The broker does not speak this version of MQTT: try the other."""


class NoAnswer(LinkLost):
    """The broker says nothing, or hangs up without a word: perhaps it does not know this version."""


class WrongLogin(LinkLost):
    """The broker does not let us in: user and password need a look."""


class _Client(paho.Client):
    """paho's client, whose network thread never ends unnoticed and never reconnects by itself."""

    link: BrokerLink

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> Any:  # noqa: ARG002
        """The body of the network thread."""
        reason: BaseException | None = None
        try:
            return super().loop_forever(timeout, retry_first_connection=False)
        except Exception as error:  # noqa: BLE001 - the thread's boundary: whatever it was ends this connection
            reason = error
            return paho.MQTT_ERR_UNKNOWN
        finally:
            self.link.thread_ended(reason)


class BrokerLink:
    """One connection, from connecting to its end; it is never used again.

    An acknowledgement goes to the connection that its message came by, so after a reconnect a stale one
    cannot acknowledge a new message that happens to bear the same number: the object is the epoch.

    Parameters
    ----------
    protocol : {"5", "3.1.1"}
        Version to speak.
    client_id : str
        Fixed: the broker keeps our queue under it.
    now_ns : callable
        Time at which a message arrives.
    tls : bool
    keep_alive_s : int
        After so long without a word the broker is asked whether it is there, after as long again given up.
    """

    def __init__(
        self, protocol: str, client_id: str, now_ns: Any, *, tls: bool = False, keep_alive_s: int = 20
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._now_ns = now_ns
        self._keep_alive_s = keep_alive_s
        self._five = protocol == "5"
        self.inbox = Inbox(self._loop)
        self._answer: asyncio.Future[bool] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._why: str | None = None
        self._alive = False
        self._asked: dict[int, Sequence[str]] = {}
        self._client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if self._five else False,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.link = self
        if tls:
            self._client.tls_set(tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe

    @property
    def alive(self) -> bool:
        """Whether the connection stands."""
        return self._alive

    @property
    def why(self) -> str:
        """Why it ended."""
        return self._why or "the broker closed the connection"

    async def open(
        self, host: str, port: int, user: str | None, password: str | None, *, within_s: float = ANSWER_S
    ) -> bool:
        """Connect; whether the broker still had our session and its queue.

        Raises
        ------
        LinkLost, OSError
            If it cannot be had; WrongProtocol, NoAnswer and WrongLogin say what to change.
        """
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.connect_timeout = ANSWER_S / 2
        if self._five:
            wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            wanted.SessionExpiryInterval = SESSION_S
            wanted.ReceiveMaximum = WINDOW
            wanted.MaximumPacketSize = PACKET_BYTES
            self._client.connect_async(host, port, self._keep_alive_s, clean_start=False, properties=wanted)
        else:
            self._client.connect_async(host, port, self._keep_alive_s)
        self._client.loop_start()
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            raise NoAnswer(f"no answer within {within_s:.0f} s") from None

    def subscribe(self, topics: Sequence[str], always: Container[str]) -> None:
        """Subscribe at QoS 1, in order; kept messages of `always` come on every connection.

        Those of the others come with a new subscription only, as far as the protocol can say so.
        """
        for start in range(0, len(topics), TOPICS):
            some = topics[start : start + TOPICS]
            if self._five:
                options = [(t, SubscribeOptions(qos=1, retainHandling=0 if t in always else 1)) for t in some]
                _, number = self._client.subscribe(options)
            else:
                _, number = self._client.subscribe([(topic, 1) for topic in some])
            if number is not None:
                self._asked[number] = some

    def unsubscribe(self, topic: str) -> None:
        """Leave a topic that an older configuration asked for."""
        if self._alive:
            self._client.unsubscribe(topic)

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Acknowledge in the order of receipt, unless this connection is over."""
        for message in messages:
            if message.qos and self._alive:
                self._client.ack(message.number, message.qos)

    async def close(self, within_s: float) -> None:
        """Say goodbye; the broker keeps our queue."""
        self.inbox.close()
        self._client.disconnect()
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        except TimeoutError:
            log.debug("the network thread is still connecting; it ends by itself")
        if not self._answer.done():
            self._answer.cancel()

    # What follows runs in the network thread.

    def thread_ended(self, reason: BaseException | None) -> None:
        """The network thread is over, for whatever reason."""
        self._alive = False
        if reason is not None and not isinstance(reason, OSError):
            log.error("the network thread failed", exc_info=reason)
        if reason is not None:
            self._why = str(reason) or type(reason).__name__
        error = reason if isinstance(reason, OSError) else NoAnswer(self.why)
        self.inbox.close()
        self._tell(error)
        self._call(self._ended.set)

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: ReasonCode, _properties: Any) -> None:
        name = str(code)
        if not code.is_failure:
            self._alive = True
            self._call(self._set_answer, bool(flags.session_present))
        elif name in _REFUSED_VERSION:
            self._tell(WrongProtocol(name))
        elif name in _REFUSED_LOGIN:
            self._tell(WrongLogin(name))
        else:
            self._tell(LinkLost(f"the broker refuses: {name}"))

    def _on_disconnect(
        self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        self._alive = False
        if code.is_failure and self._why is None:
            self._why = f"the connection ended: {code}"

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            try:
                topic: str | None = message.topic
            except UnicodeDecodeError:
                topic = None
            # `topic` decodes; the bytes themselves are only to be had here.
            raw = bytes(message._topic)  # noqa: SLF001
            self.inbox.put(
                Message(
                    topic,
                    raw,
                    bytes(message.payload),
                    message.qos,
                    message.mid,
                    message.retain,
                    self._now_ns(),
                )
            )
        except Exception:
            # An exception here would end paho's network thread; unacknowledged, the message comes again.
            log.exception("a message could not be queued")

    def _on_subscribe(self, _client: Any, _data: Any, number: int, codes: Any, _properties: Any) -> None:
        refused = [t for t, code in zip(self._asked.pop(number, ()), codes, strict=False) if code.is_failure]
        if refused:
            log.error(
                "the broker refuses %d topics, the first: %s; look at its access rules",
                len(refused),
                refused[0],
            )

    def _tell(self, error: Exception) -> None:
        self._call(self._set_error, error)

    def _set_answer(self, session: bool) -> None:
        if not self._answer.done():
            self._answer.set_result(session)

    def _set_error(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()  # read, so that nobody is told it never was

    def _call(self, function: Any, *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            log.debug("the loop is gone; nobody is left to tell")


def explain(error: Exception, host: str, port: int, name: str, user: str | None) -> str:
    """What went wrong with a connection, and where that helps, what to do."""
    where = f"mqtt://{host}:{port}"
    if isinstance(error, WrongLogin):
        return f"{where} refuses user {user or 'anonymous'}: {error} (sources.{name}.user, .password)"
    if isinstance(error, socket.gaierror):
        return f"{where}: the host's name is not known (sources.{name}.host)"
    if isinstance(error, ConnectionRefusedError):
        return f"{where}: nobody listens there"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{where}: its certificate is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"{where}: no answer"
    return f"{where}: {error or type(error).__name__}"
