"""``fieldlab demo``: the whole product on one machine, no server needed."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics import query
from analytics.job import Job
from dashboards.app import serve
from fieldlab.demo_parts import broker, demo_site
from fieldlab.errors import WrongUse
from fieldlab.screens import StoreScreens
from fieldlab.services import pause, until_stopped
from fieldlab.stores import JobStore, opened_store
from fieldlab.table import LiveTable, summary
from fieldlab.times import NS
from fieldlab_configs import MqttSource, Site
from gateways.clock import GatewayClock
from gateways.gateway import run as run_gateway
from ingest.account import Ledger
from ingest.pipeline import Pipeline
from ingest.store import Store
from simulator.faults import FAULTS
from simulator.serve import Simulation

START_NS = 1_767_596_400 * NS
"""Monday 2026-01-05, 08:00 in Amsterdam: a fixed day, so that a seed always gives the same run."""
CONNECT_TIMEOUT_S = 60.0
SETTLE_S = 20.0
SETTLE_AT_ONCE_S = 0.8
STEP_S = 0.5

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of the demo."""

    seconds: float | None
    speed: float
    seed: int
    faults: tuple[str, ...]
    port: int
    browser: bool
    as_json: bool

    @property
    def planned_s(self) -> float | None:
        """How long the line will run [simulated s]; None: until it is stopped."""
        return self.seconds * self.speed if self.seconds else None

    def say(self, text: str) -> None:
        """A line for people; with ``--json`` standard output is the object alone."""
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)


def run(args: argparse.Namespace) -> int:
    """Run the demo and print its summary."""
    for name in args.fault:
        if name not in FAULTS:
            raise WrongUse(f"--fault {name}: there is no such fault; choose from {', '.join(FAULTS)}")
    options = Options(
        args.seconds, args.speed, args.seed, tuple(args.fault), args.port, not args.no_browser, args.json
    )
    with _folder(args.data) as folder:
        site = demo_site(folder)
        demo = Demo(options, site)
        asyncio.run(until_stopped(demo.run))
    return 0


@contextlib.contextmanager
def _folder(asked: str | None) -> Iterator[Path]:
    """The folder that was asked for, empty or new; else one that is removed afterwards."""
    if asked is None:
        with tempfile.TemporaryDirectory(prefix="fieldlab-demo-") as made:
            yield Path(made)
        return
    folder = Path(asked)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise WrongUse(f"--data {asked}: the folder is not empty; give a new one")
    except OSError as error:
        raise WrongUse(f"--data {asked}: {error.strerror}; give a folder that can be made") from None
    yield folder


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

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, or as long as was asked; then print the summary."""
        store = opened_store(self.site)
        try:
            async with contextlib.AsyncExitStack() as stack:
                screens = StoreScreens(self.site, store)
                address = await stack.enter_async_context(serve(screens, port=self.options.port))
                self.options.say(f"page: {address.url}\nconfig: {self.site.path}")
                if self.options.browser:
                    webbrowser.open(address.url)
                for source in self.site.sources.values():
                    if isinstance(source, MqttSource):
                        await stack.enter_async_context(broker(source.port_number))
                pipeline = Pipeline(self.site, self.gateway, store, now_ns=self.clock.now_ns)
                await stack.enter_async_context(pipeline)
                await self._with_machines(store, screens, pipeline, stop)
        finally:
            store.close()

    async def _with_machines(
        self, store: Store, screens: StoreScreens, pipeline: Pipeline, stop: asyncio.Event
    ) -> None:
        options = self.options
        async with Simulation(
            self.site,
            seed=options.seed,
            start_ns=START_NS,
            speed=options.speed,
            faults=options.faults,
            planned_s=options.planned_s,
        ) as simulation:
            gateway_stop = asyncio.Event()
            gateway = asyncio.create_task(
                run_gateway(self.site, self.gateway, pipeline, self.clock, stop=gateway_stop)
            )
            await self._connected(store, gateway, stop)
            await self._while_running(store, screens, pipeline, simulation, gateway, stop)
            end_ns = simulation.now_ns
            await self._settled(pipeline, end_ns, SETTLE_AT_ONCE_S if stop.is_set() else SETTLE_S)
            rows = await asyncio.to_thread(
                query.kpis, self.site, store, start_ns=START_NS, end_ns=end_ns, by=["machine"]
            )
            truths = {str(row["machine"]): simulation.truth(str(row["machine"])) for row in rows}
            gateway_stop.set()
            await gateway
            await pipeline.drained(SETTLE_AT_ONCE_S)
            self._summarise(rows, truths, pipeline.ledger())

    async def _while_running(
        self,
        store: Store,
        screens: StoreScreens,
        pipeline: Pipeline,
        simulation: Simulation,
        gateway: asyncio.Task[None],
        stop: asyncio.Event,
    ) -> None:
        """Let the line run; every half second work out the figures and draw the table."""
        planned_s = self.options.planned_s
        until_ns = START_NS + round(planned_s * NS) if planned_s else None
        job = Job(self.site, JobStore(store))
        table = LiveTable(quiet=self.options.as_json)
        running = asyncio.create_task(simulation.run(until_ns, stop=stop))
        while not (stop.is_set() or running.done() or gateway.done()):
            now_ns = self.clock.now_ns()
            await asyncio.to_thread(job.step, now_ns)
            screens.refresh(START_NS, now_ns)
            await asyncio.to_thread(table.show, screens, pipeline.ledger(), now_ns)
            await pause(stop, STEP_S)
        simulation.stop()
        await running
        if gateway.done():
            gateway.result()
        table.close()

    async def _connected(self, store: Store, gateway: asyncio.Task[None], stop: asyncio.Event) -> None:
        """Wait until every machine's first readings are in the store: only then may its clock run."""
        wanted = {
            (m.id, name) for m in self.site.machines() for name in m.signals if name not in {"link", "reason"}
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
