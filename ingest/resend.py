"""Dead letters that can be samples after all: put back into the spool, so that they are delivered again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from fieldlab_configs import Site
from ingest.account import DeadLetter
from ingest.assembler import CONTENT_BYTES, Assembler
from ingest.frames import decode
from ingest.rows import wants
from ingest.samples import Sample
from ingest.spool import KEEP_SAMPLES, Spool


@dataclass(frozen=True, slots=True)
class Resent:
    """What became of dead letters.

    Attributes
    ----------
    waiting : int
        How many wait for the store again.
    left : dict of str to int
        Why the others stay dead, and how many.
    """

    waiting: int
    left: dict[str, int]


def resend(site: Site, gateway: str, reason: str | None = None) -> Resent:
    """Put dead letters back, of one reason or all. The gateway must not be running.

    Parameters
    ----------
    site : Site
    gateway : str
    reason : str, optional

    Returns
    -------
    Resent

    Raises
    ------
    SpoolLocked
        The gateway is running.
    SpoolUnavailable
    """
    config = site.gateways[gateway].spool
    spool = Spool(config.path, gateway, config.max_bytes, stores=list(site.stores()))
    assemblers = {"": Assembler(site, gateway)}
    spool.open()
    try:
        for batch in spool.newest(KEEP_SAMPLES):
            assemblers[""].remember(decode(batch.payload).rows)
        good: dict[str, tuple[list[int], list[Sample]]] = {}
        left = dict[str, int]()
        for number, letter in spool.letters(reason).items():
            # What one store refused is none that it has: to its own assembler each is the first.
            assembler = assemblers.setdefault(letter.whom, Assembler(site, gateway))
            sample = _sample(assembler, letter, spool)
            if isinstance(sample, str):
                left[sample] = left.get(sample, 0) + 1
                continue
            numbers, samples = good.setdefault(letter.whom, ([], []))
            numbers.append(number)
            samples.append(sample)
        for whom, (numbers, samples) in good.items():
            batches = assemblers[whom].take(samples).batches()
            spool.revive(numbers, [replace(batch, whom=whom) for batch in batches])
        return Resent(sum(len(numbers) for numbers, _ in good.values()), left)
    finally:
        spool.close()


def _sample(assembler: Assembler, letter: DeadLetter, spool: Spool) -> Sample | str:
    """The sample that a letter can be, or why there is none."""
    if letter.whom and letter.whom not in spool.ledgers():
        return f"store {letter.whom}, which did not take them, is not in the config"
    if not letter.signal or letter.time_ns is None:
        return "a message that could not be read"
    if len(letter.content) >= CONTENT_BYTES:
        return "only its beginning was kept"
    name = letter.signal.removesuffix("_text")
    value: float | str = letter.content.decode("utf-8", "replace")
    if name == letter.signal and wants(name) != "text":
        # Only its writing was kept: what reads as a number was one.
        with suppress(ValueError):
            value = float(value)
    sample = Sample(letter.origin, name, letter.time_ns, value)
    made = assembler.take([sample])
    assembler.undo()
    return made.dead[0].reason if made.dead else sample
