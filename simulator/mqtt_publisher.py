"""Simulated machines as MQTT publishers: one connection each, JSON as the configuration names it.

Every message is kept by the broker (retained), as in a unified namespace: who subscribes later learns the
last one at once. What comes late or twice is not kept, for it is not the last.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path as FilePath
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from fieldlab_configs import Machine, MqttSource, Secret, Signal, Site
from fieldlab_configs.paths import Path, parse_path
from simulator.errors import CannotSimulate, NobodyListens, PortBusy
from simulator.mqtt_content import document, rfc3339, spoken, written
from simulator.readings import Reading

WINDOW: Final = 40  # messages on their way at once; small brokers choke on more
ANSWER_S: Final = 15.0
BROKER_WITHIN_S: Final = 10.0

log = logging.getLogger(__name__)


class Connection:
    """One MQTT connection with a bounded number of messages that wait for their PUBACK.

    Parameters
    ----------
    source : MqttSource
    name : str
        Of the source, for messages.
    client_id : str
    will : tuple of (str, str), optional
        Topic and payload of the last will.
    login : tuple of (str, Secret or None), optional
        User and password; default: the source's.
    """

    def __init__(
        self,
        source: MqttSource,
        name: str,
        client_id: str,
        will: tuple[str, str] | None = None,
        login: tuple[str, Secret | None] | None = None,
    ) -> None:
        self._source = source
        self._name = name
        self._client_id = client_id
        self._will = will
        self._user, self._password = login or (source.user, source.password)
        self._client: paho.Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free = asyncio.Semaphore(WINDOW)
        self._waiting: set[int] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def open(self) -> None:
        """Connect; PortBusy where there is no broker."""
        self._loop = asyncio.get_running_loop()
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
            client.will_set(*self._will, qos=1, retain=True)
        client.max_inflight_messages_set(WINDOW)
        client.reconnect_delay_set(1, 5)
        client.on_socket_open = _send_at_once
        connected: asyncio.Future[str] = self._loop.create_future()
        client.on_connect = lambda _c, _u, _f, reason, _p: self._call(_resolve, connected, reason)
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


class MqttMachines:
    """The publishers of one MQTT source of a configuration.

    Parameters
    ----------
    site : Site
    name : str
        Id of the source.
    start_ns : int
        The first time on the clock topic.
    logins : FilePath, optional
        A folder with a file `ID.password` for each machine, which then logs in as ID; default: all of them
        with the source's user.
    """

    def __init__(self, site: Site, name: str, *, start_ns: int, logins: FilePath | None = None) -> None:
        source = site.sources[name]
        if not isinstance(source, MqttSource):
            raise CannotSimulate(f"{site.path}: sources.{name}: is not of kind mqtt")
        self.name: Final = name
        self.machines: Final = [
            m for m in site.machines() if any(s.source == name and s.topic for s in m.signals.values())
        ]
        self._site = site
        self._source = source
        self._start_ns = start_ns
        self._logins = logins
        self._links: dict[str, Connection] = {}
        self._clock: Connection | None = None
        self._told: deque[int] = deque(maxlen=1)

    async def start(self) -> None:
        """Connect every machine; PortBusy where there is no broker."""
        try:
            if self._source.clock_topic is not None:
                self._clock = Connection(self._source, self.name, self._client_id("clock"))
                await self._clock.open()
                await self.tell_time(self._start_ns)
            for machine in self.machines:
                await self._connect(machine)
        except BaseException:
            await self.stop()
            raise

    async def _connect(self, machine: Machine) -> None:
        link = self._link(machine)
        will = None
        if link is not None and link.topic is not None:
            will = spoken(link.topic), document({parse_path(link.field): 0}, link.topic)
        own = None if self._logins is None else Secret(file=self._logins / f"{machine.id}.password")
        login = None if own is None else (machine.id, own)
        connection = Connection(self._source, self.name, self._client_id(machine.id), will, login)
        self._links[machine.id] = connection
        await connection.open()

    def _link(self, machine: Machine) -> Signal | None:
        link = machine.signals.get("link")
        return link if link is not None and link.source == self.name else None

    def _client_id(self, name: str) -> str:
        return f"fieldlab-simulator-{self._site.fieldlab}-{self.name}-{name}"

    async def stop(self) -> None:
        """Say that every machine is leaving, and leave."""
        for machine in self.machines:
            connection = self._links.pop(machine.id, None)
            if connection is not None:
                await connection.close()
        if self._clock is not None:
            await self._clock.close()
            self._clock = None

    async def vanish(self, machine: str) -> None:
        """One machine loses its connection without a word."""
        await self._links[machine].acknowledged()
        await self._links[machine].drop()

    async def reappear(self, machine: str) -> None:
        """And has it again."""
        await self._connect(self._site.machine(machine))

    async def give(self, readings: Iterable[Reading]) -> None:
        """Publish readings in order: what one topic tells of one instant is one message."""
        for machine, topic, time_ns, group in self._messages(readings):
            connection = self._links.get(machine.id)
            if connection is None:
                continue
            content: dict[Path, Any] = {}
            for reading in group:
                signal = machine.signals[reading.signal]
                content[parse_path(signal.field)] = reading.value
                if signal.field is not None and signal.time_field is not None:
                    content[parse_path(signal.time_field)] = written(time_ns, signal.time_unit)
            keep = not any(reading.again or reading.late for reading in group)
            await connection.publish(topic, document(content, topic), keep=keep)

    def _messages(self, readings: Iterable[Reading]) -> Iterator[tuple[Machine, str, int, list[Reading]]]:
        ours = {machine.id: machine for machine in self.machines}

        def key(reading: Reading) -> tuple[str, str, int, bool, bool]:
            topic = spoken(ours[reading.machine].signals[reading.signal].topic or "")
            return reading.machine, topic, reading.time_ns, reading.again, reading.late

        wanted = [
            reading
            for reading in readings
            if reading.machine in ours
            and (signal := ours[reading.machine].signals[reading.signal]).source == self.name
            and signal.topic
        ]
        # One instant of one topic is together already but for readings of other machines and topics.
        wanted.sort(key=lambda reading: (reading.late, reading.time_ns, key(reading)))
        for (machine, topic, time_ns, _again, _late), group in groupby(wanted, key):
            yield ours[machine], topic, time_ns, list(group)

    async def tell_time(self, time_ns: int) -> None:
        """Publish the time, once the broker has every reading up to then."""
        await self.acknowledged()
        if self._clock is not None and self._source.clock_topic is not None and list(self._told) != [time_ns]:
            self._told.append(time_ns)
            await self._clock.publish(self._source.clock_topic, rfc3339(time_ns))

    async def acknowledged(self) -> None:
        """Wait until the broker has everything."""
        for connection in (*self._links.values(), *([self._clock] if self._clock else [])):
            await connection.acknowledged()
