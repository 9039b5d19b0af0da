"""A gateway: its sources, supervised, and the heartbeats, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Final

from fieldlab_configs import Site
from gateways.clock import GatewayClock
from gateways.figures import SourceFigures
from gateways.life import Life
from gateways.log_context import GATEWAY
from gateways.sink import PatientSink, Sink
from gateways.source import Context, first_of
from gateways.supervisor import Supervised

log = logging.getLogger(__name__)

STOP_WITHIN_S: Final = 2.5
LAST_BEATS_S: Final = 0.5
HANDOVER_S: Final = 15.0
"""So long a changed source may take to connect before its machines count as down."""


async def run(site: Site, gateway: str, pipeline: Sink, clock: GatewayClock, *, stop: asyncio.Event) -> None:
    """Run one gateway of a configuration until `stop`; see :class:`Running`."""
    await Running(site, gateway, pipeline, clock).run(stop)


class Running:
    """One gateway of a configuration; a source that fails is started anew.

    Parameters
    ----------
    site : Site
        The configuration.
    gateway : str
        Which of its gateways.
    pipeline : Sink
        Takes what the sources bring: `ingest.pipeline.Pipeline`, opened.
    clock : GatewayClock
        Of this gateway.
    """

    def __init__(self, site: Site, gateway: str, pipeline: Sink, clock: GatewayClock) -> None:
        self.site = site
        self.gateway = gateway
        self.sink = PatientSink(pipeline)
        self.life = Life(self.sink, clock, site.heartbeat_s)
        self.figures: dict[str, SourceFigures] = {}
        self._clock = clock
        spool = site.gateways[gateway].spool.path
        folder = spool if spool.is_dir() else None
        self._context = Context(site.fieldlab, gateway, self.sink, clock, self.life, folder)
        self._sources: dict[str, Supervised] = {}
        self._tasks: dict[Supervised, asyncio.Task[None]] = {}
        self._due_s = math.inf
        self._changing = asyncio.Lock()
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, which ends it within 3 s."""
        GATEWAY.set(self.gateway)
        self._stop = stop
        for name in self.site.gateways[self.gateway].sources:
            self._start(self._supervised(self.site, name))
        beating = asyncio.create_task(self._beat(), name="heartbeats")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({stopping, beating}, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set():
                beating.result()
            await self._leave([beating])
        finally:
            for task in (stopping, beating, *self._tasks.values()):
                task.cancel()

    def told(self) -> dict[str, float]:
        """What the gateway writes of itself beside its account: days until the first certificate ends."""
        left = [days for name, days in self._context.certificates.items() if name in self.figures]
        return {"certificate_days": float(min(left))} if left else {}

    @property
    def certificates(self) -> dict[str, int]:
        """By source: days until the first certificate ends that it uses."""
        return self._context.certificates

    def stalled(self) -> list[str]:
        """Names of tasks that have ended though nothing told them to: none, unless there is a defect."""
        if self._stop.is_set():
            return []
        return [task.get_name() for task in self._tasks.values() if task.done()]

    # -- changing

    async def change(self, site: Site) -> None:
        """Go over to another configuration: what is the same in it goes on undisturbed.

        A source that differs is stopped and connected anew, as at a restart of the gateway: what the other
        side keeps meanwhile is not lost, what it does not keep its driver tells as a gap.
        """
        async with self._changing:
            before, self.site = self._sources, site
            self.life.beat_every(site.heartbeat_s)
            self._due_s = min(self._due_s, asyncio.get_running_loop().time() + site.heartbeat_s)
            self.life.runs_out.set()
            wanted = site.gateways[self.gateway].sources
            work = [self._give_up(old) for name, old in before.items() if name not in wanted]
            for name in wanted:
                old = before.get(name)
                if old is None:
                    self._start(self._supervised(site, name))
                elif not old.is_as_in(site):
                    work.append(self._replace(old, self._supervised(site, name)))
            await asyncio.gather(*work)
            await self.life.flush()

    async def _give_up(self, old: Supervised) -> None:
        log.warning("gateway %s: source %s is no longer read", self.gateway, old.name)
        await self._end(old)
        del self._sources[old.name]
        for machine in old.machines:
            self.life.forget(old.name, machine)

    async def _replace(self, old: Supervised, new: Supervised) -> None:
        log.warning("gateway %s: source %s has changed and is connected anew", self.gateway, old.name)
        old.life.relieve()
        await self._end(old)
        new.follow(old)
        self._start(new)
        await first_of(new.life.risen, self._stop, timeout_s=HANDOVER_S)
        for machine in old.machines:
            if machine not in new.machines:
                self.life.forget(old.name, machine)
            elif machine not in new.life.machines:
                self.life.fall_unless_it_runs_out(old.name, machine)

    # -- tasks

    def _supervised(self, site: Site, name: str) -> Supervised:
        figures = self.figures.setdefault(name, SourceFigures())
        figures.refused = None
        return Supervised(site, self._context, self.life, name, figures)

    def _start(self, source: Supervised) -> None:
        if self._stop.is_set():
            return
        for machine in source.machines:
            self.life.expect(source.name, machine)
        self._sources[source.name] = source
        self._tasks[source] = asyncio.create_task(source.run(), name=f"source {source.name}")

    async def _end(self, source: Supervised) -> None:
        """Stop a source: with all that it accepted acknowledged, unless it takes too long."""
        task = self._tasks.pop(source, None)
        source.stop()
        if task is not None:
            await self._finished([task])

    async def _leave(self, others: list[asyncio.Task[None]]) -> None:
        for source in self._tasks:
            source.stop()
        await self._finished([*self._tasks.values(), *others])
        for name in self._sources:
            self.life.fall(name)
        try:
            async with asyncio.timeout(LAST_BEATS_S):
                await self.life.flush()
        except TimeoutError:
            log.warning("gateway %s: the spool did not take the last heartbeats", self.gateway)

    async def _finished(self, tasks: list[asyncio.Task[None]]) -> None:
        _, late = await asyncio.wait(tasks, timeout=STOP_WITHIN_S)
        for task in late:
            log.warning("gateway %s: %s did not stop in time and is cut off", self.gateway, task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _beat(self) -> None:
        """Heartbeats in real time. A clock that follows its sources needs none: each reading makes them."""
        life, stop = self.life, self._stop
        if self._clock.follows:
            await stop.wait()
            return
        loop = asyncio.get_running_loop()
        self._due_s = loop.time() + self.site.heartbeat_s
        while not stop.is_set():
            expiry_s = life.next_expiry_s()
            wait_s = self._due_s - loop.time()
            if expiry_s is not None:
                wait_s = min(wait_s, expiry_s)
            await first_of(stop, life.runs_out, timeout_s=max(wait_s, 0.0))
            life.runs_out.clear()
            if stop.is_set():
                return
            if loop.time() >= self._due_s:
                # After a stall the missed ones stay missed: nobody saw those machines.
                self._due_s = max(self._due_s + self.site.heartbeat_s, loop.time())
                life.tick()
            else:
                life.expire()
            await life.flush()
