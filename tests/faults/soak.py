"""``make soak``: faults drawn at random from a seed, under a steady load; at the end the account.

Every fault comes once before any comes twice; several at a time where they do not need the same thing.
The long ones of the specification (a minute without network, ten minutes of SIGSTOP) come in full where the
soak is long enough for them.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults import faults
from tests.faults.faults import Block
from tests.faults.generator import POISON
from tests.faults.proof import Proof, proof
from tests.faults.world import World

RATE = 100
"""Messages a second; three samples each."""
RECOVER_WITHIN_S = 30.0
DRAIN_TIMES = 3.0
CAUGHT_UP_S = 1.5
DISK_MB = 24
LONG_SHARE = 0.35
"""Of the whole soak, the longest that a single fault may take."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that can be drawn.

    Attributes
    ----------
    name : str
    needs : str
        What it needs for itself: two faults with the same need never overlap.
    lasts_s : tuple of float
        Least and most.
    during : callable
        The block.
    full_s : float
        How long it lasts the first time, where the soak is long enough. 0: as ever.
    remote : bool
        Whether it needs a store that is a server.
    """

    name: str
    needs: str
    lasts_s: tuple[float, float]
    during: Callable[[World], Block]
    full_s: float = 0.0
    remote: bool = False


def _answer(name: str) -> Fault:
    return Fault(
        f"store says {name}", "answers", (1, 15), lambda w: faults.store_answers(w, name), remote=True
    )


def _poison(kind: str) -> Fault:
    return Fault(f"poison: {kind}", "machines", (2, 15), lambda w: faults.poisoned(w, kind, 50))


FAULTS = [
    Fault("gateway killed", "gateway", (0, 5), faults.gateway_killed),
    Fault("gateway killed again", "gateway", (0, 0.1), faults.gateway_killed),
    Fault("gateway stopped", "gateway", (2, 20), World.gateway_stopped, full_s=600),
    Fault("influxd killed", "influxd", (0, 10), faults.influxd_killed, remote=True),
    Fault("store's answers swallowed", "store", (1, 15), faults.store_swallowed, remote=True),
    Fault("store refuses", "store", (1, 20), lambda w: w.store.refused(), full_s=60, remote=True),
    Fault("store's cable out", "store", (1, 20), lambda w: w.store.held(), full_s=60, remote=True),
    Fault("store half-open", "store", (1, 20), lambda w: w.store.half_open(), remote=True),
    Fault("store drips", "drip", (2, 20), lambda w: faults.store_drips(w, 0.9), remote=True),
    Fault("broker refuses", "broker", (1, 20), lambda w: w.broker.refused()),
    Fault("broker's cable out", "broker", (1, 20), lambda w: w.broker.held(), full_s=60),
    Fault("broker half-open", "broker", (1, 20), lambda w: w.broker.half_open()),
    Fault("broker stopped", "broker", (0, 15), faults.broker_stopped),
    Fault("broker late", "late", (1, 20), lambda w: w.broker.switched(delay_s=0.5)),
    Fault("disk full", "disk", (2, 15), lambda w: faults.disk_full(w.spool.parent)),
    *(_answer(name) for name in faults.ANSWERS),
    *(_poison(kind) for kind in POISON if kind != "conflict"),
]


class Bag:
    """Draws faults: each once before any comes again.

    Parameters
    ----------
    chance : random.Random
    kinds : list of Fault
    budget_s : float
        Longest that one may last.
    """

    def __init__(self, chance: random.Random, kinds: list[Fault], budget_s: float) -> None:
        self._chance = chance
        self._kinds = kinds
        self._budget_s = budget_s
        self._left: list[Fault] = []
        self._in_full: set[str] = set()

    def draw(self) -> list[tuple[Fault, float, float]]:
        """One to three faults that get along: each with when it begins, and how long it lasts."""
        drawn: list[tuple[Fault, float, float]] = []
        for _ in range(self._chance.choice((1, 1, 2, 3))):
            if not self._left:
                self._left = self._chance.sample(self._kinds, len(self._kinds))
            taken = {fault.needs for fault, _, _ in drawn}
            free = next((fault for fault in self._left if fault.needs not in taken), None)
            if free is not None:
                self._left.remove(free)
                lasts_s = self._lasts_s(free)
                drawn.append((free, self._chance.uniform(0, 3) if drawn else 0.0, lasts_s))
        return drawn

    def _lasts_s(self, fault: Fault) -> float:
        lasts_s = self._chance.uniform(*fault.lasts_s)
        if fault.full_s and fault.name not in self._in_full:
            self._in_full.add(fault.name)
            return max(min(fault.full_s, self._budget_s), lasts_s)
        return lasts_s


def strike(world: World, drawn: list[tuple[Fault, float, float]]) -> None:
    """Several faults, each from and for as long as was drawn; returns when all are over."""
    failed: list[BaseException] = []

    def one(fault: Fault, after_s: float, lasts_s: float) -> None:
        try:
            time.sleep(after_s)
            faults.lasting(lasts_s, fault.during(world))
        except BaseException as error:  # noqa: BLE001 - told by the thread that asked for it
            failed.append(error)

    threads = [threading.Thread(target=one, args=one_of) for one_of in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def recover(world: World) -> tuple[float, float | None]:
    """Wait for the first new sample, then until none waits.

    Returns
    -------
    tuple of (float, float or None)
        Seconds to the first; at how many times the machines' rate the rest came, where there was a backlog.
    """
    before_ns = world.reader.newest_ns()
    recovered_s = world.moved(before_ns, 10 * RECOVER_WITHIN_S)
    began, behind_s = time.monotonic(), world.behind_s()
    world.until(lambda: world.behind_s() < CAUGHT_UP_S, "the backlog is drained", 20 * RECOVER_WITHIN_S)
    took_s = time.monotonic() - began
    return recovered_s, (behind_s - CAUGHT_UP_S) / took_s + 1 if behind_s > 2 * CAUGHT_UP_S else None


def told(drawn: list[tuple[Fault, float, float]], recovered_s: float, times: float | None) -> str:
    """One line for what happened."""
    names = " + ".join(f"{fault.name} {lasts_s:.1f} s" for fault, _, lasts_s in drawn)
    drained = f", drained at {times:.0f} times the input" if times is not None else ""
    return f"{names}: recovered in {recovered_s:.1f} s{drained}"


def soak(world: World, minutes: float, seed: int) -> list[str]:
    """Let faults rain; what was too slow."""
    kinds = [f for f in FAULTS if world.store_kind == "influxdb" or not f.remote]
    if world.spool.parent == world.folder:
        kinds = [fault for fault in kinds if fault.needs != "disk"]
        print("no disk is filled: this user may not mount a small one", flush=True)
    bag = Bag(random.Random(seed), kinds, LONG_SHARE * minutes * 60)
    late: list[str] = []
    world.tell("rate", RATE)
    world.moved(time.time_ns())
    began = time.monotonic()
    while time.monotonic() - began < minutes * 60:
        drawn = bag.draw()
        strike(world, drawn)
        recovered_s, times = recover(world)
        line = told(drawn, recovered_s, times)
        print(f"{time.monotonic() - began:6.0f} s  {line}; gateway {world.resident_mb():.0f} MB", flush=True)
        if recovered_s > RECOVER_WITHIN_S or (times is not None and times < DRAIN_TIMES):
            late.append(line)
    return late


def report(found: Proof, late: list[str]) -> int:
    """Print the account; 1 if anything is lost, double or otherwise wrong."""
    account, outcome = found.account, found.outcome
    print(
        f"machines gave {outcome.given} samples, {len(outcome.poison)} of them poison\n"
        f"gateway: received {account['received']} = stored {account['stored']}"
        f" + replaced {account['replaced']} + dead {account['dead']} + waiting {account['waiting']};"
        f" gaps {account['gaps']}\n"
        f"store: {outcome.stored} samples; lost {found.lost}, twice {outcome.twice},"
        f" changed {outcome.changed}; {len(found.letters)} different dead letters"
    )
    for problem in found.faults():
        print(f"WRONG: {problem}")
    for line in late:
        print(f"SLOW: {line}")
    return int(bool(found.faults() or late))


@contextmanager
def world_of(folder: Path, store: str) -> Iterator[World]:
    """A world with the product's own time-outs, its spool on a small disk where one can be mounted."""
    disk = folder / "disk"
    with ExitStack() as stack:
        try:
            stack.enter_context(faults.small_disk(disk, DISK_MB))
            spool = disk / "spool"
        except OSError:
            spool = folder / "spool"
        yield stack.enter_context(World(folder, store, spool=spool, timeout_s=10, keep_alive_s=20))


def main() -> int:
    """Run a soak as the command line says."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--store", choices=("influxdb", "embedded"), default="influxdb")
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if args.seed is None else args.seed
    print(f"soak of {args.minutes:g} min, seed {seed}, store {args.store}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        world_of(Path(folder), args.store) as world,
    ):
        late = soak(world, args.minutes, seed)
        world.settle()
        return report(proof(world), late)


if __name__ == "__main__":
    sys.exit(main())
