"""``fieldlab demo``: the whole product on one machine, no server needed."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import gc
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fieldlab.demo_options import DAY_NS, START_NS, STEP_NS, Options
from fieldlab.demo_site import FIRST, demo_site
from fieldlab.errors import WrongUse
from fieldlab.services import until_stopped
from fieldlab_configs import Site
from simulator.child import Order, simulation
from simulator.faults import FAULTS
from simulator.plan import Plan


def run(args: argparse.Namespace) -> int:
    """Run the demo and print its summary."""
    for name in args.fault:
        if name not in FAULTS:
            raise WrongUse(f"--fault {name}: there is no such fault; choose from {', '.join(FAULTS)}")
    options = Options(
        args.seconds, args.speed, args.seed, tuple(args.fault), args.port, not args.no_browser, args.json
    )
    _free(options.port)
    with _folder(args.data) as folder:
        site = demo_site(folder, args.what)
        own = args.what in (None, FIRST)
        options = dataclasses.replace(options, start_ns=_start(site), own=own)
        asyncio.run(until_stopped(lambda stop: _demo(options, site, stop)))
    return 0


async def _demo(options: Options, site: Site, stop: asyncio.Event) -> None:
    order = Order(
        str(site.path),
        options.seed,
        options.start_ns,
        options.speed,
        options.faults,
        options.planned_s,
        teach=options.exercises,
    )
    async with simulation(order) as machines:
        # The machines set themselves up in their own process while this one imports all the rest.
        gc.disable()  # nothing that an import makes is ever garbage
        from fieldlab.demo_run import Demo  # noqa: PLC0415

        gc.freeze()
        gc.enable()

        await Demo(options, site).run(machines, stop)


def _start(site: Site) -> int:
    """The first moment, of the usual one and those after it, at which some machine is planned to work."""
    plans = [Plan(site, machine) for machine in site.machines()]
    for start_ns in range(START_NS, START_NS + 14 * DAY_NS, STEP_NS):
        if any(plan.duty(start_ns)[0] == "work" for plan in plans):
            return start_ns
    return START_NS


def _free(port: int) -> None:
    """Say at once that a port is taken, rather than after everything was started for it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise WrongUse(f"--port {port}: {error.strerror}; give another, or leave it out") from None


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
