"""What a source must know after its process was killed: a small file beside the spool."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from gateways.rollup import Rollup

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owed:
    """A time that was missed and is not yet filled or told as a gap.

    Attributes
    ----------
    start_ns, end_ns : int
        By the gateway's clock.
    server_start_ns, server_end_ns : int
        The same by the server's.
    reason : str
        Of the gap, where it cannot be filled.
    count : int
        What is known to be missing; 0 where nobody knows.
    """

    start_ns: int
    end_ns: int
    server_start_ns: int
    server_end_ns: int
    reason: str
    count: int = 0


@dataclass(slots=True)
class Subscribed:
    """A subscription that may still live on the server.

    Attributes
    ----------
    number : int
        Its id there.
    next_message : int
        Sequence number of the first message that was not handed over.
    items : str
        Fingerprint of what it watches.
    keep_alive_s : float
        How often it says at least that it is there. [s]
    missing : list of int
        Handles of what it should watch and could not.
    """

    number: int
    next_message: int
    items: str
    keep_alive_s: float
    missing: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Known:
    """How far a source has come.

    Attributes
    ----------
    heard_ns, server_ns : int or None
        When the server was last heard, by the gateway's clock and by its own.
    owed : list of Owed
    subscribed : Subscribed or None
    stays : bool
        Whether the server lets a subscription be taken over.
    session : dict or None
        Of the connection; the driver knows what it is.
    """

    heard_ns: int | None = None
    server_ns: int | None = None
    owed: list[Owed] = field(default_factory=list)
    subscribed: Subscribed | None = None
    stays: bool = True
    session: dict[str, Any] | None = None

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """As read from a file; any error in it is one of KeyError, TypeError, ValueError."""
        subscribed = told["subscribed"]
        return cls(
            None if told["heard_ns"] is None else int(told["heard_ns"]),
            None if told["server_ns"] is None else int(told["server_ns"]),
            [Owed(**owed) for owed in told["owed"]],
            None if subscribed is None else Subscribed(**subscribed),
            bool(told["stays"]),
            None if told["session"] is None else dict(told["session"]),
        )


class Memory:
    """Keeps what is known in a file.

    It is written after the spool has committed, and without fsync: after a loss of power it may lag behind,
    and then more is asked of the server again, or told as a gap, than was missed; never less.

    Parameters
    ----------
    path : Path or None
        None keeps it in this process alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rollup = Rollup(log)
        self.known = Known()
        self.lasts = path is not None
        if path is not None and path.exists():
            try:
                self.known = Known.of(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, KeyError, TypeError, ValueError) as error:
                log.warning("%s cannot be read (%s): what was missed before is not told", path, error)

    def keep(self) -> None:
        """Write it, whole or not at all."""
        if self._path is None:
            return
        new = self._path.with_suffix(".new")
        try:
            with open(new, "w", encoding="utf-8", opener=_private) as file:
                json.dump(asdict(self.known), file)
            os.replace(new, self._path)  # noqa: PTH105 - the quickest there is, once per message
        except OSError as error:
            self._rollup.failed(f"{self._path} cannot be written: {error.strerror}")
        else:
            if self._rollup.trouble is not None:
                self._rollup.recovered(f"{self._path} is written again")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
