"""What must hold once the dust has settled: nothing lost, nothing double, dead letters exactly the poison."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ingest.account import DeadLetter
from tests.faults.stored import Key, Outcome, compare
from tests.faults.world import World


@dataclass(frozen=True, slots=True)
class Proof:
    """Ledger of the machines, store, and the gateway's own account, side by side.

    Attributes
    ----------
    outcome : Outcome
    letters : Counter of (machine, signal, time)
        The dead letters.
    account : dict
        What ``fieldlab ledger`` says.
    """

    outcome: Outcome
    letters: Counter[Key]
    account: dict[str, int]

    @property
    def lost(self) -> int:
        """Samples of the ledger that are nowhere."""
        return len((self.outcome.missing | self.outcome.poison) - self.letters.keys())

    def faults(self) -> list[str]:
        """All that is not as it must be."""
        outcome, account = self.outcome, self.account
        told = account["stored"] + account["replaced"] + account["dead"] + account["waiting"]
        wrong_letters = self.letters.keys() ^ outcome.poison
        found = {
            "lost": self.lost,
            "in the store twice": outcome.twice,
            "changed on the way": outcome.changed,
            "in the store that nobody said": outcome.strange,
            "dead letters that are no poison, or poison that is none": len(wrong_letters),
            "waiting": account["waiting"],
            "gaps": account["gaps"],
            "received, but not in the account": abs(account["received"] - told),
            "stored by the account, but not in the store": abs(account["stored"] - outcome.stored),
        }
        return [f"{count} {what}" for what, count in found.items() if count]


def proof(world: World) -> Proof:
    """Look at everything, once the gateway has stopped."""
    letters = Counter(_key(letter) for letter in world.books().latest)
    return Proof(compare(world.ledger, world.reader.samples()), letters, world.ledger_says())


def proven(world: World) -> Proof:
    """The machines stop, all arrives somewhere, and nothing is wrong."""
    world.settle()
    found = proof(world)
    assert not found.faults(), found.faults()
    return found


def _key(letter: DeadLetter) -> Key:
    if letter.signal:
        return letter.origin, letter.signal.removesuffix("_text"), letter.time_ns or 0
    # One that cannot be read: its topic names the machine, its content the message.
    return letter.origin.rpartition("/")[2], "", int(letter.content.rpartition(b" ")[2])
