"""A gateway: its sources, supervised, and the heartbeats, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from fieldlab_configs import Site
from gateways.clock import GatewayClock
from gateways.errors import SourceRefused
from gateways.life import Life
from gateways.sink import PatientSink, Sink
from gateways.source import Backoff, Context, first_of, make, points_of

log = logging.getLogger(__name__)

STOP_WITHIN_S: Final = 2.5
LAST_BEATS_S: Final = 0.5


async def run(site: Site, gateway: str, pipeline: Sink, clock: GatewayClock, *, stop: asyncio.Event) -> None:
    """Run one gateway of a configuration until `stop`; a source that fails is started anew.

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
    stop : asyncio.Event
        Ends it within 3 s.
    """
    names = site.gateways[gateway].sources
    sink = PatientSink(pipeline)
    life = Life(sink, clock, site.heartbeat_s)
    folder = site.gateways[gateway].spool.path
    context = Context(site.fieldlab, gateway, sink, clock, life, folder if folder.is_dir() else None)
    for name in names:
        for point in points_of(site, name):
            life.expect(name, point.machine)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_supervise(site, context, name, stop), name=f"source {name}") for name in names
        ]
        tasks.append(group.create_task(_beat(life, clock, site.heartbeat_s, stop), name="heartbeats"))
        await stop.wait()
        _, late = await asyncio.wait(tasks, timeout=STOP_WITHIN_S)
        for task in late:
            log.warning("gateway %s: %s did not stop in time and is cut off", gateway, task.get_name())
            task.cancel()
    for name in names:
        life.fall(name)
    try:
        async with asyncio.timeout(LAST_BEATS_S):
            await life.flush()
    except TimeoutError:
        log.warning("gateway %s: the spool did not take the last heartbeats", gateway)


async def _supervise(site: Site, context: Context, name: str, stop: asyncio.Event) -> None:
    """Keep one source running; what it could not foresee is logged whole, and it starts anew."""
    backoff = Backoff(first_s=1.0, most_s=60.0)
    while not stop.is_set():
        try:
            await make(site, context, name).run(stop)
        except SourceRefused as error:
            log.error("source %s does not run: %s", name, error)  # noqa: TRY400 - the user's to mend, no traceback
            await stop.wait()
        except Exception:
            # The supervision boundary: a defect in one driver must not cost the other machines.
            log.exception("source %s failed and is started anew", name)
            context.life.fall(name)
            await context.life.flush()
            await backoff.wait(stop)


async def _beat(life: Life, clock: GatewayClock, heartbeat_s: float, stop: asyncio.Event) -> None:
    """Heartbeats in real time. A clock that follows its sources needs none: each reading makes them."""
    if clock.follows:
        await stop.wait()
        return
    loop = asyncio.get_running_loop()
    due = loop.time() + heartbeat_s
    while not stop.is_set():
        expiry_s = life.next_expiry_s()
        wait_s = due - loop.time()
        if expiry_s is not None:
            wait_s = min(wait_s, expiry_s)
        await first_of(stop, life.runs_out, timeout_s=max(wait_s, 0.0))
        life.runs_out.clear()
        if stop.is_set():
            return
        if loop.time() >= due:
            # After a stall the missed ones stay missed: nobody saw those machines.
            due = max(due + heartbeat_s, loop.time())
            life.tick()
        else:
            life.expire()
        await life.flush()
