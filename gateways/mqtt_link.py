"""One connection to a broker: paho's network thread on one side, the gateway's loop on the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateways.errors import LinkLost
from gateways.inbox import Inbox, Message
from gateways.mqtt_address import Address
from gateways.mqtt_client import Client
from gateways.mqtt_tls import NoAnswer, WrongLogin

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


class BrokerLink:
    """One connection, from connecting to its end; it is never used again.

    An acknowledgement goes to the connection that its message came by, so after a reconnect a stale one
    cannot acknowledge a new message that happens to bear the same number: the object is the epoch.

    Parameters
    ----------
    protocol : {"5", "3.1.1"}
        Version to speak.
    address : Address
    now_ns : callable
        Time at which a message arrives.
    """

    def __init__(self, protocol: str, address: Address, now_ns: Callable[[], int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._five = protocol == "5"
        self.inbox = Inbox(self._loop, address.window)
        self._answer: asyncio.Future[bool] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._why: str | None = None
        self._alive = False
        self._asked: dict[int, Sequence[str]] = {}
        self.refused: list[str] = []
        """Topics that the broker does not let us have."""
        self.limits: dict[str, object] = {}
        """What a broker of version 5 says of itself at the beginning."""
        self._subscribed = asyncio.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if self._five else not address.keeps,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.owner = self
        self._client.now_ns = now_ns
        if address.tls is not None:
            self._client.tls_set_context(address.tls)
        if address.will is not None:
            self._client.will_set(address.will.topic, address.will.payload, qos=1, retain=True)
        if address.user is not None:
            self._client.username_pw_set(address.user, address.password)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    @property
    def alive(self) -> bool:
        """Whether the connection stands."""
        return self._alive

    @property
    def why(self) -> str:
        """Why it ended."""
        return self._why or "the broker closed the connection"

    @property
    def settled(self) -> bool:
        """Whether the broker has answered to every subscription."""
        return not self._asked

    async def open(self, *, within_s: float = ANSWER_S) -> bool:
        """Connect; whether the broker still had our session and its queue.

        Raises
        ------
        LinkLost, OSError
            If it cannot be had; WrongProtocol, NoAnswer and WrongLogin say what to change.
        """
        self._client.connect_timeout = ANSWER_S / 2
        where = self._address.host, self._address.port, self._address.keep_alive_s
        if self._five:
            wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            wanted.SessionExpiryInterval = SESSION_S if self._address.keeps else 0
            wanted.ReceiveMaximum = self._address.window
            wanted.MaximumPacketSize = PACKET_BYTES
            self._client.connect_async(*where, clean_start=not self._address.keeps, properties=wanted)
        else:
            self._client.connect_async(*where)
        self._client.loop_start()
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            raise NoAnswer(f"no answer within {within_s:.0f} s") from None

    def subscribe(self, topics: Iterable[tuple[str, bool]]) -> None:
        """Subscribe at QoS 1, in order; where told True, kept messages come on every connection.

        Those of the others come with a new subscription only, as far as the protocol can say so.
        """
        wanted = list(topics)
        for start in range(0, len(wanted), TOPICS):
            some = wanted[start : start + TOPICS]
            if self._five:
                options = [(t, SubscribeOptions(qos=1, retainHandling=0 if kept else 1)) for t, kept in some]
                _, number = self._client.subscribe(options)
            else:
                _, number = self._client.subscribe([(topic, 1) for topic, _ in some])
            if number is not None:
                self._asked[number] = [topic for topic, _ in some]

    async def subscribed(self, within_s: float = ANSWER_S) -> None:
        """Wait until the broker has answered for all topics, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._subscribed.wait()

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Leave topics that an older configuration asked for."""
        for start in range(0, len(topics), TOPICS):
            if self._alive:
                self._client.unsubscribe(list(topics[start : start + TOPICS]))

    def publish(self, topic: str, content: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Say something."""
        if self._alive:
            self._client.publish(topic, content, qos=qos, retain=retain)

    async def publish_last(self, topic: str, content: bytes, within_s: float) -> None:
        """Say something that is kept, and wait until the broker has it."""
        if self._alive:
            said = self._client.publish(topic, content, qos=1, retain=True)
            with suppress(RuntimeError, ValueError):  # the connection ended meanwhile
                await asyncio.to_thread(said.wait_for_publish, within_s)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge in the order of receipt, unless this connection is over."""
        numbers = [message.number for message in messages if message.qos == 1]
        if numbers and self._alive:
            self._client.puback(numbers)
        for message in messages:
            if message.qos > 1 and self._alive:
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

    def take(self, messages: list[Message]) -> None:
        """Messages, in order of receipt; waits while the inbox is full."""
        self.inbox.put(messages)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        """One at QoS 2, which we never ask for, but a session of somebody else's making may hold."""
        raw = bytes(message._topic)  # noqa: SLF001 - `topic` fails where it is not UTF-8
        arrived = self._client.now_ns()
        self.take([Message(raw, bytes(message.payload), message.qos, message.mid, message.retain, arrived)])

    def thread_ended(self, reason: BaseException | None) -> None:
        """The network thread is over, for whatever reason; what was not acknowledged comes again."""
        self._alive = False
        if reason is not None and not isinstance(reason, OSError):
            log.error("the network thread failed", exc_info=reason)
        if reason is not None:
            self._why = str(reason) or type(reason).__name__
        # A reset before any answer is no answer: of a version, or TLS, that the broker cannot even refuse.
        told = isinstance(reason, OSError) and not isinstance(reason, ConnectionResetError | BrokenPipeError)
        error = reason if told and isinstance(reason, OSError) else NoAnswer(self.why)
        self.inbox.close()
        self._tell(error)
        self._call(self._ended.set)

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        name = str(code)
        self.limits = properties.json() if properties is not None else {}
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

    def _on_subscribe(self, _client: Any, _data: Any, number: int, codes: Any, _properties: Any) -> None:
        # In the loop, for there it is known which topics were asked for under that number.
        self._call(self._answered, number, [bool(code.is_failure) for code in codes])

    def _answered(self, number: int, failures: list[bool]) -> None:
        asked = self._asked.pop(number, ())
        if not self._asked:
            self._subscribed.set()
        refused = [topic for topic, failed in zip(asked, failures, strict=False) if failed]
        if refused:
            self.refused += refused
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

    def _call(self, function: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            log.debug("the loop is gone; nobody is left to tell")
