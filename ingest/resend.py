"""Dead letters that can be samples after all: put back into the spool, so that they are delivered again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from fieldlab_configs import Site
from ingest.account import DeadLetter
from ingest.assembler import CONTENT_BYTES, Assembled, Assembler
from ingest.frames import decode
from ingest.pipeline import as_batches
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
    spool, assembler = Spool(config.path, gateway, config.max_bytes), Assembler(site, gateway)
    spool.open()
    try:
        for batch in spool.newest(KEEP_SAMPLES):
            assembler.remember(decode(batch.payload).rows)
        whole, numbers, left = Assembled(), [], dict[str, int]()
        for number, letter in spool.letters(reason).items():
            made = _made(assembler, letter)
            if isinstance(made, str):
                left[made] = left.get(made, 0) + 1
                continue
            numbers.append(number)
            whole.rows += made.rows
            whole.marks += made.marks
            whole.samples += made.samples
            whole.replaced += made.replaced
        if numbers:
            spool.revive(numbers, as_batches(whole))
        return Resent(len(numbers), left)
    finally:
        spool.close()


def _made(assembler: Assembler, letter: DeadLetter) -> Assembled | str:
    """The rows of a letter, or why there are none."""
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
    made = assembler.take([Sample(letter.origin, name, letter.time_ns, value)])
    if made.dead:
        return made.dead[0].reason
    assembler.keep()
    return made
