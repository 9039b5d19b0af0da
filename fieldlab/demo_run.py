"""The demo at work: everything but the simulated machines, in one process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import webbrowser
from collections.abc import Mapping, Sequence

from analytics import query
from analytics.job import Job
from dashboards.app import serve
from fieldlab.broker import broker
from fieldlab.demo_exercises import DemoExercises
from fieldlab.demo_options import Options
from fieldlab.errors import WrongUse
from fieldlab.screens import StoreScreens
from fieldlab.services import pause
from fieldlab.stores import JobStore, opened_store
from fieldlab.table import LiveTable, summary
from fieldlab_configs import MqttSource, Site, SparkplugSource
from gateways.clock import GatewayClock
from gateways.gateway import run as run_gateway
from ingest.account import Ledger
from ingest.pipeline import Pipeline
from ingest.store import Store
from simulator.child import Child, Result

CONNECT_TIMEOUT_S = 60.0
SETTLE_S = 20.0
SETTLE_AT_ONCE_S = 0.8
STEP_S = 0.5

Row = Mapping[str, object]


class Demo:
    """Simulated machines, broker, gateway, store, analytics and page, in one process.

    Parameters
    ----------
    options : Options
    site : Site
        Of the demo, with free ports.
    """

    def __init__(self, options: Options, site: Site) -> None:
        self.options = options
        self.site = site
        (self.gateway,) = site.gateways
        self.clock = GatewayClock(site.gateways[self.gateway].clock)
        self.began = time.monotonic()

    async def run(self, machines: Child, stop: asyncio.Event) -> None:
        """Run until `stop`, or as long as was asked; then print the summary."""
        store = opened_store(self.site)
        try:
            async with contextlib.AsyncExitStack() as stack:
                screens = StoreScreens(self.site, store)
                exercises = self._exercises(machines, store, screens) if self.options.exercises else None
                serving = serve(screens, port=self.options.port, exercises=exercises)
                address = await stack.enter_async_context(serving)
                self.options.say(f"page: {address.url}\nconfig: {self.site.path}")
                if self.options.browser:
                    webbrowser.open(address.url)
                for source in self.site.sources.values():
                    if isinstance(source, MqttSource | SparkplugSource):
                        await stack.enter_async_context(broker(source.port_number))
                pipeline = Pipeline(self.site, self.gateway, store, now_ns=self.clock.now_ns)
                await stack.enter_async_context(pipeline)
                await self._with_machines(machines, store, screens, pipeline, stop)
        finally:
            store.close()

    def _exercises(self, machines: Child, store: Store, screens: StoreScreens) -> DemoExercises:
        """What the page asks, from threads of its own; the machines are told from this one."""
        loop = asyncio.get_running_loop()

        def halve() -> None:
            loop.call_soon_threadsafe(machines.shorten)

        return DemoExercises(self.site, store, screens, machines, self.options, halve)

    async def _with_machines(
        self, machines: Child, store: Store, screens: StoreScreens, pipeline: Pipeline, stop: asyncio.Event
    ) -> None:
        gateway_stop = asyncio.Event()
        if not await machines.ready(stop):
            self._summarise([], {}, pipeline.ledger())
            return
        gateway = asyncio.create_task(
            run_gateway(self.site, self.gateway, pipeline, self.clock, stop=gateway_stop)
        )
        await self._connected(store, gateway, stop)
        result = await self._while_running(machines, store, screens, pipeline, gateway, stop)
        await self._settled(pipeline, result.now_ns, SETTLE_AT_ONCE_S if stop.is_set() else SETTLE_S)
        rows = await asyncio.to_thread(
            query.kpis, self.site, store, start_ns=self.options.start_ns, end_ns=result.now_ns, by=["machine"]
        )
        gateway_stop.set()
        await gateway
        await pipeline.drained(SETTLE_AT_ONCE_S)
        self._summarise(rows, result.truth, pipeline.ledger())

    async def _while_running(
        self,
        machines: Child,
        store: Store,
        screens: StoreScreens,
        pipeline: Pipeline,
        gateway: asyncio.Task[None],
        stop: asyncio.Event,
    ) -> Result:
        """Let the line run; every half second work out the figures and draw the table."""
        job = Job(self.site, JobStore(store))
        table = LiveTable(quiet=self.options.as_json)
        running = machines.run()
        while not (stop.is_set() or running.done() or gateway.done()):
            now_ns = self.clock.now_ns()
            await asyncio.to_thread(job.step, now_ns)
            screens.refresh(self.options.start_ns, now_ns)
            await asyncio.to_thread(table.show, screens, pipeline.ledger(), now_ns)
            await pause(stop, STEP_S)
        machines.stop()
        result = await running
        if gateway.done():
            gateway.result()
        table.close()
        return result

    async def _connected(self, store: Store, gateway: asyncio.Task[None], stop: asyncio.Event) -> None:
        """Wait until every machine's first readings are in the store: only then may its clock run."""
        wanted = {
            (m.id, name)
            for m in self.site.machines()
            for name, signal in m.signals.items()
            if signal.source and name not in {"link", "reason"}
        }
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while not stop.is_set():
            heard = await asyncio.to_thread(_heard, store)
            if wanted <= heard:
                return
            if gateway.done():
                gateway.result()
            if time.monotonic() > deadline:
                missing = ", ".join(sorted(f"{m}.{s}" for m, s in wanted - heard))
                raise WrongUse(f"the gateway did not hear {missing} within {CONNECT_TIMEOUT_S:.0f} s")
            await pause(stop, 0.05)

    async def _settled(self, pipeline: Pipeline, end_ns: int, patience_s: float) -> None:
        """Wait until what was sent has arrived: the clock at the end, nothing new, nothing waiting."""
        deadline = time.monotonic() + patience_s
        received, since = -1, time.monotonic()
        while time.monotonic() < deadline:
            account = pipeline.ledger()
            if account.received != received:
                received, since = account.received, time.monotonic()
            quiet_s = time.monotonic() - since
            if self.clock.now_ns() >= end_ns and account.waiting == 0 and quiet_s > patience_s / 20:
                return
            await asyncio.sleep(0.05)

    def _summarise(self, rows: Sequence[Row], truths: Mapping[str, Row], ledger: Ledger) -> None:
        if not self.options.as_json:
            print(summary(rows, truths, ledger))
            return
        whole = {
            "machines": [{**row, "truth": truths[str(row["machine"])]} for row in rows],
            "ledger": {
                name: getattr(ledger, name)
                for name in ("received", "stored", "replaced", "dead", "waiting", "gaps")
            },
            "seed": self.options.seed,
            "speed": self.options.speed,
            "faults": list(self.options.faults),
            "ran_s": round(time.monotonic() - self.began, 3),
        }
        print(json.dumps(whole, allow_nan=False))


def _heard(store: Store) -> set[tuple[str, str]]:
    """Machine and signal of every reading in the store, of machines whose link is up."""
    up = {dict(r.tags)["machine"] for r in store.last_before("raw", "link", 2**62) if r.value}
    rows = [(dict(r.tags)["machine"], r.field) for r in store.last_before("raw", "machine", 2**62)]
    return {(machine, field.removesuffix("_text")) for machine, field in rows if machine in up}
