"""``fieldlab simulate``: the config's machines, simulated or replayed, behind their real protocols."""

from __future__ import annotations

import argparse
import asyncio
import errno
import time
from pathlib import Path

from fieldlab.asked import machine_input
from fieldlab.errors import WrongUse
from fieldlab.services import until_stopped
from fieldlab.times import NS, time_ns
from fieldlab_configs import Site, load


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; a recording is played once, and then held until stopped."""
    site = load(args.config)
    if args.record:
        return _record(args, site)
    if args.until or args.saving:
        raise WrongUse("--until and --saving belong to --record FILE")
    if not site.sources:
        raise WrongUse(f"{site.path}: sources: there are none, so there is nothing to serve")
    asyncio.run(until_stopped(lambda stop: _serve(args, site, stop)))
    return 0


def _record(args: argparse.Namespace, site: Site) -> int:
    from simulator.record import record  # noqa: PLC0415 - the runtime never imports the simulator

    if args.input or args.fault or args.seconds or args.speed:
        raise WrongUse("--record plays machines as they are: leave --input, --fault, --seconds, --speed out")
    if not (args.start and args.until):
        raise WrongUse("--record needs --start and --until: from when to when the machines are played")
    start_ns, until_ns = time_ns(args.start, site, "--start"), time_ns(args.until, site, "--until")
    if until_ns <= start_ns:
        raise WrongUse(f"--until {args.until}: is not after --start {args.start}")
    try:
        played = record(
            site, Path(args.record), seed=args.seed, start_ns=start_ns, until_ns=until_ns, saving=args.saving
        )
    except OSError as error:
        if (
            error.errno == errno.ENOSPC and Path(args.record).is_file()
        ):  # half of a recording would be taken for a whole one
            Path(args.record).unlink()
        raise WrongUse(f"--record {args.record}: cannot be written: {error.strerror}") from None
    print(f"{args.record}: {played.readings:,} readings. The truth of the machines played:")
    for machine, truth in played.truth.items():
        saved = played.saved_kwh[machine]
        told = f"  {machine}: produced {truth['produced_quantity']:g}, good {truth['good_quantity']:g}"
        if truth["energy_kwh"] is not None:
            told += f", energy {truth['energy_kwh'] - saved:.1f} kWh"
            told += f", {saved:.1f} kWh of it saved" if args.saving else ""
        print(told)
    return 0


async def _serve(args: argparse.Namespace, site: Site, stop: asyncio.Event) -> None:
    # The runtime never imports the simulator, which an image may leave out.
    from simulator.faults import FAULTS  # noqa: PLC0415
    from simulator.replay import Replay  # noqa: PLC0415
    from simulator.serve import Simulation  # noqa: PLC0415

    for name in args.fault:
        if name not in FAULTS:
            raise WrongUse(f"--fault {name}: there is no such fault; choose from {', '.join(FAULTS)}")
    if args.input:
        if args.logins:
            raise WrongUse("--logins is of simulated machines: a recording is played with the source's user")
        inputs = [machine_input(text, site) for text in args.input]
        async with Replay(site, inputs, speed=args.speed, bind=args.bind) as replay:
            print("playing; waiting for a gateway to subscribe", flush=True)
            await _first(stop, replay.run())
            print("played to the end; Ctrl-C stops serving", flush=True)
            await stop.wait()
        return
    start_ns = time_ns(args.start, site, "--start") if args.start else time.time_ns()
    speed = args.speed or 1.0
    planned_s = args.seconds * speed if args.seconds else None
    async with Simulation(
        site,
        seed=args.seed,
        start_ns=start_ns,
        speed=speed,
        faults=tuple(args.fault),
        planned_s=planned_s,
        bind=args.bind,
        logins=Path(args.logins) if args.logins else None,
    ) as simulation:
        print(f"serving {', '.join(site.sources)}; Ctrl-C stops it", flush=True)
        await _first(stop, simulation.run(until_ns=start_ns + round(planned_s * NS) if planned_s else None))


async def _first(stop: asyncio.Event, work: object) -> None:
    """Run `work` until it is done or `stop` is set; its failure is ours."""
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        task.result()
        return
    task.cancel()
    await asyncio.wait({task})
