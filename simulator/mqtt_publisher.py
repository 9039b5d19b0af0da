"""Simulated machines as MQTT publishers: one connection each, JSON as the configuration names it.

Every message is kept by the broker (retained), as in a unified namespace: who subscribes later learns the
last one at once. What comes late or twice is not kept, for it is not the last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path as FilePath
from typing import Any, Final

from fieldlab_configs import Machine, MqttSource, Secret, Signal, Site
from fieldlab_configs.paths import Path, parse_path
from simulator.errors import CannotSimulate
from simulator.mqtt_connection import Connection
from simulator.mqtt_content import document, rfc3339, spoken, written
from simulator.readings import Reading


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
