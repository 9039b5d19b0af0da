"""paho's client, reading its socket in large pieces, its network thread never ending unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket

from gateways.inbox import Message
from gateways.payload import MOST_BYTES

CHUNK: Final = 131_072
KEPT_BYTES: Final = MOST_BYTES + 131_072
"""Of a packet; what is longer is too long for any payload that is read, and its end is passed over."""
_PUBLISH: Final = 0x30
_PUBACK: Final = 0x40
_LENGTH_BYTES: Final = 4


class Owner(Protocol):
    """Who is told what the network thread meets."""

    def take(self, messages: list[Message]) -> None:
        """Messages, in order of receipt."""

    def thread_ended(self, reason: BaseException | None) -> None:
        """The thread is over."""


class Client(paho.Client):
    """paho's client with a buffered socket.

    paho asks the socket for every byte of a packet's head, and builds an object with properties, locks
    and callbacks for each message. This reads what is there at once and takes messages straight from it;
    all other packets go paho's way.
    """

    owner: Owner
    now_ns: Callable[[], int]
    fault: OSError | None = None
    """What the socket said when the connection ended, which paho keeps to its log."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._unread = bytearray()
        self._passing = 0  # bytes of a packet in hand that are passed over
        self._five = settings["protocol"] == MQTTProtocolVersion.MQTTv5

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> Any:  # noqa: ARG002
        """The body of the network thread."""
        reason: BaseException | None = None
        try:
            return super().loop_forever(timeout, retry_first_connection=False)
        except Exception as error:  # noqa: BLE001 - the thread's boundary: whatever it was ends this connection
            reason = error
            return paho.MQTT_ERR_UNKNOWN
        finally:
            self.owner.thread_ended(reason or self.fault)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:  # noqa: ARG002
        """What the socket has, in one piece, and every packet that is whole."""
        try:
            data = self._sock_recv(CHUNK)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError as error:
            self.fault = error
            data = b""
        if not data:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = paho.time_func()
        if self._passing >= len(data):
            self._passing -= len(data)
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        self._unread += data[self._passing :] if self._passing else data
        self._passing = 0
        try:
            found = self._packets()
        except (IndexError, ValueError):
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
        return self._loop_rc_handle(found) if found > 0 else MQTTErrorCode.MQTT_ERR_SUCCESS

    def puback(self, numbers: Sequence[int]) -> None:
        """Acknowledge messages, in one write."""
        packet = b"".join([b"\x40\x02" + number.to_bytes(2, "big") for number in numbers])
        self._packet_queue(_PUBACK, packet, 0, 1)

    def _packets(self) -> MQTTErrorCode:
        """Every packet that is whole: messages together, others each by paho."""
        unread = self._unread
        messages: list[Message] = []
        begin, size = 0, len(unread)
        rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        try:
            while size - begin >= 2 and rc == MQTTErrorCode.MQTT_ERR_SUCCESS:  # noqa: PLR2004 - the shortest packet
                body, length = _length(unread, begin, size)
                if body < 0:
                    break
                whole = min(length, KEPT_BYTES)
                if size - body < whole:
                    break
                end = body + whole
                command = unread[begin]
                if command & 0xF0 == _PUBLISH and command & 0x06 != 0x04:  # noqa: PLR2004 - not QoS 2
                    messages.append(self._message(command, unread, body, end))
                else:
                    self._hand_over(messages)
                    messages = []
                    rc = self._other(command, bytes(unread[body:end]), length)
                passed = min(body + length, size)
                self._passing, begin = body + length - passed, passed
        finally:
            del unread[:begin]
        self._hand_over(messages)
        return rc

    def _message(self, command: int, data: bytearray, at: int, end: int) -> Message:
        begin = at + 2
        at = begin + (data[at] << 8 | data[at + 1])
        topic = bytes(data[begin:at])
        qos, number = command >> 1 & 3, 0
        if qos:
            number = data[at] << 8 | data[at + 1]
            at += 2
        if self._five:
            # Properties: none of them changes what a message means to us.
            at, length = _length(data, at - 1, end)
            at += length
        if at < 0 or at > end or not topic:
            raise ValueError("a message that is shorter than its head says")
        return Message(topic, bytes(data[at:end]), qos, number, bool(command & 1), self.now_ns())

    def _hand_over(self, messages: list[Message]) -> None:
        if messages:
            self.owner.take(messages)

    def _other(self, command: int, packet: bytes, length: int) -> MQTTErrorCode:
        """Any packet but a message: paho's own handling."""
        self._in_packet["command"] = command
        self._in_packet["packet"] = bytearray(packet)
        self._in_packet["remaining_length"] = length
        self._in_packet["pos"] = 0
        try:
            return self._packet_handle()
        except MalformedPacket:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL


def _length(data: bytearray, begin: int, end: int) -> tuple[int, int]:
    """A length in the format of MQTT, behind the byte at `begin`: where it ends, and what it says.

    The first is -1 where its end is not there yet; ValueError where it has none.
    """
    length = 0
    for place in range(_LENGTH_BYTES):
        at = begin + 1 + place
        if at >= end:
            return -1, 0
        byte = data[at]
        length |= (byte & 127) << 7 * place
        if byte < 128:  # noqa: PLR2004 - the last byte of it
            return at + 1, length
    raise ValueError("a length of more than four bytes")
