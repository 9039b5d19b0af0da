"""``fieldlab demo``: the whole product on one machine, no server needed."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import socket
import sys
import tempfile
import time
import webbrowser
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from analytics import query
from analytics.job import Job
from fieldlab.errors import WrongUse
from fieldlab.screens import StoreScreens
from fieldlab.stores import JobStore
from fieldlab.table import LiveTable
from fieldlab_configs import MqttSource, OpcUaSource, Site, Source, load
from gateways.clock import GatewayClock
from gateways.gateway import run as run_gateway
from ingest.embedded import EmbeddedStore
from ingest.pipeline import Ledger, Pipeline

log = logging.getLogger(__name__)

NS = 1_000_000_000
START_NS = 1_767_596_400 * NS
"""Monday 2026-01-05, 08:00 in Amsterdam: a fixed day, so that a seed always gives the same run."""
CONNECT_TIMEOUT_S = 60.0
SETTLE_TIMEOUT_S = 20.0
STEP_S = 0.5


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "demo", help="a simulated line, gateway, store, analytics and page: no server needed"
    )
    parser.add_argument("--seconds", type=_positive, help="how long to run [s]; default: until Ctrl-C")
    parser.add_argument("--speed", type=_positive, default=60.0, help="simulated seconds per second (60)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another day on the line (1)")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="what goes wrong; may be repeated"
    )
    parser.add_argument("--port", type=int, default=0, help="of the page; default: one that is free")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.set_defaults(run=run)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


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


def run(args: argparse.Namespace) -> int:
    """Run the demo and print its summary."""
    from simulator.faults import FAULTS  # noqa: PLC0415 - the runtime never imports the simulator

    for name in args.fault:
        if name not in FAULTS:
            raise WrongUse(f"--fault {name}: there is no such fault; choose from {', '.join(FAULTS)}")
    options = Options(
        args.seconds, args.speed, args.seed, tuple(args.fault), args.port, not args.no_browser, args.json
    )
    with tempfile.TemporaryDirectory(prefix="fieldlab-demo-") as folder:
        return asyncio.run(_demo(options, demo_site(Path(folder))))


def demo_site(folder: Path) -> Site:
    """The demo's config, with free ports and its files in `folder`."""
    with as_file(files("fieldlab_configs.examples") / "demo.yaml") as path:
        site = load(path)
    sources: dict[str, Source] = {}
    for name, source in site.sources.items():
        port = free_port()
        if isinstance(source, OpcUaSource):
            sources[name] = source.model_copy(update={"endpoint": f"opc.tcp://127.0.0.1:{port}"})
        elif isinstance(source, MqttSource):
            sources[name] = source.model_copy(update={"host": "127.0.0.1", "port": port})
    gateways = {
        name: g.model_copy(update={"spool": g.spool.model_copy(update={"path": folder / f"spool-{name}"})})
        for name, g in site.gateways.items()
    }
    if site.store is None:
        raise WrongUse("demo.yaml names no store")
    store = site.store.model_copy(update={"path": folder / "demo.db"})
    return site.model_copy(update={"sources": sources, "gateways": gateways, "store": store})


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _demo(options: Options, site: Site) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if site.store is None or site.store.path is None:
        raise WrongUse("the demo needs an embedded store")
    store = EmbeddedStore(site.store.path, fieldlab=site.fieldlab)
    (name,) = site.gateways
    clock = GatewayClock("source")
    try:
        async with contextlib.AsyncExitStack() as stack:
            ports = [s.port for s in site.sources.values() if isinstance(s, MqttSource) and s.port]
            for port in ports:
                await stack.enter_async_context(broker(port))
            pipeline = await stack.enter_async_context(Pipeline(site, name, store, now_ns=clock.now_ns))
            return await _line(options, site, store, pipeline, clock, stop)
    finally:
        store.close()


