"""A connection of a simulated machine to its broker, that waits while too much is on its way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from fieldlab_configs import MqttSource, Secret, SparkplugSource
from simulator.errors import CannotSimulate, NobodyListens, PortBusy

WINDOW: Final = 40  # messages on their way at once; small brokers choke on more
ANSWER_S: Final = 15.0
BROKER_WITHIN_S: Final = 10.0


class Connection:
    """One MQTT connection with a bounded number of messages that wait for their PUBACK.

    Parameters
    ----------
    source : MqttSource or SparkplugSource
    name : str
        Of the source, for messages.
    client_id : str
    will : tuple of (str, str or bytes), optional
        Topic and payload of the last will.
    login : tuple of (str, Secret or None), optional
        User and password; default: the source's.
    retain : bool
        Whether the broker keeps the last will for those who come later.
    asked : tuple of (str, callable), optional
        A topic, and what is called in our own loop with each payload that comes on it.
    """

    def __init__(
        self,
        source: MqttSource | SparkplugSource,
        name: str,
        client_id: str,
        will: tuple[str, str | bytes] | None = None,
        login: tuple[str, Secret | None] | None = None,
        *,
        retain: bool = True,
        asked: tuple[str, Callable[[bytes], None]] | None = None,
    ) -> None:
        self._source = source
        self._name = name
        self._client_id = client_id
        self._will = will
        self._user, self._password = login or (source.user, source.password)
        self._retain = retain
        self._asked = asked
        self._client: paho.Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free = asyncio.Semaphore(WINDOW)
        self._waiting: set[int] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def open(self) -> None:
        """Connect; PortBusy where there is no broker."""
        self._loop = asyncio.get_running_loop()
        client = self._made()
        connected: asyncio.Future[str] = self._loop.create_future()

        def on_connect(_c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
            if self._asked is not None:
                client.subscribe(self._asked[0], qos=1)
            self._call(_resolve, connected, reason)

        client.on_connect = on_connect
        client.on_publish = lambda _c, _u, mid, _r, _p: self._call(self._acknowledged, mid)
        port = self._source.port or (8883 if self._source.tls else 1883)
        where = f"sources.{self._name}: no MQTT broker answers at {self._source.host}:{port}"
        try:
            await self._reach(client, port)
            client.loop_start()
            reason = await asyncio.wait_for(connected, ANSWER_S)
        except (OSError, TimeoutError) as error:
            client.loop_stop()
            raise PortBusy(f"{where} ({getattr(error, 'strerror', None) or error}); start one") from error
        if reason != "Success":
            client.loop_stop()
            raise PortBusy(f"{where}: it refuses us ({reason})")
        self._client = client

    def _made(self) -> paho.Client:
        version = paho.MQTTv5 if self._source.protocol == "5" else paho.MQTTv311
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=self._client_id, protocol=version)
        if self._user is not None:
            client.username_pw_set(self._user, self._password.read() if self._password else None)
        if self._source.tls:
            try:
                client.tls_set(str(self._source.ca) if self._source.ca is not None else None)
            except OSError as error:
                raise CannotSimulate(
                    f"{self._source.ca}: cannot be used (sources.{self._name}.ca): {error}"
                ) from None
        if self._will is not None:
            client.will_set(*self._will, qos=1, retain=self._retain)
        client.max_inflight_messages_set(WINDOW)
        client.reconnect_delay_set(1, 5)
        client.on_socket_open = _send_at_once
        if self._asked is not None:
            hear = self._asked[1]
            client.on_message = lambda _c, _u, message: self._call(hear, bytes(message.payload))
        return client

    async def _reach(self, client: paho.Client, port: int) -> None:
        """Connect; a broker that starts beside us may need a moment."""
        deadline = time.monotonic() + BROKER_WITHIN_S
        while True:
            try:
                await asyncio.to_thread(client.connect, self._source.host, port)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    def _call(self, what: Any, *args: Any) -> None:
        """From paho's thread to ours."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *args)

    def send(self, topic: str, payload: bytes) -> None:
        """Hand a message over that nobody acknowledges (QoS 0); it keeps its place among the others."""
        if self._client is not None:
            self._client.publish(topic, payload, qos=0)

    async def publish(self, topic: str, payload: str, *, keep: bool = True) -> None:
        """Hand a message over; waits while too many are on their way."""
        if self._client is None:
            return
        try:
            await asyncio.wait_for(self._free.acquire(), ANSWER_S)
        except TimeoutError:
            raise NobodyListens(f"sources.{self._name}: the broker stopped acknowledging") from None
        mid = self._client.publish(topic, payload, qos=1, retain=keep).mid
        # paho's thread answers through this very loop, so never before the next line.
        self._waiting.add(mid)
        self._quiet.clear()

    def _acknowledged(self, mid: int) -> None:
        if mid not in self._waiting:
            return  # of QoS 0: it was only sent
        self._waiting.discard(mid)
        self._free.release()
        if not self._waiting:
            self._quiet.set()

    async def acknowledged(self) -> None:
        """Wait until the broker has everything."""
        try:
            await asyncio.wait_for(self._quiet.wait(), ANSWER_S)
        except TimeoutError:
            raise NobodyListens(f"sources.{self._name}: the broker stopped acknowledging") from None

    async def drop(self) -> None:
        """Lose the connection without a word, so that the broker speaks the last will."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.loop_stop)
            wire = client.socket()
            if wire is not None:
                wire.close()

    async def close(self) -> None:
        """Take leave properly."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)


def _send_at_once(_client: paho.Client, _userdata: Any, sock: Any) -> None:
    """Without this a small packet waits for the acknowledgement of the one before: 40 ms each."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _resolve(future: asyncio.Future[str], reason: Any) -> None:
    if not future.done():
        future.set_result(str(reason))
