"""A simulated site behind its real protocols, at any speed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from fieldlab_configs import MqttSource, OpcUaSource, Site, SparkplugSource
from simulator.errors import CannotSimulate
from simulator.faults import Faults, Window, plan, planned_run_s
from simulator.instruments import TICK_NS
from simulator.lesson import Lesson, Tell
from simulator.mqtt_publisher import MqttMachines
from simulator.opcua_server import OpcUaMachines
from simulator.placing import LATEST, between, courses
from simulator.plan import SECOND_NS
from simulator.plant import Plant
from simulator.readings import Reading
from simulator.sparkplug_edge import SparkplugMachines

TICK_S: Final = 0.05
STALL_S: Final = 0.25  # after a stall the clock still moves in steps of at most this much real time
FLUSH_S: Final = 5.0

Front = OpcUaMachines | MqttMachines | SparkplugMachines


def fronts_of(
    site: Site,
    *,
    start_ns: int,
    bind: str = "127.0.0.1",
    kinds: Mapping[tuple[str, str], type] | None = None,
    logins: Path | None = None,
) -> list[Front]:
    """A server or a group of publishers for every source that has machines, not yet started."""
    fronts: list[Front] = []
    for name, source in site.sources.items():
        if isinstance(source, OpcUaSource):
            fronts.append(OpcUaMachines(site, name, start_ns=start_ns, bind=bind, kinds=kinds))
        elif isinstance(source, MqttSource):
            fronts.append(MqttMachines(site, name, start_ns=start_ns, logins=logins))
        elif isinstance(source, SparkplugSource):
            fronts.append(SparkplugMachines(site, name, start_ns=start_ns))
    fronts = [front for front in fronts if front.machines]
    if not fronts:
        raise CannotSimulate(f"{site.path}: no machine has a signal with an OPC UA, MQTT or Sparkplug source")
    return fronts


class Simulation:
    """Every machine of a site, served as the real thing.

    From `__aenter__` on the first readings, of `start_ns`, can be had, but the clock stands still
    until `run`.

    Parameters
    ----------
    site : Site
    seed : int
        Another seed, another day.
    start_ns : int
        Where simulated time begins; UTC nanoseconds.
    speed : float
        Simulated seconds per second.
    faults : sequence of str
        What goes wrong, by the names of `simulator.faults.FAULTS`.
    planned_s : float, optional
        How long it will run, in simulated seconds: faults are placed within. Default: half an hour,
        or a minute of real time if that is longer.
    bind : str
        The address that OPC UA servers listen on.
    logins : Path, optional
        Of machines at their broker, see :class:`simulator.mqtt_publisher.MqttMachines`.
    teach : callable, optional
        Somebody does exercises on the line, and is told what really happened: see
        :class:`simulator.lesson.Lesson`.
    """

    def __init__(
        self,
        site: Site,
        *,
        seed: int,
        start_ns: int,
        speed: float,
        faults: Sequence[str] = (),
        planned_s: float | None = None,
        bind: str = "127.0.0.1",
        logins: Path | None = None,
        teach: Tell | None = None,
    ) -> None:
        self.now_ns = start_ns
        self._site = site
        self._seed = seed
        self._start_ns = start_ns
        self._speed = speed
        self._fronts = fronts_of(site, start_ns=start_ns, bind=bind, logins=logins)
        windows = plan(faults, site, seed=seed, start_ns=start_ns, planned_s=planned_s, speed=speed)
        ours = {machine.id for front in self._fronts for machine in front.machines}
        machines = [machine for machine in site.machines() if machine.id in ours]
        if any(window.silent for window in windows):
            until_ns = start_ns + round(planned_run_s(planned_s, speed) * SECOND_NS)
            rehearsed = courses(
                site,
                seed=seed,
                start_ns=start_ns,
                until_ns=until_ns,
                machines=machines,
                resets=Faults(windows).resets,
            )
            latest_ns = start_ns + round((until_ns - start_ns) * LATEST)
            windows = between(windows, rehearsed, speed=speed, until_ns=latest_ns)
        self._faults = Faults(windows)
        self._plant = Plant(
            site,
            seed=seed,
            start_ns=start_ns,
            machines=machines,
            resets=self._faults.resets,
            low_counters=bool(windows),
        )
        self.lesson = Lesson(site, self._plant, teach) if teach is not None else None
        self._stop = asyncio.Event()
        self._stack = AsyncExitStack()

    @property
    def windows(self) -> tuple[Window, ...]:
        """What goes wrong, and when."""
        return self._faults.windows

    async def __aenter__(self) -> Self:
        """Start every server and publisher, with the first readings."""
        async with AsyncExitStack() as stack:
            for front in self._fronts:
                await front.start()
                stack.push_async_callback(front.stop)
            await self._give(self._plant.advance(self._start_ns))
            await self.settled()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop them all."""
        await self._stack.aclose()

    async def run(self, until_ns: int | None = None, *, stop: asyncio.Event | None = None) -> None:
        """Let time pass, until an instant, until `stop` is set, or until `stop()`.

        Parameters
        ----------
        until_ns : int, optional
            Simulated time at which it ends exactly.
        stop : asyncio.Event, optional
        """
        loop = asyncio.get_running_loop()
        began_s, began_ns = loop.time(), self.now_ns
        halted = stop or self._stop
        while not (self._stop.is_set() or halted.is_set()):
            due_ns = began_ns + round((loop.time() - began_s) * self._speed * SECOND_NS) // TICK_NS * TICK_NS
            if until_ns is not None:
                due_ns = min(due_ns, until_ns)
            most_ns = max(round(STALL_S * self._speed * SECOND_NS), TICK_NS)
            while self.now_ns < due_ns and not halted.is_set():
                await self._step(min(due_ns, self.now_ns + most_ns))
            if until_ns is not None and self.now_ns >= until_ns:
                break
            await _pause(halted, TICK_S)
        await self._give(self._faults.through(self._plant.closing()))

    def stop(self) -> None:
        """Let `run` return."""
        self._stop.set()

    async def settled(self) -> None:
        """Wait until everything was published: acknowledged by brokers, taken by OPC UA subscribers."""
        for front in self._fronts:
            if not isinstance(front, OpcUaMachines):
                await front.acknowledged()
            elif front.subscribed():
                await front.flush(FLUSH_S)

    def truth(self, machine: str) -> dict[str, Any]:
        """What really happened on a machine in ``[start_ns, now_ns)``.

        Returns
        -------
        dict
            Every field and KPI under its name; and, for what faults hid, `silent_s` and `silent` (a
            list of ``[start_ns, end_ns]``). The states in that time are the true ones, not unknown.
        """
        silent = self._faults.silent(machine, self._start_ns, self.now_ns)
        hidden_s = sum(end - start for start, end in silent) / SECOND_NS
        return {
            **self._plant.truth(machine),
            "silent_s": hidden_s,
            "silent": [list(interval) for interval in silent],
        }

    async def _step(self, to_ns: int) -> None:
        for time_ns, begins, window in self._faults.edges(self.now_ns, to_ns):
            await self._pass(time_ns)
            if begins:
                await self._give(self._faults.begin(window))
                await self._lose(window)
            else:
                await self._find(window)
                await self._give(self._faults.end(window, self._plant))
        await self._pass(to_ns)

    async def _pass(self, to_ns: int) -> None:
        for cut_ns in self.lesson.cuts(self.now_ns, to_ns) if self.lesson is not None else ():
            await self._give_up_to(cut_ns)
            if self.lesson is not None:
                self.lesson.reach(cut_ns)
        await self._give_up_to(to_ns)

    async def _give_up_to(self, to_ns: int) -> None:
        readings = self._faults.through(self._plant.advance(to_ns))
        self.now_ns = to_ns
        await self._give(readings)

    async def _give(self, readings: list[Reading]) -> None:
        """All readings up to now, then the clock: it never runs ahead of them."""
        await asyncio.gather(*(self._give_to(front, readings) for front in self._fronts))

    async def _give_to(self, front: Front, readings: list[Reading]) -> None:
        await front.give(readings)
        await front.tell_time(self.now_ns)

    async def _lose(self, window: Window) -> None:
        if window.fault == "link-loss":
            front = self._front(window.source)
            if isinstance(front, OpcUaMachines):
                await front.vanish()
            else:
                for machine in window.machines:
                    await front.vanish(machine)

    async def _find(self, window: Window) -> None:
        if window.fault == "link-loss":
            front = self._front(window.source)
            if isinstance(front, OpcUaMachines):
                await front.reappear()
            else:
                for machine in window.machines:
                    await front.reappear(machine)

    def _front(self, source: str) -> Front:
        return next(front for front in self._fronts if front.name == source)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