async def _line(
    options: Options,
    site: Site,
    store: EmbeddedStore,
    pipeline: Pipeline,
    clock: GatewayClock,
    stop: asyncio.Event,
) -> int:
    """Simulated machines, gateway, analytics and page, until it is time to stop."""
    from dashboards.app import serve  # noqa: PLC0415 - an extra that the gateway does not need
    from simulator.serve import Simulation  # noqa: PLC0415 - the runtime never imports the simulator

    (name,) = site.gateways
    planned_s = options.seconds * options.speed if options.seconds else None
    screens = StoreScreens(site, store, start_ns=START_NS)
    gateway_stop = asyncio.Event()
    job = Job(site, JobStore(store))
    began = time.monotonic()
    async with (
        serve(screens, host="127.0.0.1", port=options.port) as address,
        Simulation(
            site,
            seed=options.seed,
            start_ns=START_NS,
            speed=options.speed,
            faults=options.faults,
            planned_s=planned_s,
        ) as simulation,
    ):
        gateway = asyncio.create_task(run_gateway(site, name, pipeline, clock, stop=gateway_stop))
        await _connected(site, store, gateway, stop)
        _say(options, f"page: {address.url}")
        if options.browser:
            webbrowser.open(address.url)
        running = asyncio.create_task(
            simulation.run(until_ns=START_NS + round(planned_s * NS) if planned_s else None)
        )
        table = LiveTable(site, quiet=options.as_json)
        while not (stop.is_set() or running.done() or gateway.done()):
            await asyncio.to_thread(job.step, clock.now_ns())
            await asyncio.to_thread(screens.refresh, clock.now_ns())
            table.show(screens, pipeline.ledger(), clock.now_ns())
            await asyncio.wait(
                {running, gateway, asyncio.create_task(stop.wait())},
                timeout=STEP_S,
                return_when="FIRST_COMPLETED",
            )
        simulation.stop()
        await running
        end_ns = simulation.now_ns
        await _settled(pipeline, clock, end_ns, quick=stop.is_set())
        await asyncio.to_thread(job.step, end_ns)
        await asyncio.to_thread(screens.refresh, end_ns)
        gateway_stop.set()
        await gateway
        await pipeline.drained(2.0)
        rows = query.kpis(site, store, start_ns=START_NS, end_ns=end_ns, by=["machine"])
        truths = {str(row["machine"]): simulation.truth(str(row["machine"])) for row in rows}
    table.close()
    summary = {
        "machines": [{**row, "truth": truths[str(row["machine"])]} for row in rows],
        "ledger": account(pipeline.ledger()),
        "seed": options.seed,
        "speed": options.speed,
        "faults": list(options.faults),
        "ran_s": round(time.monotonic() - began, 3),
    }
    print(
        json.dumps(summary, allow_nan=False)
        if options.as_json
        else table.summary(rows, truths, pipeline.ledger())
    )
    return 0


def account(ledger: Ledger) -> dict[str, int]:
    """The ledger under the names of MODEL section 7."""
    return {
        name: getattr(ledger, name) for name in ("received", "stored", "replaced", "dead", "waiting", "gaps")
    }


def _say(options: Options, text: str) -> None:
    print(text, file=sys.stderr if options.as_json else sys.stdout, flush=True)


async def _connected(
    site: Site, store: EmbeddedStore, gateway: asyncio.Task[None], stop: asyncio.Event
) -> None:
    """Wait until every machine's first readings are in the store: then its clock may run."""
    wanted = {
        (m.id, name) for m in site.machines() for name, s in m.signals.items() if s.source and name != "link"
    }
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while not stop.is_set():
        rows = await asyncio.to_thread(store.last_before, "raw", "machine", 2**62)
        seen = {(dict(r.tags)["machine"], r.field.removesuffix("_text")) for r in rows}
        up = {
            dict(r.tags)["machine"]
            for r in await asyncio.to_thread(store.last_before, "raw", "link", 2**62)
            if r.value
        }
        if wanted <= seen and up >= {m for m, _ in wanted}:
            return
        if gateway.done():
            gateway.result()
        if time.monotonic() > deadline:
            missing = ", ".join(sorted(f"{m}.{s}" for m, s in wanted - seen)) or "a link"
            raise WrongUse(f"the demo's gateway did not hear {missing} within {CONNECT_TIMEOUT_S:.0f} s")
        await asyncio.sleep(0.05)


async def _settled(pipeline: Pipeline, clock: GatewayClock, end_ns: int, *, quick: bool) -> None:
    """Wait until what was sent has arrived: the clock at the end, nothing new, nothing waiting."""
    deadline = time.monotonic() + (1.0 if quick else SETTLE_TIMEOUT_S)
    received, since = -1, time.monotonic()
    while time.monotonic() < deadline:
        account = pipeline.ledger()
        if account.received != received:
            received, since = account.received, time.monotonic()
        quiet = time.monotonic() - since
        if clock.now_ns() >= end_ns and account.waiting == 0 and quiet > (0.2 if quick else 1.0):
            return
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def broker(port: int) -> AsyncIterator[None]:
    """An MQTT broker inside this process, on the loopback interface alone."""
    from amqtt.broker import Broker  # noqa: PLC0415 - an extra that only the demo needs
    from amqtt.contexts import BrokerConfig, ListenerConfig  # noqa: PLC0415

    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    )
    server = Broker(config)
    await server.start()
    try:
        yield
    finally:
        await server.shutdown()


__all__: Sequence[str] = ["add_parser", "broker", "demo_site", "run"]
