"""``make week``: an edge box cut off from its store for a week of samples, killed twice, and upgraded.

Machines give a week of samples, with their own times and as fast as the box takes them. Meanwhile the box's
way to its store is dead: first nothing comes through, then nobody listens. In mid-flow it is killed (kill -9)
and started again, killed once more, given a wheel of another version, and started on the same spool. Then the
store is back.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import wheels
from tests.faults.generator import MACHINES
from tests.faults.proof import Proof, proof
from tests.faults.world import World

SECOND_NS: Final = 10**9
WEEK_S: Final = 7 * 86_400
AHEAD_S: Final = 30
"""How far its end lies ahead as it begins: a box believes no time a week old, or more than 60 s ahead."""
AT_ONCE: Final = 4000
NEW: Final = "99.0.0"


@dataclass(frozen=True, slots=True)
class Story:
    """What was seen of a week.

    Attributes
    ----------
    samples : int
        That the machines gave.
    versions : tuple of str
        Of the box, before and after.
    taken_s : float
        How long the box took to take them in, kills and upgrade included.
    spool_bytes : int
        What the spool took on the disk with all of them waiting, without its reserve.
    caught_up_s : float
        From when the store was back until nothing waited.
    most_mb : float
        The most memory that any of the three gateways had.
    """

    samples: int
    versions: tuple[str, str]
    taken_s: float
    spool_bytes: int
    caught_up_s: float
    most_mb: float

    def __str__(self) -> str:
        per = self.spool_bytes / self.samples
        return (
            f"{self.samples} samples, taken in {self.taken_s:.0f} s by {' and then '.join(self.versions)},"
            f" killed twice; spool {self.spool_bytes / 1e6:.1f} MB ({per:.0f} bytes a sample); caught up in"
            f" {self.caught_up_s:.1f} s ({self.samples / self.caught_up_s:,.0f} samples/s);"
            f" at most {self.most_mb:.0f} MB of memory"
        )


class Box:
    """An edge box: an environment with a version of the product, and the world around it.

    Parameters
    ----------
    folder : Path
    old : Path
        Wheel of the version that it begins with.
    """

    def __init__(self, folder: Path, old: Path) -> None:
        self.python = wheels.environment(folder / "box")
        wheels.install(self.python, old)
        command = (str(self.python.with_name("fieldlab")),)
        self.world = World(folder, max_bytes="2GB", retention="30d", timeout_s=10, command=command)

    def upgrade(self, wheel: Path) -> None:
        """What a user does between two starts."""
        wheels.install(self.python, wheel)

    def version(self) -> str:
        """What it says that it is."""
        asked = [str(self.python.with_name("fieldlab")), "--version"]
        return subprocess.run(
            asked, capture_output=True, text=True, check=True, cwd=self.world.folder
        ).stdout.strip()


def _print(line: str) -> None:
    print(line, flush=True)


class Week:
    """One story, told by one that steers it.

    Parameters
    ----------
    box : Box
    every_s : float
        How often each machine gives a message, of three samples.
    say : callable
        Takes a line.
    """

    def __init__(self, box: Box, every_s: float, say: Callable[[str], object] = _print) -> None:
        self._box, self._world, self._say = box, box.world, say
        self._step_ns = round(every_s * SECOND_NS / len(MACHINES))
        self._left = WEEK_S * SECOND_NS // self._step_ns
        self._third = self._left // 3 + 1
        self._most_mb = 0.0
        self._seen = 0

    def run(self, new: Path) -> Story:
        """All of it, up to when nothing waits any more."""
        world, before, began = self._world, self._box.version(), time.monotonic()
        start_ns = time.time_ns() - (WEEK_S - AHEAD_S) * SECOND_NS
        world.tell("past", start_ns, self._step_ns)
        with world.store.half_open():
            self._give(self._third)
            self._killed("nothing comes through to the store")
            world.start_gateway()
            with world.store.refused():
                self._give(self._third)
                self._killed("nobody listens at the store")
                self._box.upgrade(new)
                world.start_gateway()
                self._give(self._third)
                world.until(self._all_taken, "all samples are in the spool", 300)
                account = world.books().ledger
                assert account.waiting == account.received - account.replaced, account
                taken_s, spool_bytes = time.monotonic() - began, _bytes(world.spool)
                self._say(f"{account.waiting} samples wait in {spool_bytes / 1e6:.1f} MB")
        back = time.monotonic()
        world.until(lambda: world.books().ledger.waiting == 0, "nothing waits any more", 900)
        caught_up_s = time.monotonic() - back
        self._look()
        versions = before, self._box.version()
        return Story(world.given(), versions, taken_s, spool_bytes, caught_up_s, self._most_mb)

    def _give(self, messages: int) -> None:
        """So many messages, of those that are left; as fast as the box takes them, but for the last few."""
        messages = min(messages, self._left)
        self._left -= messages
        while messages > 0:
            self._world.tell("burst", min(AT_ONCE, messages))
            messages -= AT_ONCE
            given = self._world.given()
            if messages > 0:
                wanted = given - AT_ONCE
                self._world.until(lambda w=wanted: self._world.received() >= w, "the box takes them", 300)

    def _killed(self, meanwhile: str) -> None:
        """Kill -9 with messages on their way to it."""
        self._world.until(lambda: self._world.received() > self._seen, "the box takes some of them")
        self._look()
        self._world.kill_gateway()
        self._seen = there = self._world.received()
        given = self._world.given()
        self._say(f"killed with {there} of {given} samples taken, while {meanwhile}")

    def _look(self) -> None:
        self._most_mb = max(self._most_mb, self._world.most_resident_mb())

    def _all_taken(self) -> bool:
        account = self._world.books().ledger
        return account.received - account.replaced >= self._world.given()


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.iterdir() if file.suffix != ".reserve")


def told(found: Proof) -> str:
    """The account at the end, in lines."""
    account, outcome = found.account, found.outcome
    parts = " + ".join(f"{name} {account[name]}" for name in ("stored", "replaced", "dead", "waiting"))
    return (
        f"machines gave {outcome.given}; store has {outcome.stored}: lost {found.lost},"
        f" twice {outcome.twice}, changed {outcome.changed}\n"
        f"gateway: received {account['received']} = {parts}; gaps {account['gaps']}"
    )


def main() -> int:
    """Run a week as the command line says; 1 if anything is lost, double or otherwise wrong."""
    parser = argparse.ArgumentParser(prog="make week", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--every", type=float, default=5.0, help="seconds between two messages of a machine (5)"
    )
    parser.add_argument("--old", metavar="REVISION", help="begin with that revision of this repository")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="week-") as name:
        folder = Path(name)
        tree = wheels.revision(folder / "tree", args.old) if args.old else wheels.ROOT
        old = wheels.build(folder / "old", tree=tree)
        new = wheels.build(folder / "new", NEW)
        box = Box(folder, old)
        with box.world as world:
            print(Week(box, args.every).run(new), flush=True)
            world.settle()
            found = proof(world)
    print(told(found), flush=True)
    for problem in found.faults():
        print(f"WRONG: {problem}")
    return int(bool(found.faults()))


if __name__ == "__main__":
    sys.exit(main())
